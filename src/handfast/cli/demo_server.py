# SPDX-License-Identifier: Apache-2.0
"""The demo's processes: ``handfast authority run``, ``serve`` and ``connect``.

The workloads are told where the agent is (``SPIFFE_ENDPOINT_SOCKET``), and nothing of
who they are: that is attested. All of them run as one user here, so the agent has
several identities for each, and a hint chooses.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from handfast.cli.demo_program import PATIENCE, Program, command, environment
from handfast.cli.demo_setting import CALLER, SERVER, Setting


def run_authority(setting: Setting) -> Program:
    """Start the authority and its Workload API; a context manager."""
    return Program(
        "authority",
        "authority",
        "run",
        "--state",
        setting.state,
        "--socket",
        setting.socket,
        "--entries",
        setting.entries,
        ready="serving",
    )


def run_server(setting: Setting) -> Program:
    """Start the workload that is called; a context manager."""
    return Program(
        "server",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--echo",
        "--hint",
        SERVER.hint,
        "--allow",
        CALLER.name,
        ready="listening",
        endpoint=setting.endpoint,
    )


def call(setting: Setting, port: int, text: str) -> dict[str, Any]:
    """Run ``handfast connect`` as the caller's process and return what it saw.

    Raises:
        RuntimeError: the call failed; the text is the process's own explanation.
    """
    done = subprocess.run(
        command(
            "connect",
            "127.0.0.1",
            str(port),
            "--json",
            "--hint",
            CALLER.hint,
            "--allow",
            SERVER.name,
        ),
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(setting.endpoint),
    )
    if done.returncode != 0:
        raise RuntimeError(f"the call failed: {done.stderr}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    connected = next(event for event in events if event["event"] == "connected")
    received = "".join(event["text"] for event in events if event["event"] == "data")
    return {
        "peer": connected["spiffe_id"],
        "version": connected["version"],
        "cipher": connected["cipher"],
        "text": received,
    }
