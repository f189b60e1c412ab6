# SPDX-License-Identifier: Apache-2.0
"""`handfast authority run` as a process, which attests whoever connects to its socket.

The tests' programs run as one user, so their executables tell them apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.agents import short_folder
from tests.interop.world import Running, handfast, running

DOMAIN = "a.example"
#: What attestation sees of us, and of every program in Python.
PYTHON = Path(sys.executable).resolve()


@dataclass(frozen=True)
class RunningAuthority:
    """Where it listens, where its state is, and what it said when it began."""

    process: Running
    folder: Path
    serving: Mapping[str, Any]

    @property
    def endpoint(self) -> str:
        """What SPIFFE_ENDPOINT_SOCKET says."""
        return f"unix://{self.folder / 'api'}"

    def command(self, *words: str | Path) -> str:
        """Run one of its commands; gives what it printed."""
        where = ("--state", self.folder / "state", "--json")
        with running(*handfast("authority", *words, *where)) as program:
            assert program.exit_code() == 0, program.everything()
            return program.everything()

    def entitle(self, entries: Mapping[str, Path]) -> None:
        """Replace the entries file and have it read again."""
        write_entries(self.folder, entries)
        self.command("reload")


def write_entries(folder: Path, entries: Mapping[str, Path], more: str = "") -> Path:
    """Write an entry for the executable of each path of the trust domain."""
    file = folder / "entries.toml"
    file.write_text(
        "".join(
            f'[[entries]]\nspiffe_id = "spiffe://{DOMAIN}/{name}"\n'
            f'selectors = ["unix:path:{program.resolve()}"]\n{more}\n'
            for name, program in entries.items()
        )
    )
    return file


@contextmanager
def authority(
    entries: Mapping[str, Path], *options: str | Path, more: str = ""
) -> Iterator[RunningAuthority]:
    """Run one for the length of a block.

    Args:
        entries: The executable of each path of the trust domain.
        options: More for `handfast authority run`.
        more: Lines for each entry.
    """
    with short_folder() as folder:
        file = write_entries(folder, entries, more)
        command = handfast("authority", "run", "--trust-domain", DOMAIN, "--json")
        command += ["--state", folder / "state", "--socket", folder / "api"]
        with running(*command, "--entries", file, *options) as process:
            yield RunningAuthority(process, folder, process.event("serving"))


@dataclass(frozen=True)
class JoinedAgent:
    """The agent of another host, and the authority that it has joined."""

    issuer: RunningAuthority
    process: Running
    folder: Path
    node: str

    @property
    def endpoint(self) -> str:
        """What SPIFFE_ENDPOINT_SOCKET says on its host."""
        return f"unix://{self.folder / 'api'}"


@contextmanager
def joined_agent(
    entries: Mapping[str, Path], *options: str | Path, more: str = ""
) -> Iterator[JoinedAgent]:
    """Run an authority with no entry of its own host, and an agent that has them all.

    The agent joins by a token and the fingerprint that came with it.

    Args:
        entries: The executable of each path of the trust domain.
        options: More for `handfast authority run`.
        more: Lines for each entry.
    """
    node = f"spiffe://{DOMAIN}/handfast/agent/db-7"
    lines = f'node = "{node}"\n{more}'
    nodes = ("--nodes", "127.0.0.1:0", *options)
    with authority(entries, *nodes, more=lines) as issuer, short_folder() as folder:
        token = json.loads(issuer.command("token", "db-7"))
        told = ["--authority", issuer.serving["nodes"], "--trust-domain", DOMAIN]
        told += ["--token", token["token"], "--fingerprint", token["fingerprint"]]
        where = ("--state", folder / "state", "--socket", folder / "api", "--json")
        with running(*handfast("authority", "join", *told, *where)) as process:
            assert process.event("serving")["node"] == node
            yield JoinedAgent(issuer, process, folder, node)
