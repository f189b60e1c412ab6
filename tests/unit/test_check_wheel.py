# SPDX-License-Identifier: Apache-2.0
"""The checks of finished wheels: each is seen to refuse what it is there for."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

import check_wheel
import mimalloc
import openssl
import sbom

INFO = "handfast-0.1.0.dist-info"
VERSION = openssl.Pin.read().version
GOOD = {
    "handfast/__init__.py": b"",
    "handfast/py.typed": b"",
    f"{INFO}/sboms/handfast.cdx.json": json.dumps(
        sbom.bill("0.1.0", VERSION, pinned=True)
    ).encode(),
    f"{INFO}/licenses/OPENSSL-LICENSE.txt": b"",
}
WITH_LANES = GOOD | {
    f"{INFO}/sboms/handfast.cdx.json": json.dumps(
        sbom.bill("0.1.0", VERSION, pinned=True, crypto_mb="2026.2.0")
    ).encode(),
    f"{INFO}/licenses/CRYPTO_MB-LICENSE.txt": b"",
}


def archive(path: Path, files: dict[str, bytes], record: str = "") -> zipfile.ZipFile:
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
        record += f"{name},sha256={digest.rstrip(b'=').decode()},{len(content)}\n"
    record += f"{INFO}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
        writer.writestr(f"{INFO}/RECORD", record)
    return zipfile.ZipFile(path)


def test_a_good_wheel_passes(tmp_path: Path) -> None:
    with archive(tmp_path / "x.whl", GOOD) as wheel:
        assert [
            *check_wheel.check_record(wheel),
            *check_wheel.check_contents(wheel),
            *check_wheel.check_bill(wheel, VERSION, lanes=False),
        ] == []
    name = Path("handfast-0.1.0-cp311-abi3-manylinux_2_28_x86_64.whl")
    assert list(check_wheel.check_name(name)) == []


@pytest.mark.parametrize(
    "tags",
    ["cp311-cp311-manylinux_2_28_x86_64", "cp311-abi3-linux_x86_64", "py3-none-any"],
)
def test_wrong_tags_are_refused(tags: str) -> None:
    assert list(check_wheel.check_name(Path(f"handfast-0.1.0-{tags}.whl")))


def test_a_record_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    extra = "handfast/gone.py,sha256=x,0\n"
    with archive(tmp_path / "x.whl", GOOD, extra) as wheel:
        (text,) = check_wheel.check_record(wheel)
        assert "handfast/gone.py" in text
    record = "".join(f"{name},sha256=AAAA,0\n" for name in GOOD) + f"{INFO}/RECORD,,\n"
    with zipfile.ZipFile(tmp_path / "y.whl", "w") as writer:
        for name, content in GOOD.items():
            writer.writestr(name, content)
        writer.writestr(f"{INFO}/RECORD", record)
    with zipfile.ZipFile(tmp_path / "y.whl") as wheel:
        assert len(list(check_wheel.check_record(wheel))) == len(GOOD)


@pytest.mark.parametrize(
    "name", ["tests/unit/test_x.py", "handfast/x.c", "csrc/openssl.pin", "tools/x.py"]
)
def test_what_does_not_belong_into_a_wheel_is_refused(
    tmp_path: Path, name: str
) -> None:
    with archive(tmp_path / "x.whl", GOOD | {name: b""}) as wheel:
        (text,) = check_wheel.check_contents(wheel)
        assert name in text


def test_a_missing_part_is_refused(tmp_path: Path) -> None:
    files = {name: GOOD[name] for name in GOOD if not name.endswith("py.typed")}
    with archive(tmp_path / "x.whl", files) as wheel:
        assert list(check_wheel.check_contents(wheel)) == [
            "handfast/py.typed is missing"
        ]


def test_a_bill_for_another_openssl_is_refused(tmp_path: Path) -> None:
    with archive(tmp_path / "x.whl", GOOD) as wheel:
        assert list(check_wheel.check_bill(wheel, "9.9.9", lanes=False))
    files = {name: GOOD[name] for name in GOOD if "sboms" not in name}
    with archive(tmp_path / "y.whl", files) as wheel:
        assert list(check_wheel.check_bill(wheel, VERSION, lanes=False))


def test_lanes_are_where_they_can_be_had_with_their_licence(tmp_path: Path) -> None:
    for platform, expected in (
        ("manylinux_2_28_x86_64", True),
        ("manylinux2014_x86_64.manylinux_2_28_x86_64", True),
        ("manylinux_2_28_aarch64", False),
        ("musllinux_1_2_x86_64", False),
        ("macosx_11_0_x86_64", False),
    ):
        name = f"handfast-0.1.0-cp311-abi3-{platform}.whl"
        assert check_wheel.has_lanes(name) == expected
    with archive(tmp_path / "x.whl", WITH_LANES) as wheel:
        assert list(check_wheel.check_bill(wheel, VERSION, lanes=True)) == []
        (text,) = check_wheel.check_bill(wheel, VERSION, lanes=False)
        assert "crypto_mb" in text
    with archive(tmp_path / "y.whl", GOOD) as wheel:
        assert len(list(check_wheel.check_bill(wheel, VERSION, lanes=True))) == 2
    bare = {name: WITH_LANES[name] for name in WITH_LANES if "CRYPTO_MB" not in name}
    with archive(tmp_path / "z.whl", bare) as wheel:
        (text,) = check_wheel.check_bill(wheel, VERSION, lanes=True)
        assert "CRYPTO_MB-LICENSE.txt" in text


def test_our_allocator_is_in_linux_wheels_with_its_licence(tmp_path: Path) -> None:
    assert check_wheel.has_allocator("x-cp311-abi3-musllinux_1_2_aarch64.whl")
    assert check_wheel.has_allocator("x-cp311-abi3-manylinux_2_28_x86_64.whl")
    assert not check_wheel.has_allocator("x-cp311-abi3-macosx_11_0_arm64.whl")
    bill = sbom.bill("0.1.0", VERSION, pinned=True, allocator=True)
    assert mimalloc.Pin.read().sha256 in json.dumps(bill)
    files = GOOD | {
        f"{INFO}/sboms/handfast.cdx.json": json.dumps(bill).encode(),
        f"{INFO}/licenses/MIMALLOC-LICENSE.txt": b"",
    }
    with archive(tmp_path / "x.whl", files) as wheel:
        found = check_wheel.check_bill(wheel, VERSION, lanes=False, allocator=True)
        assert list(found) == []
        (text,) = check_wheel.check_bill(wheel, VERSION, lanes=False)
        assert "mimalloc" in text
    with archive(tmp_path / "y.whl", GOOD) as wheel:
        found = check_wheel.check_bill(wheel, VERSION, lanes=False, allocator=True)
        assert len(list(found)) == 2


def test_the_bill_is_the_same_every_time_and_tells_linkage_apart() -> None:
    pinned = sbom.bill("0.1.0", VERSION, pinned=True)
    assert pinned == sbom.bill("0.1.0", VERSION, pinned=True)
    text = json.dumps(pinned)
    assert openssl.Pin.read().sha256 in text
    assert '"static"' in text
    system = json.dumps(sbom.bill("0.1.0", "3.0.19", pinned=False))
    assert '"dynamic"' in system
    assert "no-autoload-config" not in system
