# SPDX-License-Identifier: Apache-2.0
"""Immutable objects of the engine: bundles, policies, own identities, configurations.

The engine counts references, so a configuration keeps what it was built from alive and
each handle here may go as soon as its user has no more need of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handfast._ffi.library import Data
    from handfast._ffi.sessions import NativeSessionStore
    from handfast._ffi.tickets import NativeTicketKeys
    from handfast._ffi.verifier import NativeVerifier
    from handfast.authorize import Instruction


def _owned(pointer: Any, release: Any, subject: Any) -> Any:
    """Take the one reference that came with an object, or raise why there is none."""
    if pointer == ffi.NULL:
        raise_for(0, subject=subject)
    return ffi.gc(pointer, release)


class NativeBundle:
    """The authorities of one trust domain."""

    __slots__ = ("__weakref__", "handle")

    def __init__(self, trust_domain: str, authorities: Iterable[bytes]) -> None:
        name, der = trust_domain.encode(), b"".join(authorities)
        self.handle = _owned(
            lib.hf_ffi_bundle_new(name, len(name), der, len(der)),
            lib.hf_ffi_bundle_unref,
            "bundle",
        )

    def __len__(self) -> int:
        return int(lib.hf_bundle_count(self.handle))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the content: the same authorities, the same digest."""
        out = ffi.new("uint8_t[]", int(lib.HF_DIGEST_SIZE))
        lib.hf_bundle_digest(self.handle, out)
        return bytes(ffi.buffer(out))

    @property
    def generation(self) -> int:
        """Number of the snapshot in this process, growing."""
        return int(lib.hf_bundle_generation(self.handle))


class NativeBundleSet:
    """Bundles by trust domain, never pooled (P1).

    It keeps its bundles, and whoever is built on it keeps it, so that the same content
    can be found again while anybody uses it (`native_bundles` in `_settings`).
    """

    __slots__ = ("bundles", "handle")

    def __init__(self, bundles: Sequence[NativeBundle]) -> None:
        self.bundles = tuple(bundles)
        handles = ffi.new("struct hf_bundle *[]", [b.handle for b in bundles])
        self.handle = _owned(
            lib.hf_ffi_bundle_set_new(handles, len(bundles)),
            lib.hf_ffi_bundle_set_unref,
            "bundle",
        )


class NativePolicy:
    """A compiled authorizer."""

    __slots__ = ("handle",)

    def __init__(self, program: Sequence[Instruction]) -> None:
        # One buffer for all texts, and the nodes point into it: a policy of thousands
        # of IDs stays two allocations.
        blob = "".join(text for _, _, text in program).encode("ascii")
        texts = ffi.from_buffer("uint8_t[]", blob)
        nodes = ffi.new("struct hf_policy_node[]", len(program))
        start = 0
        for node, (op, count, text) in zip(nodes, program, strict=True):
            node.op, node.count, node.len = op, count, len(text)
            node.text = texts + start
            start += len(text)
        self.handle = _owned(
            lib.hf_ffi_policy_new(nodes, len(program)),
            lib.hf_ffi_policy_unref,
            "id",
        )

    def check(self, spiffe_id: bytes) -> None:
        """Ask for a verdict.

        Raises:
            NotAuthorized: the policy says no.
            VerificationError: the text is not a SPIFFE ID.
        """
        code = lib.hf_ffi_policy_check(self.handle, spiffe_id, len(spiffe_id))
        if code:
            raise_for(code)


class NativeSvid:
    """Our own chain and private key; `web` for a server's of the public web."""

    __slots__ = ("handle",)

    def __init__(self, chain: Iterable[bytes], key: Data, *, web: bool = False) -> None:
        der = b"".join(chain)
        make = lib.hf_ffi_svid_web_new if web else lib.hf_ffi_svid_new
        # The key goes to the engine from where it lies: no copy of it is made here.
        with ffi.from_buffer("uint8_t[]", key) as secret:
            self.handle = _owned(
                make(der, len(der), secret, len(secret)),
                lib.hf_ffi_svid_unref,
                "own",
            )


class NativeConfig:
    """One immutable SSL_CTX and all that belongs to it."""

    __slots__ = ("handle",)

    def __init__(  # noqa: PLR0913 - the engine's own list, all by keyword
        self,
        *,
        role: int,
        min_version: int,
        svid: NativeSvid | None,
        verifier: NativeVerifier | None,
        groups: str | None,
        ciphersuites: str | None,
        alpn: bytes,
        key_log: bool,
        sessions: NativeSessionStore | None,
        tickets: NativeTicketKeys | None,
        one_way: bool,
    ) -> None:
        self.handle = _owned(
            lib.hf_ffi_config_new(
                role,
                min_version,
                ffi.NULL if svid is None else svid.handle,
                ffi.NULL if verifier is None else verifier.handle,
                ffi.NULL if groups is None else groups.encode(),
                ffi.NULL if ciphersuites is None else ciphersuites.encode(),
                alpn,
                len(alpn),
                key_log,
                ffi.NULL if sessions is None else sessions.handle,
                ffi.NULL if tickets is None else tickets.handle,
                one_way,
            ),
            lib.hf_ffi_config_unref,
            "own",
        )

    def facts(self) -> dict[str, int]:
        """Say what the context really is set to: for tests and audits."""
        out = ffi.new("struct hf_config_facts *")
        code = lib.hf_ffi_config_inspect(self.handle, out)
        if code:
            raise_for(code)
        return {
            name: int(getattr(out, name))
            for name, _field in ffi.typeof("struct hf_config_facts").fields
        }
