# SPDX-License-Identifier: Apache-2.0
"""Corpora: that what is verified is what was made, chain by chain.

The stamped leaves are made by a C program, which `make bench-verify` builds; each peer
there compares the identity of every chain.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from bench.peers import corpus as reader

from bench import corpus, pki
from handfast import TrustBundle, Verifier

SMALL = corpus.Corpus(algorithm="p384", leaves=1, issuers=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> argparse.Namespace:
    directory = tmp_path_factory.mktemp("corpus")
    root = pki.make_authority("bench root", pki.KEY_TYPES["p384"](), None)
    (directory / "root.der").write_bytes(root.certificate.public_bytes(corpus.DER))
    corpus.write_fresh(directory / "fresh", SMALL, root)
    return argparse.Namespace(pki=directory, signatures=2, fresh=True)


def test_fresh_chains_have_an_issuer_each_and_are_good(
    made: argparse.Namespace,
) -> None:
    chains = reader.chains(made)
    bundle = TrustBundle.from_der(pki.TRUST_DOMAIN, reader.anchor(made))
    verifier = Verifier(bundle, cache=None)
    assert len(chains) == len({chain[1] for chain, _ in chains}) == 3
    for number, (chain, expected) in enumerate(chains):
        assert str(verifier.verify(chain).spiffe_id) == expected
        assert expected == corpus.leaf_id(number)


def test_blocks_go_round_and_are_whole() -> None:
    blocks = reader.blocks(range(reader.BLOCK * 2 + 5))
    seen = [next(blocks) for _ in range(3)]
    assert [len(block) for block in seen] == [reader.BLOCK] * 3
    assert seen[0] == seen[2] != seen[1]


def test_a_mark_that_stands_twice_in_a_template_is_refused() -> None:
    """Filling in the first of two would make certificates that say two things."""
    assert corpus.places(b"abcabd", [b"abd", b"ca"]) == [3, 2]
    with pytest.raises(ValueError, match="2x"):
        corpus.places(b"abcabd", [b"ab"])
    with pytest.raises(ValueError, match="0x"):
        corpus.places(b"abcabd", [b"x"])


@pytest.mark.parametrize("key_type", pki.KEY_TYPES)
def test_each_key_signs_with_a_digest_of_its_strength(key_type: str) -> None:
    digest = pki.signing_hash(pki.KEY_TYPES[key_type]())
    expected = {"p384": "sha384", "ed25519": None}.get(key_type, "sha256")
    assert (digest.name if digest else None) == expected


def test_further_identities_are_others_of_the_same_name(tmp_path: Path) -> None:
    """`first-sight`: replicas of one workload, none of them seen before."""
    files = pki.write(tmp_path, identities=2)
    first, second = (
        pki.chain_der(files, pki.identity("client", number)) for number in (0, 1)
    )
    assert first[0] != second[0]
    assert first[1:] == second[1:]
    bundle = TrustBundle.from_der(pki.TRUST_DOMAIN, (files / "root.der").read_bytes())
    verifier = Verifier(bundle, cache=None)
    ids = {str(verifier.verify(chain).spiffe_id) for chain in (first, second)}
    assert ids == {pki.CLIENT_ID}
