# SPDX-License-Identifier: Apache-2.0
"""Revocation lists in the engine: read and indexed once, asked by web verifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib
from handfast._ffi.verifier import NativeVerifier

if TYPE_CHECKING:
    from collections.abc import Sequence

CRL_REQUIRED: Final = int(lib.HF_CRL_REQUIRED)
CRL_IF_AVAILABLE: Final = int(lib.HF_CRL_IF_AVAILABLE)


class NativeCrlSet:
    """Lists that were read, with their index."""

    __slots__ = ("handle",)

    def __init__(self, crls: Sequence[bytes]) -> None:
        der = b"".join(crls)
        pointer = lib.hf_ffi_crl_set_new(der, len(der))
        if pointer == ffi.NULL:
            raise_for(0, subject="crl")
        self.handle = ffi.gc(pointer, lib.hf_ffi_crl_set_unref)

    def __len__(self) -> int:
        return int(lib.hf_crl_set_count(self.handle))

    @property
    def entries(self) -> int:
        """Revoked certificates in all lists."""
        return int(lib.hf_crl_set_entries(self.handle))

    def verifier(
        self, roots: Sequence[bytes], max_depth: int, policy: int
    ) -> NativeVerifier:
        """Make a web verifier that asks these lists."""
        der = b"".join(roots)
        return NativeVerifier(
            lib.hf_ffi_verifier_new_web_crls(
                der, len(der), max_depth, self.handle, policy
            )
        )
