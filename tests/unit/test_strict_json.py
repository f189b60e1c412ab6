# SPDX-License-Identifier: Apache-2.0
"""JSON of strangers: one reading, or none."""

from __future__ import annotations

import pytest

from handfast.strict_json import DEPTH_MAX, NotStrictJson, read_object


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    """An object with so many levels, itself the first."""
    inner = levels - 1
    return f'{{"x": {opening * inner}1{closing * inner}}}'.encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_levels_are_counted_to_the_limit(opening: str, closing: str) -> None:
    """Beside brackets that are none, being in a text."""
    read_object(nested(DEPTH_MAX, opening, closing))
    read_object(b'{"x": "' + b"[{" * 500 + b'"}')
    read_object(b'{"x": [' + b"[[]]," * 500 + b"[]]}")
    for levels in (DEPTH_MAX + 1, 500, 999, 100_000):
        with pytest.raises(NotStrictJson):
            read_object(nested(levels, opening, closing))


def test_an_empty_list_is_a_level() -> None:
    """At the limit and one below."""
    read_object(b'{"x": ' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}")
    with pytest.raises(NotStrictJson, match="at most 32 levels"):
        read_object(b'{"x": ' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}")


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "1" + "0" * 309, "-2" + "0" * 308, "9" * 6000]
)
def test_numbers_that_no_double_holds_are_refused(number: str) -> None:
    """Others read them as infinite, as the greatest double, or not at all."""
    with pytest.raises(NotStrictJson):
        read_object(f'{{"x": [{number}]}}'.encode())


def test_numbers_that_a_double_holds_are_read() -> None:
    """Whole ones exactly."""
    greatest = int(1.7976931348623157e308)
    assert read_object(f'{{"x": {greatest}}}'.encode()) == {"x": greatest}
    assert read_object(b'{"x": [1e-999, -0.0, 18446744073709551616]}') == {
        "x": [0.0, -0.0, 2**64]
    }
