# SPDX-License-Identifier: Apache-2.0
"""JSON of strangers, read so that no two readers can read it in two ways.

A name twice in an object, NaN, another encoding than UTF-8, half a surrogate: all that
JSON parsers disagree about is refused. Bundle documents and tokens are both read here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeGuard

from handfast.text import escape

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Json", "NotStrictJson", "is_list", "is_object", "read_object"]

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
            to limit; depth is limited by it, and by the interpreter.

    Raises:
        NotStrictJson: It is anything else.
    """
    try:
        value: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
        )
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
