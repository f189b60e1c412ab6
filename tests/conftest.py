# SPDX-License-Identifier: Apache-2.0
"""What all tests share: clocks, and an authority of each of two trust domains."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import trio.testing
from hypothesis import HealthCheck, settings

from handfast import _ffi
from handfast.authority import Authority

# The first example of a property pays for imports and keys, on a machine that may be
# busy with something else: only wrong results fail, not slow ones. A gate asks the same
# each time, so that whoever meets a failure can meet it again; `make properties` asks
# what nobody has asked.
settings.register_profile(
    "handfast",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="HANDFAST_SEARCH" not in os.environ,
)
settings.load_profile("handfast")

# A shell makes a job in its background ignore SIGINT, and what it starts inherits that;
# Python then leaves it so. Tests interrupt programs, wherever they are run from.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority of a.example."""
    return Authority("a.example")


@pytest.fixture(scope="session")
def other_authority() -> Authority:
    """The authority of b.example."""
    return Authority("b.example")


@pytest.fixture
def engine_now() -> Iterator[datetime]:
    """The second at which the engine's clock stands still; tests move it on."""
    now = datetime.now(UTC).replace(microsecond=0)
    _ffi.fix_clock(int(now.timestamp()))
    yield now
    _ffi.reset_clock()


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """The event loop's clock, which jumps when every task waits."""
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.fixture
def no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What others do wrong is no error of ours."""
    yield
    assert not [it for it in caplog.records if it.levelname == "ERROR"]
