# SPDX-License-Identifier: Apache-2.0
"""Revocation lists in the engine: read and indexed once, asked by verifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib
from handfast._ffi.verifier import NativeVerifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast._ffi.cache import NativeChainCache
    from handfast._ffi.snapshots import NativeBundleSet, NativePolicy

CRL_REQUIRED: Final = int(lib.HF_CRL_REQUIRED)
CRL_IF_AVAILABLE: Final = int(lib.HF_CRL_IF_AVAILABLE)


class NativeCrlSet:
    """Lists that were read, with their index."""

    __slots__ = ("__weakref__", "handle")

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


class NativeCrlBook:
    """Lists by trust domain, and how much they must say.

    It keeps its sets, and whoever is built on it keeps it, so that the same content can
    be found again while anybody uses it (`_native_lists` in `_settings`).

    Args:
        by_trust_domain: The lists of each; None where they cannot be used.
        unclaimed: Lists of nobody known; None for none.
        policy: `CRL_REQUIRED` or `CRL_IF_AVAILABLE`.
    """

    __slots__ = ("handle", "policy", "sets")

    def __init__(
        self,
        by_trust_domain: Sequence[tuple[str, NativeCrlSet | None]],
        unclaimed: NativeCrlSet | None,
        policy: int,
    ) -> None:
        self.policy = policy
        self.sets = (*(crls for _, crls in by_trust_domain), unclaimed)
        names = [ffi.from_buffer(name.encode("ascii")) for name, _ in by_trust_domain]
        pages = ffi.new("struct hf_crl_page[]", len(names))
        for page, name, (_, crls) in zip(pages, names, by_trust_domain, strict=True):
            page.trust_domain, page.trust_domain_len = name, len(name)
            page.crls = ffi.NULL if crls is None else crls.handle
        pointer = lib.hf_ffi_crl_book_new(
            pages, len(names), ffi.NULL if unclaimed is None else unclaimed.handle
        )
        if pointer == ffi.NULL:
            raise_for(0, subject="crl")
        self.handle = ffi.gc(pointer, lib.hf_ffi_crl_book_unref)

    def verifier(
        self,
        bundles: NativeBundleSet,
        policy: NativePolicy,
        rules: int,
        cache: NativeChainCache | None,
    ) -> NativeVerifier:
        """Make an SVID verifier that asks these lists."""
        pointer = lib.hf_ffi_verifier_new_crls(
            bundles.handle,
            policy.handle,
            rules,
            ffi.NULL if cache is None else cache.handle,
            self.handle,
            self.policy,
        )
        return NativeVerifier(pointer, bundles, self)
