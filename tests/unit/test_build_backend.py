# SPDX-License-Identifier: Apache-2.0
"""The build backend asks for the lanes' library where it can be had, and only there."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path
from types import ModuleType

import pytest

import openssl


@pytest.fixture
def backend() -> ModuleType:
    path = Path(openssl.__file__).parent / "backend" / "handfast_build.py"
    spec = importlib.util.spec_from_file_location("handfast_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (("linux", "x86_64", "glibc 2.28"), True),
        (("linux", "x86_64", "glibc 2.41"), True),
        (("linux", "x86_64", "glibc 2.27"), False),
        (("linux", "x86_64", None), False),
        (("linux", "aarch64", "glibc 2.41"), False),
        (("darwin", "x86_64", None), False),
    ],
)
def test_the_library_is_asked_for_where_it_is(
    backend: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    host: tuple[str, str, str | None],
    expected: bool,
) -> None:
    system, machine, libc = host
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(os, "confstr_names", {"CS_GNU_LIBC_VERSION": 2})
    monkeypatch.setattr(os, "confstr", lambda _: libc)
    assert backend.lanes() == (list(backend.LANES) if expected else [])


def test_musl_has_no_name_for_its_version(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "confstr_names", {})
    assert backend.lanes() == []


def test_lanes_that_are_switched_off_need_nothing(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "lanes", lambda: ["the library"])
    off = {"cmake.define.HANDFAST_MB": "OFF"}
    assert backend._with_lanes(["cmake"], off) == ["cmake"]
    for settings in (None, {}, {"cmake.define.HANDFAST_MB": "ON"}):
        assert backend._with_lanes(["cmake"], settings) == ["cmake", "the library"]
