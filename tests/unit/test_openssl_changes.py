# SPDX-License-Identifier: Apache-2.0
"""What is changed in OpenSSL's sources is what the pin says, or nothing is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import openssl
import openssl_changes
from openssl_changes import Constant

if TYPE_CHECKING:
    from pathlib import Path

CHANGE = Constant("ssl.h.in", "SSL_MAX", "32", "1")


def test_one_line_is_changed_and_no_other(tmp_path: Path) -> None:
    header = tmp_path / "ssl.h.in"
    header.write_text("#define SSL_MAX_TOO 32\n# define SSL_MAX 32\n#define OTHER 32\n")
    openssl_changes.set_constant(tmp_path, CHANGE)
    changed = "#define SSL_MAX_TOO 32\n# define SSL_MAX 1\n#define OTHER 32\n"
    assert header.read_text() == changed


@pytest.mark.parametrize(
    "text",
    [
        "#define SSL_MAX 64\n",
        "#define SSL_MAX 321\n",
        "/* #define SSL_MAX 32 */\n",
        "#define SSL_MAX 32\n#define SSL_MAX 32\n",
        "",
    ],
)
def test_sources_that_are_not_as_expected_are_left_alone(
    tmp_path: Path, text: str
) -> None:
    header = tmp_path / "ssl.h.in"
    header.write_text(text)
    with pytest.raises(ValueError, match=r"expected one line `#define SSL_MAX 32`"):
        openssl_changes.set_constant(tmp_path, CHANGE)
    assert header.read_text() == text


def test_half_a_change_is_no_change() -> None:
    with pytest.raises(ValueError, match="FILE NAME FROM TO"):
        openssl_changes.read_constants(["ssl.h.in", "SSL_MAX", "32"])


def test_a_change_is_part_of_the_cache_key() -> None:
    pin = openssl.Pin.read()
    assert [it.name for it in pin.constants] == ["SSL_MAX_PIPELINES"]
    compiler = openssl.Compiler("cc", "gcc", "some compiler")
    facts = openssl.inputs(pin, compiler)
    assert facts["constants"] == pin.constants
    stock = openssl.inputs(pin, compiler, "stock")
    assert stock["constants"] == ()


def test_internal_headers_are_kept_as_they_include_each_other(tmp_path: Path) -> None:
    source, prefix = tmp_path / "source", tmp_path / "prefix"
    for folder in openssl_changes.HEADERS:
        (source / folder).mkdir(parents=True)
        (source / folder / "one.h").write_text(folder)
        (source / folder / "one.c").write_text("not a header")
    openssl_changes.keep_internal_headers(source, prefix)
    kept = {
        str(path.relative_to(prefix)): path.read_text()
        for path in prefix.rglob("*")
        if path.is_file()
    }
    assert kept == {f"internal/{it}/one.h": it for it in openssl_changes.HEADERS}
