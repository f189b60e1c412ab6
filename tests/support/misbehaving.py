# SPDX-License-Identifier: Apache-2.0
"""A TLS stack that nobody here wrote, tlslite-ng, and ways to make it lie.

A deviation sees each handshake message before it is sent and says what goes out in its
place. What goes out is what the peer's own transcript has: it lies, and signs its lies
with its real key. Everything is in memory, so nothing here waits.
"""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from handfast import Connection, HandfastError, X509Svid

with warnings.catch_warnings():
    # Its glue for asyncore, which nobody uses here, is imported with the rest.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    from tlslite.errors import BaseTLSException
    from tlslite.messages import Message

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = range(20, 25)

CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET = 1, 2, 4
ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_REQUEST = 8, 11, 13
CERTIFICATE_VERIFY, FINISHED, KEY_UPDATE = 15, 20, 24

#: What goes out: the type of a record, and what is in it.
Record = tuple[int, bytes]
#: From a message's type and its bytes, header included, to what goes out instead.
Deviation = Callable[[int, bytes], Iterable[Record]]

#: In place of a type: bytes that go out as they are, outside of every record.
RAW = -1

RECORD_MAX = 1 << 14


def message(kind: int, body: bytes) -> bytes:
    """Put a header before the body of a handshake message."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def honest(_kind: int, data: bytes) -> Iterable[Record]:
    """Send what is to be sent."""
    return [(HANDSHAKE, data)]


class _Socket:
    """What the stack takes for a socket."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = bytearray(), bytearray()

    def recv(self, count: int) -> bytes:
        if not self.incoming:
            raise OSError(errno.EWOULDBLOCK, "nothing there")
        taken = bytes(self.incoming[:count])
        del self.incoming[:count]
        return taken

    def send(self, data: bytes) -> int:
        self.outgoing += data
        return len(data)

    sendall = send

    def close(self) -> None:
        """Nothing is open."""


class _Liar(TLSConnection):  # type: ignore[misc] # it has no types
    """The stack, with a deviation in its way out."""

    deviation: Deviation = staticmethod(honest)
    #: Collect messages from one to another, and send them as one record.
    merge_from: int | None = None
    merge_until: int | None = None

    def __init__(self, sock: _Socket) -> None:
        super().__init__(sock)
        self.merged = bytearray()

    def _sendMsg(  # noqa: N802 - the stack's name
        self, msg: Any, *_: object, update_hashes: bool = True, **__: object
    ) -> Iterator[int]:
        data, kind = bytes(msg.write()), msg.contentType
        records: Iterable[Record] = [(kind, data)]
        if kind == HANDSHAKE:
            records = self.deviation(data[0], data)
        for record, content in records:
            if record == HANDSHAKE and update_hashes:
                self._handshake_hash.update(bytearray(content))
            if record == RAW:
                self.sock.send(content)
            elif record == HANDSHAKE and (self.merged or data[0] == self.merge_from):
                self.merged += content
            else:
                yield from self._send_pieces(record, content)
        if kind == HANDSHAKE and data[0] == self.merge_until:
            yield from self._send_pieces(HANDSHAKE, bytes(self.merged))
            self.merged.clear()

    def _send_pieces(self, record: int, content: bytes) -> Iterator[int]:
        for start in range(0, len(content) or 1, RECORD_MAX):
            piece = bytearray(content[start : start + RECORD_MAX])
            yield from self._sendMsgThroughSocket(Message(record, piece))

    def _queue_message(self, msg: Any) -> None:
        # One record a message; the next one may sign what went out now.
        for _ in self._sendMsg(msg):
            pass

    def _queue_flush(self) -> Iterator[int]:
        return iter(())


class TlslitePeer:
    """The other end by tlslite-ng: honest but for its deviation."""

    def __init__(
        self,
        role: Literal["client", "server"],
        svid: X509Svid | None,
        *,
        key_of: X509Svid | None = None,
        deviation: Deviation = honest,
        ask_for_certificate: bool = True,
        **settings: Any,
    ) -> None:
        chain = key = None
        if svid is not None:
            chain = X509CertChain()
            chain.parsePemList(svid.to_pem_chain().decode())
            key = parsePEMKey((key_of or svid).to_pem_key().decode(), private=True)
        self._socket = _Socket()
        self.tls = _Liar(self._socket)
        self.tls.deviation = deviation
        self.done = False
        self.error: BaseTLSException | None = None
        made = HandshakeSettings()
        made.minVersion = made.maxVersion = (3, 4)
        made.eccCurves = ["x25519", "secp256r1"]
        made.keyShares = ["x25519"]
        made.ticket_count = 0
        made.certificate_compression_send = []
        made.certificate_compression_receive = []
        for name, value in settings.items():
            setattr(made, name, value)
        if role == "client":
            self._steps = self.tls.handshakeClientCert(
                chain, key, settings=made, async_=True
            )
        else:
            self._steps = self.tls.handshakeServerAsync(
                certChain=chain,
                privateKey=key,
                reqCert=ask_for_certificate,
                settings=made,
            )

    def step(self, data: bytes = b"") -> bytes:
        """Take bytes, go on as far as possible, and return what is to be sent."""
        self._socket.incoming += data
        if not self.done and self.error is None:
            try:
                while next(self._steps) != 0:
                    pass
            except StopIteration:
                self.done = True
            except BaseTLSException as error:
                self.error = error
        return self.take()

    def take(self) -> bytes:
        """Return what is to be sent."""
        taken = bytes(self._socket.outgoing)
        self._socket.outgoing.clear()
        return taken

    def put(self, *records: Record) -> bytes:
        """Encrypt records as they are, with the keys of now; return them."""
        for kind, content in records:
            if kind == RAW:
                self._socket.send(content)
                continue
            for _ in self.tls._sendMsgThroughSocket(Message(kind, bytearray(content))):
                pass
        return self.take()

    def update_keys(self, body: int = 0) -> bytes:
        """Send a KeyUpdate, and go on under new keys."""
        sent = self.put((HANDSHAKE, message(KEY_UPDATE, bytes([body]))))
        session = self.tls.session
        session.cl_app_secret, session.sr_app_secret = (
            self.tls._recordLayer.calcTLS1_3KeyUpdate_reciever(
                session.cipherSuite, session.cl_app_secret, session.sr_app_secret
            )
        )
        return sent


def meet(ours: Connection, peer: TlslitePeer) -> HandfastError | None:
    """Let them shake hands until nothing moves; say what ours raised.

    An end that still waits then is told that nothing more comes.
    """
    try:
        ours.handshake()
        while answer := peer.step(ours.to_send()):
            for start in range(0, len(answer), RECORD_MAX):
                ours.receive(answer[start : start + RECORD_MAX])
                ours.handshake()
        if not ours.handshake():
            ours.receive(b"")
            ours.handshake()
    except HandfastError as error:
        peer.step(ours.to_send())
        return error
    return None


def hear(ours: Connection, *flights: bytes) -> HandfastError | bytes:
    """Give records to ours after the handshake; return what it read, or raised."""
    heard = b""
    try:
        for data in flights:
            ours.receive(data)
            while got := ours.read():
                heard += got
    except HandfastError as error:
        return error
    return heard
