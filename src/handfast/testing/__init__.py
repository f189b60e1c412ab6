# SPDX-License-Identifier: Apache-2.0
"""Fakes for tests: forged certificates, a clock, and connections in memory.

An honest authority is in :mod:`handfast.authority`; here is what an attacker, a
careless issuer or a wrong clock would make. Nothing here belongs in production.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast._later import load_later
from handfast.testing import der
from handfast.testing.catalogue import ACCEPTED, REFUSED, Leaf
from handfast.testing.clock import FakeClock
from handfast.testing.forge import (
    ForgedAuthority,
    ForgedSvid,
    cross_sign,
    forge,
    forge_intermediate,
    forge_root,
)
from handfast.testing.pairs import (
    HandshakeOutcome,
    attempt_handshake,
    connection_pair,
    handshake_in_memory,
    transfer,
)
from handfast.testing.recipe import (
    INTERMEDIATE,
    LEAF,
    ROOT,
    Extension,
    NameConstraints,
    Recipe,
)
from handfast.testing.sign import FORBIDDEN_KEY_TYPES, ForgedKey

if TYPE_CHECKING:
    from handfast.testing.workload_api import FakeWorkloadApi

__all__ = [
    "ACCEPTED",
    "FORBIDDEN_KEY_TYPES",
    "INTERMEDIATE",
    "LEAF",
    "REFUSED",
    "ROOT",
    "Extension",
    "FakeClock",
    "FakeWorkloadApi",
    "ForgedAuthority",
    "ForgedKey",
    "ForgedSvid",
    "HandshakeOutcome",
    "Leaf",
    "NameConstraints",
    "Recipe",
    "attempt_handshake",
    "connection_pair",
    "cross_sign",
    "der",
    "forge",
    "forge_intermediate",
    "forge_root",
    "handshake_in_memory",
    "transfer",
]


# Only then: it brings the event loop and HTTP/2, which forging needs nothing of.
_LATER = {"FakeWorkloadApi": "handfast.testing.workload_api"}

__getattr__ = load_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
