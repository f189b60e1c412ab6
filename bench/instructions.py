# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.instructions`: instructions of the C core, counted by callgrind.

Instructions do not depend on what else the machine does, so a change can be judged to a
per cent where seconds cannot. Each program runs twice, with few and with many units;
the difference has no start-up in it. What is compared with the baseline is never a
count but a ratio to OpenSSL's work on the same certificates, compiled by the same
compiler: what verification takes beyond its signatures to one ECDSA verification,
handshakes to the plain C loop. valgrind hides the CPU's newest instructions, so crypto
weighs more here than in seconds.

    python -m bench.instructions             # count everything
    python -m bench.instructions --check     # exit code 1 when a ratio grew by over 3 %
    python -m bench.instructions --renew     # take what is seen as the new baseline

The profile of each longer run stays beside the JSON: `callgrind_annotate FILE`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import build, corpus, pki
from bench.gate import Baseline, judge
from bench.sampling import ROOT, command
from bench.scenarios import C_HANDFAST, C_STOCK, HANDFAST, Peer
from bench.verifying import C_CACHED, C_FRESH, C_KNOWN, C_OPENSSL, RAW

if TYPE_CHECKING:
    from collections.abc import Sequence

BASELINE = ROOT / "bench" / "instructions.json"
STRANGERS = 20
CORPUS = corpus.Corpus(algorithm="p256", leaves=200, issuers=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing to count: `many` minus `few` units of `peer`, over those of another.

    `less` of the other's are taken off first: the signatures, which are all the same
    OpenSSL's and so many instructions that ours would not be seen beside them.
    """

    name: str
    peer: Peer
    few: int
    many: int
    over: str | None = None
    less: int = 0
    gated: bool = True


def _peer(program: str, *options: str) -> Peer:
    return Peer(name=program, program=program, options=options, note="")


# The few are a whole round of the corpus where a first round is not like the others.
ECDSA = Measure(name="ecdsa_verify", peer=RAW, few=200, many=600)
TLS = Measure(name="handshake_openssl", peer=C_STOCK, few=20, many=60)
MEASURES = (
    ECDSA,
    Measure(name="chain_openssl", peer=C_OPENSSL, few=200, many=600),
    Measure(
        name="chain_known_issuer",
        peer=C_KNOWN,
        few=200,
        many=600,
        over=ECDSA.name,
        less=1,
    ),
    Measure(
        name="chain_new_issuer",
        peer=C_FRESH,
        few=200,
        many=600,
        over=ECDSA.name,
        less=2,
    ),
    Measure(name="chain_cached", peer=C_CACHED, few=200, many=4200, over=ECDSA.name),
    Measure(
        name="chain_in_batch",
        peer=_peer("c_verify", "--mode", "batch"),
        few=200,
        many=600,
        over=ECDSA.name,
        less=1,
    ),
    Measure(
        name="id_parsed",
        peer=_peer("c_ids"),
        few=10_000,
        many=110_000,
        over=ECDSA.name,
    ),
    TLS,
    Measure(name="handshake_warm", peer=C_HANDFAST, few=20, many=60, over=TLS.name),
    Measure(
        name="handshake_first_sight",
        peer=_peer("c_handfast", "--identities", str(STRANGERS)),
        few=STRANGERS,
        many=3 * STRANGERS,
        over=TLS.name,
    ),
    Measure(name="handshake_python", peer=HANDFAST, few=20, many=60, gated=False),
)
NAMES = [measure.name for measure in MEASURES]


def run(arguments: Sequence[str], profile: Path) -> int:
    """Return the instructions of a whole run."""
    # A fixed hash seed: dictionaries would differ from run to run.
    settings = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    done = subprocess.run(
        [*callgrind, *arguments],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"{' '.join(arguments)}: failed:\n{done.stderr[-2000:]}")
    return int(found[1])


def count(measure: Measure, files: dict[str, Path], output: Path) -> float:
    """Return the instructions of one unit."""
    programs = files["programs"]
    is_chains = measure.peer.program in {"c_openssl", "c_verify"}
    start = command(
        measure.peer, files["corpus" if is_chains else "identities"], programs
    )
    profile = output / f"callgrind.{measure.name}"
    few, many = (
        run([*start, "--count", str(number)], profile)
        for number in (measure.few, measure.many)
    )
    return (many - few) / (measure.many - measure.few)


def compiler(programs: Path) -> str:
    """Name the compiler as it names itself, and its version."""
    cache = (programs / "CMakeCache.txt").read_text("utf-8")
    found = re.search(r"^CMAKE_C_COMPILER:\w+=(.+)$", cache, re.MULTILINE)
    assert found is not None
    done = subprocess.run(
        [found[1], "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.partition("\n")[0].partition(" ")[2]


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all of C")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--check", action="store_true", help="against the baseline")
    parser.add_argument("--renew", action="store_true", help="write the baseline")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        parser.error(f"no such measure: {', '.join(unknown)}")
    if given.names and (given.check or given.renew):
        parser.error("--check and --renew are about all of them")
    return given


def measure_all(names: Sequence[str], output: Path, programs: Path) -> dict[str, float]:
    """Count and print; a measure without its reference cannot be asked for."""
    counts: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = {
            "programs": programs,
            "identities": pki.write(Path(scratch), identities=STRANGERS),
            "corpus": corpus.obtain(CORPUS, programs, output / "corpora", print),
        }
        for measure in MEASURES:
            if names and measure.name not in names:
                continue
            if not names and not measure.gated:
                continue
            counts[measure.name] = count(measure, files, output)
            print(f"{measure.name:22} {counts[measure.name]:>12,.0f}", flush=True)
    return counts


def ratios(counts: dict[str, float]) -> dict[str, float]:
    """Return what is gated: counts by the counts that they are measured against."""
    return {
        measure.name: counts[measure.name] / counts[measure.over] - measure.less
        for measure in MEASURES
        if measure.over is not None and {measure.name, measure.over} <= set(counts)
    }


def main() -> int:
    """Count, print, write build/bench/instructions.json; check or renew when asked."""
    given = arguments()
    names = sorted({measure.peer.program for measure in MEASURES if measure.gated})
    programs = build.c_peers(given.output, lto=False, programs=[*names, corpus.STAMP])
    counts = measure_all(given.names, given.output, programs)
    seen = Baseline(
        machine=platform.machine(),
        compiler=compiler(programs),
        ratios=ratios(counts),
    )
    document: dict[str, Any] = {"instructions": counts, "ratios": seen.ratios}
    path = given.output / "instructions.json"
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if given.renew:
        BASELINE.write_text(seen.as_json(), "utf-8")
        print(f"the baseline is renewed: commit {BASELINE.relative_to(ROOT)}")
        return 0
    if given.check:
        verdict = judge(Baseline.read(BASELINE), seen)
        print(verdict.text)
        return 0 if verdict.passed else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
