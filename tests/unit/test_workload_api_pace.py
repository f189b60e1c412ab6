# SPDX-License-Identifier: Apache-2.0
"""When the agent is asked again, and how late a renewal is."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.errors import Reason, SourceError, detail_for
from handfast.sources.workload_api_pace import (
    Backoff,
    Pace,
    longest_pause,
    never_again,
)

BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
STEADY = Backoff(first=0.5, most=30.0, random=lambda: 1.0)


class AnswerError(SourceError):
    def __init__(self, code: int) -> None:
        super().__init__(detail_for(Reason.SOURCE_FAILED))
        self.code = code


@pytest.mark.parametrize("code", range(1, 17))
def test_only_what_is_hopeless_is_not_asked_again(code: int) -> None:
    """WAPI-17, WAPI-21: InvalidArgument and Unimplemented; WAPI-18, WAPI-20: others."""
    assert never_again(AnswerError(code)) == (code in {3, 12})


def test_a_failure_without_a_status_is_asked_again() -> None:
    """WAPI-18: an agent that cannot be reached says nothing at all."""
    assert not never_again(SourceError(detail_for(Reason.SOURCE_UNAVAILABLE)))


def test_waits_grow_to_their_limit() -> None:
    """WAPI-18, WAPI-20: backoff."""
    pace = Pace(STEADY)
    waits = [pace.failed() for _ in range(9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    pace.good()
    assert pace.failed() == 0.5


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_a_wait_is_never_less_than_half_and_never_more_than_the_limit(
    failures: int, chance: float
) -> None:
    longest = STEADY.seconds(failures)
    wait = Backoff(first=0.5, most=30.0, random=lambda: chance).seconds(failures)
    assert longest / 2 <= wait <= longest <= 30.0


@given(left=st.floats(0.001, 1e6))
def test_there_are_several_attempts_before_an_identity_ends(left: float) -> None:
    """W5: also of one that lives for seconds, and more of them when it has ended."""
    pause = longest_pause(left)
    assert pause == max(1.0, left / 4)
    assert longest_pause(-left) == 5.0
    assert longest_pause(None) == math.inf


def test_a_clean_end_is_followed_at_once() -> None:
    """WAPI-31: also again and again, as long as the streams last."""
    pace = Pace(STEADY)
    assert [pace.ended(lasted=3600.0, answered=True) for _ in range(5)] == [0.0] * 5


def test_streams_that_end_as_soon_as_they_begin_are_not_followed_in_a_hot_loop() -> (
    None
):
    """WAPI-31 at once, P8: once."""
    pace = Pace(STEADY)
    waits = [pace.ended(lasted=0.01, answered=True) for _ in range(4)]
    assert waits == [0.0, 0.5, 1.0, 2.0]
    assert pace.ended(lasted=5.0, answered=True) == 0.0
    assert pace.ended(lasted=0.01, answered=True) == 0.0


def test_an_end_without_a_message_is_a_failure() -> None:
    pace = Pace(STEADY)
    waits = [pace.ended(lasted=3600.0, answered=False) for _ in range(3)]
    assert waits == [0.5, 1.0, 2.0]
