# SPDX-License-Identifier: Apache-2.0
"""The programs of the README, as they are, in processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 120.0


def command(name: str, *arguments: str | Path | int) -> list[str]:
    """Run an example by this Python, with its warnings as errors."""
    words = [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", *arguments]
    return [str(word) for word in words]


def answers(port: int) -> bool:
    """Say whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_greets_the_client_by_its_identity(tmp_path: Path) -> None:
    subprocess.run(command("identities", tmp_path), check=True, timeout=PATIENCE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with subprocess.Popen(command("server", tmp_path, port)) as server:
        try:
            give_up = time.monotonic() + PATIENCE
            while not answers(port):
                assert time.monotonic() < give_up
                with pytest.raises(subprocess.TimeoutExpired):
                    server.wait(0.05)
            said = subprocess.run(
                command("client", tmp_path, port),
                check=True,
                timeout=PATIENCE,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
        finally:
            server.kill()
    assert said == "hello spiffe://prod.example.com/client: may I come in?\n"


@pytest.mark.parametrize("name", ["server", "client"])
def test_the_readme_shows_the_programs_as_they_are(name: str) -> None:
    _licence, program = (EXAMPLES / f"{name}.py").read_text().split("\n", 1)
    readme = (EXAMPLES.parent / "README.md").read_text()
    assert f"```python\n{program}```\n" in readme


def test_an_authority_inside_a_program_gives_it_its_identity(tmp_path: Path) -> None:
    """Attested on its own socket, as every workload is."""
    said = subprocess.run(
        command("embedded_authority", tmp_path),
        check=True,
        timeout=PATIENCE,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    assert said[0] == "we are spiffe://prod.example.com/web"
    program = Path(sys.executable).resolve()
    assert said[1] == f"issued spiffe://prod.example.com/web to {program}"
