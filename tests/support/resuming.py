# SPDX-License-Identifier: Apache-2.0
"""Peers that nobody here wrote, who come back with a session, and look at nothing.

Each way of the matrix: TLS 1.2 or 1.3, our server's sessions in a store or in tickets.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.support import peers, pki, workloads

from handfast import (
    Connection,
    RevocationLists,
    SessionStore,
    TicketKeys,
    TlsConfig,
    TrustBundleSet,
    _ffi,
    authorize,
)
from handfast.sources import SourceSnapshot


class Way(NamedTuple):
    """One way to resume."""

    version: str
    kept: str

    def sessions(self, max_age: int = 3600) -> SessionStore | TicketKeys:
        """Where a process of ours keeps sessions."""
        kind = SessionStore if self.kept == "cache" else TicketKeys
        return kind(max_age=max_age)


WAYS = [Way(v, kept) for v in ("1.3", "1.2") for kept in ("cache", "ticket")]


def at(moment: datetime) -> None:
    """Set the engine's clock; the fixture `engine_now` sets it right again."""
    _ffi.fix_clock(int(moment.timestamp()))


class Rotating:
    """A source whose identity, bundles and lists are replaced from outside."""

    def __init__(
        self, svid: Any, *bundles: Any, crls: RevocationLists | None = None
    ) -> None:
        self._snapshot = SourceSnapshot(
            svid=svid,
            bundles=TrustBundleSet(bundles),
            generation=1,
            crls=crls or RevocationLists(),
        )

    def snapshot(self) -> SourceSnapshot:
        return self._snapshot

    def rotate(
        self, svid: Any, *bundles: Any, crls: RevocationLists | None = None
    ) -> None:
        self._snapshot = SourceSnapshot(
            svid=svid,
            bundles=TrustBundleSet(bundles),
            generation=self._snapshot.generation + 1,
            crls=crls or RevocationLists(),
        )


class Foreigner:
    """Another's client, which keeps its newest session and offers it."""

    def __init__(self, way: Way, issued: pki.Issued | None) -> None:
        self._context = peers.stdlib_client(issued, None)
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
        self._context.minimum_version = version[way.version]
        self._context.maximum_version = version[way.version]
        self.session: ssl.SSLSession | None = None

    def becomes(self, issued: pki.Issued) -> None:
        """Show another certificate from now on."""
        peers.load_identity(self._context, issued)

    def speaks(self, *alpn: str) -> None:
        """Offer these protocols from now on."""
        self._context.set_alpn_protocols(list(alpn))

    def session_from(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """Get a session from another's server."""
        server = peers.StdlibPeer(context)
        client = peers.StdlibPeer(self._context)
        client.step()
        while data := client.out():
            server.step(data)
            client.step(server.out())
        server.send(b"word")
        client.step(server.out())
        assert client.received == b"word"
        return client.tls.session

    def visit(
        self, server: TlsConfig, *, name: str | None = None, keep: bool = True
    ) -> Connection:
        """Meet a server of ours, hear a word, part in good order; its end is told.

        Raises what the server raised.
        """
        ours = Connection(server)
        return self.meet(ours, name=name, keep=keep)

    def meet(
        self, ours: Connection, *, name: str | None = None, keep: bool = True
    ) -> Connection:
        """The same with a connection that is there already."""
        theirs = peers.StdlibPeer(self._context, name=name, session=self.session)
        peers.shake(ours, theirs)
        ours.send(b"word")
        theirs.step(ours.to_send())
        assert theirs.received == b"word"
        assert theirs.tls.session_reused is ours.resumed
        if keep:
            self.session = theirs.tls.session
        theirs.close()
        ours.receive(theirs.out())
        assert ours.read() == b""
        assert ours.closed_by_peer
        return ours


@dataclass
class World:
    """A server of ours, its source, and a foreign client with a session from it."""

    way: Way
    ca: pki.Issued = field(default_factory=workloads.authority)

    def __post_init__(self) -> None:
        self.sessions = self.way.sessions()
        self.svid = pki.leaf(self.ca, workloads.SERVER).svid()
        self.source = Rotating(self.svid, self.ca.bundle("a.example"))
        self.anybody = authorize.any_in("a.example")
        self.server = self.another()
        self.client = Foreigner(self.way, pki.leaf(self.ca, workloads.CLIENT))

    def another(self, **settings: Any) -> TlsConfig:
        """A server of this process: another configuration, the same sessions."""
        defaults: dict[str, Any] = {
            "authorize": self.anybody,
            "sessions": self.sessions,
            "min_version": "1.2",
        }
        source: Any = settings.pop("source", self.source)
        return TlsConfig.server(source, **{**defaults, **settings})

    def known(self, **options: Any) -> Connection:
        """Meet twice: what nothing was changed for resumes. The second time is told."""
        assert not self.client.visit(self.server, **options).resumed
        again = self.client.visit(self.server, **options)
        assert again.resumed
        return again
