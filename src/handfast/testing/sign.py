# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures for forged certificates, the kinds that are not allowed too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from handfast.keys import KEY_TYPES, PrivateKey
from handfast.testing import der

if TYPE_CHECKING:
    from handfast.keys import SigningKey

__all__ = ["FORBIDDEN_KEY_TYPES", "AnyKey", "ForgedKey", "algorithm", "kind_of"]
__all__ += ["new_key", "sign", "spki"]

#: Keys that a certificate could have and no SVID may.
FORBIDDEN_KEY_TYPES: Final = ("p224", "secp256k1", "rsa1024", "ed448")

_FORBIDDEN_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "p224": ec.SECP224R1(),
    "secp256k1": ec.SECP256K1(),
}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - to be refused
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_HASH_OIDS: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA_OIDS: Final = {
    "sha1": "1.2.840.10045.4.1",
    "sha224": "1.2.840.10045.4.3.1",
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_RSA_OIDS: Final = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha224": "1.2.840.113549.1.1.14",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_NULL: Final = b"\x05\x00"

AnyKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)


class ForgedKey(PrivateKey):
    """A private key of any kind, also of one that :class:`PrivateKey` refuses."""

    __slots__ = ("_key",)

    def __init__(self, key: AnyKey) -> None:
        self._der = bytearray()
        self._key = key
        self._kind = kind_of(key)
        self._public = spki(key)
        self._der += key.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )

    def load(self) -> SigningKey:
        """The key itself; of the forbidden kinds too, whatever the type says."""
        return self._key  # type: ignore[return-value]


def kind_of(key: AnyKey) -> str:
    """Name a key as :func:`new_key` does."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = key.curve.name
        known = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
        return "p224" if name == "secp224r1" else known.get(name, name)
    if isinstance(key, rsa.RSAPrivateKey):
        return f"rsa{key.key_size}"
    return "ed448" if isinstance(key, ed448.Ed448PrivateKey) else "ed25519"


def new_key(key_type: str) -> AnyKey:
    """Make a key, of the forbidden kinds too.

    Raises:
        ValueError: There is no such kind.
    """
    for allowed in KEY_TYPES:
        if key_type == allowed:
            return PrivateKey.generate(allowed).load()
    if key_type in _FORBIDDEN_CURVES:
        return ec.generate_private_key(_FORBIDDEN_CURVES[key_type])
    if key_type == "ed448":
        return ed448.Ed448PrivateKey.generate()
    if key_type == "rsa1024":
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    raise ValueError(f"no such key type: {key_type!r}")


def spki(key: AnyKey) -> bytes:
    """The public key as SubjectPublicKeyInfo."""
    public = key.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _digest_for(key: AnyKey, digest: str | None) -> str:
    fitting = {"p384": "sha384", "p521": "sha512"}
    return digest or fitting.get(kind_of(key), "sha256")


def algorithm(key: AnyKey, digest: str | None, *, pss: bool = False) -> bytes:
    """The AlgorithmIdentifier of a signature with this key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return der.sequence(der.oid("1.3.101.112"))
    if isinstance(key, ed448.Ed448PrivateKey):
        return der.sequence(der.oid("1.3.101.113"))
    name = _digest_for(key, digest)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return der.sequence(der.oid(_ECDSA_OIDS[name]))
    if not pss:
        return der.sequence(der.oid(_RSA_OIDS[name]), _NULL)
    inner = der.sequence(der.oid(_HASH_OIDS[name]), _NULL)
    return der.sequence(
        der.oid(_PSS),
        der.sequence(
            der.context(0, inner),
            der.context(1, der.sequence(der.oid(_MGF1), inner)),
            der.context(2, der.integer(_HASHES[name].digest_size)),
        ),
    )


def sign(key: AnyKey, data: bytes, digest: str | None, *, pss: bool = False) -> bytes:
    """Sign bytes as :func:`algorithm` says."""
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return key.sign(data)
    chosen = _HASHES[_digest_for(key, digest)]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(chosen))
    if pss:
        mask = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return key.sign(data, mask, chosen)
    return key.sign(data, padding.PKCS1v15(), chosen)
