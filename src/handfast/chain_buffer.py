# SPDX-License-Identifier: Apache-2.0
"""Many chains in one buffer, with the places where they begin: no copy, no objects.

This is how Arrow lays out binary columns, and how a corpus is mapped from a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeAlias

from handfast.errors import ConfigError, Reason, detail_for

if TYPE_CHECKING:
    # Of the type checkers; nothing to install.
    from typing_extensions import Buffer

    class _NumpyArray(Protocol):
        """NumPy says that its arrays are buffers only from Python 3.12 on."""

        @property
        def __array_interface__(self) -> dict[str, Any]: ...

    AnyBuffer: TypeAlias = Buffer | _NumpyArray

__all__ = ["ChainBuffer"]

_INTEGERS: Final = frozenset("iIlLqQnN")
_WIDTHS: Final = (4, 8)


def _refuse(expected: str, seen: object) -> NoReturn:
    raise ConfigError(
        detail_for(Reason.CONFIG_INVALID, expected=expected, seen=str(seen))
    )


def _view(name: str, value: Any) -> memoryview:
    try:
        view = memoryview(value)
    except TypeError:
        _refuse(f"{name} with the buffer protocol", type(value).__name__)
    if not view.c_contiguous:
        _refuse(f"{name} in one piece", "a buffer with strides")
    return view


def _bytes(view: memoryview) -> memoryview:
    try:
        return view.cast("B")
    except (TypeError, ValueError):
        _refuse("data= of plain elements", f"format {view.format!r}")


def _offsets(name: str, value: Any) -> memoryview:
    view = _view(name, value)
    kind = view.format.removeprefix("@")  # the machine's own order, no other
    if kind not in _INTEGERS or view.itemsize not in _WIDTHS or view.ndim != 1:
        _refuse(
            f"{name} as integers of 4 or 8 bytes in a row (array('q'), int64)",
            f"format {view.format!r}, {view.ndim} dimensions",
        )
    if not len(view):
        _refuse(f"{name} to have one element more than there are parts", "none")
    return view


class ChainBuffer:
    r"""Chains one after the other in one buffer.

    Args:
        data: The bytes of all chains: `bytes`, `mmap`, an array, anything with the
            buffer protocol. It is not copied as a whole, and should not change while it
            is verified: a verdict is always about what was verified, but then perhaps
            not about what lies there now.
        offsets: One more than there are chains: chain `i` is what lies from offset `i`
            to offset `i + 1`, as DER certificates back to back, the leaf first.
            Integers of 4 or 8 bytes in a buffer.
        cert_offsets: Where each *certificate* begins in `data`, and one more; then
            `offsets` count certificates: chain `i` is certificates `offsets[i]` to
            `offsets[i + 1]`. This is how Arrow lays out lists of binary.

    The offsets are checked when they are used: before anything is read by them.

    Raises:
        ConfigError: one of them is no such buffer.

    Example:
        >>> from array import array
        >>> len(ChainBuffer(b"\x30\x00\x30\x00", array("q", [0, 2, 4])))
        2
    """

    __slots__ = ("cert_offsets", "data", "offsets")

    data: memoryview
    offsets: memoryview
    cert_offsets: memoryview | None

    def __init__(
        self,
        data: AnyBuffer,
        offsets: AnyBuffer,
        cert_offsets: AnyBuffer | None = None,
    ) -> None:
        self.data = _bytes(_view("data=", data))
        self.offsets = _offsets("offsets=", offsets)
        self.cert_offsets = None
        if cert_offsets is not None:
            self.cert_offsets = _offsets("cert_offsets=", cert_offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"<ChainBuffer of {len(self)} chains, {self.data.nbytes} bytes>"
