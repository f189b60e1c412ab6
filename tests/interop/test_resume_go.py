# SPDX-License-Identifier: Apache-2.0
"""Sessions with Go's crypto/tls, in both roles, certificates on both sides (P4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.conftest import Serve, World
from tests.interop.peers_built import go_tls
from tests.interop.resuming_peers import (
    resumes_with_our_client,
    resumes_with_our_server,
)


@pytest.fixture(scope="module")
def program() -> Path:
    return go_tls()


def test_their_client_resumes_with_our_server(
    program: Path, world: World, serve: Serve
) -> None:
    resumes_with_our_server(program, "1.3", world, serve)


def test_their_client_of_tls_1_2_knows_tickets_only(
    program: Path, world: World, serve: Serve
) -> None:
    """Ours has session IDs for TLS 1.2: full handshakes, every one of them good."""
    resumes_with_our_server(program, "1.2", world, serve, resumes=False)


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_our_client_resumes_with_their_server(
    program: Path, world: World, version: str
) -> None:
    resumes_with_our_client(program, version, world)
