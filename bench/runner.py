# SPDX-License-Identifier: Apache-2.0
"""Runs a scenario: all its peers alive at once, taking turns of half a second.

A B C C B A …: each round takes one sample of every peer. Only one peer works at a
time; the others wait in a read. The first sample of each is thrown away (warm-up).
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import figures, machine, pki
from bench.sampling import RunningPeer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.scenarios import Scenario

WARM_UP = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and where to measure."""

    rounds: int
    seconds: float
    cpu: int | None
    programs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that a scenario showed."""

    scenario: Scenario
    conditions: dict[str, Any]
    peers: dict[str, RunningPeer]
    ratios: list[figures.Ratio]


def _ratios(
    scenario: Scenario, samples: dict[str, list[dict[str, Any]]]
) -> list[figures.Ratio]:
    """Divide everybody by the first peer, then what the aims ask for besides."""
    names = [peer.name for peer in scenario.peers]
    aims = {(aim.peer, aim.over): aim.ratio for aim in scenario.aims}
    pairs = dict.fromkeys([(name, names[0]) for name in names[1:]])
    pairs |= dict.fromkeys(("handfast", name) for name in names if name != "handfast")
    pairs |= dict.fromkeys(aims)
    return [
        figures.ratio(peer, over, samples, aims.get((peer, over)))
        for peer, over in pairs
    ]


def measure(scenario: Scenario, plan: Plan, say: Callable[[str], None]) -> Result:
    """Run one scenario and return everything that was seen."""
    started = datetime.now(UTC)
    steal = machine.steal_ticks()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        files = pki.write(Path(directory), scenario.key_type)
        running = [
            stack.enter_context(RunningPeer(peer, files, plan.programs, plan.cpu))
            for peer in scenario.peers
        ]
        for peer in running:
            peer.sample(min(WARM_UP, plan.seconds))
        for number in range(plan.rounds):
            say(f"{scenario.name}: round {number + 1} of {plan.rounds}")
            # There and back: what drifts meets everybody alike.
            for peer in running if number % 2 == 0 else reversed(running):
                peer.samples.append(peer.sample(plan.seconds))
        if scenario.split:
            for peer in running:
                peer.split = peer.sample(plan.seconds, split=True)
    after = machine.steal_ticks()
    conditions = {
        "started": started.isoformat(timespec="seconds"),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "order": "A B C C B A",
        "warm_up_discarded": f"{WARM_UP} s of each peer",
        "pinned_to": plan.cpu,
        "threads": 1,
        "contexts": "one a side, shared by all connections",
        "keys": scenario.key_type,
        "chain": "leaf and intermediate are sent, the root is not",
        "client_authentication": True,
        "resumption": None,
        "steal_ticks": None if steal is None or after is None else after - steal,
    }
    return Result(
        scenario=scenario,
        conditions=conditions,
        peers={peer.peer.name: peer for peer in running},
        ratios=_ratios(scenario, {peer.peer.name: peer.samples for peer in running}),
    )
