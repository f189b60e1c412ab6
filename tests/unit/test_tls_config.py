# SPDX-License-Identifier: Apache-2.0
"""Configurations: what is off in every one of them, rotation, and wrong settings."""

from __future__ import annotations

import gc
import itertools
import threading
from typing import Any

import pytest
from tests.support import peers, pki, workloads

from handfast import (
    ConfigError,
    Connection,
    HandfastError,
    InvalidCertificate,
    Reason,
    SourceError,
    StaticSource,
    TicketKeys,
    TlsConfig,
    TrustBundleSet,
    UsageError,
    VerificationError,
    _ffi,
    authorize,
    openssl_version,
)
from handfast.errors import detail_for
from handfast.sources import Source, SourceSnapshot
from handfast.testing import connection_pair, handshake_in_memory, transfer

# OpenSSL's numbers (ssl.h), written down here on purpose: not asked of the engine.
NO_TICKET = 1 << 14
NO_RENEGOTIATION = 1 << 30
NO_COMPRESSION = 1 << 17
NO_TX_CERT_COMPRESSION = 1 << 32
NO_RX_CERT_COMPRESSION = 1 << 33
ENABLE_KTLS = 1 << 3
ALLOW_UNSAFE_LEGACY_RENEGOTIATION = 1 << 18
LEGACY_SERVER_CONNECT = 1 << 2
MODE_NO_AUTO_CHAIN = 0x8
MODE_RELEASE_BUFFERS = 0x10
VERIFY_PEER = 1
VERIFY_FAIL_IF_NO_PEER_CERT = 2


def every_config() -> list[Any]:
    """One of each combination of settings that the factory can make."""
    made: list[Any] = []
    settings = itertools.product(
        ("1.2", "1.3"), ((), ("h2",)), (None, "X25519"), (None, print)
    )
    for min_version, alpn, groups, key_log in settings:
        common: dict[str, Any] = {
            "min_version": min_version,
            "alpn": alpn,
            "groups": groups,
            "key_log": key_log,
        }
        for rules in ("strict", "compatible"):
            made.append(workloads.server(rules=rules, **common))
            made.append(workloads.client(rules=rules, **common))
        made.append(TlsConfig.web_client(roots=[workloads.authority().der], **common))
    return made


def with_keys() -> list[Any]:
    """Servers whose sessions are in tickets."""
    return [
        workloads.server(sessions=TicketKeys(), min_version=version)
        for version in ("1.2", "1.3")
    ]


def session_cache_mode(config: TlsConfig, *, keys: bool) -> int:
    """No internal cache and no flushing; none at all for the web, or with keys."""
    if keys or not config.is_mutual:
        return 0
    return 0x0380 | (2 if config.role == "server" else 1)


def test_what_is_off_is_off_in_every_context_the_factory_can_make() -> None:
    """C14, and the issue's list of what is off.

    No renegotiation, post-handshake authentication, certificate compression, 0-RTT or
    kTLS, no cache of sessions of OpenSSL's own and no ticket that leaves the process
    unless there are keys for it; peers must have a certificate, and nothing but our own
    callback judges it: the store is empty.
    """
    configs = [(config, False) for config in every_config()]
    assert len(configs) == 80
    configs += [(config, True) for config in with_keys()]
    # A system's OpenSSL before 3.2 cannot compress certificates, so has no such switch.
    running = tuple(map(int, openssl_version().running.split(".")[:2]))
    certificates: tuple[int, ...] = (NO_TX_CERT_COMPRESSION, NO_RX_CERT_COMPRESSION)
    if running < (3, 2):
        certificates = ()
    for config, keys in configs:
        facts = config.facts()
        options, mode = facts["options"], facts["mode"]
        takes = config.is_mutual and config.role == "client"
        assert bool(options & NO_TICKET) is not (keys or takes)
        for on in (NO_RENEGOTIATION, NO_COMPRESSION, *certificates):
            assert options & on
        for off in (
            ENABLE_KTLS,
            ALLOW_UNSAFE_LEGACY_RENEGOTIATION,
            LEGACY_SERVER_CONNECT,
        ):
            assert not options & off
        assert mode & MODE_NO_AUTO_CHAIN
        assert mode & MODE_RELEASE_BUFFERS
        assert facts["session_cache_mode"] == session_cache_mode(config, keys=keys)
        assert facts["num_tickets"] == 0
        assert facts["max_early_data"] == 0
        assert facts["recv_max_early_data"] == 0
        assert facts["store_objects"] == 0
        assert facts["post_handshake_auth"] == 0
        assert facts["verify_mode"] & VERIFY_PEER
        if config.is_mutual and config.role == "server":
            assert facts["verify_mode"] & VERIFY_FAIL_IF_NO_PEER_CERT
        assert facts["max_version"] == 0x0304
        assert facts["min_version"] in (0x0303, 0x0304)
        assert 32768 <= facts["max_cert_list"] <= 40000


def test_the_least_version_is_1_3_unless_asked() -> None:
    assert workloads.server().facts()["min_version"] == 0x0304
    assert workloads.server(min_version="1.2").facts()["min_version"] == 0x0303


@pytest.mark.parametrize("tls12", [False, True])
def test_a_client_gets_nothing_to_resume_with_where_sessions_are_off(
    *, tls12: bool
) -> None:
    """With `sessions=None`: neither a ticket nor a session ID.

    Another's client is asked, and after data, since tickets come with the first.
    """
    ours = Connection(workloads.server(min_version="1.2", sessions=None))
    ca = workloads.authority()
    theirs = peers.make_peer(
        "stdlib", "client", pki.leaf(ca, workloads.CLIENT), ca, tls12=tls12
    )
    peers.shake(ours, theirs)
    ours.send(b"data")
    theirs.step(ours.to_send())
    assert theirs.received == b"data"
    session = theirs.tls.session
    assert session is None or (not session.has_ticket and session.id == b"")
    assert not ours.resumed


@pytest.mark.parametrize(
    "bad",
    [
        {"min_version": "1.1"},
        {"min_version": "TLSv1.3"},
        {"min_version": 1.3},
        {"groups": "no-such-group"},
        {"groups": ""},
        {"groups": "X25519\0"},
        {"groups": 29},
        {"ciphersuites": "TLS_NULL_WITH_NULL_NULL"},
        {"ciphersuites": ("TLS_AES_128_GCM_SHA256",)},
        {"alpn": "h2"},
        {"alpn": [""]},
        {"alpn": ["x" * 256]},
        {"alpn": ["x" * 255] * 300},
        {"rules": "lax"},
        {"key_log": 5},
        {"who": "spiffe://a.example/web"},
    ],
)
@pytest.mark.parametrize("role", ["client", "server"])
def test_wrong_settings_are_refused_where_they_are_written(
    role: str, bad: dict[str, Any]
) -> None:
    """P7: expected and seen, before any connection."""
    make = workloads.client if role == "client" else workloads.server
    with pytest.raises(ConfigError) as caught:
        make(**bad)
    assert caught.value.expected or caught.value.seen


def test_authorize_has_no_default_and_a_source_is_a_source() -> None:
    """Who may come in is never left open."""
    source = workloads.source(workloads.SERVER)
    with pytest.raises(TypeError):
        TlsConfig.server(source)  # type: ignore[call-arg]
    with pytest.raises(ConfigError):
        TlsConfig.server(source, authorize=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        TlsConfig.server(
            source.snapshot().svid,  # type: ignore[arg-type]
            authorize=authorize.anyone(),
        )


def test_an_svid_that_peers_would_refuse_is_refused_here() -> None:
    """Own leaf by the strict rules: the mistake is found at home."""
    with pytest.raises(InvalidCertificate) as caught:
        workloads.server(workloads.source(workloads.SERVER, usage=None))
    assert caught.value.reason is Reason.SVID_KEY_USAGE


def test_a_wiped_key_is_refused() -> None:
    source = workloads.source(workloads.SERVER)
    source.snapshot().svid.key.wipe()
    with pytest.raises(UsageError):
        workloads.server(source)


# ---- rotation ----


def test_new_connections_use_the_newest_identity_and_old_ones_go_on() -> None:
    """P5: swapped atomically; a handshake ends on the snapshot it began with."""
    source = workloads.source(workloads.SERVER)
    config = workloads.server(source)
    first = source.snapshot().svid.chain[0]
    begun = Connection(config)
    old_client, old_server = connection_pair(workloads.client(), config)
    renewed = pki.leaf(workloads.authority(), workloads.SERVER)
    source.update(svid=renewed.svid())

    client = Connection(workloads.client())
    handshake_in_memory(client, begun)
    assert client.peer.chain[0] == first
    client, _ = connection_pair(workloads.client(), config)
    assert client.peer.chain[0] == renewed.der

    old_client.send(b"still here")
    transfer(old_client, old_server)
    assert old_server.read() == b"still here"


def test_a_removed_authority_ends_handshakes_that_have_begun() -> None:
    """P5, P7: judged again by the newest bundle before it is handed out."""
    source = workloads.source(workloads.SERVER)
    config = workloads.server(source)
    client, server = Connection(workloads.client()), Connection(config)
    client.handshake()
    server.receive(client.to_send())
    assert not server.handshake()
    source.update(bundles=pki.root().bundle("a.example"))
    client.receive(server.to_send())
    assert client.handshake()
    server.receive(client.to_send())
    for _ in range(2):
        with pytest.raises(VerificationError) as caught:
            server.handshake()
        assert caught.value.reason in {
            Reason.UNKNOWN_AUTHORITY,
            Reason.BAD_SIGNATURE,
        }
    for action in (server.read, lambda: server.send(b"x"), lambda: server.peer):
        with pytest.raises(VerificationError):
            action()
    transfer(server, client)
    assert client.read() == b""
    assert client.closed_by_peer


def test_the_same_bundle_again_changes_nothing_for_handshakes_that_have_begun() -> None:
    """P5: delivered again, with the same content."""
    source = workloads.source(workloads.SERVER)
    client, server = (
        Connection(workloads.client()),
        Connection(workloads.server(source)),
    )
    source.update(bundles=workloads.authority().bundle("a.example"))
    handshake_in_memory(client, server)
    assert server.peer.spiffe_id is not None


def test_one_configuration_is_built_a_generation_and_the_old_one_goes() -> None:
    """P5: whatever the number of connections and threads."""
    gc.collect()
    before = _ffi.live_handles()["config"]
    source = workloads.source(workloads.SERVER)
    config = workloads.server(source)
    client = workloads.client()
    for number in range(5):
        source.update(svid=pki.leaf(workloads.authority(), workloads.SERVER).svid())
        threads = [
            threading.Thread(target=connection_pair, args=(client, config))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert _ffi.live_handles()["config"] == before + 2, number
    del config, client
    assert _ffi.live_handles()["config"] == before


def test_rotation_while_threads_shake_hands_drops_nothing() -> None:
    """P5: no handshake fails while identity and bundles are replaced all the time."""
    old, new = pki.root(), pki.root(subject="the next root")
    both = TrustBundleSet(
        [type(old.bundle("a.example")).from_der("a.example", [old.der, new.der])]
    )
    source = StaticSource(pki.leaf(old, workloads.SERVER).svid(), both)
    config = workloads.server(source)
    clients = TlsConfig.client(
        StaticSource(pki.leaf(new, workloads.CLIENT).svid(), both),
        authorize=authorize.any_in("a.example"),
    )
    failures: list[HandfastError] = []

    def shake() -> None:
        for _ in range(40):
            try:
                connection_pair(clients, config)
            except HandfastError as error:
                failures.append(error)

    threads = [threading.Thread(target=shake) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        source.update(svid=pki.leaf(new, workloads.SERVER).svid(), bundles=both)
    for thread in threads:
        thread.join()
    assert failures == []


class Waiting:
    """A source that has nothing yet."""

    ready: SourceSnapshot | None = None

    def snapshot(self) -> SourceSnapshot:
        if self.ready is None:
            raise SourceError(detail_for(Reason.CONFIG_INVALID, seen="nothing yet"))
        return self.ready


def test_a_source_may_become_ready_after_the_configuration() -> None:
    """A program may start before its agent does; connections then fail clearly."""
    source = Waiting()
    assert isinstance(source, Source)
    config = TlsConfig.server(source, authorize=authorize.anyone())
    with pytest.raises(SourceError):
        Connection(config)
    source.ready = workloads.source(workloads.SERVER).snapshot()
    connection_pair(workloads.client(), config)


def test_settings_of_sources_are_told_apart_by_generation() -> None:
    source = workloads.source(workloads.SERVER)
    assert source.snapshot().generation == 1
    assert source.snapshot() is source.snapshot()
    with pytest.raises(HandfastError):
        source.update(bundles=[workloads.authority().bundle("a.example")] * 2)
    assert source.snapshot().generation == 1


def test_the_configuration_says_what_it_is() -> None:
    config = workloads.server(key_log=print)
    assert (config.role, config.is_mutual, config.key_log) == ("server", True, print)
    assert workloads.client().key_log is None
