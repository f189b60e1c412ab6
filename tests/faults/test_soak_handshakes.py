# SPDX-License-Identifier: Apache-2.0
"""Very many handshakes leave nothing behind: the short form of `make soak`."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from tests.soak.flat import Course, Sample
from tests.soak.handshakes import LEAKS, shake_hands

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def no_log_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Pytest keeps each line about a refused peer: that would be a leak."""
    caplog.set_level(logging.CRITICAL, logger="handfast")


def test_handshakes_of_every_kind_leave_nothing() -> None:
    """R10, too: the sessions of peers that never come back stay within their bound."""
    # Long enough for caches and arenas to be full before what is measured: after 3,000,
    # what they still took came to two thirds of what is allowed.
    outcome = shake_hands(12_000, seconds_a_tick=0.2)
    assert outcome.wrong() == [], outcome
    assert outcome.ticks > 0
    assert outcome.store["entries"] <= outcome.store["max_entries"]
    assert outcome.store["evictions"] > outcome.store["max_entries"]
    # Each kind really happened, and a tenth of all over loopback.
    places = ["memory 1.3", "memory 1.2", "loopback workers=0", "loopback workers=2"]
    for place in places:
        assert outcome.counts[f"{place} full"] > 0, outcome
        assert outcome.counts[f"{place} resumed"] > 0, outcome
    for place in ("memory", *places[2:]):
        assert outcome.counts[f"{place} refused expired"] > 0, outcome
        assert outcome.counts[f"{place} refused other domain"] > 0, outcome
    loopback = [n for kind, n in outcome.counts.items() if kind.startswith("loopback")]
    assert sum(loopback) >= outcome.counts.total() / 10
    assert json.loads(json.dumps(outcome.figures()))["wrong"] == []


@pytest.mark.parametrize(
    ("leak", "complaint"),
    list(zip(LEAKS, ("memory grows", "conn left", "more descriptors"), strict=True)),
)
def test_a_planted_leak_is_seen(leak: str, complaint: str, tmp_path: Path) -> None:
    """The negative control: each kind of leak turns the run red."""
    written = tmp_path / "handshakes.json"
    # A process of its own: what other tests gave back would hide what is leaked here.
    command = [sys.executable, "-m", "tests.soak.handshakes", "1500", "--leak", leak]
    done = subprocess.run([*command, "--json", written], cwd=ROOT, check=False)
    assert done.returncode == 1
    told = json.loads(written.read_text(encoding="utf-8"))["wrong"]
    assert any(complaint in it for it in told), told


def _course(**slopes: float) -> Course:
    """A million handshakes that grow by so much each, after a step at the beginning."""
    return Course(
        [
            Sample(
                handshakes=n,
                rss=50_000_000 + min(n * 100, 10_000_000) + int(n * slopes["rss"]),
                descriptors=30,
                objects=90_000 + int(n * slopes["objects"]),
            )
            for n in range(0, 1_000_001, 10_000)
        ]
    )


def test_what_a_million_may_grow_by() -> None:
    """8 MB of memory, 10,000 objects; a warm-up is no growth."""
    assert _course(rss=0, objects=0).wrong() == []
    assert _course(rss=7.9, objects=0.0099).wrong() == []
    assert _course(rss=8.1, objects=0).wrong() == [
        "memory grows by 8.1 bytes a handshake"
    ]
    assert _course(rss=0, objects=0.011).wrong() == [
        "objects grow by 0.011 a handshake"
    ]
