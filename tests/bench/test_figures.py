# SPDX-License-Identifier: Apache-2.0
"""The benchmark's arithmetic: a figure that we publish must mean what it says."""

from __future__ import annotations

from typing import Any

import pytest

from bench import figures


def samples(*rates: float, wall: float = 1.0) -> list[dict[str, Any]]:
    return [
        {
            "count": round(rate * 2),
            "cpu": 2.0,
            "wall": wall,
            "latency_us": [1e6 / rate],
        }
        for rate in rates
    ]


def test_a_ratio_is_made_within_rounds_so_that_a_slow_spell_cancels_out() -> None:
    """The second round ran at half speed for both; a ratio of medians would show it."""
    seen = {"ours": samples(200, 100, 200), "theirs": samples(100, 50, 100)}
    found = figures.ratio("ours", "theirs", seen)
    assert found.rounds == (2.0, 2.0, 2.0)
    assert (found.low, found.median, found.high) == (2.0, 2.0, 2.0)


def test_the_interval_holds_the_median_and_shows_what_rounds_disagree_about() -> None:
    seen = {"ours": samples(90, 100, 100, 100, 150), "theirs": samples(*[100] * 5)}
    found = figures.ratio("ours", "theirs", seen)
    assert found.median == 1.0
    assert found.low <= 1.0 < found.high <= 1.5


def test_the_best_ratio_divides_the_best_rounds() -> None:
    seen = {"ours": samples(50, 120), "theirs": samples(100, 80)}
    assert figures.ratio("ours", "theirs", seen).best == pytest.approx(1.2)


def test_rounds_that_do_not_pair_up_are_an_error() -> None:
    seen = {"ours": samples(100), "theirs": samples(100, 100)}
    with pytest.raises(ValueError, match="argument 2 is longer"):
        figures.ratio("ours", "theirs", seen)


@pytest.mark.parametrize(
    ("aim", "reached"), [(None, None), (0.99, True), (1.0, True), (1.01, False)]
)
def test_an_aim_is_reached_or_missed_by_the_median(
    aim: float | None, reached: bool | None
) -> None:
    seen = {"ours": samples(100), "theirs": samples(100)}
    assert figures.ratio("ours", "theirs", seen, aim).reached is reached


def test_threads_are_measured_by_the_clock_on_the_wall() -> None:
    """Two threads in half the time use as much CPU: by CPU nothing was won."""
    seen = {"one": samples(100, wall=2.0), "two": samples(100, wall=1.0)}
    assert figures.ratio("two", "one", seen).median == 1.0
    assert figures.ratio("two", "one", seen, wall=True).median == 2.0


def test_a_peer_alone_is_told_in_units_a_second() -> None:
    seen = {"ours": samples(100, 300, 200)}
    found = figures.ratio("ours", None, seen, 150)
    assert (found.median, found.best, found.reached) == (200, 300, True)
