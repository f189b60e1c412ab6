# SPDX-License-Identifier: Apache-2.0
"""Private keys in memory: read in the usual forms, wiped, never shown.

What Python can promise is limited: the bytes that the key was read from, and every
copy that :attr:`PrivateKey.der` hands out, are the caller's to forget. The key's own
memory is overwritten by :meth:`PrivateKey.wipe` and when the key is collected; the C
engine keeps a copy of its own that it wipes as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, get_args

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from handfast.errors import (
    ConfigError,
    InvalidCertificate,
    Reason,
    UsageError,
    detail_for,
)
from handfast.pem import read_pem, write_pem

if TYPE_CHECKING:
    from typing import Final

    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

__all__ = ["KEY_TYPES", "KeyType", "PrivateKey", "key_type_of"]

#: The keys that handfast makes.
KeyType = Literal["p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096", "ed25519"]
KEY_TYPES: Final[tuple[KeyType, ...]] = get_args(KeyType)

#: The private keys that handfast works with.
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
}
_CURVE_NAMES: Final = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
_RSA_BITS: Final = range(2048, 8192 + 1, 8)
_LABELS: Final = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")
# Written by `openssl ecparam -genkey` before the key; says nothing that it does not.
_PARAMETERS: Final = "EC PARAMETERS"


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(Reason.KEY_INVALID, expected=expected, seen=seen)
    raise InvalidCertificate(detail)


def key_type_of(key: PublicKeyTypes) -> str | None:
    """Name an allowed public key: ``p256``, ``rsa2048``, ``ed25519``; None otherwise.

    Example:
        >>> key_type_of(PrivateKey.generate("p256").load().public_key())
        'p256'
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVE_NAMES.get(key.curve.name)
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa{key.key_size}" if key.key_size in _RSA_BITS else None
    return "ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else None


def _signing_key(key: PrivateKeyTypes) -> SigningKey:
    if not isinstance(key, SigningKey) or key_type_of(key.public_key()) is None:
        _refuse(
            "ECDSA P-256/384/521, RSA of 2,048 to 8,192 bits, Ed25519",
            type(key).__name__.removeprefix("_"),
        )
    return key


class PrivateKey:
    """An unencrypted private key, held as PKCS#8.

    Two are equal when their public keys are. A key is never pickled, and neither its
    representation nor any error shows it.

    Example:
        >>> key = PrivateKey.generate("p256")
        >>> key
        <PrivateKey p256>
        >>> key == PrivateKey.from_pem(key.to_pem())
        True
    """

    __slots__ = ("__weakref__", "_der", "_kind", "_public")

    def __init__(self, key: PrivateKeyTypes) -> None:
        """Take over a key of `cryptography`.

        Raises:
            InvalidCertificate: It is of a kind that no SVID of ours can have.
        """
        self._der = bytearray()
        signing = _signing_key(key)
        self._kind = str(key_type_of(signing.public_key()))
        self._public = signing.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._der += signing.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @classmethod
    def generate(cls, key_type: KeyType = "p256") -> PrivateKey:
        """Make a new key.

        Raises:
            ConfigError: There is no such type.
        """
        if key_type in _CURVES:
            return cls(ec.generate_private_key(_CURVES[key_type]))
        if key_type == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        if key_type not in KEY_TYPES:
            detail = detail_for(
                Reason.BAD_ARGUMENT,
                expected=f"a key type: {', '.join(KEY_TYPES)}",
                seen=repr(key_type),
            )
            raise ConfigError(detail)
        bits = int(key_type.removeprefix("rsa"))
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def from_der(cls, data: bytes) -> PrivateKey:
        """Read PKCS#8, SEC1 or PKCS#1.

        Raises:
            InvalidCertificate: It is damaged, encrypted, or of a kind not allowed.
        """
        try:
            return cls(serialization.load_der_private_key(data, password=None))
        except TypeError:
            _refuse("an unencrypted key", "an encrypted one")
        except InvalidCertificate:
            raise
        except (ValueError, UnsupportedAlgorithm, InternalError):
            # Chained errors could show parts of the input. InternalError: an Ed25519 or
            # Ed448 key of the wrong length.
            pass
        _refuse("PKCS#8, SEC1 or PKCS#1", f"{len(data)} bytes of something else")

    @classmethod
    def from_pem(cls, data: bytes | str) -> PrivateKey:
        """Read a PEM text with exactly one private key.

        Raises:
            InvalidCertificate: It is not that.
        """
        allowed = (*_LABELS, _PARAMETERS, "ENCRYPTED PRIVATE KEY")
        blocks = [
            block for block in read_pem(data, *allowed) if block[0] != _PARAMETERS
        ]
        if len(blocks) != 1:
            _refuse("one private key", f"{len(blocks)}")
        label, der = blocks[0]
        if label not in _LABELS:
            _refuse("an unencrypted key", "an encrypted one")
        return cls.from_der(der)

    @property
    def kind(self) -> str:
        """Its type: ``p256``, ``rsa2048``, ``ed25519`` and so on."""
        return self._kind

    @property
    def der(self) -> bytes:
        """A copy as PKCS#8 DER, which nobody wipes.

        Raises:
            UsageError: The key was wiped.
        """
        return bytes(self.view())

    @property
    def public_der(self) -> bytes:
        """The public key (SubjectPublicKeyInfo); stays when the key is wiped."""
        return self._public

    def view(self) -> memoryview:
        """The key's own memory as PKCS#8 DER, without a copy.

        Raises:
            UsageError: The key was wiped.
        """
        if not any(self._der):
            raise UsageError(
                detail_for(
                    Reason.WRONG_STATE,
                    expected="a key that is still there",
                    seen="a key that was wiped",
                    hint="load the SVID again",
                )
            )
        return memoryview(self._der).toreadonly()

    def load(self) -> SigningKey:
        """Give it to `cryptography`, which keeps a copy of its own.

        Raises:
            UsageError: The key was wiped.
        """
        loaded = serialization.load_der_private_key(self.view(), password=None)
        return _signing_key(loaded)

    def to_pem(self) -> bytes:
        """Write it as an unencrypted ``PRIVATE KEY`` block.

        Raises:
            UsageError: The key was wiped.
        """
        return write_pem("PRIVATE KEY", [self.der])

    def wipe(self) -> None:
        """Overwrite the key; it cannot be used any more. Idempotent."""
        # In place and of the same length: also with views of it outstanding.
        self._der[:] = bytes(len(self._der))

    def __del__(self) -> None:
        self.wipe()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PrivateKey):
            return NotImplemented
        return self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)

    def __repr__(self) -> str:
        return f"<PrivateKey {self._kind}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a private key is not pickled and not copied: share the object")
