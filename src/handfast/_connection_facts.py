# SPDX-License-Identifier: Apache-2.0
"""What a connection can be asked: its peer, its times, how it was agreed on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from handfast._judge_again import judge_again
from handfast.errors import Reason, UsageError, detail_for

if TYPE_CHECKING:
    from handfast import _ffi
    from handfast._tls_config import TlsConfig
    from handfast._tls_recipe import Built
    from handfast.errors import ErrorDetail, PeerError
    from handfast.peer import VerifiedPeer

__all__ = ["ConnectionFacts"]

_VERSIONS: dict[int, Literal["1.2", "1.3"]] = {0x0303: "1.2", 0x0304: "1.3"}


class ConnectionFacts:
    """What every `Connection` knows; what it does is in the other half."""

    __slots__ = (
        "__weakref__",
        "_built",
        "_closed_by_peer",
        "_config",
        "_conn",
        "_established",
        "_judged",
        "_peer",
        "_refusal",
    )

    _config: TlsConfig
    _built: Built
    _judged: Built
    _conn: _ffi.Conn
    _established: bool
    _closed_by_peer: bool
    _refusal: tuple[type[PeerError], ErrorDetail] | None
    _peer: VerifiedPeer | None

    @property
    def peer(self) -> VerifiedPeer:
        """Whom we talk to: verified and authorized.

        Raises:
            UsageError: the handshake is not done, or this is a one-way server's, who
                authenticates nobody.
        """
        peer = self._peer
        if peer is None:
            if not self._established:
                self._need_established()
            peer = self._peer = self._conn.peer()
        return peer

    @property
    def expires_at(self) -> datetime:
        """When what this connection rests on ends: the peer's window, or our own SVID.

        Raises:
            UsageError: the handshake is not done.
        """
        ours = self._built.not_after
        if self._built.verifier is None and ours is not None:
            self._need_established()
            return ours  # a one-way server's peer is nobody
        theirs = self.peer.not_after
        return theirs if ours is None else min(theirs, ours)

    @property
    def config(self) -> TlsConfig:
        """What it was made with."""
        return self._config

    def judge_again(self) -> None:
        """Ask the newest snapshot whether it still carries this connection (P6).

        The peer's chain is judged as of the last moment of its window when that has
        passed: this is about what was withdrawn, and `expires_at` about time.

        Raises:
            PeerError: its bundles or its policy refuse the peer now.
            SourceError: there is no identity any more, or it is another one.
        """
        self._need_established()
        newest = self._config.current()
        if newest is self._judged:
            return
        peer = None if newest.verifier is None else self.peer
        judge_again(newest, self._built, peer, self._config)
        self._judged = newest

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed.

        Then `peer` and `presented_chain` are those of the handshake from which the
        session comes, checked again in this one; `peer.verified_at` is when the chain
        was verified last: then, or now if its bundle has changed since.
        """
        self._need_established()
        return self._conn.resumed()

    @property
    def authenticated_at(self) -> datetime:
        """When the peer last proved to hold its key: before this, if `resumed`."""
        self._need_established()
        return datetime.fromtimestamp(self._conn.authenticated_at(), UTC)

    @property
    def alpn(self) -> str | None:
        """The application protocol that was agreed on; None without one."""
        self._need_established()
        name = self._conn.alpn()
        return name.decode("ascii", "backslashreplace") if name else None

    @property
    def server_name(self) -> str | None:
        """The server name (SNI) that the client asked for, as it wrote it.

        A resumed session of TLS 1.2 has none.

        Raises:
            UsageError: the handshake is not done.
        """
        self._need_established()
        return self._conn.server_name() or None

    @property
    def version(self) -> Literal["1.2", "1.3"]:
        """The TLS version."""
        return _VERSIONS[self._facts()[0]]

    @property
    def cipher(self) -> str:
        """The cipher suite, by its standard name."""
        return self._facts()[2]

    @property
    def group(self) -> str:
        """The key exchange group, by OpenSSL's name."""
        return self._facts()[3]

    @property
    def signature(self) -> str:
        """By which signature algorithm the peer proved its key; empty if `resumed`."""
        return self._facts()[4]

    @property
    def closed_by_peer(self) -> bool:
        """Whether the peer's clean end was read."""
        return self._closed_by_peer

    @property
    def presented_chain(self) -> tuple[bytes, ...]:
        """The certificates that the peer sent, as DER, **verified or not**.

        After a refusal this is what to look at; empty when none arrived.
        """
        try:
            return tuple(self._conn.presented())
        except UsageError as error:
            if error.reason is not Reason.WRONG_STATE:
                raise
            return ()

    @property
    def pending(self) -> tuple[int, int]:
        """Bytes that are buffered: from the peer, and for the peer."""
        return self._conn.pending()

    def channel_binding(self) -> bytes:
        """Return the `tls-exporter` binding (RFC 9266): 32 bytes, equal at both ends.

        Raises:
            UsageError: the handshake is not done.
        """
        self._need_established()
        return self._conn.channel_binding()

    def __repr__(self) -> str:
        state = "refused" if self._refusal else "handshaking"
        if self._established:
            state = f"with {self.describe_peer()}"
        return f"<Connection ({self._config.role}) {state}>"

    def describe_peer(self) -> str:
        """Name the peer for people.

        Raises:
            UsageError: the handshake is not done.
        """
        if self._built.verifier is None:
            return "a client that was not asked who it is"
        return str(self.peer.spiffe_id or "a web server")

    # ---- inner ----

    def _facts(self) -> tuple[int, bool, str, str, str]:
        self._need_established()
        return self._conn.facts()

    def _stay_refused(self) -> None:
        if self._refusal is not None:
            kind, detail = self._refusal
            raise kind(detail)

    def _need_established(self) -> None:
        if not self._established:
            self._stay_refused()
            raise UsageError(
                detail_for(
                    Reason.WRONG_STATE,
                    expected="a connection whose handshake is done",
                    seen="one whose handshake is not",
                )
            )
