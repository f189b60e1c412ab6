# SPDX-License-Identifier: Apache-2.0
"""The built module: one OpenSSL, ours, hidden (promise P10)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import shared_object


@pytest.fixture(scope="module")
def native() -> shared_object.SharedObject:
    spec = importlib.util.find_spec("handfast._native")
    assert spec is not None
    assert spec.origin is not None
    return shared_object.read(Path(spec.origin))


def test_p10_only_pyinit_is_exported(native: shared_object.SharedObject) -> None:
    assert set(native.exported) == {"PyInit__native"}


def test_p10_the_stack_is_not_executable(native: shared_object.SharedObject) -> None:
    assert not native.has_executable_stack


def test_p10_the_tables_of_functions_are_read_only_after_load(
    native: shared_object.SharedObject,
) -> None:
    assert native.binds_at_load


def test_d13_the_code_stays_while_its_handlers_do(
    native: shared_object.SharedObject,
) -> None:
    """D13: what fork and the ends of threads call is never unloaded."""
    assert native.stays_loaded
