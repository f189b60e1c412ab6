# SPDX-License-Identifier: Apache-2.0
"""Where a bundle endpoint may lead: addresses, names and proxies (threat F1)."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
from tests.support.bundle_server import (
    PARTNER,
    Served,
    Web,
    endpoint_of,
    redirect,
)
from tests.support.federation_fetching import GOOD, Names, fetch, refusal
from tests.support.net_world import trio_test
from trio.testing import MockClock

from handfast import (
    FederationError,
    Reason,
)
from handfast.federation import BundleEndpoint, fetch_bundle


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@trio_test
async def test_local_addresses_are_refused_unless_configured(web: Web) -> None:
    """F1: nothing is connected to."""
    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        endpoint = BundleEndpoint.https_web(PARTNER, served.url(), roots=[web.root.der])
        error = await refusal(endpoint)
        assert error.reason is Reason.FEDERATION_ADDRESS
        assert "this host" in error.seen
        assert not served.requests


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://[fd12::1]/",
    ],
)
def test_a_redirect_to_a_local_address_is_refused(web: Web, target: str) -> None:
    """F1: 169.254.x and its like; of redirects private networks, too."""

    async def run() -> None:
        async with endpoint_of(web.context(), {"/": redirect(target)}) as served:
            error = await refusal(web.endpoint(served))
            assert error.reason is Reason.FEDERATION_ADDRESS

    trio.run(run)


@trio_test
async def test_a_private_endpoint_may_redirect_on_its_own_host(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: what was configured is not made a stranger by its own redirect."""
    names = Names({"a.example": ["10.9.8.7"], "b.example": ["10.9.8.7"]})
    trio.socket.set_custom_hostname_resolver(names)
    asked: list[str] = []

    async def first(url: Any, candidates: Any) -> Any:
        asked.extend(address[0] for _, address in candidates)
        transport = await trio.open_tcp_stream("127.0.0.1", url.port)
        return transport, candidates[0][1][0]

    monkeypatch.setattr("handfast.federation.addresses._first", first)
    answers = {"/": redirect("/moved"), "/moved": GOOD}
    async with endpoint_of(web.context("a.example"), answers) as served:
        endpoint = BundleEndpoint.https_web(
            PARTNER, served.url("/", "a.example"), roots=[web.root.der]
        )
        assert len((await fetch(endpoint)).hops) == 2
        assert asked == ["10.9.8.7"] * 2
        served.answers["/"] = redirect(served.url("/moved", "b.example"))
        assert (await refusal(endpoint)).reason is Reason.FEDERATION_ADDRESS
        assert asked == ["10.9.8.7"] * 3


@trio_test
async def test_a_name_is_resolved_once_for_a_connection(web: Web) -> None:
    """F1, DNS rebinding: what was judged is what is connected to.

    A second question would be answered with an address that nobody listens on.
    """
    names = Names({"a.example": ["127.0.0.1", "127.0.0.2"]})
    trio.socket.set_custom_hostname_resolver(names)
    async with endpoint_of(web.context("a.example"), {"/": GOOD}) as served:
        fetched = await fetch(web.endpoint(served, host="a.example"))
        assert fetched.hops[0].address == "127.0.0.1"
        assert names.asked == ["a.example"]


@trio_test
async def test_a_name_that_leads_here_is_refused(web: Web) -> None:
    """F1: the address counts, whatever the name is."""
    trio.socket.set_custom_hostname_resolver(Names({"a.example": ["127.0.0.1"]}))
    async with endpoint_of(web.context("a.example"), {"/": GOOD}) as served:
        endpoint = BundleEndpoint.https_web(
            PARTNER, served.url("/", "a.example"), roots=[web.root.der]
        )
        assert (await refusal(endpoint)).reason is Reason.FEDERATION_ADDRESS
        assert not served.requests


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_used(
    web: Web, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: the environment leads nobody elsewhere."""
    monkeypatch.setenv(name, "http://192.0.2.1:3128")

    async def run() -> None:
        async with endpoint_of(web.context(), {"/": GOOD}) as served:
            assert (await fetch(web.endpoint(served))).hops[0].address == "127.0.0.1"

    trio.run(run)


@trio_test
async def test_an_endpoint_that_is_not_there_says_so(web: Web) -> None:
    """What a person needs: where it was tried, and what the system said."""
    async with endpoint_of(web.context(), {}) as served:
        pass
    error = await refusal(web.endpoint(served))
    assert error.reason is Reason.FEDERATION_UNREACHABLE
    assert "127.0.0.1" in error.seen


@trio_test
async def test_a_peer_that_is_gone_again_is_unreachable(web: Web) -> None:
    """A reset between connecting and the handshake is nobody's bug."""

    async def gone(transport: trio.SocketStream, *_: Any) -> Any:
        await transport.aclose()
        raise OSError(107, "Transport endpoint is not connected")

    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        with pytest.raises(FederationError) as caught:
            await fetch_bundle(web.endpoint(served), secure=gone)
        assert caught.value.reason is Reason.FEDERATION_UNREACHABLE


@trio_test
async def test_a_name_without_an_address_says_so(web: Web) -> None:
    class Nothing(Names):
        async def getaddrinfo(self, *_: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    trio.socket.set_custom_hostname_resolver(Nothing({}))
    error = await refusal(web.endpoint(Served(443, {}), host="a.example"))
    assert error.reason is Reason.FEDERATION_UNREACHABLE
    assert "a.example" in error.seen
    assert "not known" in error.seen


class Several(Names):
    """Gives all addresses of a name at once."""

    async def getaddrinfo(self, host: bytes | None, port: Any, *_: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return [
            row
            for address in self.answers[(host or b"").decode()]
            for row in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        ]


@trio_test
async def test_one_of_several_addresses_is_enough(web: Web) -> None:
    """F1: a local one among them is passed over, one where nobody is, too."""
    name = {"a.example": ["169.254.1.1", "127.0.0.2", "127.0.0.1"]}
    trio.socket.set_custom_hostname_resolver(Several(name))
    async with endpoint_of(web.context("a.example"), {"/": GOOD}) as served:
        fetched = await fetch(web.endpoint(served, host="a.example"))
        assert fetched.hops[0].address == "127.0.0.1"


class Silent(trio.abc.SocketFactory):
    """Makes sockets that never connect."""

    def __init__(self) -> None:
        self.made: list[SilentSocket] = []

    def socket(
        self,
        family: socket.AddressFamily | int = socket.AF_INET,
        type: socket.SocketKind | int = socket.SOCK_STREAM,  # noqa: A002 - trio's name
        proto: int = 0,
    ) -> Any:
        del family, type, proto
        self.made.append(SilentSocket())
        return self.made[-1]


class SilentSocket:
    """Waits for an answer for ever."""

    closed = False

    async def connect(self, address: object) -> None:
        del address
        await trio.sleep_forever()

    def close(self) -> None:
        self.closed = True


@trio_test
async def test_a_silent_address_does_not_use_up_all_the_time(
    web: Web, clock: MockClock
) -> None:
    """Each has five seconds, and all of it thirty."""
    silent = Silent()
    trio.socket.set_custom_socket_factory(silent)
    name = {"a.example": [f"127.0.0.{number}" for number in range(1, 10)]}
    trio.socket.set_custom_hostname_resolver(Several(name))
    begin = clock.current_time()
    error = await refusal(web.endpoint(Served(443, {}), host="a.example"))
    assert error.reason is Reason.FEDERATION_TIMEOUT
    assert clock.current_time() - begin == pytest.approx(30)
    assert len(silent.made) in {6, 7}
    assert all(it.closed for it in silent.made)
    name["a.example"][2:] = []
    error = await refusal(web.endpoint(Served(443, {}), host="a.example"))
    assert error.reason is Reason.FEDERATION_UNREACHABLE
    assert error.seen.count("no answer") == 2
