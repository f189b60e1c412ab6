# SPDX-License-Identifier: Apache-2.0
"""`handfast verify --batch` as a program of its own, and what it is given to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import batch

from handfast.pem import write_pem
from handfast.testing import forge, forge_intermediate

Chain = Sequence[bytes]


def run(
    *arguments: str | Path, data: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end; `data` is its standard input."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "handfast.cli",
            "verify",
            "--batch",
            *map(str, arguments),
        ],
        capture_output=True,
        input=data,
        check=False,
        timeout=300,
    )


def pem(*chains: Chain) -> bytes:
    """Write chains one after the other."""
    return b"".join(write_pem("CERTIFICATE", chain) for chain in chains)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """Read what it said with ``--json``; the last one is the summary."""
    return [json.loads(line) for line in done.stdout.splitlines()]


@cache
def corpus() -> tuple[Chain, ...]:
    """Good ones of one and of two certificates, and the third has expired."""
    middle = forge_intermediate(batch.root())
    return (
        forge(batch.root(), f"{batch.WEB}/0").chain,
        forge(middle, f"{batch.WEB}/1").chain,
        forge(middle, f"{batch.WEB}/2", not_before=-7200, not_after=-3600).chain,
        forge(middle, f"{batch.WEB}/3").chain,
    )


def trusting(folder: Path) -> tuple[str, str]:
    """Write down whom to trust, and return the arguments that say so."""
    file = folder / "authorities"
    file.write_bytes(batch.root().bundle.to_pem())
    return "--bundle", f"a.example={file}"


def lie_about(folder: Path) -> None:
    """Write the corpus as files lie about: chains, keys, notes, hidden, deeper."""
    chains = corpus()
    (folder / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "0.pem").write_bytes(pem(chains[0]))
    (folder / "1.DER").write_bytes(b"".join(chains[1]))
    (folder / "deeper" / "2.crt").write_bytes(pem(chains[2]))
    (folder / "deeper" / "3.cer").write_bytes(b"".join(chains[3]))
    (folder / "key.pem").write_bytes(write_pem("PRIVATE KEY", [b"secret"]))
    (folder / "notes.txt").write_bytes(b"nothing to see")
    (folder / ".hidden" / "x.pem").write_bytes(b"")
    (folder / ".0.pem.swp").write_bytes(b"")
