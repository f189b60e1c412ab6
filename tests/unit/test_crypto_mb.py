# SPDX-License-Identifier: Apache-2.0
"""Where CMake is told to find the lanes' library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import openssl

TOOL = Path(openssl.__file__).parent / "crypto_mb.py"


def ask(site: Path) -> subprocess.CompletedProcess[str]:
    """Run the tool as CMake does, with packages that pip put somewhere by itself."""
    return subprocess.run(
        [sys.executable, "-S", TOOL],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def install(site: Path, name: str, version: str, files: list[str]) -> None:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    record = [*files, f"{info}/LICENSE.txt", f"{info}/METADATA", f"{info}/RECORD"]
    for file in record:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).touch()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (site / info / "METADATA").write_text(metadata, "utf-8")
    (site / info / "RECORD").write_text(
        "".join(f"{file},,\n" for file in record), "utf-8"
    )


def test_the_packages_tell_where_their_files_went(tmp_path: Path) -> None:
    """They lie beside Python's own folders, and those need not be under sys.prefix."""
    site = tmp_path / "lib" / "python3" / "site-packages"
    header = "../../../include/aggregator/crypto_mb/defs.h"
    install(site, "ipp-crypto-static", "2026.2.0", ["../../libcrypto_mb.a"])
    install(site, "ipp-crypto-include", "2026.2.0", [header])
    done = ask(site)
    assert done.returncode == 0, done.stderr
    root = tmp_path.resolve()
    info = "lib/python3/site-packages/ipp_crypto_static-2026.2.0.dist-info"
    assert done.stdout.splitlines() == [
        f"{root}/lib/libcrypto_mb.a",
        f"{root}/include/aggregator",
        f"{root}/{info}/LICENSE.txt",
        "2026.2.0",
    ]


def test_without_them_the_build_does_without_lanes(tmp_path: Path) -> None:
    assert ask(tmp_path).returncode == 3
    install(tmp_path, "ipp-crypto-static", "2026.2.0", ["../../libcrypto_mb.a"])
    assert ask(tmp_path).returncode == 3, "a library without headers is no library"


def test_files_that_have_gone_are_not_told(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3" / "site-packages"
    header = "../../../include/aggregator/crypto_mb/defs.h"
    install(site, "ipp-crypto-static", "2026.2.0", ["../../libcrypto_mb.a"])
    install(site, "ipp-crypto-include", "2026.2.0", [header])
    (tmp_path / "lib" / "libcrypto_mb.a").unlink()
    done = ask(site)
    assert done.returncode == 3
    assert "ipp-crypto-static has no /libcrypto_mb.a here" in done.stderr
