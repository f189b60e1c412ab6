# SPDX-License-Identifier: Apache-2.0
"""ChainVerifier with revocation lists: what they revoke, and when they count."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.support import pki
from tests.support.command_line import handfast
from tests.support.revoking import crl, openssl_accepts

from handfast import (
    ChainVerifier,
    ConfigError,
    InvalidCertificate,
    InvalidCrl,
    Reason,
    VerificationError,
    _ffi,
)
from handfast.pem import CRL, write_pem

HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> tuple[pki.Issued, pki.Issued, pki.Issued]:
    """A root, an intermediate below it, and a client's certificate."""
    root = pki.root(uris=(), subject="a root")
    middle = pki.intermediate(root, subject="a middle")
    names = [x509.DNSName("www.example")]
    leaf = pki.leaf(middle, uris=(), sans=names, subject="a client")
    return root, middle, leaf


def judge(world: Any, crls: Any, **how: Any) -> Any:
    root, _, leaf = world
    how = {"purpose": "client", "expected_name": None, "at": pki.now()} | how
    return ChainVerifier([root.der], crls=crls, **how).verify(leaf.chain)


def refusal(world: Any, crls: Any, **how: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        judge(world, crls, **how)
    return caught.value


def test_a_chain_that_nobody_revoked_is_accepted(world: Any) -> None:
    root, middle, _ = world
    lists = [crl(middle), crl(root)]
    assert judge(world, lists).path_length == 3
    assert judge(world, write_pem(CRL, lists)).path_length == 3
    assert judge(world, write_pem(CRL, lists).decode()).path_length == 3


def test_a_revoked_certificate_is_refused_with_date_and_reason(world: Any) -> None:
    root, middle, leaf = world
    why = x509.ReasonFlags.key_compromise
    error = refusal(world, [crl(root), crl(middle, leaf, reason=why)])
    assert error.reason is Reason.CERTIFICATE_REVOKED
    assert error.depth == 0
    assert error.certificate == leaf.der
    assert "2025-03-04" in error.detail.seen
    assert "keyCompromise" in error.detail.seen
    error = refusal(world, [crl(root, middle), crl(middle)], crl_policy="if_available")
    assert (error.reason, error.depth) == (Reason.CERTIFICATE_REVOKED, 1)


def test_what_no_list_speaks_of_is_a_matter_of_policy(world: Any) -> None:
    root, middle, _ = world
    assert refusal(world, [crl(middle)]).reason is Reason.CRL_MISSING
    assert refusal(world, [crl(root)]).depth == 0
    assert judge(world, [crl(middle)], crl_policy="if_available").path_length == 3


@pytest.mark.parametrize("policy", ["required", "if_available"])
def test_a_list_that_does_not_count_is_never_passed_over(
    world: Any, policy: Any
) -> None:
    """An old list, or one that somebody else signed, is a mistake or an attack."""
    root, middle, _ = world
    old = crl(middle, until=pki.now() - dt.timedelta(seconds=90))
    error = refusal(world, [crl(root), old], crl_policy=policy)
    assert error.reason is Reason.CRL_EXPIRED
    assert error.skew == dt.timedelta(seconds=90)
    early = refusal(
        world, [crl(root), crl(middle)], crl_policy=policy, at=pki.now() - 2 * HOUR
    )
    assert early.reason in {
        Reason.CRL_NOT_YET_VALID,
        Reason.CERTIFICATE_NOT_YET_VALID,
    }
    forged = crl(middle, key=root.key)
    error = refusal(world, [crl(root), forged], crl_policy=policy)
    assert error.reason is Reason.CRL_UNTRUSTED


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"number": False}, Reason.CRL_INVALID),
        ({"extra": (x509.DeltaCRLIndicator(3), True)}, Reason.CRL_UNSUPPORTED),
        (
            {
                "extra": (
                    x509.IssuingDistributionPoint(
                        full_name=None,
                        relative_name=None,
                        only_contains_user_certs=False,
                        only_contains_ca_certs=False,
                        only_some_reasons=None,
                        indirect_crl=True,
                        only_contains_attribute_certs=False,
                    ),
                    True,
                )
            },
            Reason.CRL_UNSUPPORTED,
        ),
        (
            {
                "extra": (
                    x509.UnrecognizedExtension(
                        x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"
                    ),
                    True,
                )
            },
            Reason.CERTIFICATE_UNKNOWN_CRITICAL,
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_when_it_is_given(
    world: Any, broken: Any, reason: Reason
) -> None:
    root, middle, _ = world
    with pytest.raises(InvalidCrl) as caught:
        judge(world, [crl(root), crl(middle, **broken)])
    assert caught.value.reason is reason
    assert caught.value.detail.depth == 1, "the place of the list"


def test_arguments_are_checked(world: Any) -> None:
    root, middle, leaf = world
    for crls in ([], [b"x", 3], bytearray(crl(middle)), 3):
        with pytest.raises((ConfigError, TypeError)):
            judge(world, crls)
    with pytest.raises(InvalidCrl):
        judge(world, [b"\x30"])
    with pytest.raises(InvalidCrl):
        judge(world, [leaf.der])
    with pytest.raises(InvalidCertificate, match="X509 CRL"):
        judge(world, write_pem("CERTIFICATE", [root.der]))
    with pytest.raises(ConfigError, match="crl_policy"):
        judge(world, [crl(root)], crl_policy="hard")


def test_lists_are_given_back(world: Any) -> None:
    root, middle, _ = world
    gc.collect()  # what earlier tests left in tracebacks
    before = _ffi.live_handles()
    judge(world, [crl(root), crl(middle)])
    assert _ffi.live_handles() == before
    lists = _ffi.NativeCrlSet([crl(root), crl(middle, middle)])
    assert (len(lists), lists.entries) == (2, 1)


def test_what_is_accepted_openssl_accepts(world: Any) -> None:
    """P2, for lists: every pair of an issuer's good, revoking, old and forged lists."""
    root, middle, leaf = world
    old = pki.now() - HOUR / 2
    of_middle: list[list[bytes]] = [
        [],
        [crl(middle)],
        [crl(middle, leaf)],
        [crl(middle, until=old)],
        [crl(middle, key=root.key)],
        [crl(middle, middle)],
    ]
    of_root: list[list[bytes]] = [
        [],
        [crl(root)],
        [crl(root, middle)],
        [crl(root, until=old)],
        [crl(root, leaf)],
    ]
    accepted = 0
    for left, right in itertools.product(of_middle, of_root):
        if not left + right:
            continue
        try:
            judge(world, left + right)
        except VerificationError:
            continue
        accepted += 1
        assert openssl_accepts(root, middle, leaf, left + right)
    assert accepted == 4, "two good lists of each issuer"


def test_the_command_line_takes_lists(world: Any, tmp_path: Path) -> None:
    root, middle, leaf = world
    files = {
        "chain": write_pem("CERTIFICATE", leaf.chain),
        "roots": write_pem("CERTIFICATE", [root.der]),
        "der": crl(root),
        "good": write_pem(CRL, [crl(middle)]),
        "bad": write_pem(CRL, [crl(middle, leaf)]),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    options = ("verify", "--json", "--web", "--purpose", "client")
    options += ("--roots", tmp_path / "roots", "--crl", tmp_path / "der")  # type: ignore[assignment]
    chain = tmp_path / "chain"
    assert handfast(*options, "--crl", tmp_path / "good", chain).returncode == 0
    done = handfast(*options, "--crl", tmp_path / "bad", chain)
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"] == "certificate_revoked"
    missing = handfast(*options, chain)
    assert json.loads(missing.stdout)["reason"] == "crl_missing"
    lax = handfast(*options, "--crl-policy", "if_available", chain)
    assert lax.returncode == 0
    assert handfast(*options, "--crl", chain, chain).returncode == 2
