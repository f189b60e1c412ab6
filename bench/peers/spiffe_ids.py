# SPDX-License-Identifier: Apache-2.0
"""Peer: `SpiffeId.parse` in Python, a thousand IDs a lap; c_ids.c is its twin."""

from __future__ import annotations

from bench.peers import sampler
from handfast import SpiffeId

IDS = [f"spiffe://prod.example/ns/team-{number}/sa/web" for number in range(1000)]


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")

    def take(clock: sampler.Clock) -> None:
        parse = SpiffeId.parse
        for _ in clock.laps(len(IDS)):
            for text in IDS:
                parse(text)

    sampler.serve(given, {"ids_a_lap": len(IDS)}, take)


if __name__ == "__main__":
    main()
