# SPDX-License-Identifier: Apache-2.0
"""The TLS of bundle endpoints, and who trusts them."""

from __future__ import annotations

import ssl
from functools import partial
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
from tests.support.net_world import authority, echo, trio_test
from trio.testing import MockClock

from handfast import (
    InvalidCertificate,
    Reason,
    SourceError,
    SourceSnapshot,
    StaticSource,
    TlsConfig,
    authorize,
)
from handfast.errors import detail_for
from handfast.federation import (
    BundleEndpoint,
    BundleService,
    FederatedSource,
    FederationManager,
    WebFiles,
)
from handfast.net import (
    Lifetime,
    open_mtls_stream,
    secure_endpoint,
    serve_mtls,
)
from handfast.pem import write_pem

MOZILLA_INTERMEDIATE = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
}


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@trio_test
async def test_the_tls_is_mozillas_intermediate() -> None:
    """FED-12: TLS 1.2 and later, forward secrecy, AEAD.

    FED-23: no request for a client certificate. And no session to rest on later.
    """
    publishing = Publishing()
    async with serving(BundleService(publishing), publishing.shown()) as port:
        for version, name in (
            (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
            (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ):
            client = python_client(publishing.bundle, maximum_version=version)
            stream = await connect(port, client)
            await stream.send_all(get())
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
            assert stream.version() == name
            cipher: Any = stream.cipher()
            assert cipher[0] in MOZILLA_INTERMEDIATE
            assert not stream.session_reused
            session: Any = stream.session
            assert session is None or not session.has_ticket
            await trio.aclose_forcefully(stream)
        client = python_client(publishing.bundle)
        client.set_ciphers("AES128-SHA:DHE-RSA-AES128-SHA@SECLEVEL=0")
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        stream = await connect(port, client)
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        await trio.aclose_forcefully(stream)


@trio_test
async def test_the_newest_svid_is_shown() -> None:
    """FED-43: after a rotation, without a restart; the same one is loaded once."""
    publishing = Publishing()
    source = publishing.shown()
    async with serving(BundleService(publishing), source) as port:
        shown: list[bytes | None] = []
        for _ in range(2):
            stream = await connect(port, python_client(publishing.bundle))
            await stream.do_handshake()
            shown.append(stream.getpeercert(binary_form=True))
            await trio.aclose_forcefully(stream)
            source.update(svid=publishing.svid())
        assert shown[0] != shown[1]
        assert shown[0] is not None


def test_files_of_the_web_are_read_again_when_they_change(tmp_path: Path) -> None:
    """A renewal by any tool; a half-written pair leaves the last one in use."""
    publishing = Publishing()
    file = write_files(tmp_path, publishing.svid())
    newest = WebFiles(file)
    first = newest()
    assert newest() is first
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\nhalf")
    assert newest() is first
    file.unlink()
    assert newest() is first
    write_files(tmp_path, svid := publishing.svid())
    assert newest().chain == svid.chain


def test_a_certificate_and_a_key_may_be_in_two_files(tmp_path: Path) -> None:
    svid = Publishing().svid()
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(write_pem("CERTIFICATE", svid.chain))
    key.write_bytes(svid.key.to_pem())
    newest = WebFiles(chain, key)
    assert newest().chain == svid.chain
    # One of two is renewed: the pair that fits stays until the other one is, too.
    other = Publishing().svid()
    key.write_bytes(other.key.to_pem())
    assert newest().chain == svid.chain
    chain.write_bytes(write_pem("CERTIFICATE", other.chain))
    assert newest().chain == other.chain


@pytest.mark.parametrize("broken", ["another key", "no key", "a chain for a key"])
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, broken: str
) -> None:
    svid = Publishing().svid()
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(write_pem("CERTIFICATE", svid.chain))
    key.write_bytes(
        {
            "another key": Publishing().svid().key.to_pem(),
            "no key": b"",
            "a chain for a key": chain.read_bytes(),
        }[broken]
    )
    with pytest.raises(InvalidCertificate):
        WebFiles(chain, key)
    with pytest.raises(OSError, match="nothing"):
        WebFiles(tmp_path / "nothing.pem")


@trio_test
async def test_a_source_that_has_nothing_costs_a_connection_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Our own trouble is in our log, and the next connection is as good as any."""
    publishing = Publishing()
    source = Flaky(publishing.shown())
    async with serving(BundleService(publishing), source) as port:
        source.broken = True
        assert await talk(port, publishing, get()) == b""
        assert "nothing to show" in caplog.text
        source.broken = False
        assert parts(await talk(port, publishing, get()))[0] == 200


class Flaky:
    """A source that has nothing when a test says so."""

    def __init__(self, source: StaticSource) -> None:
        self.source = source
        self.broken = False

    def snapshot(self) -> SourceSnapshot:
        if self.broken:
            raise SourceError(detail_for(Reason.SOURCE_UNAVAILABLE))
        return self.source.snapshot()


# ---- who trusts it ----


@trio_test
async def test_a_partner_comes_in_while_the_relationship_lasts(
    clock: MockClock,
) -> None:
    """FED-54: with the bundle gone, verifiers refuse, and its connections end."""
    publishing = Publishing()
    ours = authority("a.example")
    own = StaticSource(ours.issue("spiffe://a.example/db"), ours.bundle)
    web = publishing.authority.issue(f"spiffe://{PARTNER}/web")
    partner = TlsConfig.client(
        StaticSource(web, ours.bundle),
        authorize=authorize.any_in("a.example"),
        sessions=None,
    )
    service = BundleService(publishing)
    async with (
        serving(service, publishing.shown()) as port,
        trio.open_nursery() as nursery,
    ):
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            f"https://127.0.0.1:{port}/",
            endpoint_id=ENDPOINT_ID,
            bundle=publishing.bundle,
            allow_networks=LOOPBACK,
        )
        manager = FederationManager([endpoint], secure=secure_endpoint)
        await nursery.start(manager.run)
        generation = await manager.wait_changed(0)
        config = TlsConfig.server(
            FederatedSource(own, manager), authorize=authorize.any_in(PARTNER)
        )
        [listener] = await nursery.start(
            partial(
                serve_mtls,
                echo,
                0,
                config,
                host="127.0.0.1",
                lifetime=Lifetime(on_revoked="close"),
            )
        )
        stream = await open_mtls_stream("127.0.0.1", listener.port, partner)
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        await manager.remove(PARTNER)
        assert manager.current.generation > generation
        with pytest.raises(trio.BrokenResourceError):
            await refused(listener.port, partner)
        # The old connection: judged again at the keeper's next look.
        for _ in range(100):
            if listener.statistics().ended:
                break
            clock.jump(1)
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)
        assert listener.statistics().ended == {Reason.CREDENTIALS_REVOKED: 1}
        await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()


async def refused(port: int, config: TlsConfig) -> None:
    """Connect, and read what the server thinks of us."""
    async with await open_mtls_stream("127.0.0.1", port, config) as stream:
        await stream.receive_some()
