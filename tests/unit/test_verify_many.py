# SPDX-License-Identifier: Apache-2.0
"""verify_many: the forms of its input, its arguments, and what it leaves behind."""

from __future__ import annotations

import gc
import mmap
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import batch
from tests.support.free_gil import counted_meanwhile

from handfast import (
    BatchResult,
    ChainBuffer,
    ConfigError,
    Reason,
    Verifier,
    _ffi,
    authorize,
)
from handfast._chunks import CHUNK
from handfast.testing import forge


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(batch.root().bundle)


@pytest.fixture(scope="module")
def good() -> bytes:
    return b"".join(forge(batch.root(), batch.WEB).chain)


def test_each_chain_gets_the_verdict_that_it_gets_alone(verifier: Verifier) -> None:
    """C9, I1, I2, C10: one bad item changes nothing for the others."""
    result = verifier.verify_many(batch.chains())
    assert len(result) == len(batch.chains())
    for item, chain in zip(result, batch.chains(), strict=True):
        assert batch.in_batch(item) == batch.alone(verifier, chain)
    assert {item.ok for item in result} == {True, False}


def test_concatenated_chains_get_the_verdict_of_their_parts(verifier: Verifier) -> None:
    """C9: cut apart as the engine cuts what the Workload API sends."""
    flat = [b"".join(chain) for chain in batch.chains()]
    for item, data in zip(verifier.verify_many(flat), flat, strict=True):
        assert batch.in_batch(item) == batch.alone_flat(verifier, data)


@pytest.mark.parametrize("kind", ["i", "I", "q", "Q"])
def test_buffers_say_what_sequences_say(verifier: Verifier, kind: str) -> None:
    parted, flat = batch.chains(), [b"".join(chain) for chain in batch.chains()]
    assert verifier.verify_many(batch.parted_buffer(parted, kind)) == (
        verifier.verify_many(parted)
    )
    assert verifier.verify_many(batch.flat_buffer(flat, kind)) == (
        verifier.verify_many(flat)
    )


def test_the_forms_of_a_chain_may_be_mixed(verifier: Verifier) -> None:
    chain = tuple(forge(batch.root(), batch.WEB).chain)
    joined = b"".join(chain)
    forms: list[Any] = [
        joined,
        chain,
        list(chain),
        bytearray(joined),
        memoryview(joined),
        [memoryview(chain[0]), *chain[1:]],
        (bytearray(chain[0]),),
        np.frombuffer(joined, dtype=np.uint8),
        iter(chain),
        memoryview(joined + bytes(-len(joined) % 4)).cast("I")[:0],
    ]
    result = verifier.verify_many(forms)
    assert result.ok.tolist() == [True] * 9 + [False]
    assert result[9].reason is Reason.CHAIN_EMPTY


def test_a_corpus_is_mapped_from_a_file(
    verifier: Verifier, good: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "corpus"
    file.write_bytes(good * 3)
    ends = np.arange(4, dtype=np.int64) * len(good)
    with (
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        chains = ChainBuffer(data, ends)
        assert repr(chains) == f"<ChainBuffer of 3 chains, {3 * len(good)} bytes>"
        assert verifier.verify_many(chains).all_ok
        del chains


@pytest.mark.parametrize(
    "chains",
    [
        b"0",
        bytearray(b"0"),
        "text",
        5,
        None,
        [5],
        ["text"],
        [None],
        [["text"]],
        [(b"0", 5)],
        [b"0", (b"0", None)],
    ],
    ids=repr,
)
def test_what_is_no_chain_is_named(verifier: Verifier, chains: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        verifier.verify_many(chains)
    assert "chains" in caught.value.expected
    assert caught.value.seen


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_a_number_of_threads_that_makes_no_sense_is_named(
    verifier: Verifier, threads: int
) -> None:
    with pytest.raises(ConfigError) as caught:
        verifier.verify_many([], threads=threads)
    assert caught.value.seen == str(threads)


@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("lanes", [True, False])
def test_neither_threads_nor_lanes_change_a_verdict(
    verifier: Verifier, threads: int | None, *, lanes: bool
) -> None:
    """C9: whoever checks the signatures, and however many at a time."""
    usual = verifier.verify_many(batch.chains(), threads=1, lanes=False)
    other = verifier.verify_many(batch.chains(), threads=threads, lanes=lanes)
    assert other == usual


@pytest.mark.parametrize(
    "offsets", [[0, 10**6], [1, 0], [-1, 0], [0, -1], [5, 5, 4], [2**62, 2**62]]
)
@pytest.mark.parametrize("deep", [False, True])
def test_offsets_that_point_elsewhere_are_an_error(
    verifier: Verifier, good: bytes, offsets: list[int], *, deep: bool
) -> None:
    """Nothing is read through an offset that was not checked."""
    wrong, right = array("q", offsets), array("q", [0, len(good)])
    chains = ChainBuffer(good, wrong)
    if deep:
        chains = ChainBuffer(good, array("q", [0, len(offsets) - 1]), wrong)
    with pytest.raises(ConfigError, match="offsets"):
        verifier.verify_many(chains)
    assert verifier.verify_many(ChainBuffer(good, right)).all_ok


@pytest.mark.parametrize(
    ("data", "offsets"),
    [
        ("text", array("q", [0])),
        (5, array("q", [0])),
        (b"", [0]),
        (b"", array("q", [])),
        (b"", array("d", [0.0])),
        (b"", array("h", [0])),
        (b"", b"\0"),
        (b"", np.zeros((2, 2), dtype=np.int64)),
        (b"", np.zeros(4, dtype=np.int64)[::2]),
        (b"", np.zeros(2, dtype=">i8")),
        (np.zeros((0, 2)), array("q", [0])),
    ],
    ids=repr,
)
def test_what_is_no_buffer_of_chains_is_named(data: Any, offsets: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        ChainBuffer(data, offsets)
    assert "=" in caught.value.expected


def test_progress_is_told_after_each_piece(verifier: Verifier, good: bytes) -> None:
    told: list[tuple[int, int | None]] = []
    many = CHUNK + 10
    result = verifier.verify_many([good] * many, progress=lambda *it: told.append(it))
    assert told == [(CHUNK, many), (many, many)]
    assert len(result) == many
    told.clear()
    verifier.verify_many(iter([good]), progress=lambda *it: told.append(it))
    assert told == [(1, None)]


def test_an_interrupt_between_two_pieces_leaves_nothing_behind(
    verifier: Verifier, good: bytes
) -> None:
    read = 0

    def chains() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield good

    def interrupt(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    gc.collect()  # what earlier tests left
    before = _ffi.live_handles()
    with pytest.raises(KeyboardInterrupt):
        verifier.verify_many(chains(), progress=interrupt)
    assert read == CHUNK
    gc.collect()
    assert _ffi.live_handles() == before
    assert verifier.verify_many([good]).all_ok


def test_what_the_iterator_raises_comes_through(
    verifier: Verifier, good: bytes
) -> None:
    def chains() -> Iterator[bytes]:
        yield good
        raise LookupError("the corpus is broken")

    with pytest.raises(LookupError):
        verifier.verify_many(chains())


def test_now_is_one_moment_for_a_whole_batch(
    good: bytes, request: pytest.FixtureRequest
) -> None:
    """C2, C9: no chain is judged by a later clock than another."""
    request.addfinalizer(_ffi.reset_clock)
    _ffi.fix_clock(_ffi.clock_now())
    verifier = Verifier(batch.root().bundle)

    def years_pass(_done: int, _total: int | None) -> None:
        _ffi.fix_clock(_ffi.clock_now() + 10**9)

    result = verifier.verify_many([good] * (CHUNK + 1), progress=years_pass)
    assert result.all_ok
    assert not verifier.verify_many([good]).all_ok


def test_a_generator_is_read_a_piece_at_a_time(verifier: Verifier, good: bytes) -> None:
    """P8: what was judged is let go before more is read."""
    alive = most = 0

    class Chain(list[bytes]):
        def __init__(self, *parts: bytes) -> None:
            nonlocal alive, most
            super().__init__(parts)
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    result = verifier.verify_many(Chain(good) for _ in range(4 * CHUNK))
    assert result.accepted == 4 * CHUNK
    assert most <= CHUNK + 1


_MILLION = """
import resource
from handfast import Verifier
from handfast.authority import Authority

authority = Authority("a.example")
verifier = Verifier(authority.bundle)
good = b"".join(authority.issue("spiffe://a.example/web").chain)
assert verifier.verify_many([good]).all_ok
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
# A new object each, so that nothing is shared.
result = verifier.verify_many(bytes(bytearray(good)) for _ in range(1_000_000))
assert result.accepted == 1_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_million_chains_need_the_memory_of_their_verdicts() -> None:
    """P8: 460 MB of chains; the columns are 22 bytes each, and the identities 22."""
    done = subprocess.run(
        [sys.executable, "-c", _MILLION], capture_output=True, text=True, check=True
    )
    # macOS counts bytes, Linux KiB. Buffers that grow are copied now and then.
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 150 * 1024 * 1024


def test_the_gil_is_free_while_a_batch_is_verified(verifier: Verifier) -> None:
    """P9: one call, all in one piece, and another thread gets on meanwhile."""
    data = batch.flat_buffer(
        [b"".join(forge(batch.root(), f"{batch.WEB}/{n}").chain) for n in range(200)]
    )
    results: list[BatchResult] = []

    def verify() -> None:
        results.append(verifier.verify_many(data))

    assert counted_meanwhile(verify, tries=1000) > 0
    assert results[0].all_ok


def test_one_verifier_serves_several_threads(verifier: Verifier) -> None:
    expected = verifier.verify_many(batch.chains())
    results: list[BatchResult] = []

    def work() -> None:
        results.append(verifier.verify_many(batch.chains(), threads=2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_the_policy_is_asked_for_each() -> None:
    """Authorization is not skipped for speed: not for duplicates either."""
    verifier = Verifier(
        batch.root().bundle, authorize=authorize.exactly("spiffe://a.example/db")
    )
    web = forge(batch.root(), batch.WEB).chain
    db = forge(batch.root(), "spiffe://a.example/db").chain
    result = verifier.verify_many([web, db, web])
    assert list(result.reasons) == [Reason.NOT_AUTHORIZED, None, Reason.NOT_AUTHORIZED]
    assert [str(it) for it in result.spiffe_id] == [
        "None",
        "spiffe://a.example/db",
        "None",
    ]
