# SPDX-License-Identifier: Apache-2.0
"""P2: chains from random recipes, and what OpenSSL and `cryptography` say of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.conformance.opinions.compare import ACCEPT, divergences, known
from tests.property.test_fast_subset import recipes

from handfast import HandfastError, InvalidBundle, Verifier
from handfast.testing.forge import forge, forge_intermediate, forge_root
from handfast.testing.recipe import INTERMEDIATE, LEAF, ROOT, Recipe

ID = "spiffe://a.example/web"


@given(
    root=recipes(ROOT),
    middles=st.lists(recipes(INTERMEDIATE), max_size=1),
    leaf=recipes(LEAF),
    rules=st.sampled_from(["strict", "compatible"]),
)
# The same chains in every run: what others think of rare ones is no reason for a build
# to fail now and then. More examples find more kinds.
@settings(max_examples=500, deadline=None, derandomize=True)
def test_p2_every_divergence_on_random_chains_is_explained(
    root: Recipe, middles: list[Recipe], leaf: Recipe, rules: Any
) -> None:
    """P2, X509-27: at most three certificates, so that `cryptography` has an end."""
    try:
        issuer = anchor = forge_root("a.example", recipe=root)
        for middle in middles:
            issuer = forge_intermediate(issuer, recipe=middle)
        svid = forge(issuer, ID, recipe=leaf)
    except (TypeError, ValueError):
        return event("no such certificate can be written")
    now = datetime.now(UTC).replace(microsecond=0)
    ours = ACCEPT
    try:
        Verifier(anchor.bundle, rules=rules, at=now).verify(svid.chain)
    except InvalidBundle:
        # An anchor that we do not take is no difference of verdicts on chains.
        return event("no authority")
    except HandfastError as error:
        ours = error.reason.value
    found = list(divergences(ours, svid.chain, [anchor.der], now))
    event(f"{ours}, {len(found)} differ")
    assert [one for one in found if known(one) is None] == []
    return None
