# SPDX-License-Identifier: Apache-2.0
"""What was withdrawn is one question, and what has ended by itself another (P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import pki, workloads

from handfast import Reason, VerificationError, _ffi
from handfast.testing import connection_pair

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine_clock() -> Iterator[None]:
    yield
    _ffi.reset_clock()


@pytest.mark.parametrize("late", [-1, 0, 1, 3600])
@pytest.mark.usefixtures("engine_clock")
def test_a_chain_that_has_ended_was_not_withdrawn(late: int) -> None:
    """R11: about the second of notAfter too, only removed authorities count."""
    source = workloads.source(workloads.SERVER)
    _, server = connection_pair(workloads.client(), workloads.server(source))
    _ffi.fix_clock(int(server.peer.not_after.timestamp()) + late)
    source.update(bundles=source.snapshot().bundles)  # the same, delivered again
    server.judge_again()
    source.update(bundles=[pki.root().bundle("a.example")])
    with pytest.raises(VerificationError) as caught:
        server.judge_again()
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY
