# SPDX-License-Identifier: Apache-2.0
"""Sessions with rustls, in both roles, certificates on both sides (P4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.conftest import Serve, World
from tests.interop.peers_built import rust_tls
from tests.interop.resuming_peers import (
    resumes_with_our_client,
    resumes_with_our_server,
)


@pytest.fixture(scope="module")
def program() -> Path:
    return rust_tls()


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_their_client_resumes_with_our_server(
    program: Path, world: World, serve: Serve, version: str
) -> None:
    resumes_with_our_server(program, version, world, serve)


@pytest.mark.parametrize("kept", ["cache", "ticket"])
@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_our_client_resumes_with_their_server(
    program: Path, world: World, version: str, kept: str
) -> None:
    resumes_with_our_client(program, version, world, kept)
