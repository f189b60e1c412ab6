# SPDX-License-Identifier: Apache-2.0
"""Two trust domains, their workloads in PEM files, and a running `handfast serve`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.interop.world import Running, handfast, running, write_pem

from handfast.authority import Authority
from handfast.testing import forge

SERVER = "spiffe://a.example/server"
CLIENT = "spiffe://a.example/client"
STRANGER = "spiffe://b.example/client"

#: Of `make interop`, which says which of them: they are compiled or installed first.
ASKED_FOR = os.environ.get("HANDFAST_PEERS", "").split()
_WANTS = {
    "test_resume_go.py": {"go"},
    "test_resume_rust.py": {"rust"},
    "test_go_grpc.py": {"go-spiffe"},
    "test_go_spiffe_agent.py": {"go-spiffe"},
    "test_go_spiffe_authority.py": {"go-spiffe"},
    "test_go_spiffe_cli.py": {"go-spiffe"},
    "test_go_spiffe_federation.py": {"go-spiffe"},
    "test_go_spiffe_joined.py": {"go-spiffe"},
    "test_go_spiffe_roles.py": {"go-spiffe"},
    "test_go_spiffe_tls.py": {"go-spiffe"},
    "test_go_spiffe_two_authorities.py": {"go-spiffe"},
    "test_joined_agents.py": {"go-spiffe", "py-spiffe", "rust-spiffe"},
    "test_source_grpcio_agent.py": {"py-spiffe"},
    "test_workload_api_clients.py": {"go-spiffe", "py-spiffe", "rust-spiffe"},
}
collect_ignore = [file for file, peers in _WANTS.items() if peers.isdisjoint(ASKED_FOR)]


@dataclass
class World:
    """Authorities of a.example and b.example and where their PEM files are."""

    folder: Path
    a: Authority = field(default_factory=lambda: Authority("a.example"))
    b: Authority = field(default_factory=lambda: Authority("b.example"))

    def __post_init__(self) -> None:
        self.bundle_a = self.folder / "a.bundle.pem"
        self.bundle_b = self.folder / "b.bundle.pem"
        self.bundle_a.write_bytes(self.a.bundle.to_pem())
        self.bundle_b.write_bytes(self.b.bundle.to_pem())
        # curl and gnutls compare host names; a DNS SAN is lawful: X509-04.
        self.server = self._issue("server", self.a, SERVER, dns=("localhost",))
        self.client = self._issue("client", self.a, CLIENT)
        self.stranger = self._issue("stranger", self.b, STRANGER)

    def _issue(
        self, name: str, authority: Authority, identity: str, dns: tuple[str, ...] = ()
    ) -> tuple[Path, Path]:
        svid = authority.issue(identity, dns_names=dns)
        return write_pem(self.folder, name, svid.to_pem_chain(), svid.to_pem_key())

    def forged(
        self, name: str, authority: Authority, identity: str, **knobs: Any
    ) -> tuple[Path, Path]:
        """Write a certificate that a proper authority would not make."""
        svid = forge(authority, identity, **knobs)
        return write_pem(self.folder, name, svid.to_pem_chain(), svid.to_pem_key())

    @property
    def trust(self) -> list[str]:
        """Both trust domains, never pooled."""
        return [
            "--bundle",
            f"a.example={self.bundle_a}",
            "--bundle",
            f"b.example={self.bundle_b}",
        ]

    def us(self, who: tuple[Path, Path]) -> list[str | Path]:
        """Our command line's options for an identity and both bundles."""
        return ["--cert", who[0], "--key", who[1], *self.trust]


class Serve(Protocol):
    """Start `handfast serve` with more options; gives the process and its port."""

    def __call__(
        self, *options: str | Path
    ) -> AbstractContextManager[tuple[Running, str]]: ...


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def serve(world: World) -> Serve:
    @contextmanager
    def start(*options: str | Path) -> Iterator[tuple[Running, str]]:
        base = ("serve", "--host", "127.0.0.1", "--port", "0", "--json")
        allow = () if "--allow" in options else ("--allow", CLIENT)
        command = handfast(*base, *world.us(world.server), *allow, *options)
        with running(*command) as server:
            yield server, str(server.event("listening")["port"])

    return start
