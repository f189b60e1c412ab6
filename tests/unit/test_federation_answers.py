# SPDX-License-Identifier: Apache-2.0
"""What a bundle endpoint may answer, hostile ones too (threats F2, F3)."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from tests.support.bundle_server import (
    ENDPOINT_ID,
    PARTNER,
    Served,
    Web,
    endpoint_of,
    http,
    port_of,
    spiffe_endpoint,
    svid_context,
)
from tests.support.federation_fetching import DOCUMENT, GOOD, fetch, refusal
from tests.support.net_world import authority, trio_test

from handfast import (
    BundleDocument,
    FederationError,
    HandfastError,
    InvalidBundle,
    Reason,
    TrustBundle,
    TrustBundleSet,
    Verifier,
)
from handfast.federation import BundleEndpoint, FederationManager
from handfast.federation.known import Known
from handfast.federation.state import FederationState
from handfast.net import secure_endpoint
from handfast.testing import der
from handfast.testing.forge import forge_root


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


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
        (
            http(
                b"5\r\nhello\r\n0\r\n\r\n",
                "200 OK",
                "Content-Length: 5",
                "Transfer-Encoding: chunked",
                length=False,
            ),
            Reason.FEDERATION_RESPONSE,
        ),
        (
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Reason.FEDERATION_RESPONSE,
        ),
        (b"HTTP/2.0 200 OK\r\n\r\n" + DOCUMENT, Reason.FEDERATION_RESPONSE),
        (
            http(b"", "200 OK", "Content-Length: " + "9" * 5000),
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
    """F2: too large, encoded, cut, of two lengths, not HTTP, JSON or UTF-8 (FED-25)."""

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


@pytest.mark.parametrize("way", ["fetched", "by hand", "kept"])
def test_an_authority_that_the_engine_refuses_is_no_bundle(
    web: Web, tmp_path: Path, way: str
) -> None:
    """F2: else one of another trust domain would end all handshakes, ours as well."""
    other = der.sequence(der.oid("1.2.840.10045.4.3.3"))
    bundle = forge_root(PARTNER, inner_algorithm=other).bundle
    document = BundleDocument.of(bundle)
    assert BundleDocument.from_json(PARTNER, document.to_json()) == document
    with pytest.raises(InvalidBundle, match="algorithm"):
        Verifier(TrustBundleSet([authority("a.example").bundle, bundle]))

    async def run() -> None:
        answers = {"/": http(document.to_json())}
        async with endpoint_of(web.context(), answers) as served:
            endpoint = web.endpoint(served)
            if way == "fetched":
                assert isinstance(await refusal(endpoint), InvalidBundle)
                return
            manager = FederationManager([endpoint], secure=secure_endpoint)
            with pytest.raises(InvalidBundle):
                await manager.override(bundle)
            assert len(manager.bundles) == 0

    def kept() -> None:
        state = FederationState(tmp_path / "state")
        assert state.load() == {}
        now = datetime(2026, 11, 22, tzinfo=UTC)
        body = document.to_json()
        state.save(Known(document=document, body=body, url="", fetched_at=now))
        with pytest.raises(FederationError, match="algorithm"):
            state.load()

    if way == "kept":
        kept()
    else:
        trio.run(run)
