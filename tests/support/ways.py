# SPDX-License-Identifier: Apache-2.0
"""One judgement by a chosen way: the fast path alone, OpenSSL alone, or as always."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from handfast import Verifier
from handfast._ffi.library import ffi, lib
from handfast._ffi.verifier import NOW


class Way(enum.IntEnum):
    """Who checks the path."""

    ANY = lib.HF_BY_ANY
    GENERAL = lib.HF_BY_GENERAL
    FAST = lib.HF_BY_FAST


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's code (0: accepted), and every byte of what it says of the peer."""

    code: int
    record: bytes

    @property
    def accepted(self) -> bool:
        """Whether the chain was accepted."""
        return self.code == 0


def judge(
    verifier: Verifier,
    chain: Sequence[bytes],
    way: Way,
    at: int = NOW,
    purpose: int = lib.HF_PURPOSE_EITHER,
) -> Answer:
    """Authenticate a peer by one way; the authorizer is not asked."""
    lengths = ffi.new("uint32_t[]", [len(der) for der in chain])
    peer = ffi.new("struct hf_peer *")
    code = lib.hf_ffi_authenticate(
        verifier._native.handle,
        b"".join(chain),
        lengths,
        len(chain),
        at,
        purpose,
        way,
        peer,
    )
    return Answer(int(code), bytes(ffi.buffer(peer)))
