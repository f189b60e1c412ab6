# SPDX-License-Identifier: Apache-2.0
"""JSON that nobody would write, but for some words that mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["any_json"]


def any_json(
    words: Sequence[str], keys: Sequence[str], *, members: int, leaves: int
) -> st.SearchStrategy[Any]:
    """Draw values of every kind, nested.

    Args:
        words: Texts that mean something.
        keys: Names of members.
        members: Of an object, at most.
        leaves: Of a value, at most.
    """
    return st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.sampled_from(words),
            st.text(max_size=5),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(keys), inner, max_size=members),
        ),
        max_leaves=leaves,
    )
