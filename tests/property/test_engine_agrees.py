# SPDX-License-Identifier: Apache-2.0
"""Python's values and the C engine give one answer, down to the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import example, given
from hypothesis import strategies as st
from tests.property.strategies import nearly_ids, rules, similar_ids, valid_ids

from handfast import (
    HandfastError,
    NotAuthorized,
    Reason,
    SpiffeId,
    TrustBundle,
    TrustDomain,
    _ffi,
    authorize,
)
from handfast.authorize import DEPTH_MAX, Authorizer
from handfast.der import split_der
from handfast.testing import forge_root

POOL = [forge_root("a.example", key_type=kind).der for kind in ("p256", "ed25519")]

T = TypeVar("T")

texts = st.one_of(valid_ids, nearly_ids(), st.text(max_size=40))


def answer(ask: Callable[[], T]) -> T | Reason:
    """What comes back, or the reason why nothing does."""
    try:
        return ask()
    except HandfastError as error:
        return error.reason


@given(texts)
@example("")
@example("spiffe://")
@example("spiffe://" + "n" * 256)
@example("spiffe://a/" + "p" * 2038)
@example("spiffe://u:p@a/x")
@example("spiffe://Aa:1/x")
def test_ids_are_parsed_alike(text: str) -> None:
    """ID-01, ID-16, ID-17, ID-19, I3: the same parts, or the same reason."""
    raw = text.encode("utf-8", "surrogatepass")

    def ours() -> tuple[str, str]:
        spiffe_id = SpiffeId.parse(text)
        return spiffe_id.trust_domain.name, spiffe_id.path

    assert answer(ours) == answer(lambda: _ffi.check_spiffe_id(raw))


@given(texts)
@example("SPIFFE://A/B/C")
def test_leniency_is_alike(text: str) -> None:
    """ID-20."""
    raw = text.encode("utf-8", "surrogatepass")
    ours = answer(lambda: str(SpiffeId.parse_lenient(text)))
    assert ours == answer(lambda: _ffi.fold_spiffe_id(raw))


@given(st.one_of(texts, texts.map(lambda text: text.removeprefix("spiffe://"))))
@example("x" * 256)
@example("spiffe://a")
@example(":/@")
def test_trust_domains_are_parsed_alike(text: str) -> None:
    """ID-08, ID-19."""
    raw = text.encode("utf-8", "surrogatepass")
    ours = answer(lambda: TrustDomain.parse(text))
    theirs = answer(lambda: _ffi.check_trust_domain(raw))
    assert (ours if isinstance(ours, Reason) else None) == theirs


@given(rules, similar_ids)
def test_rules_are_judged_alike(rule: Authorizer, spiffe_id: SpiffeId) -> None:
    """I7: allows() promises what the engine does."""
    policy = _ffi.NativePolicy(rule.program())
    try:
        policy.check(str(spiffe_id).encode())
    except NotAuthorized:
        verdict = False
    else:
        verdict = True
    assert rule.allows(spiffe_id) is verdict


def test_the_deepest_and_the_largest_rule_fit_the_engine() -> None:
    """P8: what Python lets one build, the engine compiles."""
    deep = authorize.any_in("a")
    for level in range(DEPTH_MAX - 1):
        other = authorize.prefix(f"spiffe://b/{level}")
        deep = (other | deep) if level % 2 else (other & deep)
    assert deep.depth == DEPTH_MAX
    wide = authorize.exactly(*[f"spiffe://a/{number}" for number in range(60_000)])
    for rule in (deep, wide, wide | authorize.prefix("spiffe://b/x")):
        _ffi.NativePolicy(rule.program())
    _ffi.NativePolicy(wide.program()).check(b"spiffe://a/59999")


@given(st.lists(st.sampled_from(POOL), max_size=4))
def test_bundles_have_one_digest(parts: list[bytes]) -> None:
    """C1, C3: whichever side computes it."""
    bundle = TrustBundle.from_der("a.example", parts)
    native = _ffi.NativeBundle("a.example", bundle.x509_authorities)
    assert native.digest == bundle.digest
    assert len(native) == len(bundle)


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(POOL[0].__add__)))
@example(b"\x30\x80\x00\x00")
@example(b"\x30\x81\x05")
def test_der_is_cut_alike(data: bytes) -> None:
    """Whether it is refused, and where it is cut; the reasons are tested in each."""
    ours = answer(lambda: list(split_der(data)))
    theirs = answer(lambda: _ffi.split_der(data, limit=64))
    if isinstance(ours, Reason):
        assert isinstance(theirs, Reason)
    else:
        assert ours == theirs
