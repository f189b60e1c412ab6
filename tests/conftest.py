# SPDX-License-Identifier: Apache-2.0
"""What all tests share: an authority of each of two trust domains, made once."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

from handfast.authority import Authority

# The first example of a property pays for imports and keys, on a machine that may be
# busy with something else: only wrong results fail, not slow ones.
settings.register_profile("handfast", deadline=None)
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
