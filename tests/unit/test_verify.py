# SPDX-License-Identifier: Apache-2.0
"""Verifier as an object: its arguments, its errors, its threads."""

from __future__ import annotations

import datetime as dt
import gc
import threading
import weakref
from typing import Any

import pytest
from tests.support import pki
from tests.support.free_gil import counted_meanwhile

from handfast import (
    ConfigError,
    HandfastError,
    NotAuthorized,
    Reason,
    TrustBundle,
    TrustBundleSet,
    VerificationError,
    Verifier,
    _ffi,
    _settings,
    authorize,
)
from handfast._ffi.library import ffi, lib
from handfast.authority import Authority
from handfast.reasons import ROWS


@pytest.fixture(scope="module")
def ca() -> pki.Issued:
    return pki.root()


def test_a_verdict_says_who_and_how_long(ca: pki.Issued) -> None:
    leaf = pki.leaf(pki.intermediate(ca))
    peer = Verifier(ca.bundle("a.example")).verify(leaf.chain)
    assert str(peer.spiffe_id) == "spiffe://a.example/web"
    assert peer.chain == tuple(leaf.chain)
    assert peer.leaf == leaf.certificate
    assert peer.leaf_not_after == leaf.certificate.not_valid_after_utc
    assert peer.not_before <= peer.verified_at <= peer.not_after
    assert peer.not_after.tzinfo is not None
    assert len(peer.chain_digest) == len(peer.bundle_digest) == 32
    assert peer.anchor_digest != peer.chain_digest


@pytest.mark.parametrize("shape", ["one", "several", "set"])
def test_bundles_come_alone_in_a_row_or_as_a_set(ca: pki.Issued, shape: str) -> None:
    bundle, other = ca.bundle("a.example"), pki.root("b.example").bundle("b.example")
    bundles: Any = {
        "one": bundle,
        "several": [other, bundle],
        "set": TrustBundleSet([bundle, other]),
    }[shape]
    Verifier(bundles).verify(pki.leaf(ca).chain)


def test_an_error_says_what_is_wrong_with_which_certificate(ca: pki.Issued) -> None:
    """P7: reason, depth, certificate, claimed identity, expected, seen, hint."""
    late = pki.leaf(ca, not_after=pki.now() - dt.timedelta(minutes=10))
    with pytest.raises(VerificationError) as caught:
        Verifier(ca.bundle("a.example")).verify(late.chain)
    error = caught.value
    assert error.reason is Reason.CERTIFICATE_EXPIRED
    assert (error.depth, error.certificate) == (0, late.der)
    assert error.claimed_id == "spiffe://a.example/web"
    assert error.skew is not None
    assert dt.timedelta(minutes=10) <= error.skew < dt.timedelta(minutes=11)
    assert error.expected
    assert error.seen
    assert error.hint
    assert error.detail.where.split(":")[0].endswith(".c")
    assert "not verified" in str(error)


def test_the_authorizer_is_asked_after_the_chain(ca: pki.Issued) -> None:
    verifier = Verifier(
        ca.bundle("a.example"), authorize=authorize.exactly("spiffe://a.example/db")
    )
    verifier.verify(pki.leaf(ca, "spiffe://a.example/db").chain)
    with pytest.raises(NotAuthorized) as caught:
        verifier.verify(pki.leaf(ca).chain)
    assert caught.value.claimed_id == "spiffe://a.example/web"


@pytest.mark.parametrize(
    "bad",
    [
        {"rules": "lenient"},
        {"rules": 1},
        {"purpose": "both"},
        {"purpose": None},
        {"authorize": None},
        {"authorize": "spiffe://a.example/web"},
        {"at": 5},
        {"at": dt.datetime(2026, 1, 1)},  # noqa: DTZ001 - the mistake
    ],
)
def test_wrong_settings_are_named(ca: pki.Issued, bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Verifier(ca.bundle("a.example"), **bad)
    assert caught.value.expected
    assert caught.value.seen


@pytest.mark.parametrize("chain", [b"0", "0", [None], ["text"], [1, 2]])
def test_what_is_no_chain_is_named(ca: pki.Issued, chain: Any) -> None:
    """A certificate where a chain is wanted is a mistake, not one-byte certificates."""
    with pytest.raises(ConfigError):
        Verifier(ca.bundle("a.example")).verify(chain)


def test_times_far_away_are_judged(ca: pki.Issued) -> None:
    """C2: the year 1 and the year 9999 are times like others."""
    for year in (1, 9999):
        at = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
        verifier = Verifier(ca.bundle("a.example"), at=at)
        with pytest.raises(VerificationError):
            verifier.verify(pki.leaf(ca).chain)
    last = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    forever = pki.root(not_after=last)
    leaf = pki.leaf(forever, not_after=last)
    peer = Verifier(forever.bundle("a.example")).verify(leaf.chain)
    assert peer.not_after == last


def test_a_verifier_is_shared_by_threads(ca: pki.Issued) -> None:
    """P9: immutable in the engine; right and wrong chains side by side."""
    verifier = Verifier(ca.bundle("a.example"))
    good = pki.leaf(ca).chain
    bad = pki.leaf(pki.root()).chain
    wrong: list[object] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(100):
            try:
                verifier.verify(good)
            except HandfastError as error:
                wrong.append(error)
            try:
                verifier.verify(bad)
            except VerificationError:
                continue
            wrong.append("accepted")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_gil_is_free_while_the_engine_verifies() -> None:
    """P9: another thread runs while one call verifies."""
    ca = pki.root(private_key=pki.key("rsa4096", 1))
    leaf = pki.leaf(ca)
    verifier = Verifier(ca.bundle("a.example"), cache=None)  # each time in full
    assert counted_meanwhile(lambda: verifier.verify(leaf.chain), tries=20_000) > 0


def test_the_same_authorities_are_decoded_once_and_forgotten_with_their_user() -> None:
    """A snapshot with unchanged content rests on the bundle that is there already."""
    first = Authority("one.example").bundle
    again = TrustBundle.from_der(first.trust_domain, list(first.x509_authorities))
    other = Authority("one.example").bundle

    def built(bundle: TrustBundle) -> _ffi.NativeBundle:
        return _settings.native_bundles(TrustBundleSet([bundle])).bundles[0]

    gc.collect()  # what earlier tests left in tracebacks
    before = _ffi.live_handles()["bundle"]
    verifiers = [Verifier(first), Verifier(again)]
    assert _ffi.live_handles()["bundle"] == before + 1
    seen = weakref.ref(built(again))
    assert seen() is built(first)
    assert built(other) is not built(first)
    del verifiers
    gc.collect()
    assert seen() is None


def test_lengths_of_a_chain_that_is_too_long_are_not_read(ca: pki.Issued) -> None:
    """C10: none are passed for it, so whatever was read lay beyond the buffer."""
    leaf = pki.leaf(ca)
    verifier = Verifier(ca.bundle("a.example"))
    with pytest.raises(VerificationError) as refusal:
        verifier.verify(leaf.chain[:1] * 9)
    assert refusal.value.reason is Reason.CHAIN_TOO_LONG
    answer = lib.hf_ffi_verify(
        verifier._native.handle,
        b"",
        ffi.NULL,  # who reads it ends the process
        9,
        _ffi.NOW,
        0,
        ffi.new("struct hf_peer *"),
    )
    assert answer == -ROWS[Reason.CHAIN_TOO_LONG].code
