# SPDX-License-Identifier: Apache-2.0
"""JSON of strangers, read so that no two readers can read it in two ways.

A name twice in an object, NaN, a number that no double holds, another encoding than
UTF-8, half a surrogate: all that JSON parsers disagree about is refused. Bundle
documents and tokens are both read here.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, TypeGuard

from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final, NoReturn

__all__ = ["DEPTH_MAX", "Json", "NotStrictJson", "is_list", "is_object", "read_object"]

#: How many objects and arrays may lie in one another (RFC 8259, section 9, lets a
#: reader set that). Without it the interpreter's stack would be the limit, of which
#: callers have used some.
DEPTH_MAX: Final = 32
#: Digits that every double has room for.
_DIGITS_SURE: Final = 300

#: A JSON object.
Json = dict[str, object]


class NotStrictJson(ValueError):  # noqa: N818 - says what happened
    """A text is not JSON, or can be read in two ways; nothing of it was taken.

    Attributes:
        expected: What was wanted.
        seen: What was there; printable ASCII.
    """

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}, seen {seen}")
        self.expected = expected
        self.seen = seen


def _unique(pairs: list[tuple[str, object]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two parsers may take different ones of two equal names.
        raise NotStrictJson("every name once in an object", "a name twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise NotStrictJson("JSON", name)


def _double(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise NotStrictJson("numbers that a double holds", "a greater one")
    return value


def _integer(text: str) -> int:
    if len(text) > _DIGITS_SURE:
        _double(text)
    return int(text)


def _check_depth(raw: bytes, value: object) -> None:
    # Most have too few brackets for it, in texts or not.
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return
    level = [value]
    for _ in range(DEPTH_MAX):
        inner: list[object] = []
        for one in level:
            if is_object(one):
                inner.extend(one.values())
            elif is_list(one):
                inner.extend(one)
        level = inner
    if any(is_object(one) or is_list(one) for one in level):
        raise NotStrictJson(f"JSON of at most {DEPTH_MAX} levels", "a deeper one")


def is_object(value: object) -> TypeGuard[Json]:
    """Whether a value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a value is a JSON array."""
    return isinstance(value, list)


def read_object(raw: bytes) -> Json:
    """Read one JSON object, and nothing after it.

    Args:
        raw: The text in UTF-8, without a byte order mark. Its length is the caller's
            to limit; levels are limited here, to :data:`DEPTH_MAX`.

    Raises:
        NotStrictJson: It is anything else.
    """
    try:
        value: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_double,
            parse_int=_integer,
        )
        _check_depth(raw, value)
        if b"\\u" in raw:
            # An escaped half of a surrogate pair is no text: it cannot be written.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except NotStrictJson:
        raise
    except (ValueError, RecursionError) as error:
        seen = escape(str(error)) if isinstance(error, json.JSONDecodeError) else ""
        raise NotStrictJson(
            "a JSON document in UTF-8", seen or type(error).__name__
        ) from None
    if not is_object(value):
        raise NotStrictJson("a JSON object", type(value).__name__)
    return value
