# SPDX-License-Identifier: Apache-2.0
"""Bundle maps: several trust domains in one document, whole or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support import tokens

from handfast import (
    BundleDocument,
    BundleMap,
    InvalidBundle,
    Reason,
    TrustBundle,
    TrustDomain,
)
from handfast.authority import Authority
from handfast.bundle_map import DOMAINS_MAX, MAP_MAX

A, B = "a.example", "b.example"


def document(name: str = A, **members: Any) -> dict[str, Any]:
    return {"keys": [], "spiffe_sequence": 1, "name": name} | members


def read(domains: object, **members: object) -> BundleMap:
    return BundleMap.from_json(json.dumps({"trust_domains": domains} | members))


def refusal_of(text: str | bytes | dict[str, Any]) -> str:
    data = json.dumps(text) if isinstance(text, dict) else text
    with pytest.raises(InvalidBundle) as caught:
        BundleMap.from_json(data)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.fixture(scope="module")
def both(authority: Authority, other_authority: Authority) -> BundleMap:
    documents = [
        BundleDocument.of(other_authority.bundle, sequence=2**64 - 1),
        BundleDocument.of(authority.bundle, tokens.bundle(), sequence=1),
    ]
    return BundleMap(documents, refresh_hint=60)


def test_a_map_is_written_and_read(both: BundleMap) -> None:
    """BUN-21, BUN-22, BUN-26: in the order of the names, each once."""
    again = BundleMap.from_json(both.to_json())
    assert again == both
    assert again.refresh_hint == 60
    assert list(json.loads(both.to_json())["trust_domains"]) == [A, B]
    assert again[B].sequence == 2**64 - 1, "BUN-06"
    assert again.jwt[A] == tokens.bundle()
    assert again.x509[B].x509_authorities == both[B].x509.x509_authorities


def test_an_empty_map_trusts_nobody() -> None:
    """BUN-21: `trust_domains` is there, and may be empty."""
    assert json.loads(BundleMap().to_json()) == {"trust_domains": {}}
    assert len(read({})) == len(read({}).x509) == 0


@pytest.mark.parametrize("domains", [None, [], "x", 7])
def test_trust_domains_must_be_there_and_an_object(domains: object) -> None:
    """BUN-21."""
    assert "trust_domains" in refusal_of({"trust_domains": domains})
    assert "trust_domains" in refusal_of({})


@pytest.mark.parametrize("second", ['"a.example"', '"\\u0061.example"'])
def test_a_trust_domain_twice_refuses_the_map(second: str) -> None:
    """BUN-23, F2: two readers could take two different ones."""
    inner = json.dumps(document())
    text = f'{{"trust_domains": {{"a.example": {inner}, {second}: {inner}}}}}'
    assert "a name twice" in refusal_of(text)


def test_hints_of_documents_in_a_map_change_nothing(authority: Authority) -> None:
    """BUN-24, BUN-25: neither read nor written."""
    found = read({A: document(spiffe_refresh_hint=1)})
    assert found[A].refresh_hint is None
    assert found[A].x509.refresh_hint is None
    assert found.refresh_hint is None
    own = BundleDocument.of(authority.bundle, refresh_hint=1)
    assert b"refresh_hint" not in BundleMap([own]).to_json()


@pytest.mark.parametrize(
    "name", ["spiffe://a.example", "A.example", "a.example/web", "", "a example", "\n"]
)
def test_names_are_bare_trust_domains(name: str) -> None:
    """BUN-26: and one that is none refuses the others with it."""
    said = refusal_of({"trust_domains": {B: document(), name: document()}})
    assert "bare trust domain names" in said


@pytest.mark.parametrize("bad", [None, [], 7, {}, {"keys": None}, {"keys": [7]}])
def test_one_document_that_cannot_be_used_refuses_the_map(bad: object) -> None:
    """BUN-26: a map is taken as a whole or not at all."""
    refusal_of({"trust_domains": {A: document(), B: bad}})


def test_unknown_members_of_a_map_change_nothing() -> None:
    """BUN-02: and nothing in a document chooses the trust domain (BUN-19, F3)."""
    found = read({A: document(B)}, other=1, spiffe_sequence="x")
    assert [one.trust_domain for one in found] == [TrustDomain(A)]


def test_a_map_has_a_hint_of_its_own() -> None:
    """BUN-08, BUN-09."""
    assert read({}, spiffe_refresh_hint=-5).refresh_hint == 0
    assert "an integer" in refusal_of({"trust_domains": {}, "spiffe_refresh_hint": 1.5})
    with pytest.raises(InvalidBundle, match="a hint"):
        BundleMap(refresh_hint=-1)


def test_maps_are_bounded() -> None:
    """F2, P8."""
    many = {f"d{number}": document() for number in range(DOMAINS_MAX + 1)}
    assert f"at most {DOMAINS_MAX}" in refusal_of({"trust_domains": many})
    names = [TrustDomain(name) for name in many]
    with pytest.raises(InvalidBundle, match="trust domains"):
        BundleMap(BundleDocument.of(TrustBundle(name)) for name in names)
    with pytest.raises(InvalidBundle) as caught:
        BundleMap.from_json(b" " * (MAP_MAX + 1))
    assert caught.value.reason is Reason.LIMIT


def test_a_map_holds_each_trust_domain_once() -> None:
    """BUN-22."""
    own = BundleDocument.of(TrustBundle(TrustDomain(A)))
    with pytest.raises(InvalidBundle) as caught:
        BundleMap([own, own])
    assert caught.value.reason is Reason.BUNDLE_DUPLICATE


def test_two_authorities_never_share_a_root(
    authority: Authority, other_authority: Authority
) -> None:
    """BUN-27: nor can a second authority of the same name."""
    third = Authority(A)
    roots = {one.root.key.public_der for one in (authority, other_authority, third)}
    assert len(roots) == 3
