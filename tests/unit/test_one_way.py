# SPDX-License-Identifier: Apache-2.0
"""One-way TLS by a SPIFFE ID, and servers that ask nobody who it is."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any

import pytest
import trio
from cryptography import x509
from tests.support import pki, workloads
from trio.testing import trio_test

from handfast import (
    ConfigError,
    Connection,
    InvalidCertificate,
    NotAuthorized,
    PeerAlert,
    Reason,
    TlsConfig,
    UsageError,
    VerificationError,
    WebCertificate,
    authorize,
)
from handfast.keys import PrivateKey
from handfast.net import MtlsListener, MtlsStream, open_mtls_stream, serve_mtls
from handfast.testing import attempt_handshake, connection_pair, transfer

VERSIONS: list[Any] = ["1.2", "1.3"]


def stranger(**settings: Any) -> TlsConfig:
    settings.setdefault("authorize", authorize.exactly(workloads.SERVER))
    return TlsConfig.one_way_client(
        workloads.authority().bundle("a.example"), **settings
    )


def open_to_all(**settings: Any) -> TlsConfig:
    return TlsConfig.one_way_server(workloads.source(workloads.SERVER), **settings)


def web_certificate(root: pki.Issued, name: str = "www.example") -> WebCertificate:
    leaf = pki.leaf(root, uris=(), sans=[x509.DNSName(name)], subject=name)
    return WebCertificate(
        chain=tuple(leaf.chain), key=PrivateKey.from_der(leaf.key_der)
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_is_verified_and_the_client_is_nobody(version: Any) -> None:
    """FED-44: no client authentication."""
    client, server = connection_pair(
        stranger(min_version=version), open_to_all(min_version=version)
    )
    assert str(client.peer.spiffe_id) == workloads.SERVER
    for ask in (lambda: server.peer, lambda: server.authenticated_at):
        with pytest.raises(UsageError) as refused:
            ask()
        assert refused.value.reason is Reason.WRONG_STATE
    assert server.presented_chain == ()
    assert server.expires_at == server.config.current().not_after
    assert client.channel_binding() == server.channel_binding()
    assert "not asked" in repr(server)
    server.judge_again()
    for one, other in ((client, server), (server, client)):
        one.send(b"data")
        transfer(one, other)
        assert other.read() == b"data"
    assert not server.resumed


def test_a_strangers_server_must_still_be_the_right_one() -> None:
    """P1: the bundle of the server's own trust domain, and the policy, as ever."""
    other = pki.root("a.example")
    cases: list[tuple[TlsConfig, type[Exception]]] = [
        (
            TlsConfig.one_way_client(
                other.bundle("a.example"), authorize=authorize.any_in("a.example")
            ),
            VerificationError,
        ),
        (
            TlsConfig.one_way_client(
                workloads.authority().bundle("b.example"),
                authorize=authorize.any_in("a.example"),
            ),
            VerificationError,
        ),
        (stranger(authorize=authorize.exactly(workloads.CLIENT)), NotAuthorized),
    ]
    for config, refusal in cases:
        met = attempt_handshake(Connection(config), Connection(open_to_all()))
        assert isinstance(met.client, refusal)
        assert not met.ok


def test_a_server_of_mutual_tls_refuses_a_stranger() -> None:
    met = attempt_handshake(Connection(stranger()), Connection(workloads.server()))
    assert met.server is not None
    assert met.server.reason is Reason.NO_CERTIFICATE
    assert isinstance(met.client, PeerAlert)


def test_a_client_with_an_svid_shows_it_to_no_one_way_server() -> None:
    client, server = connection_pair(workloads.client(), open_to_all())
    assert str(client.peer.spiffe_id) == workloads.SERVER
    assert server.presented_chain == ()


def test_a_web_server_shows_the_newest_certificate() -> None:
    """FED-22: it names the endpoint, and a renewed one is shown at once."""
    root = pki.root(uris=(), subject="a web root")
    shown = [web_certificate(root)]
    server = TlsConfig.one_way_server(lambda: shown[-1])
    client = TlsConfig.web_client(roots=[root.der])

    def visit() -> tuple[bytes, ...]:
        one = Connection(client, server_hostname="www.example")
        met = attempt_handshake(one, Connection(server))
        assert met.ok, met
        return one.peer.chain

    assert visit()[0] == shown[0].chain[0]
    shown.append(web_certificate(root))
    assert visit()[0] == shown[1].chain[0]
    assert visit()[0] == shown[1].chain[0]


def test_a_web_certificate_is_checked_where_it_is_made() -> None:
    root = pki.root(uris=(), subject="a web root")
    good = web_certificate(root)
    with pytest.raises(InvalidCertificate) as refused:
        WebCertificate(chain=good.chain, key=PrivateKey.generate("p256"))
    assert refused.value.reason is Reason.KEY_MISMATCH
    with pytest.raises(InvalidCertificate) as refused:
        WebCertificate(chain=(), key=good.key)
    assert refused.value.reason is Reason.CHAIN_EMPTY
    ca = WebCertificate(chain=(root.der,), key=PrivateKey.from_der(root.key_der))
    with pytest.raises(InvalidCertificate) as refused:
        TlsConfig.one_way_server(ca)
    assert refused.value.reason is Reason.SVID_IS_CA
    with pytest.raises(ConfigError):
        TlsConfig.one_way_server("www.pem")  # type: ignore[arg-type]


@trio_test
async def test_who_promises_verified_peers_takes_no_one_way_server() -> None:
    async def never(_: MtlsStream) -> None:
        raise AssertionError

    with pytest.raises(ConfigError):
        await serve_mtls(never, 0, open_to_all(), host="127.0.0.1")
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with pytest.raises(ConfigError):
            MtlsListener(listener, open_to_all())


@trio_test
async def test_strangers_of_all_kinds_over_sockets() -> None:
    """FED-23: handfast without an SVID, and Python's own TLS without a certificate."""
    config = open_to_all()
    met = []

    async def echo(transport: trio.SocketStream) -> None:
        async with MtlsStream(transport, config) as stream:
            met.append(repr(stream))
            await stream.send_all(await stream.receive_some())

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, echo, 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        async with await open_mtls_stream("127.0.0.1", port, stranger()) as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=workloads.authority().der)
        plain = trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", port), context)
        await plain.send_all(b"again")
        assert await plain.receive_some() == b"again"
        await trio.aclose_forcefully(plain)
        nursery.cancel_scope.cancel()
    assert len(met) == 2
