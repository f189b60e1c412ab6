# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.instructions`: instructions a handshake, counted by callgrind.

Instructions do not depend on what else the machine does, so two commits can be compared
to a per mille where seconds cannot. Each peer runs twice, with few and with many
handshakes; the difference has no start-up in it. valgrind hides the CPU's newest
instructions, so that crypto weighs more here than in seconds: compare like with like.

The profile of the longer run stays beside the JSON: `callgrind_annotate FILE`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import build, pki
from bench.sampling import ROOT, command
from bench.scenarios import C_HANDFAST, C_STOCK, C_TUNED, HANDFAST

if TYPE_CHECKING:
    from bench.scenarios import Peer

FEW, MANY = 5, 45
PEERS = {peer.name: peer for peer in (C_STOCK, C_TUNED, C_HANDFAST, HANDFAST)}


def count(peer: Peer, files: Path, programs: Path, output: Path, number: int) -> int:
    """Return the instructions of a whole run with `number` handshakes."""
    profile = output / f"callgrind.{peer.name}"
    # A fixed hash seed: dictionaries would differ from run to run.
    settings = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={profile}",
            *command(peer, files, programs),
            "--count",
            str(number),
        ],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"{peer.name}: valgrind failed:\n{done.stderr[-2000:]}")
    return int(found[1])


def main() -> int:
    """Count, print, write build/bench/instructions.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("peers", nargs="*", choices=[[], *PEERS], help="all")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench")
    given = parser.parse_args()
    programs = build.c_peers(given.output, lto=False)
    results: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as directory:
        files = pki.write(Path(directory))
        for name in given.peers or PEERS:
            few, many = (
                count(PEERS[name], files, programs, given.output, number)
                for number in (FEW, MANY)
            )
            results[name] = (many - few) // (MANY - FEW)
            print(
                f"{name:12} {results[name]:>12,} instructions a handshake", flush=True
            )
    path = given.output / "instructions.json"
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
