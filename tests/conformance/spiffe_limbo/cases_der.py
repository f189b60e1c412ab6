# SPDX-License-Identifier: Apache-2.0
"""Malformed encodings: what is not DER is not a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.world import NOW, WEB, A, leaf

from handfast import Reason
from handfast.testing import Extension, der

__all__ = ["cases"]

_RULES: Final = "X509-27 I3"


def _frames() -> Iterator[tuple[str, bytes, Reason]]:
    """The certificate's own frame."""
    good = leaf(A)[0]
    body = good[4:]
    size = len(body).to_bytes(2, "big")
    yield "empty", b"", Reason.DER_TRUNCATED
    yield "one-byte", b"\x30", Reason.DER_TRUNCATED
    yield "not-a-certificate", b"not a certificate", Reason.DER_TAG
    yield "set-instead-of-sequence", b"\x31" + good[1:], Reason.DER_TAG
    yield "truncated", good[:-5], Reason.DER_TRUNCATED
    yield "half", good[: len(good) // 2], Reason.DER_TRUNCATED
    yield "trailing-zero", good + b"\0", Reason.DER_TRAILING
    yield "trailing-certificate", good + good, Reason.DER_TRAILING
    yield "indefinite-length", b"\x30\x80" + body + b"\0\0", Reason.DER_LENGTH
    yield "long-length", b"\x30\x83\x00" + size + body, Reason.DER_LENGTH
    yield "huge-length", b"\x30\x84\xff\xff\xff\xff" + body, Reason.DER_TOO_LARGE
    yield "reserved-length", b"\x30\xff" + body, Reason.DER_TOO_LARGE
    pem = b"-----BEGIN CERTIFICATE-----\n"
    yield "pem", pem, Reason.DER_TAG
    yield "zeros", bytes(64), Reason.DER_TAG


def _boolean(value: bytes) -> Extension:
    """Basic constraints with another spelling of their boolean."""
    return Extension("2.5.29.19", der.sequence(der.tlv(1, value)), critical=True)


def _inside() -> Iterator[tuple[str, dict[str, Any], Reason]]:
    """Parts of the certificate, signed as they are."""
    time = der.time(NOW)
    later = der.tlv(0x17, b"270201000000Z")
    times = {
        "offset": der.tlv(0x17, b"260101000000+0100"),
        "no-seconds": der.tlv(0x17, b"2601010000Z"),
        "month-13": der.tlv(0x17, b"261301000000Z"),
        "february-30": der.tlv(0x17, b"260230000000Z"),
        "hour-24": der.tlv(0x17, b"260101240000Z"),
        "second-60": der.tlv(0x17, b"260101000060Z"),
        "local": der.tlv(0x17, b"260101000000"),
        "fraction": der.tlv(0x18, b"20260101000000.5Z"),
        "letters": der.tlv(0x17, b"26O1O1OOOOOOZ"),
    }
    for name, start in times.items():
        validity = der.sequence(start, later)
        yield f"time-{name}", {"validity": validity}, Reason.DER_TIME
    yield (
        "time-early-generalized",
        {"validity": der.sequence(der.tlv(0x18, b"20260101000000Z"), later)},
        Reason.DER_TIME,
    )
    yield "validity-of-one", {"validity": der.sequence(time)}, Reason.DER_TRUNCATED
    san = {"uris": (), "san_critical": True}
    general = der.context(6, WEB.encode(), constructed=False)
    bad = Reason.CERTIFICATE_EXTENSION
    constructed = der.sequence(der.context(6, WEB.encode()))
    tag_9 = der.sequence(general, der.context(9, b"x", constructed=False))
    for name, value, reason in (
        ("empty", der.sequence(), bad),
        ("not-a-sequence", general, Reason.DER_TAG),
        ("trailing", der.sequence(general) + b"\0", Reason.DER_TRAILING),
        ("truncated", der.sequence(general)[:-3], Reason.DER_TRUNCATED),
        ("constructed-uri", constructed, bad),
        ("tag-9", tag_9, bad),
    ):
        made = {**san, "extensions": (Extension("2.5.29.17", value, critical=True),)}
        yield f"san-{name}", made, reason
    for name, value in {"false": b"\0", "one": b"\1", "two-bytes": b"\xff\xff"}.items():
        knobs: dict[str, Any] = {"ca": None, "extensions": (_boolean(value),)}
        yield f"basic-constraints-{name}", knobs, Reason.DER_VALUE
    for name, bits in {
        "wrong-unused": b"\x03\x02\x08\x80",
        "no-bytes": b"\x03\x00",
        "trailing-zero-bits": b"\x03\x02\x00\x80",
        "octets": b"\x04\x01\x80",
    }.items():
        usage = Extension("2.5.29.15", bits, critical=True)
        knobs = {"key_usage": None, "extensions": (usage,)}
        reason = Reason.DER_TAG if name == "octets" else Reason.DER_VALUE
        yield f"key-usage-{name}", knobs, reason
    yield "version-2", {"version": 2}, Reason.CERTIFICATE_VERSION
    yield "version-4", {"version": 4}, Reason.CERTIFICATE_VERSION


def cases() -> Iterator[Case]:
    """All of them."""
    for name, certificate, reason in _frames():
        # OpenSSL reads BER lengths: the standards want DER, and many readers do not.
        loose = name in {"indefinite-length", "long-length", "trailing-zero"}
        yield chain_case(
            f"der::{name}",
            _RULES,
            (certificate,),
            reason,
            policy="handfast-strict" if loose else "must",
        )
    for name, knobs, reason in _inside():
        # Some widely used readers take these; RFC 5280 wants DER.
        yield chain_case(
            f"der::{name}",
            _RULES,
            leaf(A, **knobs),
            reason,
            policy="handfast-strict",
        )
