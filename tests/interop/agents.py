# SPDX-License-Identifier: Apache-2.0
"""The Workload API of ours on grpc-go and go-spiffe's messages, as a running process.

It stands where SPIRE's agent would: the same gRPC stack, the same messages, the same
shapes of certificates; peers/go_spiffe/agent.go tells what it does. It is not SPIRE.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.interop.world import Running, running

from handfast import TrustBundle

#: Options of a Go agent that renews identities every other second. They live longer: a
#: machine that stands still for as long as that ends none of them.
EVERY_OTHER_SECOND = ("-ttl", "40s", "-renew", "2s")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose sockets have names short enough for the kernel (107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="hf-") as name:
        yield Path(name)


class GoAgent:
    """One trust domain; sockets by name, each with the identities it answers with."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        domain: str,
        sockets: Mapping[str, str],
        *options: str,
    ) -> None:
        self.domain = domain
        self._folder = folder
        self._command: list[str | Path] = [program, "agent", "-domain", domain]
        self._command += ["-state", folder / f"{domain}.state", *options]
        for name, identities in sockets.items():
            self._command += ["-socket", f"{folder / name}={identities}"]
        self._running = ExitStack()
        self.process: Running

    def endpoint(self, name: str) -> str:
        """What SPIFFE_ENDPOINT_SOCKET says."""
        return f"unix://{self._folder / name}"

    def start(self) -> None:
        """Start it, or start it again with the state it had."""
        self.process = self._running.enter_context(running(*self._command))
        self.process.wait_for('"event":"ready"')

    def stop(self) -> None:
        """Kill it as a crash would; the state file stays."""
        self._running.close()

    def tell(self, command: str) -> dict[str, Any]:
        """Give a command and wait until it is done; a document is returned."""
        self.process.send(f"{command}\n")
        answer = self.process.event("document" if command == "document" else "done")
        if command == "document":
            self.process.event("done")
        return answer

    def document(self) -> bytes:
        """The SPIFFE bundle document of its trust domain."""
        return str(self.tell("document")["json"]).encode()

    def bundle(self) -> TrustBundle:
        """The X.509 authorities of its trust domain."""
        return TrustBundle.from_json(self.domain, self.document())


@contextmanager
def go_agent(
    program: Path, domain: str, sockets: Mapping[str, str], *options: str
) -> Iterator[GoAgent]:
    """Run an agent for the length of a block."""
    with short_folder() as folder:
        agent = GoAgent(program, folder, domain, sockets, *options)
        try:
            agent.start()
            yield agent
        finally:
            agent.stop()
