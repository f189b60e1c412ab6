# SPDX-License-Identifier: Apache-2.0
"""P2: whatever the certificates look like, we take nothing that OpenSSL refuses."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cryptography import x509
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.support import pki
from tests.support.judges import openssl_accepts

from handfast import InvalidBundle, VerificationError, Verifier

HOURS = st.sampled_from([-30, -2, -1, 1, 2, 30])
DOMAINS = st.sampled_from(["a.example", "b.example", "sub.a.example"])
BITS = st.sets(st.sampled_from(["digital_signature", "key_cert_sign", "crl_sign"]))
URIS = st.lists(
    st.sampled_from(
        [
            "spiffe://a.example/web",
            "spiffe://a.example",
            "spiffe://b.example/web",
            "https://a.example/web",
        ]
    ),
    max_size=2,
)


@st.composite
def constraints(draw: Any) -> list[tuple[x509.NameConstraints, bool]]:
    """Name constraints, mostly none."""
    if draw(st.integers(0, 3)):
        return []
    names = [x509.UniformResourceIdentifier(draw(DOMAINS))]
    here = (names, None) if draw(st.booleans()) else (None, names)
    return [(x509.NameConstraints(*here), True)]


@st.composite
def knobs(draw: Any, *, signing: bool) -> dict[str, Any]:
    """Settings of a certificate: those of the standard, with a few changed."""
    changed: dict[str, Any] = {}
    if signing:
        changed["extra"] = draw(constraints())
        changed["uris"] = draw(st.sampled_from([[], ["spiffe://a.example"]]))
    for name, values in (
        ("ca", st.sampled_from([True, False, None])),
        ("usage", BITS.map(lambda bits: pki.key_usage(*bits))),
        ("usage_critical", st.booleans()),
        ("path_length", st.sampled_from([None, 0, 1]) if signing else st.none()),
        ("eku", st.sampled_from([None, pki.BOTH, (pki.EMAIL,), (pki.SERVER_AUTH,)])),
        ("not_before", HOURS.map(lambda h: pki.now() + h * pki.HOUR)),
        ("uris", URIS),
        ("subject", st.sampled_from([None, "a", "a.example root"])),
    ):
        # One knob in eight: chains with one or two oddities say more than rubbish.
        if draw(st.integers(0, 7)) == 0:
            changed[name] = draw(values)
    if changed.get("path_length") is not None:
        changed["ca"] = True
    if "not_before" in changed:
        hours = draw(st.integers(1, 40))
        changed["not_after"] = changed["not_before"] + dt.timedelta(hours=hours)
    return changed


@given(
    root=knobs(signing=True),
    middles=st.lists(knobs(signing=True), max_size=3),
    leaf=knobs(signing=False),
    rules=st.sampled_from(["strict", "compatible"]),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_p2_what_handfast_takes_openssl_takes(
    root: dict[str, Any],
    middles: list[dict[str, Any]],
    leaf: dict[str, Any],
    rules: Any,
    order: Any,
) -> None:
    """P2, X509-27, I4: over random chains, in any order, in both rule sets."""
    ca = issuer = pki.root(**(root | {"ca": True, "usage": pki.SIGNS}))
    for middle in middles:
        issuer = pki.intermediate(issuer, **middle)
    end, *others = pki.leaf(issuer, **leaf).chain
    order.shuffle(others)
    chain = [end, *others]
    try:
        peer = Verifier(ca.bundle("a.example"), rules=rules).verify(chain)
    except (VerificationError, InvalidBundle) as error:
        event(f"refused: {error.reason}")
        return
    event("taken")
    assert openssl_accepts(chain, [ca])
    assert peer.spiffe_id is not None
    assert peer.spiffe_id.trust_domain.name == "a.example"
    assert peer.not_before <= peer.verified_at < peer.not_after
