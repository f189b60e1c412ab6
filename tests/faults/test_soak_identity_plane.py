# SPDX-License-Identifier: Apache-2.0
"""Identities of ten seconds under load: the short form of `make soak-identity`."""

from __future__ import annotations

import trio
from tests.soak.identity_plane import Outcome, rotate


def test_nothing_is_lost_while_attested_identities_rotate() -> None:
    """P5: authority, serve and connect, told nothing but SPIFFE_ENDPOINT_SOCKET."""

    def enough(outcome: Outcome) -> bool:
        busy = min(outcome.full, outcome.resumed, outcome.answers) >= 20
        return busy and outcome.rotations >= 2

    outcome = trio.run(rotate, 10, enough, 120)
    assert outcome.wrong() == [], outcome.summary()
    assert outcome.rotations >= 2
