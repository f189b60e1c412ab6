# SPDX-License-Identifier: Apache-2.0
"""Bundle endpoints served: what is answered, to whom, over which TLS, and how long."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.bundle_server import ENDPOINT_ID, LOOPBACK, PARTNER
from tests.support.federation_serving import (
    Publishing,
    connect,
    get,
    parts,
    python_client,
    serving,
    talk,
    write_files,
)
from tests.support.net_world import authority, trio_test
from trio.testing import MockClock

from handfast import (
    InvalidBundle,
    Reason,
    SourceError,
    StaticSource,
    TrustBundle,
    TrustDomain,
    VerificationError,
)
from handfast.authority import Authority
from handfast.errors import detail_for
from handfast.federation import (
    BundleEndpoint,
    BundleService,
    Numbered,
    WebFiles,
    fetch_bundle,
)
from handfast.net import (
    secure_endpoint,
)


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


# ---- both profiles, with our own client ----


@trio_test
async def test_https_spiffe_is_served_and_fetched() -> None:
    """FED-11, FED-43, FED-45: an X509-SVID, and the newest bundle at every request.

    FED-44: the client has no identity to show.
    """
    publishing = Publishing()
    async with serving(BundleService(publishing), publishing.shown()) as port:
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            f"https://127.0.0.1:{port}/",
            endpoint_id=ENDPOINT_ID,
            bundle=publishing.bundle,
            allow_networks=LOOPBACK,
        )
        for sequence in (1, 2):
            publishing.bundle = replace(publishing.bundle, sequence=sequence)
            fetched = await fetch_bundle(endpoint, secure=secure_endpoint)
            assert fetched.bundle == publishing.bundle
            assert fetched.body == publishing.bundle.to_json()


@trio_test
async def test_an_authority_is_replaced_without_a_gap() -> None:
    """FED-01, FED-02, FED-03: published before it signs, and gone when it is not used.

    A client that fetches in between verifies the endpoint at every step.
    """
    old, new = Authority(PARTNER), Authority(PARTNER)
    both = [*old.bundle.x509_authorities, *new.bundle.x509_authorities]
    published = old.bundle
    source = StaticSource(old.issue(ENDPOINT_ID), published)
    known = old.bundle
    async with serving(BundleService(lambda: published), source) as port:
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            f"https://127.0.0.1:{port}/",
            endpoint_id=ENDPOINT_ID,
            bundle=old.bundle,
            allow_networks=LOOPBACK,
        )
        for signs, authorities in (
            (old, both),
            (new, both),
            (new, new.bundle.x509_authorities),
        ):
            published = TrustBundle.from_der(PARTNER, authorities)
            source.update(svid=signs.issue(ENDPOINT_ID))
            fetched = await fetch_bundle(
                endpoint, secure=secure_endpoint, trusted=known
            )
            known = fetched.bundle
        assert known == new.bundle
        # Who was not there in between is left with an authority that is gone.
        with pytest.raises(VerificationError):
            await fetch_bundle(endpoint, secure=secure_endpoint, trusted=old.bundle)


@trio_test
async def test_https_web_is_served_and_fetched(tmp_path: Path) -> None:
    """FED-11, FED-22, FED-24: a certificate of the host's name, from files."""
    publishing = Publishing()
    file = write_files(tmp_path, publishing.svid())
    async with serving(BundleService(publishing), WebFiles(file)) as port:
        endpoint = BundleEndpoint.https_web(
            PARTNER,
            f"https://localhost:{port}/",
            roots=publishing.bundle.to_pem(),
            allow_networks=LOOPBACK,
        )
        fetched = await fetch_bundle(endpoint, secure=secure_endpoint)
        assert fetched.bundle == publishing.bundle


# ---- answers, to another client ----


@trio_test
async def test_a_bundle_is_answered_as_a_document() -> None:
    """FED-24, FED-25, FED-26, FED-45: UTF-8 JSON, and said to be."""
    publishing = Publishing()
    async with serving(BundleService(publishing), publishing.shown()) as port:
        status, headers, body = parts(await talk(port, publishing, get()))
        assert status == 200
        assert headers["content-type"] == "application/json"
        assert headers["content-length"] == str(len(body))
        assert headers["cache-control"] == "no-cache"
        assert headers["etag"].startswith('"')
        assert "date" in headers
        assert json.loads(body.decode("utf-8"))["spiffe_sequence"] == 1
        again, headers, nothing = parts(
            await talk(port, publishing, get(method="HEAD"))
        )
        assert (again, nothing) == (200, b"")
        assert headers["content-length"] == str(len(body))


@trio_test
async def test_an_unchanged_bundle_is_not_sent_again() -> None:
    """A cache asks whether what it has is the newest, and hears it."""
    publishing = Publishing()
    async with serving(BundleService(publishing), publishing.shown()) as port:
        _, headers, _ = parts(await talk(port, publishing, get()))
        tag = headers["etag"]
        for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            request = get("/", f"If-None-Match: {header}")
            status, headers, body = parts(await talk(port, publishing, request))
            assert (status, headers["etag"], body) == (304, tag, b"")
        publishing.bundle = replace(publishing.bundle, sequence=2)
        request = get("/", f"If-None-Match: {tag}")
        status, headers, body = parts(await talk(port, publishing, request))
        assert status == 200
        assert headers["etag"] != tag


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get("/other"), 404),
        (get("/?query"), 200),
        (get("https://localhost/"), 200),
        (get("https://[bad/"), 404),
        (get("/../"), 404),
        (get("/", "Authorization: Bearer x"), 200),
        (get("/" + "x" * 3000), 414),
        (get(method="POST"), 405),
        (get(method="DELETE"), 405),
        (get(method="OPTIONS"), 405),
        (get("/", "Content-Length: 5"), 200),
        (get("/", "Transfer-Encoding: chunked"), 200),
        (get("/", "Content-Length: 5", "Content-Length: 6"), 400),
        (get("/", "Transfer-Encoding: gzip"), 501),
        (get("/", "X: " + "x" * 15000), 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\x00\r\n\r\n", 400),
    ],
)
def test_every_request_gets_its_answer(request_bytes: bytes, status: int) -> None:
    """FED-23: nobody is asked who he is, and whatever comes is answered and closed."""

    async def run() -> None:
        publishing = Publishing()
        service = BundleService(publishing)
        async with serving(service, publishing.shown()) as port:
            answer = await talk(port, publishing, request_bytes)
            assert parts(answer)[0] == status
            assert service.statistics().answers == {status: 1}
            if status == 405:
                assert parts(answer)[1]["allow"] == "GET, HEAD"

    trio.run(run)


@trio_test
async def test_one_connection_may_ask_again() -> None:
    """And a hundred times, after which it has had its share."""
    publishing = Publishing()
    service = BundleService(publishing)
    async with serving(service, publishing.shown()) as port:
        answer = await talk(port, publishing, get(close=False) * 2 + get())
        assert answer.count(b"HTTP/1.1 200 ") == 3
        answer = await talk(port, publishing, get(method="HEAD", close=False) * 120)
        assert answer.count(b"HTTP/1.1 200 ") == 100
        assert answer.lower().count(b"connection: close") == 1


@trio_test
async def test_several_bundles_are_served_by_path() -> None:
    """FED-24: the right path, exactly."""
    publishing, other = Publishing(), authority("other.example").bundle
    service = BundleService({"/partner": publishing, "/other.json": lambda: other})
    async with serving(service, publishing.shown()) as port:
        for path, bundle in (
            ("/partner", publishing.bundle),
            ("/other.json", other),
        ):
            _, _, body = parts(await talk(port, publishing, get(path)))
            assert body == bundle.to_json()
        assert parts(await talk(port, publishing, get()))[0] == 404
        assert parts(await talk(port, publishing, get("/partner/")))[0] == 404


def no_source() -> TrustBundle:
    raise SourceError(detail_for(Reason.SOURCE_UNAVAILABLE))


def a_bug() -> TrustBundle:
    raise ZeroDivisionError


@pytest.mark.parametrize(("publisher", "status"), [(no_source, 503), (a_bug, 500)])
def test_without_a_bundle_nothing_is_made_up(
    publisher: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint that has no bundle says so, and so does its log; it serves on."""

    async def run() -> None:
        publishing = Publishing()
        service = BundleService({"/": publisher, "/good": publishing})
        async with serving(service, publishing.shown()) as port:
            seen, headers, body = parts(await talk(port, publishing, get()))
            assert (seen, body) == (status, b"")
            assert headers.get("retry-after") == ("60" if status == 503 else None)
            assert "no bundle to serve" in caplog.text
            assert ("Traceback" in caplog.text) == (status == 500)
            assert parts(await talk(port, publishing, get("/good")))[0] == 200

    trio.run(run)


# ---- limits ----


@pytest.mark.parametrize(
    "beginning", [b"", b"GET / HTTP/1.1\r\nHost: loc", get(close=False)]
)
def test_a_slow_connection_is_ended(clock: MockClock, beginning: bytes) -> None:
    """P8: in the handshake, in a request, and between two of them."""

    @trio_test
    async def run(clock: MockClock) -> None:
        publishing = Publishing()
        service = BundleService(publishing)
        async with serving(service, publishing.shown()) as port:
            stream = await connect(port, python_client(publishing.bundle))
            if beginning:
                await stream.send_all(beginning)
            while not service.statistics().active or (
                beginning == get(close=False) and not service.statistics().answers
            ):
                await trio.testing.wait_all_tasks_blocked(cushion=0.005)
            await trio.testing.wait_all_tasks_blocked(cushion=0.02)
            clock.jump(15)
            while service.statistics().active:
                await trio.testing.wait_all_tasks_blocked(cushion=0.005)
            assert service.statistics().timeouts == 1
            await trio.aclose_forcefully(stream)

    run(clock=clock)


@trio_test
async def test_the_oldest_connection_gives_way() -> None:
    """P8: nobody keeps others out by holding connections open."""
    publishing = Publishing()
    service = BundleService(publishing, max_connections=3)
    async with serving(service, publishing.shown()) as port:
        held = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        while service.statistics().active < 3:
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)
        assert parts(await talk(port, publishing, get()))[0] == 200
        assert service.statistics().gave_way == 1
        for stream in held:
            await trio.aclose_forcefully(stream)


# ---- numbers ----


def test_a_publisher_without_numbers_is_given_some() -> None:
    """BUN-03, BUN-04, BUN-05: growing, and changed with the content only."""
    time = 1000.0
    bundles = [Authority(PARTNER).bundle for _ in range(3)]
    current = bundles[0]
    publish = Numbered(lambda: current, now=lambda: time)
    assert [publish().sequence for _ in range(2)] == [1000, 1000]
    current = bundles[1]
    assert publish().sequence == 1001
    time = 5000.0
    assert publish().sequence == 1001
    current = bundles[0]
    assert publish().sequence == 5000
    time = 10.0
    current = bundles[2]
    assert publish().sequence == 5001
    current = replace(bundles[2], sequence=7)
    assert publish().sequence == 7


def test_a_bundle_that_cannot_be_read_is_not_numbered() -> None:
    def broken() -> TrustBundle:
        return TrustBundle.from_json(TrustDomain.parse(PARTNER), b"{}")

    with pytest.raises(InvalidBundle):
        Numbered(broken)()
