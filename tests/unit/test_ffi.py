# SPDX-License-Identifier: Apache-2.0
"""The border to the engine: errors, handles, parsers, the clock."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest
from tests.support import pki

from handfast import (
    HandfastError,
    InvalidId,
    NotAuthorized,
    Reason,
    SpiffeId,
    UsageError,
    VerificationError,
    Verifier,
    _ffi,
    authorize,
)
from handfast.reasons import ROWS


def test_the_error_table_is_the_engines() -> None:
    """P7: one table. Python's copy, row by row, against the engine that runs.

    Rows of Python's own are of categories that the engine has not.
    """
    table = _ffi.error_table()
    assert set(Reason) == set(ROWS)
    shared = {reason: row for reason, row in ROWS.items() if row.code < 64 << 8}
    assert {row.code: reason.value for reason, row in shared.items()} == {
        code: name for code, (name, *_) in table.items()
    }
    for row in shared.values():
        _, category, alert, text, hint = table[row.code]
        assert (row.category.value, row.alert, row.text, row.hint) == (
            category,
            alert,
            text,
            hint,
        )


def test_handles_go_back_when_their_owner_is_collected() -> None:
    """Each object of the engine has one owner in Python."""
    gc.collect()
    before = _ffi.live_handles()
    ca = pki.root()
    verifiers = [Verifier(ca.bundle("a.example")) for _ in range(10)]
    # Equal bundles are one object; a verifier keeps it, so that the next one finds it.
    during = _ffi.live_handles()
    assert during["verifier"] == before["verifier"] + 10
    assert during["bundle"] == before["bundle"] + 1
    del verifiers
    gc.collect()
    assert _ffi.live_handles() == before


def test_a_failed_construction_leaves_no_handle() -> None:
    gc.collect()  # what earlier tests left
    before = _ffi.live_handles()
    with pytest.raises(HandfastError):
        _ffi.NativeBundle("a.example", [pki.leaf(pki.root()).der])
    with pytest.raises(HandfastError):
        _ffi.NativeSvid([b"0"], b"0")
    gc.collect()
    assert _ffi.live_handles() == before


def test_bundles_know_their_content_by_digest() -> None:
    """P3: order and repetition make no difference, the trust domain does."""
    one, two = pki.root().der, pki.root().der
    bundle = _ffi.NativeBundle("a.example", [one, two])
    again = _ffi.NativeBundle("a.example", [two, one, two])
    other = _ffi.NativeBundle("b.example", [one, two])
    assert bundle.digest == again.digest != other.digest
    assert len(bundle) == len(again) == 2
    assert again.generation > bundle.generation


def test_a_compiled_policy_is_asked_by_id() -> None:
    """I7: the engine's answer and Python's twin agree, for yes, no and nonsense."""
    rule = authorize.prefix("spiffe://a.example/ns") & ~authorize.exactly(
        "spiffe://a.example/ns/x"
    )
    policy = _ffi.NativePolicy(rule.program())
    policy.check(b"spiffe://a.example/ns/web")
    for text in ("spiffe://a.example/ns/x", "spiffe://a.example/nsx"):
        with pytest.raises(NotAuthorized):
            policy.check(text.encode())
        assert not rule.allows(SpiffeId.parse(text))
    with pytest.raises(VerificationError):
        policy.check(b"spiffe://a.example/ns/")


def test_the_error_record_is_one_a_thread() -> None:
    """P7: what another thread does meanwhile does not change what is raised here."""
    barrier = threading.Barrier(4)
    wrong: list[str] = []

    def fail(text: bytes, reason: Reason) -> None:
        barrier.wait()
        for _ in range(2000):
            try:
                _ffi.check_spiffe_id(text)
            except InvalidId as error:
                if error.reason is not reason:
                    wrong.append(error.reason)

    cases = [
        (b"", Reason.ID_EMPTY),
        (b"spiffe://A/x", Reason.ID_UPPER_CASE),
        (b"spiffe://a/x/", Reason.ID_TRAILING_SLASH),
        (b"spiffe://a/../x", Reason.ID_DOT_SEGMENT),
    ]
    threads = [threading.Thread(target=fail, args=case) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_record_of_another_failure_is_not_believed() -> None:
    """A signal handler may use the engine between a failure and its record."""
    code = ROWS[Reason.BUSY].code
    with pytest.raises(InvalidId):
        _ffi.check_spiffe_id(b"spiffe://A/x")
    with pytest.raises(UsageError) as caught:
        _ffi.raise_for(code)
    assert caught.value.reason is Reason.BUSY
    assert caught.value.seen == ""


def test_an_unknown_code_is_an_internal_error() -> None:
    with pytest.raises(HandfastError) as caught:
        _ffi.raise_for(0xFF01)
    assert caught.value.reason is Reason.INTERNAL


def test_earlier_failures_do_not_change_later_verdicts() -> None:
    """C13: OpenSSL's error queue is full of what went wrong before."""
    ca = pki.root()
    verifier = Verifier(ca.bundle("a.example"))
    good = pki.leaf(ca).chain
    bad = [good[0][:-1] + bytes([good[0][-1] ^ 1])]
    for _ in range(20):
        with pytest.raises(HandfastError):
            _ffi.NativeSvid(good, b"\x30\x03\x02\x01\x05")
        with pytest.raises(VerificationError):
            verifier.verify(bad)
        verifier.verify(good)


def test_the_engines_parsers_agree_with_pythons() -> None:
    """The property tests of the values say more; here all functions are met once."""
    text = b"spiffe://a.example/ns/web"
    assert _ffi.check_spiffe_id(text) == ("a.example", "/ns/web")
    assert _ffi.check_spiffe_id(b"spiffe://a.example") == ("a.example", "")
    assert _ffi.fold_spiffe_id(b"SPIFFE://A.Example/Web") == "spiffe://a.example/Web"
    assert str(SpiffeId.parse(text.decode())) == text.decode()
    _ffi.check_trust_domain(b"a.example")
    for call, bad in (
        (_ffi.check_spiffe_id, b"spiffe://a.example/web\0"),
        (_ffi.fold_spiffe_id, b"spiffe://a.example//"),
        (_ffi.check_trust_domain, b"a.example/"),
    ):
        with pytest.raises(InvalidId):
            call(bad)
    chain = pki.leaf(pki.intermediate(pki.root())).chain
    assert _ffi.split_der(b"".join(chain), limit=2) == chain
    with pytest.raises(HandfastError) as caught:
        _ffi.split_der(b"".join(chain), limit=1)
    assert caught.value.reason is Reason.CHAIN_TOO_LONG


def test_certificates_are_checked_alone() -> None:
    ca = pki.root()
    _ffi.check_certificate(pki.leaf(ca).der)
    _ffi.check_certificate(ca.der, signing=True)
    with pytest.raises(VerificationError) as caught:
        _ffi.check_certificate(ca.der)
    assert caught.value.reason is Reason.SVID_IS_CA
    assert caught.value.certificate == ca.der


def test_the_engine_has_a_clock_that_tests_can_stop() -> None:
    ca = pki.root()
    verifier = Verifier(ca.bundle("a.example"))
    chain = pki.leaf(ca).chain
    _ffi.fix_clock(1_000_000)
    try:
        assert _ffi.clock_now() == 1_000_000
        with pytest.raises(VerificationError) as caught:
            verifier.verify(chain)
        assert caught.value.reason is Reason.CERTIFICATE_NOT_YET_VALID
    finally:
        _ffi.reset_clock()
    assert abs(_ffi.clock_now() - pki.now().timestamp()) < 5
    verifier.verify(chain)


def test_the_versions_of_openssl_are_told() -> None:
    """P10: which OpenSSL was built in, which one runs, and whose it is."""
    version = _ffi.openssl_version()
    assert version.origin in {"pinned", "system"}
    assert version.built.split(".")[0] == version.running.split(".")[0]
    assert int(version.running.split(".")[0]) >= 3
    assert version.release.startswith(f"OpenSSL {version.running} ")
    linkage = "static" if version.origin == "pinned" else "shared"
    assert str(version).startswith(f"{version.release} ({linkage}; {version.build}, ")


def test_importing_the_engine_does_not_import_trio() -> None:
    """The sans-IO layers are for any event loop, or none."""
    code = "import sys, handfast.tls, handfast.verify; assert 'trio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
