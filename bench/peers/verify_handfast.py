# SPDX-License-Identifier: Apache-2.0
"""Peer: `Verifier.verify` of one chain after the other, from DER to a SPIFFE ID.

Known issuer (the default): every leaf is new, the authorities above it have been seen.
`--fresh`: every intermediate is new as well. `--cached`: the same thousand chains come
again and again, as a server's peers do; the identity is then looked at once a block,
because reading it would be a good part of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers import corpus, sampler
from bench.pki import TRUST_DOMAIN
from handfast import ChainCache, TrustBundle, Verifier, openssl_version
from handfast.authorize import any_in

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

KNOWN_CHAINS = 1_000

Block = list[tuple[corpus.Chain, str]]


def verifier(given: argparse.Namespace, cache: ChainCache | None) -> Verifier:
    """Make a verifier that has seen nothing yet."""
    bundle = TrustBundle.from_der(TRUST_DOMAIN, corpus.anchor(given))
    who = any_in(TRUST_DOMAIN)
    return Verifier(bundle, authorize=who, purpose="client", cache=cache)


def known(given: argparse.Namespace, chains: Block) -> Callable[[], None]:
    """Return what verifies one block of chains, none of them remembered."""
    blocks = corpus.blocks(chains)
    verify = verifier(given, None).verify

    def block() -> None:
        for chain, expected in next(blocks):
            assert str(verify(chain).spiffe_id) == expected

    return block


def fresh(given: argparse.Namespace, chains: Block) -> Callable[[], None]:
    """Return what verifies one block, and forgets all when the chains begin again."""
    blocks = corpus.blocks(chains)
    whole = len(chains) // corpus.BLOCK
    left = 0
    verify = verifier(given, None).verify

    def block() -> None:
        nonlocal left, verify
        if left == 0:
            left = whole
            verify = verifier(given, None).verify
        left -= 1
        for chain, expected in next(blocks):
            assert str(verify(chain).spiffe_id) == expected

    return block


def cached(given: argparse.Namespace, chains: Block) -> Callable[[], None]:
    """Return what verifies one block of chains that are all remembered."""
    blocks = corpus.blocks(chains[:KNOWN_CHAINS])
    cache = ChainCache()
    verify = verifier(given, cache).verify
    for chain, expected in chains[:KNOWN_CHAINS]:
        assert str(verify(chain).spiffe_id) == expected
    before = cache.statistics()

    def block() -> None:
        peer = None
        for chain, _ in (now := next(blocks)):
            peer = verify(chain)
        assert peer is not None
        assert str(peer.spiffe_id) == now[-1][1]
        assert cache.statistics().misses == before.misses

    return block


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    corpus.add_arguments(parser)
    parser.add_argument("--cached", action="store_true")
    given = parser.parse_args()
    way = cached if given.cached else fresh if given.fresh else known
    block = way(given, corpus.chains(given))

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps(corpus.BLOCK):
            block()

    sampler.serve(given, {"openssl": openssl_version().running}, take)


if __name__ == "__main__":
    main()
