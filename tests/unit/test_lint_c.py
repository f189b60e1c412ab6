# SPDX-License-Identifier: Apache-2.0
"""The house lints: each check is seen to fail on the thing it is there for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lint_c

if TYPE_CHECKING:
    from pathlib import Path

LICENCE_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
# Apart, so that the lint of this very file does not find them.
T = "T"
ROOT = "root"
LICENCE_PY = "# SPDX-License-Identifier: Apache-2.0\n"


def findings(root: Path, name: str, text: str) -> list[lint_c.Finding]:
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    count, found = lint_c.lint(root)
    assert count == 1
    return found


@pytest.mark.parametrize(
    ("name", "line", "check"),
    [
        ("csrc/src/tls/x.c", "    memcpy(a, b, 4);", "banned"),
        ("csrc/src/tls/x.c", "    if (memcmp (a, b, 4) == 0) {", "banned"),
        ("csrc/src/id/x.c", "    p = malloc(4);", "banned"),
        ("csrc/tests/test_x.c", "    free(p);", "banned"),
        ("csrc/src/tls/x.c", "    sprintf(a, b);", "banned"),
        ("bench/peers/x.c", "    strcpy(a, b);", "banned"),
        ("csrc/src/tls/x.c", "    strcpy(a, b);", "banned"),
        ("csrc/src/tls/x.c", "    strncpy(a, b, 3);", "banned"),
        ("csrc/src/tls/x.c", "    strtok(a, b);", "banned"),
        ("csrc/src/tls/x.c", "    gmtime(&t);", "banned"),
        ("csrc/src/tls/x.c", "    assert(len > 0);", "banned"),
        ("csrc/src/base/x.c", '#include "id/spiffe_id.h"', "include"),
        ("csrc/src/id/x.c", '#include "x509/der.h"', "include"),
        ("csrc/src/x509/x.c", '#include "verify/path.h"', "include"),
        ("csrc/src/verify/x.c", '#include "policy/policy.h"', "include"),
        ("csrc/src/policy/x.c", '#include "tls/config.h"', "include"),
        ("csrc/src/stats/x.c", '#include "id/spiffe_id.h"', "include"),
        ("csrc/src/id/x.c", '#include "stats/counters.h"', "include"),
        ("csrc/src/id/x.c", "#include <openssl/evp.h>", "include"),
        ("csrc/src/base/x.c", "#include <openssl/ssl.h>", "include"),
        ("csrc/src/tls/x.c", '#include "config.h"', "include"),
        ("csrc/src/tls/x.c", '#include "../base/span.h"', "include"),
        ("csrc/ffi/x.c", '#include "base/span.h"', "include"),
        ("csrc/include/x.h", '#include "base/span.h"', "include"),
        ("csrc/src/tls/x.c", "    return (hf_result){HF_E_USAGE};", "raw-result"),
        ("csrc/src/tls/x.c", "    return 0;;", "double-semicolon"),
        ("csrc/src/tls/x.c", "    return 0; // why", "line-comment"),
        ("csrc/src/tls/x.h", "typedef struct hf_conn hf_conn;", "typedef"),
        ("csrc/src/tls/x.c", f"/* {T}ODO: later */", "unfinished"),
        ("csrc/src/tls/x.c", f"/* see /{ROOT}/notes */", "machine-path"),
        ("csrc/src/tls/x.c", "\n" * lint_c.LENGTH_ERROR, "length"),
    ],
)
def test_bad_c_is_found(tmp_path: Path, name: str, line: str, check: str) -> None:
    found = findings(tmp_path, name, f"{LICENCE_C}{line}\n")
    assert [(str(x.path), x.check, x.is_error) for x in found] == [(name, check, True)]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("csrc/src/base/mem.c", "    memcpy(a, b, 4);"),
        ("bench/peers/x.c", "    memcpy(a, b, 4);"),
        ("csrc/src/base/mem.c", "#include <openssl/crypto.h>"),
        ("csrc/tests/negative/x.c", "    p = malloc(4);"),
        ("csrc/src/base/x.c", "    return (hf_result){0};"),
        ("csrc/src/tls/x.c", "    hf_mem_free(p); OPENSSL_free(q); x->free(y);"),
        ("csrc/src/tls/x.c", '    s = "memcpy(a); // not code;;";'),
        ("csrc/src/tls/x.c", "/* memcpy(a, b); // prose;; */"),
        ("csrc/src/tls/x.c", "    for (;;) {"),
        ("csrc/src/tls/x.c", '#include "policy/policy.h"'),
        ("csrc/src/policy/x.c", '#include "id/spiffe_id.h"'),
        ("csrc/src/tls/x.c", '#include "stats/counters.h"'),
        ("csrc/ffi/x.c", '#include "handfast.h"'),
        ("csrc/include/x.h", "typedef struct hf_result { int code; } hf_result;"),
    ],
)
def test_good_c_is_left_alone(tmp_path: Path, name: str, line: str) -> None:
    assert findings(tmp_path, name, f"{LICENCE_C}{line}\n") == []


@pytest.mark.parametrize("name", ["csrc/src/id/x.c", "src/x.py", "csrc/cmake/x.cmake"])
def test_a_missing_licence_is_found(tmp_path: Path, name: str) -> None:
    assert [x.check for x in findings(tmp_path, name, "\n")] == ["licence"]


def test_python_is_checked_for_length_and_paths(tmp_path: Path) -> None:
    text = LICENCE_PY + 'HERE = "/wo' + 'rk/main"\n' + "\n" * lint_c.LENGTH_WARNING
    found = findings(tmp_path, "tools/x.py", text)
    assert [(x.check, x.is_error) for x in found] == [
        ("length", False),
        ("machine-path", True),
    ]


@pytest.mark.parametrize(
    ("name", "count"),
    [("src/handfast/tls.py", 1), ("src/handfast/_ffi/__init__.py", 0)],
)
def test_only_ffi_imports_the_native_module(
    tmp_path: Path, name: str, count: int
) -> None:
    text = LICENCE_PY + "from handfast._native import lib\n"
    assert [x.check for x in findings(tmp_path, name, text)] == ["native"] * count


def test_the_exit_code_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty checkout is an error too: a lint that read nothing proves nothing."""
    monkeypatch.setattr("sys.argv", ["lint_c.py", "--root", str(tmp_path)])
    assert lint_c.main() == 1
    path = tmp_path / "src" / "x.py"
    path.parent.mkdir()
    path.write_text(LICENCE_PY, "utf-8")
    assert lint_c.main() == 0
    path.write_text("", "utf-8")
    assert lint_c.main() == 1
    assert "src/x.py:1: licence: expected SPDX" in capsys.readouterr().out
