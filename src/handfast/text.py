# SPDX-License-Identifier: Apache-2.0
"""Make text of strangers safe to show: in messages, logs and terminals."""

from __future__ import annotations

__all__ = ["escape"]

_SHOWN = 120
_PRINTABLE = range(0x20, 0x7F)


def escape(value: str | bytes, *, limit: int = _SHOWN) -> str:
    r"""Show bytes or text with printable ASCII only, as the C engine does.

    Args:
        value: What somebody sent.
        limit: How many of its bytes are shown; a cut is marked with ``...``.

    Example:
        >>> escape("a\x00b")
        'a\\x00b'
    """
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    shown = "".join(
        chr(byte) if byte in _PRINTABLE and byte != ord("\\") else f"\\x{byte:02x}"
        for byte in raw[:limit]
    )
    return shown + "..." if len(raw) > limit else shown
