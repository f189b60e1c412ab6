# SPDX-License-Identifier: Apache-2.0
"""From the engine's failure record to an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from handfast._ffi.allocator import choose_allocator
from handfast._ffi.library import ffi, lib, text
from handfast.errors import (
    Category,
    ErrorDetail,
    InternalError,
    Reason,
    error_for,
)

if TYPE_CHECKING:
    from handfast.errors import Subject

#: Gives the certificates that were judged, leaf first: only asked after a refusal.
Chain = Callable[[], Sequence[bytes]]


def error_table() -> dict[int, Any]:
    """Read the engine's own table: code to (name, category, alert, text, hint)."""
    rows = ffi.new("const struct hf_error_row **")
    count = lib.hf_error_table(rows)
    return {
        int(row.code): (
            text(row.name),
            text(row.category),
            None if row.alert < 0 else int(row.alert),
            text(row.text),
            text(row.hint),
        )
        for row in (rows[0][index] for index in range(count))
    }


def _no_chain() -> Sequence[bytes]:
    return ()


def last_error(code: int = 0, chain: Chain = _no_chain) -> ErrorDetail:
    """Copy the calling thread's failure record.

    Args:
        code: What the failed call returned; 0 takes the record as it is. A record of
            another failure (a signal handler may have used the engine in between) is
            not believed: the code alone then says what happened.
        chain: The certificates that were judged, for the one that is to blame.
    """
    record = ffi.new("struct hf_error *")
    lib.hf_error_copy(record)
    if code not in (0, record.code):
        record = ffi.new("struct hf_error *", {"code": code, "depth": -1, "alert": -1})
    row = _ROWS.get(int(record.code))
    if row is None:
        return ErrorDetail(
            reason=Reason.INTERNAL,
            category=Category.INTERNAL,
            text="the engine failed without saying why",
            seen=f"code {int(record.code):#06x}",
            hint="this is a bug: report it",
        )
    name, category, _alert, sentence, hint = row
    depth = int(record.depth)
    certificates = chain() if depth >= 0 else ()
    return ErrorDetail(
        reason=Reason(name),
        category=Category(category),
        text=sentence,
        hint=hint,
        depth=depth if depth >= 0 else None,
        alert=int(record.alert) if record.alert >= 0 else None,
        expected=text(record.expected),
        seen=text(record.seen),
        claimed_id=text(record.claimed_id) or None,
        certificate=certificates[depth] if 0 <= depth < len(certificates) else None,
        skew=timedelta(seconds=record.skew) if record.skew else None,
        openssl_reason=int(record.openssl_reason),
        system_errno=int(record.system),
        where=f"{text(record.file)}:{record.line}" if record.file else "",
    )


def raise_for(
    code: int, *, subject: Subject = "peer", chain: Chain = _no_chain
) -> NoReturn:
    """Raise the exception for a failed call.

    Args:
        code: What the call returned, or 0 when it only returned NULL.
        subject: Whose data was judged, which decides the class of the exception.
        chain: The certificates that were judged.
    """
    raise error_for(last_error(code, chain), subject=subject)


_ROWS = error_table()


def start_engine() -> None:
    """Make the engine ready, once, when this package is imported.

    Raises:
        InternalError: this OpenSSL is refused, or there is no memory.
    """
    choose_allocator()
    code = lib.hf_ffi_library_init()
    if code:
        raise InternalError(last_error(code))


start_engine()
