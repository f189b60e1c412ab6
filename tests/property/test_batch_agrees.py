# SPDX-License-Identifier: Apache-2.0
"""A batch says of each chain what one-by-one verification says of it alone."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import pyarrow as pa
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.support import batch

from handfast import Verifier, authorize
from handfast.authorize import Authorizer

Rules = Literal["strict", "compatible"]
Purpose = Literal["either", "client", "server"]
Settings = tuple[Rules, Purpose, bool]

how: st.SearchStrategy[Settings] = st.tuples(
    st.sampled_from(["strict", "compatible"]),
    st.sampled_from(["either", "client", "server"]),
    st.booleans(),
)


@cache
def verifier(rules: Rules, purpose: Purpose, everybody: bool) -> Verifier:
    only: Authorizer = authorize.exactly(batch.WEB)
    return Verifier(
        batch.root().bundle,
        rules=rules,
        purpose=purpose,
        authorize=authorize.anyone() if everybody else only,
    )


@cache
def expected(settings_: Settings, chain: batch.Chain) -> batch.Verdict:
    return batch.alone(verifier(*settings_), chain)


@cache
def expected_flat(settings_: Settings, data: bytes) -> batch.Verdict:
    return batch.alone_flat(verifier(*settings_), data)


@st.composite
def damaged(draw: Any) -> batch.Chain:
    """A chain with a byte changed, cut off or put in, anywhere."""
    chain = list(draw(st.sampled_from([one for one in batch.chains() if any(one)])))
    index = draw(st.sampled_from([n for n, one in enumerate(chain) if one]))
    data = bytearray(chain[index][:4096])
    at = draw(st.integers(0, len(data) - 1))
    match draw(st.sampled_from(["change", "cut", "put"])):
        case "change":
            data[at] ^= 1 << draw(st.integers(0, 7))
        case "cut":
            del data[at:]
        case _:
            data.insert(at, draw(st.integers(0, 255)))
    chain[index] = bytes(data)
    return tuple(chain)


def _good() -> list[batch.Chain]:
    judge = Verifier(batch.root().bundle)
    return [chain for chain in batch.chains() if batch.alone(judge, chain).ok]


some_chains = st.lists(
    st.one_of(st.sampled_from(_good()), st.sampled_from(batch.chains()), damaged()),
    max_size=40,
)


@given(chains=some_chains, settings_=how, threads=st.integers(1, 3))
@settings(max_examples=600, deadline=None)
def test_c9_a_batch_says_what_one_by_one_says(
    chains: list[batch.Chain], settings_: Settings, threads: int
) -> None:
    """C9, P2: reason, depth, identity and time; in any order, with any neighbours."""
    result = verifier(*settings_).verify_many(chains, threads=threads)
    for item, chain in zip(result, chains, strict=True):
        assert batch.in_batch(item) == expected(settings_, chain)
    event(f"accepted {result.accepted * 4 // max(len(chains), 1)} quarters")


@given(chains=some_chains, settings_=how)
@settings(max_examples=300, deadline=None)
def test_c9_every_form_says_the_same(
    chains: list[batch.Chain], settings_: Settings
) -> None:
    judge = verifier(*settings_)
    flat = [b"".join(chain) for chain in chains]
    parted_result = judge.verify_many(chains)
    flat_result = judge.verify_many(flat)
    for item, data in zip(flat_result, flat, strict=True):
        assert batch.in_batch(item) == expected_flat(settings_, data)
    binary = pa.array(flat, pa.large_binary())
    lists = pa.array([list(chain) for chain in chains], pa.list_(pa.binary()))
    assert judge.verify_many(iter(chains)) == parted_result
    assert judge.verify_many(batch.parted_buffer(chains, "i")) == parted_result
    assert judge.verify_many(lists) == parted_result
    assert judge.verify_many(batch.flat_buffer(flat)) == flat_result
    assert judge.verify_many(binary) == flat_result
    mixed = [one for pair in zip(chains, flat, strict=True) for one in pair]
    both = judge.verify_many(mixed)
    assert both[::2] == parted_result
    assert both[1::2] == flat_result
