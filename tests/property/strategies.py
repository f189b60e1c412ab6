# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs, things that nearly are, and rules about them, for several properties."""

from __future__ import annotations

from hypothesis import strategies as st

from handfast import SpiffeId, authorize

LOWER = b"abcdefghijklmnopqrstuvwxyz"
DIGITS_AND_MARKS = b"0123456789.-_"
IN_NAME = frozenset(LOWER + DIGITS_AND_MARKS)
IN_SEGMENT = frozenset(LOWER + LOWER.upper() + DIGITS_AND_MARKS)


def of_bytes(characters: frozenset[int], most: int) -> st.SearchStrategy[str]:
    """Text of these characters, at least one."""
    alphabet = "".join(map(chr, sorted(characters)))
    return st.text(alphabet, min_size=1, max_size=most)


_names = of_bytes(IN_NAME, 20)
_segments = of_bytes(IN_SEGMENT, 8).filter(lambda text: text not in {".", ".."})

valid_ids = st.builds(
    lambda name, parts: "/".join([f"spiffe://{name}", *parts]),
    _names,
    st.lists(_segments, max_size=5),
)

_odd = st.sampled_from(
    [*"/.?#%@:A~;\\+ \x00\n\x7f\u212a\u00e9", "//", "/..", "spiffe:"]
)


@st.composite
def nearly_ids(draw: st.DrawFn) -> str:
    """A valid ID after one to three small accidents."""
    text = draw(valid_ids)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 2)))
        text = text[:start] + draw(st.one_of(_odd, st.just(""))) + text[end:]
    return text


# Few names that resemble each other: rules and IDs meet often, and look-alikes too.
domains = st.sampled_from(["a", "a.b", "a.evil", "b"])
_paths = st.lists(st.sampled_from(["n", "n-x", "N", "m"]), max_size=3)
similar_ids = st.builds(
    lambda domain, path: SpiffeId.parse("/".join([f"spiffe://{domain}", *path])),
    domains,
    _paths,
)
_simple = st.one_of(
    domains.map(authorize.any_in),
    similar_ids.map(authorize.prefix),
    st.lists(similar_ids, min_size=1, max_size=4).map(
        lambda some: authorize.exactly(*some)
    ),
    st.just(authorize.anyone()),
    st.just(authorize.nobody()),
)
rules = st.recursive(
    _simple,
    lambda inner: st.one_of(
        inner.map(lambda one: ~one),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
    ),
    max_leaves=12,
)
