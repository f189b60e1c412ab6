# SPDX-License-Identifier: Apache-2.0
"""What an authority costs: how the figure is made, and when it is too much."""

from __future__ import annotations

from typing import Any

import pytest

from bench import issuing

IDLE = {"cpu": 0.2, "wall": 20.0, "issued": 0, "pushed": 0}


def found(each: float, workloads: int = 1_000) -> dict[str, Any]:
    busy = {"cpu": 0.2 + 2_000 * each, "wall": 20.0, "issued": 2_000, "pushed": 2_000}
    costs = issuing.costs(busy, IDLE, workloads)
    return {
        "conditions": {"workloads": workloads},
        "samples": [{"busy": busy, "idle": IDLE, **costs}],
        **costs,
    }


def test_what_a_second_at_rest_costs_is_not_an_svids() -> None:
    seen = found(0.002)
    assert seen["idle_share"] == pytest.approx(0.01)
    assert seen["cpu_per_svid"] == pytest.approx(0.002)
    assert seen["share"] == pytest.approx(0.01 + 0.002 * 1_000 / 600)


def test_more_than_two_percent_of_a_core_is_missed() -> None:
    assert issuing.missed(found(0.0059)) == []
    (words,) = issuing.missed(found(0.0061))
    assert words.endswith("2.02% of one core, at most 2%")


def test_nothing_is_asked_of_fewer_than_a_thousand() -> None:
    assert issuing.missed(found(1.0, workloads=200)) == []


def test_the_table_says_what_was_measured() -> None:
    lines = issuing.table(found(0.002)).splitlines()
    assert lines[0].startswith("an authority and 1,000 workloads")
    assert any(line.split()[-3:] == ["2.00", "2.00", "2.00"] for line in lines)
    assert lines[-1] == "  measured at 100 SVIDs a second, X.509 with push"
