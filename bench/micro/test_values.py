# SPDX-License-Identifier: Apache-2.0
"""What the values cost: identities, SVIDs, bundles, authorizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.pki import CLIENT_ID, TRUST_DOMAIN
from handfast import SpiffeId, TrustBundle, X509Svid
from handfast.authorize import any_in, exactly, prefix

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

IDS = {
    "short": CLIENT_ID,
    "usual": "spiffe://prod.example/ns/payments/sa/api",
    "longest": "spiffe://prod.example/" + "a" * 2026,
}


@pytest.mark.parametrize("kind", IDS)
def test_parse_spiffe_id(benchmark: BenchmarkFixture, kind: str) -> None:
    """Strictly, as every ID in a certificate is."""
    parsed = benchmark(SpiffeId.parse, IDS[kind])
    assert str(parsed) == IDS[kind]


def test_svid_from_pem(benchmark: BenchmarkFixture, files: Path) -> None:
    """Chain and key, and whether they fit."""
    chain = (files / "client.pem").read_bytes()
    key = (files / "client.key.pem").read_bytes()
    svid = benchmark(X509Svid.from_pem, chain, key)
    assert str(svid.spiffe_id) == CLIENT_ID


def test_bundle_from_pem(benchmark: BenchmarkFixture, files: Path) -> None:
    """One authority."""
    data = (files / "root.pem").read_bytes()
    assert len(benchmark(TrustBundle.from_pem, TRUST_DOMAIN, data)) == 1


def test_authorizer_in_python(benchmark: BenchmarkFixture) -> None:
    """The twin in Python, for tools; handshakes ask the compiled one."""
    who = SpiffeId.parse(CLIENT_ID)
    rule = any_in("other.example") | prefix(CLIENT_ID) & ~exactly(CLIENT_ID + "/x")
    assert benchmark(rule.allows, who)
