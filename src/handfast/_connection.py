# SPDX-License-Identifier: Apache-2.0
"""One TLS connection without I/O.

Theory of operation. Bytes from the peer go in by :meth:`Connection.receive`, bytes
for the peer come out by :meth:`Connection.to_send`; when and how they travel is the
caller's business. Between the two, :meth:`Connection.handshake` goes as far as it can
with what is there. All cryptography, the peer's verification and its authorization
happen inside of that call, in C and without the GIL.

Invariants:
    1. `handshake()` is True only when the engine finished the handshake, authenticated
       the peer by its own trust domain and authorized it (C14), and, when the source
       has a newer snapshot than the handshake began with, the newest agrees (P5).
    2. Before that no application byte goes in or out (A9), and after a refusal never.
    3. A refusal leaves the alert for the peer in `to_send()`: send it, then close.
    4. Nothing of the peer is an attribute here before it is verified, except for what
       is named `presented`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from handfast import _ffi, _settings
from handfast._asked_name import asked_name
from handfast._connection_facts import ConnectionFacts
from handfast._judge_again import PEER_PURPOSE
from handfast.errors import (
    HandfastError,
    PeerError,
)

if TYPE_CHECKING:
    from handfast._tls_config import TlsConfig
    from handfast._tls_recipe import Built
    from handfast.errors import ErrorDetail
    from handfast.names import DnsName, IpAddress
    from handfast.peer import VerifiedPeer

__all__ = ["Connection"]


class Connection(ConnectionFacts):
    """A TLS connection without I/O; see also `MtlsStream`, which has it.

    It belongs to one thread at a time: a call while another one runs is refused. After
    a fork one of the processes may go on with it, never both.

    Args:
        config: How to connect; its role is the connection's.
        server_hostname: For a client: the name to ask for (SNI). A web client verifies
            the server by it and needs it; a SPIFFE client does not look at it.
        session_key: For a SPIFFE client: what names the destination, such as
            `"db.internal:5432"`. A session is offered only where the key, the server
            name and everything that it is bound to are the same. None resumes nothing.

    Raises:
        ConfigError: the name is missing, or not a name.
        SourceError: there is no identity to connect with.

    Example:
        >>> from handfast import Connection, StaticSource, TlsConfig, authorize
        >>> from handfast.authority import Authority
        >>> authority = Authority("prod.example.com")
        >>> def workload(name):
        ...     svid = authority.issue(f"spiffe://prod.example.com/{name}")
        ...     return StaticSource(svid, authority.bundle)
        >>> ours = authorize.any_in("prod.example.com")
        >>> web = Connection(TlsConfig.client(workload("web"), authorize=ours))
        >>> db = Connection(TlsConfig.server(workload("db"), authorize=ours))
        >>> while not (web.handshake() & db.handshake()):
        ...     for source, target in ((web, db), (db, web)):
        ...         if data := source.to_send():
        ...             target.receive(data)
        >>> str(db.peer.spiffe_id), str(web.peer.spiffe_id)
        ('spiffe://prod.example.com/web', 'spiffe://prod.example.com/db')
    """

    __slots__ = ()

    def __init__(
        self,
        config: TlsConfig,
        *,
        server_hostname: str | DnsName | IpAddress | None = None,
        session_key: str | bytes | None = None,
    ) -> None:
        key = None if session_key is None else _session_key(config, session_key)
        built: Built = config.current()
        if server_hostname is None and built.identity is not None:
            name = _settings.NO_NAME  # as most: an SVID, and no name to ask for
        else:
            name = asked_name(config, server_hostname)
        conn = _ffi.Conn(built.config, *name)
        if key is not None:
            conn.set_session_key(key)
        self._start(config, built, conn)

    @classmethod
    def _from_engine(
        cls, config: TlsConfig, built: Built, conn: _ffi.Conn
    ) -> Connection:
        """Go on with a connection that the engine's acceptor has shaken hands on.

        `built` is what it began with. The next `handshake_fd` finds it done, and lets
        the newest bundles judge (P5).
        """
        self = cls.__new__(cls)
        self._start(config, built, conn)
        return self

    def _start(self, config: TlsConfig, built: Built, conn: _ffi.Conn) -> None:
        self._config = config
        self._built = built
        self._judged = built  # the newest that carried this connection
        self._conn = conn
        self._established = False
        self._closed_by_peer = False
        # Its class and detail, not the exception: that would hold on to its traceback,
        # hence to us, and hostile handshakes would pile up until the next collection.
        self._refusal: tuple[type[PeerError], ErrorDetail] | None = None
        self._peer: VerifiedPeer | None = None

    # ---- bytes ----

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes that came from the peer.

        They are only stored: `handshake()` and `read()` look at them. Empty bytes mean
        that no more will come, as from a socket: never pass on an empty `to_send()`.

        Raises:
            UsageError: more was stored than is allowed without reading (`limit`).
        """
        if data:
            self._conn.receive(data)
        else:
            self._conn.receive_eof()

    def to_send(self) -> bytes:
        """Take the bytes that are to go to the peer; empty when there are none.

        Each byte is given out once. Ask after every other call, after refusals too.
        """
        return self._conn.to_send()

    def handshake(self) -> bool:
        """Go on with the handshake as far as possible.

        Returns:
            True when it is done: the peer is verified and authorized, and data may
            flow. False when bytes of the peer are needed first. Send what is in
            `to_send()` either way.

        Raises:
            VerificationError: the peer's chain was refused; again at every later call.
            NotAuthorized: the peer is who it says, but may not come in.
            PeerAlert: the peer refused us.
            PeerError: anything else that the peer did wrong, or its end: clean
                (`ConnectionClosed`) or not (`Truncated`).
        """
        if self._established:
            return True
        if self._refusal is not None:
            self._stay_refused()
        try:
            done = self._conn.handshake()
            if done or self._built.logs_keys:
                self._finish(done)
        except PeerError as error:
            self._refuse(error)
            raise
        return done

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt data for the peer; the records are then in `to_send()`.

        Raises:
            UsageError: the handshake is not done, or `close()` was called.
        """
        self._need_established()
        if data:
            self._conn.write(data)

    def read(self, max_bytes: int = 65536) -> bytes:
        """Take decrypted data, at most `max_bytes` (and at most 65,536) of it.

        Returns:
            Data; empty when nothing is there yet, and, with `closed_by_peer` True, when
            the peer has ended its direction cleanly.

        Raises:
            Truncated: the connection ended without the peer's close_notify: what was
                read so far may not be all.
            PeerError: the peer broke the protocol, or sent an alert.
            UsageError: the handshake is not done.
        """
        self._need_established()
        if max_bytes < 1:
            _settings.refuse("max_bytes= of 1 or more", max_bytes)
        data = self._conn.read(max_bytes)
        if data is None:
            self._closed_by_peer = True
            return b""
        return data

    def key_update(self, *, ask_peer: bool = False) -> None:
        """Go on under new keys (RFC 8446, 4.6.3); the message is then in `to_send()`.

        Args:
            ask_peer: Ask the peer for new keys of its own direction, too.

        Raises:
            UsageError: the handshake is not done, the connection is closed or of TLS
                1.2, or the peer is in the middle of a message.
        """
        self._need_established()
        self._conn.key_update(ask_peer=ask_peer)

    def close(self) -> None:
        """End our direction cleanly: a close_notify is then in `to_send()`.

        Reading goes on until the peer ends its own direction. Calling it again does
        nothing.
        """
        self._conn.close()

    # ---- the same steps on a socket ----

    def handshake_fd(self, fd: int) -> tuple[bool, _ffi.Want]:
        """Receive, go on with the handshake and send, in one call.

        This and the other `_fd` methods are what `handfast.net` is made of. The socket
        must not block and stays the caller's. Do not mix them with `receive()` and
        `to_send()`.

        Returns:
            Whether it is done, and what to wait for: before the next call, or, done and
            with `Want.WRITE`, before `flush_fd` sends the rest of the last flight.

        Raises:
            HandfastError: as `handshake`; the alert was sent already.
            TransportError: the socket failed.
        """
        if self._established:
            return True, self._conn.flush_fd(fd)
        if self._refusal is not None:
            self._stay_refused()
        try:
            progress = self._conn.handshake_fd(fd)
            if progress[0] or self._built.logs_keys:
                self._finish(progress[0])
        except PeerError as error:
            self._refuse(error)
            # Politeness only: that the socket fails, too, would hide the reason.
            with contextlib.suppress(HandfastError):
                self._conn.flush_fd(fd)
            raise
        return progress

    def read_fd(self, fd: int, max_bytes: int = 65536) -> bytes | _ffi.Want:
        """Receive and decrypt, in one call.

        Returns:
            Data; what to wait for; or empty bytes once the peer has ended its direction
            cleanly.

        Raises:
            HandfastError: as `read`.
            TransportError: the socket failed.
        """
        if not self._established:
            self._need_established()
        if max_bytes < 1:
            _settings.refuse("max_bytes= of 1 or more", max_bytes)
        result = self._conn.read_fd(fd, max_bytes)
        if result is None:
            self._closed_by_peer = True
            return b""
        return result

    def write_fd(
        self, fd: int, data: bytes | bytearray | memoryview
    ) -> tuple[int, _ffi.Want]:
        """Encrypt and send, in one call.

        Returns:
            How many bytes of `data` were taken (perhaps not all; none while earlier
            ones wait), and what to wait for: with `Want.WRITE` call `flush_fd` then.
        """
        if not self._established:
            self._need_established()
        return self._conn.write_fd(fd, data)

    def flush_fd(self, fd: int) -> _ffi.Want:
        """Send what waits; `Want.NOTHING` when all of it went."""
        return self._conn.flush_fd(fd)

    def close_fd(self, fd: int) -> _ffi.Want:
        """End our direction and send that, as the last thing before the socket's end.

        A connection that failed has no close_notify; its alert is sent if it waits.

        Returns:
            `Want.NOTHING`: close the socket now. `Want.WRITE`: first wait and call
            `flush_fd`.
        """
        return self._conn.close_fd(fd)

    # ---- inner ----

    def _finish(self, done: bool) -> None:  # noqa: FBT001 - the engine's word
        if self._built.logs_keys:
            lines = self._conn.key_log()
            if lines and self._config.key_log is not None:
                self._config.key_log(lines)
        if done:
            self._judge_by_newest()
            self._established = True

    def _judge_by_newest(self) -> None:
        """Let bundles that came during the handshake have the last word (P5)."""
        newest = self._config.current()
        if newest is self._built:
            return
        if newest.verifier is None:
            return
        purpose = PEER_PURPOSE[self._config.role]
        try:
            newest.verifier.verify(tuple(self._conn.presented()), _ffi.NOW, purpose)
        except PeerError:
            # To the engine this connection is a good one: the peer gets its end.
            self._conn.close()
            raise
        self._judged = newest

    def _refuse(self, error: PeerError) -> None:
        self._refusal = type(error), error.detail


def _session_key(config: TlsConfig, key: str | bytes) -> bytes:
    if config.role == "server" or not config.is_mutual:
        _settings.refuse("no session_key= but on a SPIFFE client", repr(key))
    if isinstance(key, str):
        key = key.encode("utf-8", "surrogatepass")
    if not isinstance(key, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        _settings.refuse("session_key= to be a text or bytes", repr(key))
    return key
