# SPDX-License-Identifier: Apache-2.0
"""Peer: `Verifier.verify_many` over a whole corpus, one call a lap.

Every leaf of the call is distinct. Nothing is taken out of a cache: a batch has none.
`--buffer` hands over one buffer with offsets instead of a list of `bytes`.
"""

from __future__ import annotations

from array import array
from itertools import accumulate

from bench.corpus import leaf_id
from bench.peers import corpus, sampler
from bench.pki import TRUST_DOMAIN
from handfast import BatchResult, ChainBuffer, TrustBundle, Verifier, openssl_version
from handfast.authorize import any_in


def check(result: BatchResult, count: int) -> None:
    """End the benchmark when a chain was refused, or verdicts are not in order."""
    assert len(result) == result.summary().accepted == count
    for number in (0, count // 2, count - 1):
        assert str(result[number].spiffe_id) == leaf_id(number)


def as_buffer(chains: list[bytes]) -> ChainBuffer:
    """Lay the chains out as Arrow would."""
    offsets = array("q", [0, *accumulate(map(len, chains))])
    return ChainBuffer(b"".join(chains), offsets)


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    corpus.add_arguments(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-lanes", action="store_true")
    parser.add_argument("--buffer", action="store_true")
    given = parser.parse_args()
    joined = [b"".join(chain) for chain, _ in corpus.chains(given)]
    chains = as_buffer(joined) if given.buffer else joined
    bundle = TrustBundle.from_der(TRUST_DOMAIN, corpus.anchor(given))
    verifier = Verifier(
        bundle, authorize=any_in(TRUST_DOMAIN), purpose="client", cache=None
    )

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps(len(joined)):
            result = verifier.verify_many(
                chains, threads=given.threads, lanes=not given.no_lanes
            )
            check(result, len(joined))

    facts: sampler.Facts = {
        "openssl": openssl_version().running,
        "threads": given.threads,
        "lanes": not given.no_lanes,
        "chains_a_call": len(joined),
    }
    sampler.serve(given, facts, take)


if __name__ == "__main__":
    main()
