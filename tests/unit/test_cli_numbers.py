# SPDX-License-Identifier: Apache-2.0
"""Numbers on the command line: ASCII digits, and as many as there can be."""

from __future__ import annotations

from datetime import timedelta

import click
import pytest

from handfast.cli.authority.options import Duration, read_address
from handfast.cli.authority.serving import _owners

ODD = ("²", "٣", "9" * 5000, "+1", "1_0", " 1", "")


def test_a_port_is_five_digits_at_most() -> None:
    assert read_address("[::1]:443", "--listen") == ("::1", 443)
    assert read_address("0", "--listen") == ("", 0)
    for port in (*ODD, "65536"):
        with pytest.raises(click.UsageError):
            read_address(f"localhost:{port}", "--listen")


def test_a_duration_is_seconds_or_a_number_with_its_unit() -> None:
    assert Duration().convert("90", None, None) == timedelta(seconds=90)
    assert Duration().convert("90m", None, None) == timedelta(minutes=90)
    for text in (*ODD, "0", "-1", "1000000"):
        with pytest.raises(click.BadParameter):
            Duration().convert(text, None, None)


def test_an_owner_is_a_name_or_a_number_that_somebody_can_have() -> None:
    assert _owners(None) == (-1, -1)
    assert _owners("1000:2000") == (1000, 2000)
    assert _owners(":4294967294") == (-1, 4294967294)
    for text in (*ODD[:-1], "4294967295", "4294967296"):
        for owner in (text, f":{text}"):
            with pytest.raises(click.UsageError):
                _owners(owner)
