# SPDX-License-Identifier: Apache-2.0
"""Who meets whom in tests/soak/handshakes.py, and every kind of meeting in memory.

Two servers, one that keeps sessions in a store and one that seals tickets; clients that
come back, that never do, that speak TLS 1.2 by another's stack, and that are refused.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from tests.soak.rotation import DOMAIN, Rotation
from tests.support.peers import PyOpenSslPeer, shake

from handfast import (
    ChainCache,
    Connection,
    SessionStore,
    StaticSource,
    TicketKeys,
    TlsConfig,
    TrustBundle,
    VerificationError,
    X509Svid,
    authorize,
)
from handfast.authority import Authority
from handfast.testing import attempt_handshake, transfer

__all__ = ["KEPT", "Cast", "Meeting"]

#: Where a server of ours keeps sessions.
KEPT = ("store", "tickets")

#: Sessions and chains that are remembered at most: few, to be full soon.
_ENTRIES = 64

_WORD = b"a word"

#: A meeting to be had; it gives the server's end, unless that was a refusal.
Meeting = Callable[[], Connection | None]


class _World(Rotation):
    """As in tests/soak/rotation.py, with an authority that was there an hour ago."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        times = iter([now - timedelta(hours=1)])
        earlier = Authority(DOMAIN, now=lambda: next(times, now - timedelta(minutes=9)))
        self.expired = earlier.issue(
            f"spiffe://{DOMAIN}/late", ttl=timedelta(minutes=1)
        )
        self._earlier = earlier.bundle
        super().__init__()

    def _bundle(self) -> TrustBundle:
        both = (self._earlier, super()._bundle())
        return TrustBundle.from_der(
            DOMAIN, [der for one in both for der in one.x509_authorities]
        )


class _Other:
    """Another's client, which speaks TLS 1.2 alone and offers its newest session.

    pyOpenSSL, since the `ssl` of Python 3.11 leaks each session that it is asked for:
    5.7 KB, with its own server at the other end, too.
    """

    def __init__(self, svid: X509Svid) -> None:
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_max_proto_version(SSL.TLS1_2_VERSION)
        self._context.use_certificate(x509.load_der_x509_certificate(svid.chain[0]))
        key = serialization.load_pem_private_key(svid.to_pem_key(), None)
        self._context.use_privatekey(cast("ec.EllipticCurvePrivateKey", key))
        self._sessions: dict[TlsConfig, SSL.Session] = {}

    def visit(self, config: TlsConfig) -> Connection:
        server = Connection(config)
        client = PyOpenSslPeer(self._context, server=False)
        if config in self._sessions:
            client.tls.set_session(self._sessions[config])
        shake(server, client)
        server.send(_WORD)
        client.step(server.to_send())
        session = client.tls.get_session()
        if session is None or client.error is not None or client.received != _WORD:
            raise AssertionError(f"TLS 1.2: {client.error}")
        self._sessions[config] = session
        client.close()
        server.receive(client.out())
        if server.read() or not server.closed_by_peer:
            raise AssertionError("the end did not come")
        return server


class Cast:
    """Everybody, and the meetings that they had."""

    def __init__(self) -> None:
        self._world = world = _World()
        stranger = Authority("b.example").issue("spiffe://b.example/stranger")
        bundles = world.client.snapshot().bundles
        self._refused = {
            "expired": StaticSource(world.expired, bundles),
            "other domain": StaticSource(stranger, bundles),
        }
        self._cache = ChainCache(max_entries=_ENTRIES)
        self.store = SessionStore(max_entries=_ENTRIES)
        self.tickets = TicketKeys()
        self._ours = authorize.any_in(DOMAIN)
        keeping: dict[str, SessionStore | TicketKeys] = dict(
            zip(KEPT, (self.store, self.tickets), strict=True)
        )
        self.servers = {
            kept: TlsConfig.server(
                world.server,
                authorize=self._ours,
                min_version="1.2",
                cache=self._cache,
                sessions=sessions,
            )
            for kept, sessions in keeping.items()
        }
        #: Clients by what they do: `open_many` takes them, too.
        self.clients = {
            "full": self._client(world.client, None),
            "comes back": self._client(
                world.client, SessionStore(max_entries=_ENTRIES)
            ),
        }
        self.refused = {
            why: self._client(source, None) for why, source in self._refused.items()
        }
        self._strays = self._client(world.client, SessionStore(max_entries=_ENTRIES))
        self._numbers = itertools.count()
        self._other = _Other(world.client.snapshot().svid)
        self.counts: Counter[str] = Counter()

    def _client(self, source: StaticSource, sessions: SessionStore | None) -> TlsConfig:
        return TlsConfig.client(
            source, authorize=self._ours, cache=self._cache, sessions=sessions
        )

    @property
    def ticks(self) -> int:
        """How often the SVIDs were replaced."""
        return self._world.ticks

    def tick(self) -> None:
        """Replace SVIDs, every second time bundles, now and then ticket keys."""
        self._world.tick()
        client = self._world.client.snapshot()
        for source in self._refused.values():
            source.update(bundles=client.bundles)
        self._other = _Other(client.svid)
        if not self.ticks % 5:
            self.tickets.rotate()

    def meetings(self) -> list[Meeting]:
        """Plan a hundred meetings in memory, some of each kind."""
        store, tickets = (self.servers[kept] for kept in KEPT)
        full, back = self.clients.values()
        some: list[Meeting] = [
            *[partial(self._meet, full, store), partial(self._meet, full, tickets)] * 3,
            *[partial(self._meet, back, store, key="store")] * 5,
            *[partial(self._meet, back, tickets, key="tickets")] * 4,
            partial(self._meet_other, store),
            partial(self._meet_other, tickets),
            *[partial(self._meet_stray, store)] * 2,
        ]
        refused: list[Meeting] = [
            partial(self._refuse, why, store) for why in self.refused
        ]
        return [*some * 5, *refused, *some[:3]]

    def _meet(
        self, client: TlsConfig, server: TlsConfig, *, key: str | None = None
    ) -> Connection:
        theirs = Connection(client, session_key=key)
        ours = Connection(server)
        attempt_handshake(theirs, ours).check()
        ours.send(_WORD)
        transfer(ours, theirs)
        if theirs.read() != _WORD or theirs.resumed is not ours.resumed:
            raise AssertionError("the two ends are not of one mind")
        theirs.close()
        transfer(theirs, ours)
        if ours.read() or not ours.closed_by_peer:
            raise AssertionError("the end did not come")
        self._count("1.3", ours)
        return ours

    def _meet_stray(self, server: TlsConfig) -> Connection:
        """One that has a session to keep for a place where nobody goes again (R10)."""
        return self._meet(self._strays, server, key=f"{next(self._numbers)}")

    def _meet_other(self, server: TlsConfig) -> Connection:
        ours = self._other.visit(server)
        self._count("1.2", ours)
        return ours

    def _count(self, version: str, ours: Connection) -> None:
        if ours.version != version:
            raise AssertionError(f"TLS {ours.version}, not {version}")
        self.counts[f"memory {version} {'resumed' if ours.resumed else 'full'}"] += 1

    def _refuse(self, why: str, server: TlsConfig) -> None:
        outcome = attempt_handshake(Connection(self.refused[why]), Connection(server))
        if not isinstance(outcome.server, VerificationError):
            raise AssertionError(f"{why}: {outcome}")  # noqa: TRY004 - a verdict
        self.counts[f"memory refused {why}"] += 1
