# SPDX-License-Identifier: Apache-2.0
"""Identities rotate under load: the short form of `make soak-identity`."""

from __future__ import annotations

import trio
from tests.soak.identity_plane import rotate
from tests.soak.identity_plane_outcome import Outcome


def test_nothing_is_lost_while_attested_identities_rotate() -> None:
    """P5: authority, serve and connect, told nothing but SPIFFE_ENDPOINT_SOCKET."""

    def enough(outcome: Outcome) -> bool:
        busy = min(outcome.full, outcome.resumed, outcome.answers) >= 5
        return busy and outcome.rotations >= 4

    async def main() -> Outcome:
        return await rotate(3600, enough, 600, every=0.1, by_reload=True)

    outcome = trio.run(main)
    assert outcome.wrong() == [], outcome.summary()
    assert enough(outcome), outcome.summary()
