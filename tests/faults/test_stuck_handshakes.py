# SPDX-License-Identifier: Apache-2.0
"""Stuck handshakes and floods of them, the short forms of `make soak`.

The server is in a process of its own: its memory and descriptors are nobody else's.
That all of it takes a second at most is for `make soak` on a quiet machine.
"""

from __future__ import annotations

import pytest
from tests.soak.flood import flood
from tests.soak.stuck import MOST_BYTES, get_stuck
from tests.soak.stuck_clients import KINDS
from tests.support.net_world import PATIENCE, trio_test

COUNT = 200
DEADLINE = 4.0


@pytest.mark.parametrize("kind", KINDS)
@trio_test
async def test_stuck_handshakes_cost_little_and_end_at_their_deadline(
    kind: str,
) -> None:
    """D1, D2: of each kind; a good client comes through, and nothing is left open."""
    outcome = await get_stuck(kind, count=COUNT, deadline=DEADLINE, workers=2)
    assert outcome.bytes_each <= MOST_BYTES, outcome
    assert outcome.good_client < PATIENCE, outcome
    assert outcome.timeouts == COUNT, outcome
    assert outcome.first_end >= DEADLINE - 0.2, outcome
    assert outcome.last_end <= DEADLINE + PATIENCE, outcome
    assert outcome.descriptors_left <= 0, outcome


@trio_test
async def test_a_flood_is_counted_and_bounded_and_good_clients_are_served() -> None:
    """P8, D2: how long good clients wait is for `make soak`, too."""
    outcome = await flood(connections=COUNT, a_second=400, workers=2, samples=5)
    assert outcome.counted == COUNT, outcome
    assert outcome.bytes_each <= MOST_BYTES, outcome
    assert max(outcome.coming + outcome.held) < PATIENCE, outcome
