# SPDX-License-Identifier: Apache-2.0
"""The tables of scenarios, and what becomes of aims and of peers that are absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.runner import Result, make_ratios
from bench.scenarios import SCENARIOS, Aim, Peer, Scenario

from bench import loads, matrix, report, verifying

ALL = (*SCENARIOS, *loads.SCENARIOS, *matrix.SCENARIOS, *verifying.SCENARIOS)


def peer(name: str) -> Peer:
    return Peer(name=name, program=f"verify_{name}", note="")


def samples(rate: float) -> list[dict[str, Any]]:
    return [{"count": rate, "cpu": 1.0, "wall": 1.0}]


LANES = Aim(peer="fast", over="slow", ratio=2.0, needs="lanes")
SCENARIO = Scenario(
    name="one",
    title="what is measured",
    peers=(peer("slow"), peer("fast"), peer("lanes")),
    aims=(LANES, Aim(peer="fast", rate=250.0)),
)


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_aims_are_about_peers_of_their_own_scenario(scenario: Scenario) -> None:
    names = [one.name for one in scenario.peers]
    assert len(set(names)) == len(names)
    for aim in scenario.aims:
        assert {aim.peer, aim.over, aim.needs} - {None} <= set(names)
        assert (aim.ratio > 0) != (aim.rate > 0), "a ratio to somebody, or a rate"
        assert (aim.over is None) == (aim.rate > 0)


def test_scenarios_are_told_apart_by_name() -> None:
    groups = ["handshakes", loads.GROUP, matrix.GROUP, verifying.GROUP]
    names = [one.name for one in ALL] + groups
    assert len(set(names)) == len(names)


def test_every_python_peer_is_a_module_that_is_there() -> None:
    """A C, Go or Rust one is built, and missed by the build."""
    folder = Path(verifying.__file__).parent / "peers"
    for scenario in ALL:
        for one in scenario.peers:
            if not one.program.startswith(("c_", "go_", "rust_")):
                assert (folder / f"{one.program}.py").is_file()


def test_all_axes_of_authorities_and_chains_are_there() -> None:
    """Issue 3: P-256, P-384, RSA-2048, Ed25519; chains of one and two signatures."""
    axes = {
        (one.corpus.algorithm, one.peers[0].options[-1])
        for one in verifying.AXES
        if one.corpus is not None
    }
    algorithms = ("p256", "p384", "rsa2048", "ed25519")
    assert axes == {(name, count) for name in algorithms for count in "12"}


def test_the_aims_of_issue_3_are_asked() -> None:
    """Its section "It must show", points 1 to 3."""
    asked = {
        (scenario.name, aim.peer, aim.over, aim.ratio or aim.rate)
        for scenario in ALL
        for aim in scenario.aims
    }
    assert {
        ("verify-batch", "batch_1", "raw", 2.5),
        ("verify-batch", "batch_evp_1", "raw", 0.9),
        ("verify-batch", "batch_2", "batch_1", 1.8),
        ("verify-gil", "beside_batch", "alone", 0.9),
        ("verify-single", "handfast", "cryptography", 2.2),
        ("verify-single", "handfast_cached", None, 250_000),
        ("full", "handfast", "c_stock", 1.45),
        ("first-sight", "handfast", "c_stock", 1.1),
    } <= asked


def test_an_aim_is_not_asked_where_what_it_needs_is_not() -> None:
    """Lanes want AVX-512 IFMA: elsewhere the figure is shown, and nobody misses it."""
    seen = {"slow": samples(100), "fast": samples(150)}
    found = {(one.peer, one.over): one for one in make_ratios(SCENARIO, seen)}
    assert found["fast", "slow"].reached is None
    assert found["fast", None].reached is False
    with_lanes = make_ratios(SCENARIO, seen | {"lanes": samples(1)})
    assert [one.reached for one in with_lanes if one.over == "slow"] == [False, None]


def test_a_scenario_of_the_wall_clock_is_divided_by_it() -> None:
    seen = {
        "slow": [{"count": 10, "cpu": 2.0, "wall": 1.0}],
        "fast": [{"count": 10, "cpu": 1.0, "wall": 1.0}],
    }
    (first, *_) = make_ratios(replace(SCENARIO, wall=True, aims=()), seen)
    assert first.median == 1.0


def test_the_report_names_who_is_absent_and_what_was_missed() -> None:
    """The rest of the scenario is measured all the same."""
    seen = {"slow": samples(100), "fast": samples(150)}
    corpus = verifying.AXES[0].corpus
    result = Result(
        scenario=replace(SCENARIO, corpus=corpus),
        conditions={"distinct_leaves": 10_000},
        peers={},
        absent={"lanes": "not here: go"},
        ratios=make_ratios(SCENARIO, seen),
    )
    text = report.table(result)
    assert "what is measured; 10,000 distinct leaves" in text
    assert "lanes: absent: not here: go" in text
    assert "fast, a second  150  [150, 150]  best 150  aim >= 250: MISSED" in text
