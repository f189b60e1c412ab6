# SPDX-License-Identifier: Apache-2.0
"""The engine's keys of stateless tickets."""

from __future__ import annotations

from typing import Any, NamedTuple

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

#: Bytes of a secret, and how many of them a ring has at most.
TICKET_SECRET_SIZE: int = int(lib.HF_TICKET_SECRET_SIZE)
TICKET_PREVIOUS_MAX: int = int(lib.HF_TICKET_PREVIOUS_MAX)
_KEYS_MAX: int = int(lib.HF_TICKET_KEYS_MAX)


class Ring(NamedTuple):
    """Secrets, all of them of the one size."""

    current: bytes
    upcoming: bytes | None
    previous: tuple[bytes, ...]


class NativeTicketKeys:
    """Keys that seal and open tickets."""

    __slots__ = ("handle",)

    def __init__(self, ring: Ring | None, max_age: int) -> None:
        native, _kept = (ffi.NULL, None) if ring is None else _native(ring)
        pointer = lib.hf_ffi_ticket_keys_new(native, max_age)
        if pointer == ffi.NULL:
            raise_for(0, subject="own")
        self.handle = ffi.gc(pointer, lib.hf_ffi_ticket_keys_unref)

    def replace(self, ring: Ring) -> None:
        """Take other keys, all at once."""
        native, _kept = _native(ring)
        code = lib.hf_ffi_ticket_keys_replace(self.handle, native)
        if code:
            raise_for(code)

    def rotate(self) -> None:
        """Go one key on."""
        code = lib.hf_ffi_ticket_keys_rotate(self.handle)
        if code:
            raise_for(code)

    def export(self) -> Ring:
        """Give the secrets away."""
        size = TICKET_SECRET_SIZE
        out = ffi.new("uint8_t[]", _KEYS_MAX * size)
        which = ffi.new("uint32_t *")
        code = lib.hf_ffi_ticket_keys_export(self.handle, out, _KEYS_MAX * size, which)
        if code:
            raise_for(code)
        secrets = [
            bytes(ffi.buffer(out)[i * size : (i + 1) * size])
            if which[0] >> i & 1
            else None
            for i in range(_KEYS_MAX)
        ]
        ffi.buffer(out)[:] = bytes(_KEYS_MAX * size)
        previous = tuple(secret for secret in secrets[2:] if secret is not None)
        return Ring(secrets[0] or b"", secrets[1], previous)

    def statistics(self) -> dict[str, int]:
        """Read the counters, by the engine's names."""
        out = ffi.new("struct hf_ticket_statistics *")
        lib.hf_ticket_keys_statistics(self.handle, out)
        return {
            name: int(getattr(out, name))
            for name, _field in ffi.typeof("struct hf_ticket_statistics").fields
        }


def _native(ring: Ring) -> tuple[Any, list[Any]]:
    """Return the engine's ring and what keeps its bytes alive."""
    previous = b"".join(ring.previous)
    kept = [
        ffi.from_buffer("uint8_t[]", ring.current),
        ffi.NULL
        if ring.upcoming is None
        else ffi.from_buffer("uint8_t[]", ring.upcoming),
        ffi.from_buffer("uint8_t[]", previous) if previous else ffi.NULL,
    ]
    out = ffi.new("struct hf_ticket_ring *")
    out.current, out.upcoming, out.previous = kept
    out.previous_count = len(ring.previous)
    return out, kept
