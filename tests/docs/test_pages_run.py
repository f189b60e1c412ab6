# SPDX-License-Identifier: Apache-2.0
"""What pages tell a newcomer to type does what they say, typed as it stands.

Only folders and ports are others, so that nothing of the machine is in the way.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 240


def blocks(page: str) -> list[str]:
    """The commands of each console block of a page."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [
        "\n".join(line.removeprefix("$ ") for line in block.splitlines())
        for block in found
    ]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def typed(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in an empty folder; what it leaves in the background is ended."""
    scripts = Path(sys.executable).parent
    environment = {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    with subprocess.Popen(
        ["bash", "-e", "-c", "trap 'kill $(jobs -p)' EXIT\n" + script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            said, complained = shell.communicate(timeout=PATIENCE)
        finally:
            # A group of our own: whatever a failure has left in the background.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(script, shell.returncode, said, complained)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-call.md"])
def test_an_authority_and_two_programs_pasted_at_once(
    page: str, tmp_path: Path
) -> None:
    """Issue 5, "It must show" 1: nothing but SPIFFE_ENDPOINT_SOCKET is set."""
    (block,) = [it for it in blocks(page) if "handfast authority run" in it]
    script, places = re.subn("/[a-z]+/agent/", f"{tmp_path}/agent/", block)
    assert places == 2
    script = script.replace("8443", str(free_port()))
    # A busy machine takes its time to start three programs.
    script = script.replace("--retry 10", f"--retry {PATIENCE} --wait {PATIENCE}")
    script = script.replace("serve --port", f"serve --wait {PATIENCE} --port")
    done = typed(script, tmp_path)
    assert "authenticated spiffe://prod.example.com/web" in done.stderr, done.stderr
    assert "[spiffe://prod.example.com/web] hello" in done.stdout


@pytest.mark.interop
def test_a_root_that_the_openssl_tool_made_signs_the_csr(tmp_path: Path) -> None:
    """X509-08: by the how-to's own words, in the order in which it is done."""
    page = blocks("docs/how-to/run-an-authority.md")
    (ours,) = [it for it in page if "authority csr" in it]
    (theirs,) = [it for it in page if "openssl req" in it]
    begin, csr, take = ours.splitlines()
    script = "\n".join([begin, csr, theirs.replace("-keyout", "-nodes -keyout"), take])
    # Whoever opens the state does what is due.
    script += "\nhandfast authority init --trust-domain prod.example.com --state DIR"
    done = typed(script + "\nhandfast authority status --state DIR", tmp_path)
    assert "the root is published now" in done.stdout, done.stderr
    signs = set(re.findall(r"^ (\w+) +[0-9a-f]{12}  signs", done.stdout, re.MULTILINE))
    assert signs == {"root", "intermediate", "jwt"}, done.stdout
