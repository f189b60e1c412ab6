# SPDX-License-Identifier: Apache-2.0
"""Runs a scenario: all its peers alive at once, taking turns of half a second or more.

A B C C B A …: each round takes one sample of every peer. Only one peer works at a
time; the others wait in a read. The first sample of each is thrown away (warm-up).
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import corpus, figures, machine, pki
from bench.sampling import RunningPeer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.scenarios import Aim, Scenario

    Say = Callable[[str], None]

WARM_UP = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and where to measure, and with which programs."""

    rounds: int
    seconds: float
    cpu: int | None
    programs: Path
    missing: dict[str, str]  # programs that could not be built here, and why
    corpora: Path
    most: int | None = None  # leaves, in a short run


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that a scenario showed."""

    scenario: Scenario
    conditions: dict[str, Any]
    peers: dict[str, RunningPeer]
    absent: dict[str, str]
    ratios: list[figures.Ratio]


Samples = dict[str, list[dict[str, Any]]]


def make_ratios(scenario: Scenario, samples: Samples) -> list[figures.Ratio]:
    """Divide everybody by the first peer, then what the aims ask for besides."""
    names = [peer.name for peer in scenario.peers if peer.name in samples]
    asked = {
        (aim.peer, aim.over): aim
        for aim in scenario.aims
        if {aim.peer, aim.over, aim.needs} - {None} <= set(names)
    }
    pairs: dict[tuple[str, str | None], None] = {}
    pairs |= dict.fromkeys((name, names[0]) for name in names[1:])
    if "handfast" in names:
        rivals = {peer.name for peer in scenario.peers if peer.rival} - {"handfast"}
        pairs |= dict.fromkeys(("handfast", name) for name in names if name in rivals)
    pairs |= dict.fromkeys(asked)
    return [_ratio(scenario, pair, samples, asked.get(pair)) for pair in pairs]


def _ratio(
    scenario: Scenario,
    pair: tuple[str, str | None],
    samples: Samples,
    aim: Aim | None,
) -> figures.Ratio:
    wanted = None if aim is None else aim.ratio if aim.over is not None else aim.rate
    wall = scenario.wall or (aim is not None and aim.wall)
    return figures.ratio(*pair, samples, wanted, wall=wall)


def _input(scenario: Scenario, plan: Plan, say: Say, scratch: Path) -> Path:
    """Make what the peers read: the two ends' identities, or a corpus."""
    if scenario.corpus is None:
        return pki.write(scratch, scenario.key_type, identities=scenario.identities)
    wanted = scenario.corpus
    if plan.most is not None:
        wanted = replace(wanted, leaves=min(wanted.leaves, plan.most))
    return corpus.obtain(wanted, plan.programs, plan.corpora, say)


def _start(
    scenario: Scenario, plan: Plan, files: Path, stack: contextlib.ExitStack
) -> tuple[list[RunningPeer], dict[str, str]]:
    """Start all peers that can take part here; say why the others cannot."""
    running, absent = [], {}
    for peer in scenario.peers:
        needed = [peer.program, *([peer.helper] if peer.helper is not None else [])]
        without = [plan.missing[one] for one in needed if one in plan.missing]
        if without:
            absent[peer.name] = without[0]
            continue
        one = stack.enter_context(RunningPeer(peer, files, plan.programs, plan.cpu))
        if one.absent is not None:
            absent[peer.name] = one.absent
        else:
            running.append(one)
    return running, absent


def measure(scenario: Scenario, plan: Plan, say: Say) -> Result:
    """Run one scenario and return everything that was seen."""
    started = datetime.now(UTC)
    rounds = min(plan.rounds, scenario.rounds or plan.rounds)
    seconds = plan.seconds * scenario.stretch
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = _input(scenario, plan, say, scratch)
        running, absent = _start(scenario, plan, files, stack)
        steal = machine.steal_ticks()
        for peer in running:
            peer.sample(min(WARM_UP, plan.seconds))
        for number in range(rounds):
            say(f"{scenario.name}: round {number + 1} of {rounds}")
            # There and back: what drifts meets everybody alike.
            for peer in running if number % 2 == 0 else reversed(running):
                peer.samples.append(peer.sample(seconds))
        if scenario.split:
            for peer in running:
                if peer.peer.apart:
                    peer.split = peer.sample(seconds, split=True)
        after = machine.steal_ticks()
    conditions = {
        "started": started.isoformat(timespec="seconds"),
        "rounds": rounds,
        "seconds": seconds,
        "order": "A B C C B A",
        "warm_up_discarded": f"{WARM_UP} s of each peer",
        "pinned_to": plan.cpu,
        "steal_ticks": None if steal is None or after is None else after - steal,
        **_subject(scenario, plan),
    }
    return Result(
        scenario=scenario,
        conditions=conditions,
        peers={peer.peer.name: peer for peer in running},
        absent=absent,
        ratios=make_ratios(
            scenario, {peer.peer.name: peer.samples for peer in running}
        ),
    )


def _subject(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    """Say what was verified, or how hands were shaken."""
    if scenario.corpus is not None:
        return {
            "distinct_leaves": min(
                scenario.corpus.leaves, plan.most or scenario.corpus.leaves
            ),
            "authorities": scenario.corpus.algorithm,
            "leaf_keys": "p256",
            "input": "DER",
        }
    return {
        "threads": 1,
        "contexts": "one an identity and side, shared by all its connections",
        "identities": scenario.identities,
        "keys": scenario.key_type,
        "chain": "leaf and intermediate are sent, the root is not",
        "client_authentication": True,
        "resumption": "each by the ticket of the one before"
        if scenario.resumed
        else None,
        "clients_a_second": scenario.rate,
    }
