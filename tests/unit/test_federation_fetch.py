# SPDX-License-Identifier: Apache-2.0
"""Fetching a bundle once: over real TLS on loopback, from friendly and hostile servers.

Threat rows F1 (where an endpoint may lead), F2 (what it may send) and F3 (whose bundle
it is), and the client's rules of the federation checklist.
"""

from __future__ import annotations

import gzip
import socket
from typing import Any

import pytest
import trio
from tests.support.bundle_server import (
    ENDPOINT_ID,
    LOOPBACK,
    PARTNER,
    Served,
    Web,
    endpoint_of,
    http,
    port_of,
    redirect,
    spiffe_endpoint,
    svid_context,
)
from tests.support.net_world import authority, trio_test
from trio.testing import MockClock

from handfast import (
    FederationError,
    HandfastError,
    InvalidBundle,
    Reason,
    TrustBundle,
    VerificationError,
)
from handfast.authority import Authority
from handfast.federation import BundleEndpoint, Fetched, fetch_bundle
from handfast.net import secure_endpoint

DOCUMENT = authority(PARTNER).bundle.to_json()
GOOD = http(DOCUMENT, "200 OK", "Content-Type: application/json")


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


async def fetch(endpoint: BundleEndpoint, **settings: Any) -> Fetched:
    return await fetch_bundle(endpoint, secure=secure_endpoint, **settings)


async def refusal(endpoint: BundleEndpoint, **settings: Any) -> HandfastError:
    with pytest.raises(HandfastError) as caught:
        await fetch(endpoint, **settings)
    return caught.value


@trio_test
async def test_a_web_endpoint_is_verified_by_its_name(web: Web) -> None:
    """FED-10, FED-29: by name and roots, and FED-20: it needs no more than that."""
    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        fetched = await fetch(web.endpoint(served))
        assert fetched.bundle == authority(PARTNER).bundle
        assert fetched.body == DOCUMENT
        [hop] = fetched.hops
        assert (hop.server, hop.address, hop.status) == ("localhost", "127.0.0.1", 200)
        [request] = served.requests
        assert request.startswith(b"GET / HTTP/1.1\r\n")
        assert b"Accept-Encoding: identity\r\n" in request


@trio_test
async def test_a_web_endpoint_of_another_name_is_refused(web: Web) -> None:
    """FED-29: RFC 6125, the certificate names the host of the URL."""
    async with endpoint_of(web.context("other.example"), {"/": GOOD}) as served:
        error = await refusal(web.endpoint(served))
        assert error.reason is Reason.NAME_MISMATCH
        assert not served.requests


@trio_test
async def test_a_web_endpoint_of_an_unknown_issuer_is_refused(web: Web) -> None:
    """FED-29: a trusted issuer, and nobody else."""
    async with endpoint_of(Web().context(), {"/": GOOD}) as served:
        assert isinstance(await refusal(web.endpoint(served)), VerificationError)
        assert not served.requests


@trio_test
async def test_a_spiffe_endpoint_is_verified_by_its_id() -> None:
    """FED-10, FED-40, FED-41, FED-47: the ID that was configured, by the first bundle.

    FED-44: no client certificate is shown where none is asked for.
    """
    svid = authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        fetched = await fetch(spiffe_endpoint(served))
        assert fetched.bundle == authority(PARTNER).bundle
        assert fetched.hops[0].server == ENDPOINT_ID
        assert served.client_certificates == [None]


@trio_test
async def test_a_spiffe_endpoint_with_another_id_is_refused() -> None:
    """FED-47: exactly the configured ID; another one of the trust domain is not it."""
    svid = authority(PARTNER).issue(f"{ENDPOINT_ID}/other")
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        error = await refusal(spiffe_endpoint(served))
        assert error.reason is Reason.NOT_AUTHORIZED
        assert not served.requests


@trio_test
async def test_a_spiffe_endpoint_of_another_authority_is_refused() -> None:
    """FED-47: a valid X509-SVID, by the bundle of its trust domain."""
    svid = Authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        assert isinstance(await refusal(spiffe_endpoint(served)), VerificationError)
        assert not served.requests


@trio_test
async def test_the_newest_bundle_takes_the_place_of_the_first() -> None:
    """FED-48: what was fetched last verifies the endpoint, the first one no more."""
    new = Authority(PARTNER)
    async with endpoint_of(svid_context(new.issue(ENDPOINT_ID)), {"/": GOOD}) as served:
        endpoint = spiffe_endpoint(served)
        assert isinstance(await refusal(endpoint), VerificationError)
        fetched = await fetch(endpoint, trusted=new.bundle)
        assert fetched.hops[0].server == ENDPOINT_ID
    old = authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(old), {"/": GOOD}) as served:
        error = await refusal(spiffe_endpoint(served), trusted=new.bundle)
        assert isinstance(error, VerificationError)


@trio_test
async def test_an_endpoint_in_another_trust_domain_is_verified_by_that_ones() -> None:
    """FED-42, FED-49: its trust domain's bundle is another one than the one it serves.

    FED-60: neither can stand in for the other.
    """
    host = authority("host.example").issue("spiffe://host.example/bundles")
    async with endpoint_of(svid_context(host), {"/": GOOD}) as served:
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            served.url(),
            endpoint_id="spiffe://host.example/bundles",
            allow_networks=LOOPBACK,
        )
        error = await refusal(endpoint)
        assert error.reason is Reason.FEDERATION_NO_BUNDLE
        error = await refusal(endpoint, trusted=authority(PARTNER).bundle)
        assert error.reason is Reason.FEDERATION_NO_BUNDLE
        trusted = authority("host.example").bundle
        fetched = await fetch(endpoint, trusted=trusted)
        assert fetched.bundle.trust_domain.name == PARTNER


@trio_test
async def test_a_profile_never_falls_back_to_the_other(web: Web) -> None:
    """FED-55: an SVID is nothing to a web client, nor a web certificate to SPIFFE."""
    svid = authority(PARTNER).issue(ENDPOINT_ID, dns_names=["localhost"])
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        assert isinstance(await refusal(web.endpoint(served)), VerificationError)
    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        assert isinstance(await refusal(spiffe_endpoint(served)), VerificationError)


@trio_test
async def test_the_trust_domain_is_that_of_the_configuration(web: Web) -> None:
    """F3, FED-30, FED-50: what a document or its certificates say changes nothing."""
    stranger = authority("evil.example").bundle.to_json()
    async with endpoint_of(web.context(), {"/": http(stranger)}) as served:
        fetched = await fetch(web.endpoint(served))
        assert fetched.bundle.trust_domain.name == PARTNER


# ---- redirects ----


@trio_test
async def test_redirects_are_followed_and_forgotten(web: Web) -> None:
    """F1, FED-31, FED-33, FED-34: 301 and 308 are followed, and not remembered."""
    answers = {"/": redirect("/moved", "301 Moved Permanently"), "/moved": GOOD}
    async with endpoint_of(web.context(), answers) as served:
        for _ in range(2):
            fetched = await fetch(web.endpoint(served))
            assert [hop.status for hop in fetched.hops] == [301, 200]
        assert served.paths == ["/", "/moved"] * 2
        served.answers["/"] = GOOD
        await fetch(web.endpoint(served))
        assert served.paths[-1] == "/"


@trio_test
async def test_three_redirects_are_followed_and_a_fourth_is_not(web: Web) -> None:
    """F1: a limit on the way."""
    answers = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(1, 4)}
    async with endpoint_of(web.context(), {**answers, "/4": GOOD}) as served:
        assert len((await fetch(web.endpoint(served, "/1"))).hops) == 4
        served.answers["/4"] = redirect("/5")
        served.answers["/5"] = GOOD
        error = await refusal(web.endpoint(served, "/1"))
        assert error.reason is Reason.FEDERATION_REDIRECT
        assert served.paths[-1] == "/4"


@trio_test
async def test_a_loop_is_recognised(web: Web) -> None:
    """F1: loops."""
    answers = {"/": redirect("/b"), "/b": redirect("/")}
    async with endpoint_of(web.context(), answers) as served:
        error = await refusal(web.endpoint(served))
        assert error.reason is Reason.FEDERATION_REDIRECT
        assert "again" in error.seen
        assert served.paths == ["/", "/b"]


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/",
        "file:///etc/passwd",
        "//user@localhost/",
        "https://user:pw@localhost/",
        "https://:@localhost/",
        "ftp://localhost/",
        "https://localhost:99999/",
        "https://local host/",
        "https:///nowhere",
        "/with\\backslash",
        "https://[::1/",
        "/caf\xe9",
    ],
)
def test_redirects_to_what_no_endpoint_may_be_are_refused(
    web: Web, target: str
) -> None:
    """F1, FED-15, FED-16, FED-31: a redirect's target is judged as a configured URL."""

    async def run() -> None:
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + target.encode("latin-1")
        answers = {"/": answer + b"\r\nContent-Length: 0\r\n\r\n"}
        async with endpoint_of(web.context(), answers) as served:
            error = await refusal(web.endpoint(served))
            assert error.reason is Reason.FEDERATION_REDIRECT
            assert isinstance(error, FederationError)
            assert served.paths == ["/"]

    trio.run(run)


@trio_test
async def test_a_redirect_without_one_location_is_refused(web: Web) -> None:
    """F1: two readings, or none."""
    two = http(b"", "302 Found", "Location: /a", "Location: /b")
    async with endpoint_of(
        web.context(), {"/": two, "/none": http(b"", "302 Found"), "/a": GOOD}
    ) as served:
        for path in ("/", "/none"):
            error = await refusal(web.endpoint(served, path))
            assert error.reason is Reason.FEDERATION_REDIRECT


class Names(trio.abc.HostnameResolver):
    """A resolver of the test: answers in turn, and counts."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def getaddrinfo(self, host: bytes | None, port: Any, *_: Any) -> Any:
        name = (host or b"").decode()
        self.asked.append(name)
        await trio.lowlevel.checkpoint()
        queue = self.answers[name]
        address = queue.pop(0) if len(queue) > 1 else queue[0]
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@trio_test
async def test_another_host_is_verified_by_its_own_name(web: Web) -> None:
    """F1, FED-32: the same checks on the target, for the target's name."""
    names = {"a.example": ["127.0.0.1"], "b.example": ["127.0.0.1"]}
    trio.socket.set_custom_hostname_resolver(Names(names))
    async with (
        endpoint_of(web.context("b.example"), {"/": GOOD}) as right,
        endpoint_of(web.context("c.example"), {"/": GOOD}) as wrong,
        endpoint_of(web.context("a.example"), {}) as served,
    ):
        served.answers["/"] = redirect(right.url("/", "b.example"))
        fetched = await fetch(web.endpoint(served, host="a.example"))
        assert [hop.server for hop in fetched.hops] == ["a.example", "b.example"]
        served.answers["/"] = redirect(wrong.url("/", "b.example"))
        error = await refusal(web.endpoint(served, host="a.example"))
        assert error.reason is Reason.NAME_MISMATCH


@trio_test
async def test_a_spiffe_redirect_keeps_the_id() -> None:
    """F1, FED-51, FED-52: the same SPIFFE ID, wherever it leads; not remembered."""
    same = svid_context(authority(PARTNER).issue(ENDPOINT_ID))
    other = svid_context(authority(PARTNER).issue(f"{ENDPOINT_ID}-2"))
    async with (
        endpoint_of(same, {"/": GOOD}) as right,
        endpoint_of(other, {"/": GOOD}) as wrong,
        endpoint_of(same, {}) as served,
    ):
        served.answers["/"] = redirect(right.url(), "308 Permanent Redirect")
        for _ in range(2):
            assert len((await fetch(spiffe_endpoint(served))).hops) == 2
        assert served.paths == ["/", "/"]
        served.answers["/"] = redirect(wrong.url())
        error = await refusal(spiffe_endpoint(served))
        assert error.reason is Reason.NOT_AUTHORIZED
        assert not wrong.requests


# ---- addresses ----


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


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0)


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


# ---- answers ----

_CHUNKS = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(b"", "404 Not Found"), Reason.FEDERATION_RESPONSE),
        (http(DOCUMENT, "500 Sorry"), Reason.FEDERATION_RESPONSE),
        (http(DOCUMENT, "206 Partial Content"), Reason.FEDERATION_RESPONSE),
        (http(b"", "304 Not Modified"), Reason.FEDERATION_RESPONSE),
        (http(b"", "300 Choose", "Location: /b"), Reason.FEDERATION_RESPONSE),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Reason.FEDERATION_RESPONSE),
        (b"", Reason.FEDERATION_RESPONSE),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, Reason.FEDERATION_RESPONSE),
        (
            http(gzip.compress(b" " * (1 << 20)), "200 OK", "Content-Encoding: gzip"),
            Reason.FEDERATION_RESPONSE,
        ),
        (
            http(DOCUMENT, "200 OK", "Content-Encoding: identity, br"),
            Reason.FEDERATION_RESPONSE,
        ),
        (
            http(DOCUMENT, "200 OK", "Content-Type: text/plain; charset=latin1"),
            Reason.FEDERATION_RESPONSE,
        ),
        (
            http(b"", "200 OK", "Content-Length: 1048577", length=False),
            Reason.FEDERATION_TOO_LARGE,
        ),
        (
            http(_CHUNKS * 17, "200 OK", "Transfer-Encoding: chunked", length=False),
            Reason.FEDERATION_TOO_LARGE,
        ),
        (http(b" " * 1048577, length=False), Reason.FEDERATION_TOO_LARGE),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70000 + b"\r\n\r\n",
            Reason.FEDERATION_RESPONSE,
        ),
        (
            http(DOCUMENT, "200 OK", "Content-Length: 9000", length=False),
            Reason.FEDERATION_RESPONSE,
        ),
        (
            http(DOCUMENT, "200 OK", "Content-Length: 1", "Content-Length: 2"),
            Reason.FEDERATION_RESPONSE,
        ),
        (http(b"<html>"), Reason.BUNDLE_INVALID),
        (http(DOCUMENT.decode().encode("utf-16")), Reason.BUNDLE_INVALID),
        (http(b'{"keys": [], "keys": []}'), Reason.BUNDLE_INVALID),
        (http(b"[" * 100_000), Reason.BUNDLE_INVALID),
        (http(b'{"keys": null}'), Reason.BUNDLE_INVALID),
    ],
)
def test_an_answer_that_is_no_bundle_is_refused(
    web: Web, answer: bytes, reason: Reason
) -> None:
    """F2: too large, encoded, cut, not HTTP, not JSON, not UTF-8 (FED-25)."""

    async def run() -> None:
        async with endpoint_of(web.context(), {"/": answer}) as served:
            assert (await refusal(web.endpoint(served))).reason is reason

    trio.run(run)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Content-Type: application/json; charset=utf-8",),
        ('Content-Type: application/jwk-set+json; charset="UTF-8"',),
        ("Content-Type: text/html",),
        ("Content-Encoding: identity",),
    ],
)
def test_the_type_of_an_answer_is_not_insisted_on(
    web: Web, headers: tuple[str, ...]
) -> None:
    """FED-26 is a recommendation to servers: a client takes any type."""

    async def run() -> None:
        answers = {"/": http(DOCUMENT, "200 OK", *headers)}
        async with endpoint_of(web.context(), answers) as served:
            assert (await fetch(web.endpoint(served))).body == DOCUMENT

    trio.run(run)


@trio_test
async def test_bodies_of_every_framing_are_read(web: Web) -> None:
    """With a length, in chunks, and up to the end of the stream."""
    half = len(DOCUMENT) // 2
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (DOCUMENT[:half], DOCUMENT[half:], b"")
    )
    answers = {
        "/": GOOD,
        "/chunks": http(chunks, "200 OK", "Transfer-Encoding: chunked", length=False),
        "/end": http(DOCUMENT, length=False),
        "/interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD,
    }
    async with endpoint_of(web.context(), answers) as served:
        for path in answers:
            fetched = await fetch(web.endpoint(served, path))
            assert fetched.body == DOCUMENT, path


@trio_test
async def test_an_empty_bundle_is_taken_and_trusts_nobody(web: Web) -> None:
    """F2: empty keys are a revocation of all, not an error."""
    async with endpoint_of(web.context(), {"/": http(b'{"keys": []}')}) as served:
        assert (await fetch(web.endpoint(served))).bundle.is_empty


@pytest.mark.parametrize(
    "answer",
    [b"...", b"HTTP/1.1 200 OK\r\n...", GOOD[:-10] + b"..."],
)
def test_an_answer_that_never_ends_is_given_up(web: Web, answer: bytes) -> None:
    """F2: one deadline for all of it, however slowly something comes."""

    async def run() -> None:
        async with endpoint_of(web.context(), {"/": answer}) as served:
            # No longer than the server takes to answer, and then some.
            error = await refusal(web.endpoint(served), timeout=0.5)
            assert error.reason is Reason.FEDERATION_TIMEOUT

    trio.run(run)


@trio_test
async def test_a_cut_stream_is_not_taken_for_a_whole_one() -> None:
    """F2: an answer without a length ends with close_notify, or is refused."""
    whole = http(DOCUMENT, length=False)
    svid = authority(PARTNER).issue(ENDPOINT_ID)

    async def cut(stream: trio.SSLStream[trio.SocketStream]) -> None:
        await stream.receive_some()
        await stream.send_all(whole)
        await trio.aclose_forcefully(stream)

    [listener] = await trio.open_ssl_over_tcp_listeners(
        0, svid_context(svid), host="127.0.0.1"
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, cut, [listener])
        port = port_of(listener)
        error = await refusal(spiffe_endpoint(Served(port, {})))
        assert error.reason is Reason.TRUNCATED
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_document_that_cannot_be_used_is_an_invalid_bundle(web: Web) -> None:
    """The class of the error says what kind of thing was wrong."""
    async with endpoint_of(web.context(), {"/": http(b"{}")}) as served:
        assert isinstance(await refusal(web.endpoint(served)), InvalidBundle)


def test_a_bundle_of_another_trust_domain_is_no_first_one() -> None:
    """FED-40, F3: told where it is written."""
    with pytest.raises(HandfastError):
        BundleEndpoint.https_spiffe(
            PARTNER,
            "https://localhost/",
            endpoint_id=ENDPOINT_ID,
            bundle=TrustBundle.from_json("other.example", DOCUMENT),
        )
