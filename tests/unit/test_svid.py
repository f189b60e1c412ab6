# SPDX-License-Identifier: Apache-2.0
"""Our own SVID: refused early when it could not be used."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from handfast import InvalidCertificate, PrivateKey, Reason, X509Svid
from handfast.authority import Authority
from handfast.svid import CHAIN_BYTES_MAX
from handfast.testing import (
    REFUSED,
    Extension,
    ForgedSvid,
    Leaf,
    der,
    forge,
    forge_root,
)

WEB = "spiffe://a.example/web"

#: What Python reads of our own leaf; the rest of the strict rules is the engine's.
READ_HERE = {
    Reason.SVID_NO_SPIFFE_ID,
    Reason.SVID_MANY_URI_SANS,
    Reason.SVID_ID_INVALID,
    Reason.SVID_NO_PATH,
    Reason.SVID_IS_CA,
    Reason.SVID_CAN_SIGN,
    Reason.CERTIFICATE_DUPLICATE_EXTENSION,
}


def load(svid: X509Svid) -> X509Svid:
    return X509Svid(chain=svid.chain, key=svid.key)


def reason_of(svid: X509Svid) -> Reason:
    with pytest.raises(InvalidCertificate) as caught:
        load(svid)
    return caught.value.reason


def test_pem_and_der_round_trip(authority: Authority) -> None:
    svid = authority.issue(WEB)
    assert X509Svid.from_pem(svid.to_pem_chain(), svid.to_pem_key()) == svid
    assert X509Svid.from_der(b"".join(svid.chain), svid.key.der) == svid
    hinted = X509Svid.from_der(list(svid.chain), svid.key.der, hint="internal")
    assert hinted.hint == "internal"
    assert hinted.spiffe_id == svid.spiffe_id


def test_the_leafs_facts_are_there(authority: Authority) -> None:
    svid = authority.issue(WEB)
    assert str(svid.spiffe_id) == WEB
    assert svid.not_before == svid.leaf.not_valid_before_utc
    assert svid.not_after == svid.leaf.not_valid_after_utc
    assert svid.expires_in(svid.not_after - timedelta(seconds=9)).total_seconds() == 9
    assert svid.expires_in() > timedelta(minutes=59)


def test_a_key_that_does_not_fit_is_refused(authority: Authority) -> None:
    """W4: a chain and a key of two rotations never make an identity."""
    old, new = authority.issue(WEB), authority.issue(WEB)
    with pytest.raises(InvalidCertificate) as caught:
        X509Svid.from_pem(new.to_pem_chain(), old.to_pem_key())
    assert caught.value.reason is Reason.KEY_MISMATCH
    assert caught.value.detail.certificate == new.chain[0]


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in REFUSED if leaf.reason in READ_HERE], ids=str
)
def test_a_leaf_that_is_no_svid_is_refused(authority: Authority, leaf: Leaf) -> None:
    """X509-01, X509-05, X509-16, X509-23: not even as our own; see Leaf.rules."""
    assert reason_of(leaf.forge(authority, WEB)) is leaf.reason


def test_an_expired_svid_can_be_loaded(authority: Authority) -> None:
    """When its time has come is a question for the moment it is used."""
    late = load(forge(authority, WEB, not_before=-7200, not_after=-3600))
    assert late.expires_in() < timedelta(0)


def test_damaged_certificates_are_named_by_their_depth(authority: Authority) -> None:
    svid = authority.issue(WEB)
    for depth, chain in enumerate(
        ((b"\x30\x00",), (*svid.chain, b"\x30\x01\x00"), (*svid.chain[:1], b"", b""))
    ):
        with pytest.raises(InvalidCertificate) as caught:
            X509Svid(chain=chain, key=svid.key)
        assert caught.value.reason is Reason.DER_VALUE
        assert caught.value.detail.depth == min(depth, 1)


def test_a_damaged_extension_is_refused(authority: Authority) -> None:
    usage = Extension("2.5.29.15", b"\x30\x00", critical=True)
    bad = forge(authority, WEB, key_usage=None, extensions=(usage,))
    assert reason_of(bad) is Reason.CERTIFICATE_EXTENSION


@pytest.mark.parametrize("tag", [0x03, 0x0D, 0x02])
def test_a_damaged_name_is_refused(authority: Authority, tag: int) -> None:
    """Found by changing every byte: `cryptography` reads names at their first use."""
    text = der.tlv(tag, b"\x00web")
    name = der.sequence(der.tlv(0x31, der.sequence(der.oid("2.5.4.3"), text)))
    assert reason_of(forge(authority, WEB, subject=name)) is Reason.DER_VALUE


def test_a_leaf_with_an_unknown_key_is_refused(authority: Authority) -> None:
    """C10: a curve that is spelled out instead of named."""
    (leaf,) = (leaf for leaf in REFUSED if leaf.name == "key-explicit-curve")
    svid = leaf.forge(authority, WEB)
    assert reason_of(svid) in {Reason.CERTIFICATE_KEY, Reason.KEY_MISMATCH}


def test_chains_are_bounded(authority: Authority) -> None:
    """C10, P8: what no peer of ours accepts is not sent."""
    svid = authority.issue(WEB)
    many = forge(authority, WEB, extra_chain=[authority.root.der] * 8)
    large = forge(
        authority,
        WEB,
        extensions=(Extension("1.3.6.1.4.1.99999.2", bytes(CHAIN_BYTES_MAX)),),
    )
    assert reason_of(many) is Reason.CHAIN_TOO_LONG
    assert reason_of(large) is Reason.CHAIN_TOO_LARGE
    with pytest.raises(InvalidCertificate) as caught:
        X509Svid(chain=(), key=svid.key)
    assert caught.value.reason is Reason.CHAIN_EMPTY


def test_no_key_leaks_through_the_svid(authority: Authority) -> None:
    svid = authority.issue(WEB)
    assert repr(svid).startswith(f"<X509Svid {WEB} until 2")
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(svid)


def test_a_certificate_file_given_as_the_key_is_refused(authority: Authority) -> None:
    svid = authority.issue(WEB)
    with pytest.raises(InvalidCertificate) as caught:
        X509Svid.from_pem(svid.to_pem_chain(), svid.to_pem_chain())
    assert caught.value.reason is Reason.PEM_INVALID
    with pytest.raises(InvalidCertificate):
        X509Svid.from_pem(svid.to_pem_key(), svid.to_pem_key())


def test_a_forged_svid_passes_where_an_svid_is_wanted() -> None:
    forged = forge(forge_root("a.example"), "not an id")
    assert isinstance(forged, X509Svid)
    assert isinstance(forged, ForgedSvid)
    assert forged.claims == "not an id"
    assert str(forged.spiffe_id) == "spiffe://forged.invalid/unreadable"
    assert isinstance(forged.key, PrivateKey)
