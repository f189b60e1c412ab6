# SPDX-License-Identifier: Apache-2.0
"""`handfast demo` shows what it promises."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_demo_shows_the_call_five_refusals_and_the_speed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handfast.cli", "demo", "--json", "--seconds", "2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    call = next(event for event in events if event["event"] == "call")
    assert call["server_saw"].startswith("spiffe://")
    assert call["client_saw"].startswith("spiffe://")
    assert call["server_saw"] != call["client_saw"]
    refusals = {e["case"]: e for e in events if e["event"] == "refusal"}
    assert {case: e["reason"] for case, e in refusals.items()} == {
        "expired": "certificate_expired",
        "not_yet_valid": "certificate_not_yet_valid",
        "wrong_authority": "unknown_authority",
        "no_spiffe_id": "svid_no_spiffe_id",
        "not_authorized": "not_authorized",
    }
    # The clock skew is estimated: the SVID begins twenty minutes from now.
    assert 1000 < abs(refusals["not_yet_valid"]["skew_seconds"]) <= 1200
    speed = next(event for event in events if event["event"] == "speed")
    assert set(speed["rates"]) == {"handfast", "stdlib ssl"}
