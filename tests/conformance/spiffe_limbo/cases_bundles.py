# SPDX-License-Identifier: Apache-2.0
"""Bundle documents: what is taken, what is passed over, what spoils all of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, Policy, bundle_case
from tests.conformance.spiffe_limbo.world import DOMAIN, A, leaf, root

from handfast import Reason, TrustBundle

__all__ = ["cases"]

_B: Final = root(DOMAIN, label="second")
_BAD: Final = Reason.BUNDLE_INVALID


def _entry(der: bytes = A.der, **members: Any) -> dict[str, Any]:
    """The entry that a publisher must write, with members changed; ... drops one."""
    written = json.loads(TrustBundle.from_der(DOMAIN, [der]).to_json())["keys"][0]
    changed: dict[str, Any] = written | members
    return {name: value for name, value in changed.items() if value is not ...}


def _document(*keys: Any, **members: Any) -> str:
    return json.dumps({"keys": list(keys), **members})


def _taken() -> Iterator[tuple[str, str, str, tuple[bytes, ...]]]:
    one, two = (A.der,), (A.der, _B.der)
    b64 = base64.b64encode(_B.der).decode()
    good = _entry()
    yield "one", "X509-35 X509-37", _document(good), one
    yield "two", "X509-40 X509-43", _document(good, _entry(_B.der)), two
    yield "same-twice", "X509-43", _document(good, good), one
    yield "no-keys-in-it", "BUN-11 BUN-13", _document(), ()
    no_x5c = _entry(_B.der, x5c=...)
    yield "x5c-absent", "X509-41", _document(no_x5c, good), one
    yield "x5c-empty", "X509-41", _document(_entry(_B.der, x5c=[]), good), one
    several = _entry(x5c=[*good["x5c"], b64])
    yield "x5c-several", "X509-38 X509-42", _document(several), one
    spoilt = _entry(x5c=[*good["x5c"], "!!"])
    yield "x5c-second-is-junk", "X509-42", _document(spoilt), one
    for use in ("jwt-svid", "wit-svid", "sig", "X509-SVID", "x509-svid ", "", None, 7):
        odd = _entry(_B.der, use=use)
        yield f"use-{use!r}", "BUN-17 BUN-18", _document(odd, good), one
    yield "use-absent", "BUN-18", _document(_entry(_B.der, use=...), good), one
    for kty in ("AKP", "oct", "ec", "", None):
        odd = _entry(_B.der, kty=kty)
        yield f"kty-{kty!r}", "BUN-12 BUN-16", _document(odd, good), one
    yield "kty-absent", "BUN-15", _document(_entry(_B.der, kty=...), good), one
    yield "all-passed-over", "BUN-13 X509-43", _document(no_x5c), ()
    unknown = _document(good, x=1, **{"spiffe:y": {"z": []}})
    yield "unknown-members", "BUN-02", unknown, one
    yield "unknown-jwk-members", "BUN-14", _document(_entry(alg="x", n0=[])), one
    yield "kid-tolerated", "X509-36", _document(_entry(kid="a")), one
    for sequence in (0, 1, (1 << 53) + 1, 1 << 63, (1 << 64) - 1):
        text = _document(good, spiffe_sequence=sequence)
        yield f"sequence-{sequence}", "BUN-04 BUN-06", text, one
    for hint in (0, -1, 300, 1 << 80):
        text = _document(good, spiffe_refresh_hint=hint)
        yield f"hint-{hint}", "BUN-08 BUN-09", text, one
    middle = root(DOMAIN, label="no id", uris=())
    yield (
        "authority-without-id",
        "X509-09",
        _document(_entry(middle.der)),
        (middle.der,),
    )
    for kind in ("p384", "rsa2048"):
        ca = root(DOMAIN, label=kind, key_type=kind)
        yield f"key-{kind}", "X509-37", _document(_entry(ca.der)), (ca.der,)


def _spoilt() -> Iterator[tuple[str, str, str, Reason]]:
    good = _entry()
    b64 = good["x5c"][0]
    yield "empty-text", "BUN-01", "", _BAD
    yield "not-json", "BUN-01", "{", _BAD
    yield "an-array", "BUN-01", "[]", _BAD
    yield "a-number", "BUN-01", "1", _BAD
    yield "nan", "BUN-01", '{"keys": [], "x": NaN}', _BAD
    yield "trailing-text", "BUN-01", _document(good) + "x", _BAD
    yield "deep", "BUN-01 F2", "[" * 100_000, _BAD
    yield "no-keys", "BUN-10", "{}", _BAD
    yield "keys-null", "BUN-10", '{"keys": null}', _BAD
    yield "keys-object", "BUN-10", '{"keys": {}}', _BAD
    yield "entry-no-object", "BUN-01", '{"keys": [1]}', _BAD
    yield "keys-twice", "BUN-01 F2", '{"keys": [], "keys": []}', _BAD
    sequences: tuple[object, ...] = ("1", 1.5, True, -1, 1 << 64, [])
    for sequence in sequences:
        text = _document(good, spiffe_sequence=sequence)
        yield f"sequence-{sequence!r}", "BUN-04 BUN-06", text, _BAD
    hints: tuple[object, ...] = ("1", 1.5, True, {})
    for hint in hints:
        text = _document(good, spiffe_refresh_hint=hint)
        yield f"hint-{hint!r}", "BUN-08", text, _BAD
    for name, first in {
        "number": 1,
        "url-alphabet": b64.replace("+", "-").replace("/", "_"),
        "unpadded": b64.rstrip("="),
        "whitespace": f"{b64[:40]}\n{b64[40:]}",
        "pem": f"-----BEGIN CERTIFICATE-----{b64}-----END CERTIFICATE-----",
    }.items():
        yield f"x5c-{name}", "X509-37", _document(_entry(x5c=[first])), _BAD
    yield "x5c-text", "X509-37", _document(_entry(x5c=b64)), _BAD
    yield "x5c-junk", "X509-37", _document(_entry(x5c=["AAAA"])), Reason.DER_VALUE
    workload = base64.b64encode(leaf(A)[0]).decode()
    other = _entry(x5c=[workload], x=..., y=...)
    yield (
        "x5c-of-a-workload",
        "X509-37 X509-08",
        _document(other),
        Reason.AUTHORITY_NOT_CA,
    )
    mixed = _entry(x5c=_entry(_B.der)["x5c"])
    yield "key-of-another", "X509-37", _document(mixed), _BAD


def cases() -> Iterator[Case]:
    """All of them."""
    for name, rules, text, authorities in _taken():
        yield bundle_case(f"bundle::{name}", rules, text, authorities)
    for name, rules, text, reason in _spoilt():
        # Section 4.1.3 calls a document without keys malformed; and JSON is JSON.
        must = "BUN-10" in rules or name in {"empty-text", "not-json", "an-array"}
        policy: Policy = "must" if must else "handfast-strict"
        yield bundle_case(f"bundle::{name}", rules, text, reason, policy)
