# SPDX-License-Identifier: Apache-2.0
"""What an authority's workloads cost it: a thousand, renewing every ten minutes.

`python -m bench issuing`. The authority is a process of its own, with its state on
disk; a thousand workloads of another process keep a stream open each. Twice: with SVIDs
so short that many are issued in the time that is measured, which gives the CPU time of
one (key, signature, database, audit log, message), and with SVIDs so long that none
is, which gives what a second costs with a thousand streams open. Both together say
what 1,000 / 600 SVIDs a second cost. CPU time is that of the authority's process, user
and system, so what else runs on the machine hardly shows.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import machine, report
from bench.idle import Process, make_room

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "issuing"
COUNT, COUNT_SHORT = 1_000, 200
PERIOD = 600.0  # seconds between two renewals of one workload
MOST = 0.02  # of one core: issue 5, "The embedded authority"
ROUNDS, ROUNDS_SHORT = 3, 1
# Renewed at half of it; long enough for all to connect and settle.
TTL_BUSY, TTL_IDLE = 20.0, 7200.0
SECONDS, SECONDS_SHORT = 20.0, 12.0
PATIENCE = 120.0


def sample(ttl: float, count: int, seconds: float) -> dict[str, Any]:
    """Run an authority with its workloads once; return what it cost."""
    with tempfile.TemporaryDirectory() as scratch:
        authority = [sys.executable, "-m", "bench.peers.authority", "--folder", scratch]
        authority += ["--count", str(count), "--ttl", str(ttl)]
        with Process(authority) as serving:
            facts: dict[str, Any] = json.loads(serving.line())
            workloads = [sys.executable, "-m", "bench.peers.workloads"]
            workloads += ["--socket", facts["socket"], "--count", str(count)]
            with Process(workloads) as calling:
                end = time.monotonic() + PATIENCE
                while int(calling.ask("answers")) < count:
                    if time.monotonic() > end:
                        raise SystemExit(f"not all of {count} workloads were answered")
                    time.sleep(0.2)
                before, answers = (
                    json.loads(serving.ask("cost")),
                    calling.ask("answers"),
                )
                time.sleep(seconds)
                after = json.loads(serving.ask("cost"))
                pushed = int(calling.ask("answers")) - int(answers)
    return {
        "openssl": facts["openssl"],
        "cpu": after["cpu"] - before["cpu"],
        "wall": after["wall"] - before["wall"],
        "issued": after["issued"] - before["issued"],
        "pushed": pushed,
    }


def costs(busy: dict[str, Any], idle: dict[str, Any], count: int) -> dict[str, float]:
    """Put a pair of samples together."""
    share = idle["cpu"] / idle["wall"]
    each = (busy["cpu"] - share * busy["wall"]) / busy["issued"]
    return {
        "cpu_per_svid": each,
        "idle_share": share,
        "share": share + each * count / PERIOD,
    }


def measure(*, short: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure it several times and return everything that was seen."""
    # Of the authority: a socket and two more for each workload.
    count = make_room(3 * (COUNT_SHORT if short else COUNT)) // 3
    seconds = SECONDS_SHORT if short else SECONDS
    samples: list[dict[str, Any]] = []
    for number in range(rounds := ROUNDS_SHORT if short else ROUNDS):
        say(f"{NAME}: round {number + 1} of {rounds}")
        idle = sample(TTL_IDLE, count, seconds)
        busy = sample(TTL_BUSY, count, seconds)
        samples.append({"idle": idle, "busy": busy, **costs(busy, idle, count)})
    return {
        "scenario": NAME,
        "conditions": {
            "machine": machine.facts(),
            "workloads": count,
            "period": PERIOD,
            "rounds": rounds,
            "measured": "CPU time of the authority's process, user and system",
        },
        "samples": samples,
        **{
            name: statistics.median(one[name] for one in samples)
            for name in ("cpu_per_svid", "idle_share", "share")
        },
    }


def missed(found: dict[str, Any]) -> list[str]:
    """Say whether it costs more than it may, which is asked of a thousand."""
    if found["conditions"]["workloads"] < COUNT or found["share"] <= MOST:
        return []
    share = f"{found['share']:.2%} of one core, at most {MOST:.0%}"
    return [f"{NAME}: {COUNT:,} workloads, one SVID in {PERIOD:.0f} s each: {share}"]


def table(found: dict[str, Any]) -> str:
    """Return what people read."""
    count = found["conditions"]["workloads"]
    rows = [["", "median", "lowest", "highest"]]
    for name, title, show in (
        ("cpu_per_svid", "CPU of one SVID, ms", lambda value: f"{value * 1e3:.2f}"),
        ("idle_share", f"{count:,} streams at rest", lambda value: f"{value:.2%}"),
        ("share", f"and {count / PERIOD:.2f} SVIDs/s", lambda value: f"{value:.2%}"),
    ):
        seen = [one[name] for one in found["samples"]]
        rows.append([title, *map(show, (found[name], min(seen), max(seen)))])
    issued = [one["busy"]["issued"] / one["busy"]["wall"] for one in found["samples"]]
    lines = [f"an authority and {count:,} workloads; shares are of one core", ""]
    lines += [*report.columns(rows), ""]
    rate = f"{statistics.median(issued):.0f} SVIDs a second"
    lines.append(f"  measured at {rate}, X.509 with push")
    return "\n".join(lines)


def run(output: Path, *, short: bool, say: Callable[[str], None]) -> list[str]:
    """Measure, print, write the JSON; return what was missed."""
    found = measure(short=short, say=say)
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{NAME}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found), f"  -> {path}", sep="\n", end="\n\n", flush=True)
    return missed(found)
