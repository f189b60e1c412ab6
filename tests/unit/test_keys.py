# SPDX-License-Identifier: Apache-2.0
"""Private keys: read in every usual form, never shown, and wiped."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from handfast import ConfigError, InvalidCertificate, PrivateKey, Reason, UsageError
from handfast.keys import KEY_TYPES, KeyType, key_type_of
from handfast.testing import FORBIDDEN_KEY_TYPES, ForgedKey, der
from handfast.testing.sign import new_key


@pytest.mark.parametrize("kind", [kind for kind in KEY_TYPES if kind != "rsa4096"])
def test_every_kind_is_made_and_read_back(kind: KeyType) -> None:
    key = PrivateKey.generate(kind)
    assert key.kind == kind
    assert PrivateKey.from_der(key.der) == key
    assert PrivateKey.from_pem(key.to_pem()) == key
    assert hash(PrivateKey(key.load())) == hash(key)


def test_sec1_and_pkcs1_are_read_and_become_pkcs8() -> None:
    for made in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ):
        traditional = PrivateFormat.TraditionalOpenSSL
        for encoding, read in (
            (Encoding.PEM, PrivateKey.from_pem),
            (Encoding.DER, PrivateKey.from_der),
        ):
            raw = made.private_bytes(encoding, traditional, NoEncryption())
            pkcs8 = made.private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
            )
            assert read(raw).der == pkcs8


def test_parameters_before_a_key_are_passed_over() -> None:
    """`openssl ecparam -genkey` writes them."""
    key = PrivateKey.generate()
    text = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
    text += "-----END EC PARAMETERS-----\n" + key.to_pem().decode()
    assert PrivateKey.from_pem(text) == key


def test_an_encrypted_key_is_refused_as_that() -> None:
    made = new_key("p256")
    secret = BestAvailableEncryption(b"secret")
    for encoding, read in (
        (Encoding.PEM, PrivateKey.from_pem),
        (Encoding.DER, PrivateKey.from_der),
    ):
        raw = made.private_bytes(encoding, PrivateFormat.PKCS8, secret)
        with pytest.raises(InvalidCertificate, match="an encrypted one") as caught:
            read(raw)
        assert caught.value.reason is Reason.KEY_INVALID


@pytest.mark.parametrize("kind", FORBIDDEN_KEY_TYPES)
def test_other_kinds_are_refused(kind: str) -> None:
    """C10: what no SVID may have is not even loaded."""
    with pytest.raises(InvalidCertificate) as caught:
        PrivateKey.from_der(ForgedKey(new_key(kind)).der)
    assert caught.value.reason is Reason.KEY_INVALID


def test_a_key_that_cannot_sign_is_refused() -> None:
    with pytest.raises(InvalidCertificate, match="X25519"):
        PrivateKey(x25519.X25519PrivateKey.generate())


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"secret key material"])
def test_garbage_is_refused_without_showing_it(data: bytes) -> None:
    with pytest.raises(InvalidCertificate) as caught:
        PrivateKey.from_der(data)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("curve", [0x6E, 0x6F, 0x70, 0x71])
@pytest.mark.parametrize("size", [0, 31, 33, 56, 58])
def test_a_key_that_was_cut_is_refused(curve: int, size: int) -> None:
    """X25519, X448, Ed25519, Ed448: cryptography has an error of its own for these."""
    kind = der.sequence(b"\x06\x03\x2b\x65" + bytes([curve]))
    inner = bytes([0x04, size + 2, 0x04, size]) + bytes(size)
    with pytest.raises(InvalidCertificate) as caught:
        PrivateKey.from_der(der.sequence(b"\x02\x01\x00", kind, inner))
    assert caught.value.reason is Reason.KEY_INVALID
    assert caught.value.__context__ is None


def test_one_key_a_text() -> None:
    pem = PrivateKey.generate().to_pem()
    with pytest.raises(InvalidCertificate, match="seen 2"):
        PrivateKey.from_pem(pem + pem)


def test_unknown_kinds_cannot_be_made() -> None:
    with pytest.raises(ConfigError, match="dsa"):
        PrivateKey.generate(cast("KeyType", "dsa"))
    with pytest.raises(ValueError, match="dsa"):
        new_key("dsa")


def test_a_wiped_key_is_gone_in_place() -> None:
    key = PrivateKey.generate()
    view, before = key.view(), key.der
    assert bytes(view) == before
    key.wipe()
    key.wipe()
    assert bytes(view) == bytes(len(before)), "the memory itself, not a new one"
    for use in (key.view, key.load, key.to_pem):
        with pytest.raises(UsageError, match="wiped"):
            use()


def test_a_collected_key_is_wiped() -> None:
    key = PrivateKey.generate()
    view = key.view()
    del key
    gc.collect()
    assert not any(view)


def test_a_key_is_never_shown_pickled_or_copied() -> None:
    key = PrivateKey.generate()
    assert repr(key) == str(key) == "<PrivateKey p256>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled and not copied"):
            leak(key)


def test_views_cannot_change_a_key() -> None:
    with pytest.raises(TypeError):
        PrivateKey.generate().view()[0] = 0


def test_keys_are_equal_by_their_public_half() -> None:
    key = PrivateKey.generate()
    assert key == PrivateKey.from_der(key.der)
    assert key != PrivateKey.generate()
    assert key != object()


def test_key_types_outside_the_list_have_no_name() -> None:
    """C10."""
    assert key_type_of(new_key("rsa1024").public_key()) is None
    assert key_type_of(new_key("secp256k1").public_key()) is None
    assert key_type_of(new_key("ed448").public_key()) is None
