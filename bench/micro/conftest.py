# SPDX-License-Identifier: Apache-2.0
"""One set of certificates for all micro-benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import pki

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with everything that bench/pki.py writes."""
    return pki.write(tmp_path_factory.mktemp("pki"))
