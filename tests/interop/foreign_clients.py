# SPDX-License-Identifier: Apache-2.0
"""Workload API clients of others, all with one face: `fetch SOCKET AUDIENCE`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop.peers_built import go_spiffe, rust_spiffe
from tests.interop.world import running

_PEERS = Path(__file__).parent / "peers"

AUDIENCE = "spiffe://a.example/api"


def client_of(peer: str) -> list[str | Path]:
    """Give a client's command, compiled if it has to be."""
    if peer == "go-spiffe":
        return [go_spiffe()]
    if peer == "rust-spiffe":
        return [rust_spiffe()]
    return [sys.executable, _PEERS / "py_spiffe.py"]


@dataclass
class Fetched:
    """What a client told of one `fetch`."""

    x509: dict[str, Any] = field(default_factory=dict)
    bundles: dict[str, Any] = field(default_factory=dict)
    jwt_bundles: dict[str, Any] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    wrong_audience: dict[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The SPIFFE IDs of the X.509-SVIDs, in order."""
        return [str(svid["id"]) for svid in self.x509["svids"]]


def fetch(command: list[str | Path], endpoint: str, tokens: int = 1) -> Fetched:
    """Run a client to its end; it verifies what it gets by its own rules."""
    with running(*command, "fetch", endpoint, AUDIENCE) as client:
        fetched = Fetched(
            x509=client.event("x509"),
            bundles=client.event("bundles"),
            jwt_bundles=client.event("jwt_bundles"),
            tokens=[client.event("jwt") for _ in range(tokens)],
            wrong_audience=client.event("wrong_audience"),
        )
        assert client.exit_code() == 0, client.everything()
    return fetched
