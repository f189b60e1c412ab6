# SPDX-License-Identifier: Apache-2.0
"""P2: what the fast path accepts, the general path accepts, and says the same of it.

A few hundred chains from recipes with odd knobs, signed by `cryptography`, which is not
what signs in the fuzz target of the same promise (fuzz/c/fast_subset.c).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.support.ways import Answer, Way, judge

from handfast import InvalidBundle, Verifier
from handfast.testing.forge import forge, forge_intermediate, forge_root
from handfast.testing.recipe import (
    INTERMEDIATE,
    LEAF,
    ROOT,
    Extension,
    NameConstraints,
    Recipe,
)

ID: Final = "spiffe://a.example/web"

# Value by value what a certificate may say otherwise; each alone is one odd knob.
KNOBS: Final[dict[str, tuple[Any, ...]]] = {
    "key_type": ("p256", "p384", "p521", "ed25519", "secp256k1"),
    "uris": ((), (ID, ID), ("spiffe://b.example/web",), ("https://a.example",)),
    "dns_names": (("a.example",),),
    "emails": (("a@a.example",),),
    "ip_addresses": (("127.0.0.1",),),
    "subject": ("", "web", "forged root", "Forged  ROOT", "forged intermediate"),
    "ca": (True, False, None),
    "basic_constraints_critical": (False,),
    "path_length": (0, 1, None),
    "key_usage": (
        (),
        None,
        ("digital_signature",),
        ("digital_signature", "key_agreement"),
        ("key_cert_sign",),
        ("crl_sign",),
        ("digital_signature", "key_cert_sign"),
    ),
    "key_usage_critical": (False,),
    "extended_key_usage": (
        (),
        None,
        ("any",),
        ("email",),
        ("server_auth",),
        ("client_auth", "server_auth", "email"),
    ),
    "extended_key_usage_critical": (True,),
    "name_constraints": (
        NameConstraints(),
        NameConstraints(permitted_uris=("a.example",)),
        NameConstraints(excluded_uris=("a.example",)),
        NameConstraints(permitted_dns=("a.example",)),
    ),
    "not_before": (60, -7200),
    "not_after": (-1, 0, 60),
    "serial": (1, 1 << 158),
    "version": (1, 2),
    "subject_key_identifier": (False, b"other"),
    "authority_key_identifier": (False, b"other"),
    "digest": ("sha1", "sha256", "sha384", "sha512"),
    "signature": ("flipped", "other_key"),
    "twice": (("key_usage",), ("subject_alt_name",)),
    "extensions": (
        (Extension("1.3.6.1.4.1.99999.1", b"\x05\x00"),),
        (Extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True),),
        (Extension("2.16.840.1.113730.1.1", b"\x03\x02\x05\x20"),),
        (Extension("2.5.29.32", b"\x30\x06\x30\x04\x06\x02\x2a\x03"),),
        (Extension("2.5.29.36", b"\x30\x03\x80\x01\x00"),),
    ),
    "trailing": (b"\x00",),
}


@st.composite
def recipes(draw: st.DrawFn, start: Recipe) -> Recipe:
    """A good recipe with up to two odd knobs, mostly none."""
    odd = draw(st.sampled_from([0, 0, 0, 1, 1, 2]))
    names = draw(st.permutations(sorted(KNOBS)))[:odd]
    changed = {name: draw(st.sampled_from(KNOBS[name])) for name in names}
    if "ed25519" in {changed.get("key_type"), start.key_type}:
        changed.pop("digest", None)
    return replace(start, **changed)


def answers(verifier: Verifier, chain: tuple[bytes, ...]) -> dict[Way, Answer]:
    """Ask by every way, at one time."""
    now = int(time.time())
    return {way: judge(verifier, chain, way, now) for way in Way}


@given(
    root=recipes(ROOT),
    middles=st.lists(recipes(INTERMEDIATE), max_size=2),
    leaf=recipes(LEAF),
    rules=st.sampled_from(["strict", "compatible"]),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_p2_what_the_fast_path_takes_the_general_path_takes(
    root: Recipe, middles: list[Recipe], leaf: Recipe, rules: Any, order: Any
) -> None:
    """P2: fast ⊆ general, and both together answer like general alone."""
    try:
        issuer = anchor = forge_root("a.example", recipe=root)
        for depth, middle in enumerate(middles):
            long = (
                replace(middle, path_length=None) if middle is INTERMEDIATE else middle
            )
            name = f"middle {depth}" if middle.subject == INTERMEDIATE.subject else None
            long = replace(long, subject=name) if name else long
            issuer = forge_intermediate(issuer, recipe=long)
        svid = forge(issuer, ID, recipe=leaf)
    except (TypeError, ValueError):
        return event("no such certificate can be written")
    try:
        verifier = Verifier(anchor.bundle, rules=rules)
    except InvalidBundle:
        return event("no authority")
    end, *others = svid.chain
    order.shuffle(others)
    said = answers(verifier, (end, *others))
    event(f"fast: {said[Way.FAST].accepted}, general: {said[Way.GENERAL].accepted}")
    if said[Way.FAST].accepted:
        assert said[Way.FAST] == said[Way.GENERAL]
    assert said[Way.ANY] == said[Way.GENERAL]
    return None


def test_p2_the_fast_path_covers_what_issuers_write() -> None:
    """P2 means little if nothing is fast: the usual chains are, in every algorithm."""
    for key_type in ("p256", "p384", "p521", "ed25519", "rsa2048"):
        root = forge_root("a.example", key_type=key_type)
        middle = forge_intermediate(root, key_type=key_type)
        for issuer in (root, middle):
            svid = forge(issuer, ID)
            said = answers(Verifier(root.bundle), svid.chain)
            assert said[Way.FAST].accepted
            assert said[Way.FAST] == said[Way.GENERAL] == said[Way.ANY]
