# SPDX-License-Identifier: Apache-2.0
"""What an idle connection costs a server: ten thousand of them, in resident pages.

`python -m bench memory`. Each server is a process of its own and nothing else happens
in it; clients are another's (peers/idle_clients.py). Some connections are made first,
so that what is made once is there; then RSS is read, ten thousand more are made, each
says a byte, has its answer and falls silent, and RSS is read again. The difference is
divided.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench import machine, pki, report
from bench.sampling import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.runner import Plan

NAME = "memory"
COUNT, COUNT_SHORT = 10_000, 2_000
FIRST = 300
ROUNDS, ROUNDS_SHORT = 3, 1
MOST = 16_384  # issue 4, "It must show" 4
# Memory of the last handshakes is given back within this time.
SETTLE = 0.5
DESCRIPTORS = 100  # of the process itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A program of bench/peers that serves and waits."""

    name: str
    program: str
    options: tuple[str, ...] = ()
    note: str
    most: int | None = None  # bytes a connection

    def command(self, files: Path, programs: Path) -> list[str]:
        """Return how to start it."""
        start = [str(programs / self.program)]
        if not self.program.startswith(("c_", "go_")):
            start = [sys.executable, "-m", f"bench.peers.{self.program}"]
        return [*start, "--pki", str(files), *self.options]


SERVERS = (
    Server(
        name="trio_tcp",
        program="idle_trio",
        options=("--stack", "tcp"),
        note="trio.serve_tcp: no TLS at all, the floor",
    ),
    Server(
        name="trio_ssl",
        program="idle_trio",
        options=("--stack", "ssl", "--tickets"),
        note="trio.serve_ssl_over_tcp, stdlib ssl as it comes",
    ),
    Server(
        name="asyncio",
        program="idle_asyncio",
        options=("--tickets",),
        note="asyncio streams, stdlib ssl as it comes",
    ),
    Server(
        name="uvloop",
        program="idle_asyncio",
        options=("--uvloop", "--tickets"),
        note="the same on uvloop's loop and its TLS",
    ),
    Server(
        name="go",
        program="go_handshake",
        options=("--listen", "127.0.0.1:0", "--keep"),
        note="Go's crypto/tls, a goroutine a connection",
    ),
    *(
        Server(
            name=name,
            program="idle_configured",
            options=("--server", name, "--hold", str(COUNT + FIRST + 1_000)),
            note=f"{name}, HTTP with a connection that is kept",
        )
        for name in ("nginx", "haproxy")
    ),
    Server(
        name="c_handfast",
        program="c_idle",
        note="handfast's engine without Python",
        most=MOST,
    ),
    Server(
        name="handfast",
        program="idle_trio",
        options=("--stack", "handfast"),
        note="serve_mtls, its task and handler included; the peer was asked for",
        most=MOST,
    ),
)


class Process:
    """A program that answers lines with lines."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def line(self) -> str:
        """Read a line; no line is the end of the benchmark."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended early; see above")
        return line

    def ask(self, words: str) -> str:
        """Write a line and read one."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.line()


def resident(pid: int) -> int:
    """Return the resident bytes of a process, once it has come to rest."""
    time.sleep(SETTLE)
    path = Path(f"/proc/{pid}/smaps_rollup")
    for line in path.read_text("ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"{path} has no Rss")


class AbsentError(Exception):
    """A server is not here; says why."""


def sample(
    server: Server, files: Path, programs: Path, count: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run one server once; return its facts and what was seen.

    Raises:
        AbsentError: it is not here.
    """
    with Process(server.command(files, programs)) as serving:
        facts: dict[str, Any] = json.loads(serving.line())
        if "absent" in facts:
            raise AbsentError(facts["absent"])
        clients = [sys.executable, "-m", "bench.peers.idle_clients"]
        clients += ["--pki", str(files), "--port", str(facts.pop("port"))]
        clients += ["--plain"] if "tcp" in server.options else []
        clients += ["--http"] if server.program == "idle_configured" else []
        # Of a program that another one had to start.
        pid = facts.pop("pid", serving.process.pid)
        with Process(clients) as calling:
            calling.ask(str(FIRST))
            before = resident(pid)
            held = int(calling.ask(str(count)))
            after = resident(pid)
            calling.ask("0")
            closed = resident(pid)
    if held != FIRST + count:
        raise SystemExit(f"{server.name}: expected {FIRST + count}, seen {held}")
    return facts, {
        "connections": count,
        "rss_before": before,
        "rss_after": after,
        "rss_closed": closed,
        "per_connection": (after - before) / count,
    }


def make_room(wanted: int) -> int:
    """Raise the limit of descriptors, and return how many connections it allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, hard - FIRST - DESCRIPTORS)


def measure(
    programs: Path,
    missing: Mapping[str, str],
    *,
    short: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Run every server in turns and return everything that was seen."""
    count = make_room(COUNT_SHORT if short else COUNT)
    rounds = ROUNDS_SHORT if short else ROUNDS
    peers: dict[str, dict[str, Any]] = {
        one.name: {"server": asdict(one), "samples": []} for one in SERVERS
    }
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = pki.write(Path(scratch), "p256", identities=1)
        for number in range(rounds):
            for server in SERVERS:
                if server.name in absent:
                    continue
                say(f"{NAME}: {server.name}, round {number + 1} of {rounds}")
                try:
                    if server.program in missing:
                        raise AbsentError(missing[server.program])  # noqa: TRY301 - as those that say so themselves
                    facts, seen = sample(server, files, programs, count)
                except AbsentError as error:
                    absent[server.name] = str(error)
                    del peers[server.name]
                    continue
                peers[server.name]["facts"] = facts
                peers[server.name]["samples"].append(seen)
    for peer in peers.values():
        costs = [one["per_connection"] for one in peer["samples"]]
        peer["per_connection"] = statistics.median(costs)
    return {
        "scenario": NAME,
        "conditions": {
            "machine": machine.facts(),
            "connections": count,
            "first": FIRST,
            "rounds": rounds,
            "measured": "Rss of /proc/PID/smaps_rollup, of the server alone",
            "chain": "leaf and intermediate are sent, the root is not",
        },
        "peers": peers,
        "absent": absent,
    }


def missed(found: dict[str, Any]) -> list[str]:
    """Say which servers cost more than they may, which is asked of ten thousand.

    Of fewer, what a server keeps however many there are weighs more.
    """
    if found["conditions"]["connections"] < COUNT:
        return []
    return [
        f"{NAME}: {name}: {peer['per_connection']:,.0f} bytes, at most {most:,}"
        for name, peer in found["peers"].items()
        if (most := peer["server"]["most"]) is not None
        and peer["per_connection"] > most
    ]


def table(found: dict[str, Any]) -> str:
    """Return what people read."""
    peers = found["peers"]
    floor = peers["trio_tcp"]["per_connection"]
    rows = [["server", "bytes a connection", "lowest", "highest", "over trio_tcp"]]
    for name, peer in peers.items():
        costs = [one["per_connection"] for one in peer["samples"]]
        over = "" if "c_" in name else f"{peer['per_connection'] - floor:,.0f}"
        figures = (peer["per_connection"], min(costs), max(costs))
        rows.append([name, *(f"{figure:,.0f}" for figure in figures), over])
    count = found["conditions"]["connections"]
    lines = [f"idle connections of a server, {count:,} open at once", ""]
    lines += [*report.columns(rows), ""]
    for name, peer in peers.items():
        words = [peer["server"]["note"], peer["facts"].get("openssl")]
        lines.append(f"  {name}: {', '.join(filter(None, words))}")
    lines += [f"  {name}: absent: {why}" for name, why in found["absent"].items()]
    return "\n".join(lines)


def run(
    plan: Plan, output: Path, *, short: bool, say: Callable[[str], None]
) -> list[str]:
    """Measure, print, write the JSON; return what was missed."""
    found = measure(plan.programs, plan.missing, short=short, say=say)
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{NAME}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found), f"  -> {path}", sep="\n", end="\n\n", flush=True)
    return missed(found)
