# SPDX-License-Identifier: Apache-2.0
"""Whose memory the engine and its OpenSSL use, and that nobody notices.

`make wheel` runs this against the wheel, which has an allocator of its own; the C tests
(`test_base_heap.c`) look at single blocks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from handfast import _ffi, openssl_version
from handfast._ffi.allocator import owns, wants_own
from handfast._ffi.library import ffi

ROOT = Path(__file__).resolve().parents[2]
OWN = openssl_version().allocator != "system"


def run(code: str, **environment: str) -> str:
    """Run a program in a new interpreter; a hang is ended by the timeout alone."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_systems_openssl_keeps_its_allocator() -> None:
    """P10: it is shared with the rest of the process; ours is not."""
    version = openssl_version()
    assert version.allocator == "system" or version.allocator.startswith("mimalloc ")
    assert version.origin == "pinned" or version.allocator == "system"


def test_the_engines_objects_lie_where_it_says() -> None:
    assert not owns(ffi.new("char[]", 100)), "a block of Python's"
    cache = _ffi.NativeChainCache.create(8, 1 << 20, 60)
    assert owns(cache.handle) == OWN


@pytest.mark.parametrize(
    ("value", "own"),
    [(None, True), ("", True), ("mimalloc", True), ("system", False), ("libc", False)],
)
def test_the_environment_can_only_switch_it_off(
    value: str | None,
    own: bool,
) -> None:
    assert wants_own(value) == own


def test_the_switch_brings_the_c_librarys_allocator() -> None:
    code = "import handfast; print(handfast.openssl_version().allocator)"
    assert run(code, HANDFAST_MALLOC="system") == "system"
    assert run(code, HANDFAST_MALLOC="") == openssl_version().allocator


def test_the_environment_of_mimalloc_is_not_read() -> None:
    """P10: nothing is read from the machine, and nothing is said on stderr."""
    # Set once Python runs: from 3.13 on it has a mimalloc of its own, which reads them.
    code = (
        "import os, sys; os.environ.update(MIMALLOC_VERBOSE='1', "
        "MIMALLOC_SHOW_STATS='1'); import handfast; sys.stderr.write('end')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == "end"


def test_threads_that_end_give_their_memory_back() -> None:
    """D13, I3: each thread has a heap of its own, and there is no end of threads."""
    run(
        """
        import resource, threading
        from handfast.testing import connection_pair
        from tests.support import workloads
        client, server = workloads.client(), workloads.server()
        kept = []
        def work():
            kept.append(connection_pair(client, server))
        def rounds(count):
            for _ in range(count):
                thread = threading.Thread(target=work)
                thread.start(); thread.join()
                kept.pop() if len(kept) > 4 else None
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
        rounds(100)
        before = resident()
        rounds(400)
        grown = resident() - before
        # A heap that were kept would be over 100 KiB, and 400 of them 40 MiB.
        assert grown < 8 << 20, grown
        """
    )
