# SPDX-License-Identifier: Apache-2.0
"""Cut concatenated DER into its elements, without looking inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from handfast.errors import InvalidCertificate, Reason, detail_for

if TYPE_CHECKING:
    from typing import Final

__all__ = ["split_der"]

_SEQUENCE: Final = 0x30
_LONG_FORM: Final = 0x80
# Four length bytes reach 4 GiB: no certificate needs more.
_LENGTH_BYTES: Final = 4


def _refuse(reason: Reason, expected: str, seen: str) -> NoReturn:
    raise InvalidCertificate(detail_for(reason, expected=expected, seen=seen))


def _end_of(data: bytes, at: int) -> int:
    """Where the SEQUENCE at ``at`` ends."""
    if data[at] != _SEQUENCE:
        _refuse(Reason.DER_TAG, "a SEQUENCE (0x30)", f"0x{data[at]:02x} at byte {at}")
    if at + 1 >= len(data):
        _refuse(Reason.DER_TRUNCATED, "a length", f"the end at byte {at + 1}")
    first, start = data[at + 1], at + 2
    length = first
    if first >= _LONG_FORM:
        count = first - _LONG_FORM
        digits = data[start : start + count]
        if not 1 <= count <= _LENGTH_BYTES:
            _refuse(Reason.DER_LENGTH, "a definite length", f"0x{first:02x}")
        if len(digits) < count:
            _refuse(Reason.DER_TRUNCATED, f"{count} length bytes", f"{len(digits)}")
        length = int.from_bytes(digits, "big")
        if digits[0] == 0 or length < _LONG_FORM:
            _refuse(Reason.DER_LENGTH, "a minimal length", f"0x{digits.hex()}")
        start += count
    if start + length > len(data):
        _refuse(
            Reason.DER_TRUNCATED,
            f"{length} bytes at byte {start}",
            f"{len(data) - start}",
        )
    return start + length


def split_der(data: bytes) -> tuple[bytes, ...]:
    r"""Cut concatenated certificates apart, as the Workload API sends them.

    Args:
        data: DER certificates back to back; may be empty.

    Raises:
        InvalidCertificate: The outermost structure is not DER, or is cut off.

    Example:
        >>> split_der(bytes.fromhex("3000 300100"))
        (b'0\x00', b'0\x01\x00')
    """
    elements: list[bytes] = []
    at = 0
    while at < len(data):
        end = _end_of(data, at)
        elements.append(data[at:end])
        at = end
    return tuple(elements)
