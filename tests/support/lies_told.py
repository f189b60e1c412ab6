# SPDX-License-Identifier: Apache-2.0
"""The lies that a stack tells in a handshake, and the reason that each ends with."""

from __future__ import annotations

from tests.support.lies import (
    CCS,
    CLOSE_NOTIFY,
    DATA,
    FATAL,
    USER_CANCELED,
    WARNING,
    alert,
    before,
    certificates,
    change,
    extensions_with,
    flip,
    hello_with,
    instead,
    interrupt,
    of_length,
    server_hello_with,
    skip,
    swap,
    twice,
)
from tests.support.misbehaving import (
    ALERT,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
    HANDSHAKE,
    HEARTBEAT,
    KEY_UPDATE,
    NEW_SESSION_TICKET,
    RAW,
    SERVER_HELLO,
    Deviation,
    honest,
    message,
)

from handfast import Reason

ALGORITHM_RSA_PSS, ALGORITHM_SHA1 = b"\x08\x04", b"\x02\x03"
TICKET = message(
    NEW_SESSION_TICKET, bytes(8) + b"\x01a" + b"\0\x20" + bytes(32) + b"\0\0"
)
MANY = 40


def with_algorithm(algorithm: bytes) -> Deviation:
    """Name another signature algorithm than the signature is of."""
    return change(CERTIFICATE_VERIFY, lambda data: data[:4] + algorithm + data[6:])


def with_body(kind: int, body: bytes) -> Deviation:
    """Send another body under the same name."""
    return instead(kind, (HANDSHAKE, message(kind, body)))


#: What both roles can do wrong, and the reason that we give.
LIES: dict[str, tuple[Deviation, Reason]] = {
    "no Certificate": (skip(CERTIFICATE), Reason.PROTOCOL),
    "an empty Certificate": (with_body(CERTIFICATE, bytes(4)), Reason.NO_CERTIFICATE),
    "two Certificates": (twice(CERTIFICATE), Reason.PROTOCOL),
    "Certificate after its proof": (swap(CERTIFICATE), Reason.PROTOCOL),
    "a Certificate with a context": (
        change(CERTIFICATE, lambda data: message(CERTIFICATE, b"\x01x" + data[5:])),
        Reason.PROTOCOL,
    ),
    "bytes behind the Certificate": (
        change(CERTIFICATE, lambda data: message(CERTIFICATE, data[4:] + b"x")),
        Reason.PROTOCOL,
    ),
    "a compressed Certificate": (
        change(CERTIFICATE, lambda data: message(25, data[4:])),
        Reason.PROTOCOL,
    ),
    "a Certificate of garbage": (
        with_body(CERTIFICATE, certificates(1, b"garbage")),
        Reason.DER_TAG,
    ),
    "a hundred certificates": (
        with_body(CERTIFICATE, certificates(100, bytes(500))),
        Reason.CHAIN_TOO_LARGE,
    ),
    "a Certificate that says 16 MB": (
        change(CERTIFICATE, of_length(0xFFFFFF)),
        Reason.CHAIN_TOO_LARGE,
    ),
    "no proof": (skip(CERTIFICATE_VERIFY), Reason.PROTOCOL),
    "a wrong proof": (
        change(CERTIFICATE_VERIFY, flip(-1)),
        Reason.BAD_PROOF_OF_POSSESSION,
    ),
    "a proof of SHA-1": (with_algorithm(ALGORITHM_SHA1), Reason.INCOMPATIBLE),
    "a proof of RSA": (with_algorithm(ALGORITHM_RSA_PSS), Reason.INCOMPATIBLE),
    "two proofs": (twice(CERTIFICATE_VERIFY), Reason.PROTOCOL),
    "a proof after Finished": (swap(CERTIFICATE_VERIFY), Reason.PROTOCOL),
    "a proof that says 16 MB": (
        change(CERTIFICATE_VERIFY, of_length(0xFFFFFF)),
        Reason.PROTOCOL,
    ),
    "data in place of Finished": (instead(FINISHED, DATA), Reason.PROTOCOL),
    "a wrong Finished": (change(FINISHED, flip(-1)), Reason.PROTOCOL),
    "a short Finished": (
        change(FINISHED, lambda data: message(FINISHED, data[4:-1])),
        Reason.PROTOCOL,
    ),
    "a Finished that says 16 MB": (
        change(FINISHED, of_length(0xFFFFFF)),
        Reason.PROTOCOL,
    ),
    "data before Finished": (before(FINISHED, DATA), Reason.PROTOCOL),
    "data before Certificate": (before(CERTIFICATE, DATA), Reason.PROTOCOL),
    "data in the middle of Certificate": (
        interrupt(CERTIFICATE, DATA),
        Reason.PROTOCOL,
    ),
    "a KeyUpdate before Finished": (
        before(FINISHED, (HANDSHAKE, message(KEY_UPDATE, b"\0"))),
        Reason.PROTOCOL,
    ),
    "a ticket before Certificate": (
        before(CERTIFICATE, (HANDSHAKE, TICKET)),
        Reason.PROTOCOL,
    ),
    "an unknown message": (
        before(CERTIFICATE, (HANDSHAKE, message(99, b"abc"))),
        Reason.PROTOCOL,
    ),
    "an empty record": (before(CERTIFICATE, (HANDSHAKE, b"")), Reason.PROTOCOL),
    "a record of an unknown type": (before(CERTIFICATE, (99, b"x")), Reason.PROTOCOL),
    "a heartbeat": (
        before(CERTIFICATE, (HEARTBEAT, b"\x01\0\x05hello")),
        Reason.PROTOCOL,
    ),
    "many ChangeCipherSpecs": (before(CERTIFICATE, *[CCS] * MANY), Reason.PROTOCOL),
    "an odd ChangeCipherSpec": (
        before(CERTIFICATE, (CHANGE_CIPHER_SPEC, b"\x02")),
        Reason.PROTOCOL,
    ),
    "close_notify in the middle": (
        before(CERTIFICATE, alert(WARNING, CLOSE_NOTIFY)),
        Reason.CLOSED,
    ),
    "a flood of warnings": (
        before(CERTIFICATE, *[alert(WARNING, USER_CANCELED)] * MANY),
        Reason.PROTOCOL,
    ),
    "a warning that is fatal in 1.3": (
        before(CERTIFICATE, alert(WARNING, 112)),
        Reason.PEER_ALERT,
    ),
    "a fatal alert": (before(CERTIFICATE, alert(FATAL, 40)), Reason.PEER_ALERT),
    "half an alert": (before(CERTIFICATE, (ALERT, b"\x02")), Reason.PROTOCOL),
    "two alerts in one": (
        before(CERTIFICATE, (ALERT, b"\x01\x5a\x02\x28")),
        Reason.PROTOCOL,
    ),
}

EARLY_DATA = (RAW, b"\x17\x03\x03\x00\x64" + bytes(100))

LIES_OF_CLIENTS: dict[str, tuple[Deviation, Reason]] = {
    "two ClientHellos": (twice(CLIENT_HELLO), Reason.PROTOCOL),
    "a ServerHello first": (
        instead(CLIENT_HELLO, (HANDSHAKE, message(SERVER_HELLO, bytes(40)))),
        Reason.PROTOCOL,
    ),
    "Finished first": (
        instead(CLIENT_HELLO, (HANDSHAKE, message(FINISHED, bytes(32)))),
        Reason.PROTOCOL,
    ),
    "an empty hello": (with_body(CLIENT_HELLO, b""), Reason.PROTOCOL),
    "a hello of another shape": (change(CLIENT_HELLO, flip(38)), Reason.PROTOCOL),
    "a hello that says 16 MB": (
        change(CLIENT_HELLO, of_length(0xFFFFFF)),
        Reason.PROTOCOL,
    ),
    "a hello of 100 KB": (
        change(CLIENT_HELLO, lambda data: message(1, data[4:] + bytes(100_000))),
        Reason.PROTOCOL,
    ),
    "an extension twice": (hello_with(43, b"\x02\x03\x04"), Reason.PROTOCOL),
    "data that nobody announced": (
        lambda kind, data: [*honest(kind, data), *[EARLY_DATA] * (kind == 1)],
        Reason.PROTOCOL,
    ),
    "an EndOfEarlyData": (
        before(CERTIFICATE, (HANDSHAKE, message(5, b""))),
        Reason.PROTOCOL,
    ),
    "a HelloRequest": (
        before(CERTIFICATE, (HANDSHAKE, message(0, b""))),
        Reason.PROTOCOL,
    ),
    "a CertificateRequest of a client": (
        before(CERTIFICATE, (HANDSHAKE, message(CERTIFICATE_REQUEST, bytes(3)))),
        Reason.PROTOCOL,
    ),
    "EncryptedExtensions of a client": (
        before(CERTIFICATE, (HANDSHAKE, message(ENCRYPTED_EXTENSIONS, bytes(2)))),
        Reason.PROTOCOL,
    ),
}

LIES_OF_SERVERS: dict[str, tuple[Deviation, Reason]] = {
    "a ClientHello for an answer": (
        instead(SERVER_HELLO, (HANDSHAKE, message(CLIENT_HELLO, bytes(60)))),
        Reason.PROTOCOL,
    ),
    "two ServerHellos": (twice(SERVER_HELLO), Reason.PROTOCOL),
    "no EncryptedExtensions": (skip(ENCRYPTED_EXTENSIONS), Reason.PROTOCOL),
    "two EncryptedExtensions": (twice(ENCRYPTED_EXTENSIONS), Reason.PROTOCOL),
    "EncryptedExtensions late": (swap(ENCRYPTED_EXTENSIONS), Reason.PROTOCOL),
    "CertificateRequest late": (swap(CERTIFICATE_REQUEST), Reason.PROTOCOL),
    "two CertificateRequests": (twice(CERTIFICATE_REQUEST), Reason.PROTOCOL),
    "early data taken that was not offered": (
        extensions_with(ENCRYPTED_EXTENSIONS, 42),
        Reason.PROTOCOL,
    ),
    "ALPN that was not offered": (
        extensions_with(ENCRYPTED_EXTENSIONS, 16, b"\0\3\2h2"),
        Reason.PROTOCOL,
    ),
    "raw public keys that were not offered": (
        extensions_with(ENCRYPTED_EXTENSIONS, 20, b"\x02"),
        Reason.PROTOCOL,
    ),
    "a session that was not offered": (
        server_hello_with(SERVER_HELLO, 41, b"\0\0"),
        Reason.PROTOCOL,
    ),
    "a cipher suite that was not offered": (
        change(SERVER_HELLO, lambda data: _with_suite(data, b"\x13\x05")),
        Reason.PROTOCOL,
    ),
    "TLS 1.2, that we do not speak": (
        change(SERVER_HELLO, lambda data: message(2, data[4 : _suite_of(data) + 3])),
        Reason.VERSION_MISMATCH,
    ),
    # OpenSSL's client overlooks it, as in TLS 1.2; the transcripts then differ.
    "a HelloRequest": (
        before(CERTIFICATE, (HANDSHAKE, message(0, b""))),
        Reason.BAD_PROOF_OF_POSSESSION,
    ),
}


def _suite_of(server_hello: bytes) -> int:
    return 4 + 2 + 32 + 1 + server_hello[4 + 2 + 32]


def _with_suite(server_hello: bytes, suite: bytes) -> bytes:
    at = _suite_of(server_hello)
    return server_hello[:at] + suite + server_hello[at + 2 :]
