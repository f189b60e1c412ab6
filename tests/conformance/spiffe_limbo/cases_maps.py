# SPDX-License-Identifier: Apache-2.0
"""Bundle maps: the documents of several trust domains in one (section 5.1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Answer, Case, Policy
from tests.conformance.spiffe_limbo.world import A, root

from handfast import Reason, TrustBundle

__all__ = ["cases"]

_B: Final = root("b.example")


def _document(domain: str, der: bytes, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(TrustBundle.from_der(domain, [der]).to_json())
    return made | members


def _rows() -> Iterator[tuple[str, str, str, Answer, Policy]]:
    one = {"a.example": _document("a.example", A.der)}
    two = one | {"b.example": _document("b.example", _B.der)}
    told: Answer = {"a.example": (A.der,), "b.example": (_B.der,)}
    first: Answer = {"a.example": (A.der,)}
    none: Answer = {"a.example": ()}
    bad = Reason.BUNDLE_INVALID

    def text(domains: Any, **more: Any) -> str:
        return json.dumps({"trust_domains": domains, **more})

    yield "one", "BUN-21", text(one), first, "must"
    yield "two", "BUN-21 BUN-26", text(two), told, "must"
    yield "empty", "BUN-21", text({}), {}, "must"
    yield "unknown-member", "BUN-02", text(one, x=1), first, "must"
    yield "outer-hint", "BUN-24", text(one, spiffe_refresh_hint=60), first, "must"
    hinted = {"a.example": _document("a.example", A.der, spiffe_refresh_hint=1)}
    yield "inner-hint", "BUN-25", text(hinted), first, "must"
    no_keys: dict[str, Any] = {"a.example": {"keys": []}}
    yield "domain-without-keys", "BUN-11", text(no_keys), none, "must"
    yield "no-trust-domains", "BUN-21", "{}", bad, "must"
    yield "trust-domains-null", "BUN-21", text(None), bad, "must"
    yield "trust-domains-list", "BUN-21", text([one]), bad, "must"
    inner = json.dumps(one["a.example"])
    twice = f'{{"trust_domains": {{"a.example": {inner}, "a.example": {inner}}}}}'
    yield "name-twice", "BUN-22 BUN-23", twice, bad, "must"
    escaped = twice.replace('"a.example"', '"\\u0061.example"', 1)
    yield "name-twice-escaped", "BUN-22 BUN-23", escaped, bad, "must"
    for name in ("spiffe://a.example", "A.example", "a.example/web", "", "a example"):
        named = text({name: one["a.example"]})
        # A map is taken whole or not at all.
        yield f"name-{name or 'empty'}", "BUN-26", named, bad, "handfast-strict"
    spoilt = text(two | {"b.example": {}})
    yield "one-of-two-spoilt", "BUN-10 BUN-26", spoilt, bad, "handfast-strict"


def cases() -> Iterator[Case]:
    """All of them."""
    for name, rules, text, answer, policy in _rows():
        told = name.replace("-", " ")
        given = {"document": text}
        chosen = tuple(rules.split())
        identifier = f"bundle-map::{name}"
        yield Case(identifier, "bundle-map", chosen, told, policy, given, answer)
