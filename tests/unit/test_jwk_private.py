# SPDX-License-Identifier: Apache-2.0
"""Private keys as JWKs: WAPI-72 sends the key of a WIT-SVID so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tests.support import pki

from handfast import PrivateKey
from handfast.jwk import NotAJwk
from handfast.jwk_private import private_jwk, read_private_jwk

KINDS = ["p256", "p384", "p521", "rsa2048"]


def key(kind: str, number: int = 1) -> PrivateKey:
    return PrivateKey(pki.key(kind, number))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_as_it_went(kind: str) -> None:
    assert read_private_jwk(private_jwk(key(kind))) == key(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_pyjwt_reads_what_we_write_and_we_what_it_writes(kind: str) -> None:
    """An implementation of somebody else's (RFC 7518, sections 6.2.2 and 6.3.2)."""
    theirs: Any = RSAAlgorithm if kind.startswith("rsa") else ECAlgorithm
    assert PrivateKey(theirs.from_jwk(private_jwk(key(kind)))) == key(kind)
    assert read_private_jwk(theirs.to_jwk(key(kind).load())) == key(kind)


def test_other_kinds_are_not_written() -> None:
    with pytest.raises(NotAJwk, match="ed25519"):
        private_jwk(PrivateKey.generate("ed25519"))


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_what_is_missing_or_does_not_fit_is_refused_and_shows_nothing(
    kind: str,
) -> None:
    good = json.loads(private_jwk(key(kind)))
    other = json.loads(private_jwk(key(kind, 2)))
    changes: list[dict[str, Any]] = [{name: other[name]} for name in good]
    changes += [{name: ""} for name in good] + [{name: 7} for name in good]
    changes += [{"d": good["d"] + "="}, {"kty": "oct"}, {"kty": ["EC"]}]
    for change in changes:
        text = json.dumps(good | change)
        if json.loads(text) == good:
            continue  # both are of one kind, on one curve
        with pytest.raises(NotAJwk) as refused:
            read_private_jwk(text)
        assert good["d"] not in str(refused.value)
        assert other["d"] not in str(refused.value)
    for name in good:
        with pytest.raises(NotAJwk):
            read_private_jwk(json.dumps({n: it for n, it in good.items() if n != name}))


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{", '{"kty":"EC","kty":"EC"}', " " * 40_000, "\udc80"]
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(NotAJwk):
        read_private_jwk(text)
