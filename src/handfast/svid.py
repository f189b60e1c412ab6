# SPDX-License-Identifier: Apache-2.0
"""A workload's own identity: its X.509-SVID with the private key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast.certificates import extension_of, is_ca, read_certificate, uri_names
from handfast.der import split_der
from handfast.errors import InvalidCertificate, InvalidId, Reason, detail_for
from handfast.ids import SpiffeId
from handfast.keys import PrivateKey
from handfast.pem import CERTIFICATE, read_pem, write_pem
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Final

__all__ = ["CHAIN_BYTES_MAX", "CHAIN_MAX", "X509Svid"]

#: Certificates that a peer of ours accepts in a chain, and so the most that we send.
CHAIN_MAX: Final = 8
#: Bytes of DER that a peer of ours accepts.
CHAIN_BYTES_MAX: Final = 32768


def _refuse(
    reason: Reason, der: bytes | None = None, *, expected: str = "", seen: str = ""
) -> NoReturn:
    depth = None if der is None else 0
    detail = detail_for(
        reason, expected=expected, seen=seen, depth=depth, certificate=der
    )
    raise InvalidCertificate(detail)


def _check_size(chain: tuple[bytes, ...]) -> None:
    total = sum(map(len, chain))
    if not chain:
        _refuse(Reason.CHAIN_EMPTY)
    if len(chain) > CHAIN_MAX:
        _refuse(Reason.CHAIN_TOO_LONG, seen=f"{len(chain)} certificates")
    if total > CHAIN_BYTES_MAX:
        _refuse(Reason.CHAIN_TOO_LARGE, seen=f"{total} bytes")


def _leaf_id(leaf: x509.Certificate, der: bytes) -> SpiffeId:
    """What the standard says of every leaf; the engine adds its stricter rules."""
    if is_ca(leaf):
        _refuse(Reason.SVID_IS_CA, der)
    usage = extension_of(leaf, x509.KeyUsage)
    if usage is not None and (usage.key_cert_sign or usage.crl_sign):
        _refuse(Reason.SVID_CAN_SIGN, der)
    names = uri_names(leaf)
    if not names:
        _refuse(Reason.SVID_NO_SPIFFE_ID, der)
    if len(names) > 1:
        _refuse(Reason.SVID_MANY_URI_SANS, der, seen=f"{len(names)}")
    try:
        spiffe_id = SpiffeId.parse(names[0])
    except InvalidId as error:
        seen = f"'{escape(names[0])}': {error.detail.text}"
        detail = detail_for(Reason.SVID_ID_INVALID, seen=seen, depth=0, certificate=der)
        raise InvalidCertificate(detail) from error
    if not spiffe_id.path:
        _refuse(Reason.SVID_NO_PATH, der, seen=str(spiffe_id))
    return spiffe_id


def _public_der(leaf: x509.Certificate, der: bytes) -> bytes:
    try:
        key = leaf.public_key()
    except Exception as error:
        # An unknown or broken key: cryptography has half a dozen ways to say so.
        detail = detail_for(Reason.CERTIFICATE_KEY, depth=0, certificate=der)
        raise InvalidCertificate(detail) from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class X509Svid:
    """A chain of certificates that says who we are, and the key that proves it.

    What is constructed is usable: the leaf names exactly one workload and the key
    fits it. Whether its time has come is asked when it is used.

    Attributes:
        chain: DER certificates, leaf first.
        key: The leaf's private key.
        hint: What the Workload API says this identity is for; may be empty.
        spiffe_id: Who we are.
        not_before: Start of the leaf's validity, in UTC.
        not_after: Its end.
    """

    chain: tuple[bytes, ...]
    key: PrivateKey
    hint: str = ""
    spiffe_id: SpiffeId = field(init=False)
    not_before: datetime = field(init=False)
    not_after: datetime = field(init=False)

    def __post_init__(self) -> None:
        _check_size(self.chain)
        leaf = read_certificate(self.chain[0])
        for depth, der in enumerate(self.chain[1:], start=1):
            read_certificate(der, depth=depth)
        spiffe_id = _leaf_id(leaf, self.chain[0])
        if _public_der(leaf, self.chain[0]) != self.key.public_der:
            _refuse(Reason.KEY_MISMATCH, self.chain[0], seen=f"a {self.key.kind} key")
        object.__setattr__(self, "spiffe_id", spiffe_id)
        object.__setattr__(self, "not_before", leaf.not_valid_before_utc)
        object.__setattr__(self, "not_after", leaf.not_valid_after_utc)

    @classmethod
    def from_pem(
        cls, chain: bytes | str, key: bytes | str, *, hint: str = ""
    ) -> X509Svid:
        """Read PEM texts, as files and secrets hold them.

        Args:
            chain: ``CERTIFICATE`` blocks, leaf first.
            key: One unencrypted private key: PKCS#8, SEC1 or PKCS#1.
            hint: What the identity is for.

        Raises:
            InvalidCertificate: The reason says what is wrong with which certificate,
                or that the key does not fit (``key_mismatch``).
        """
        certificates = tuple(der for _, der in read_pem(chain, CERTIFICATE))
        return cls(chain=certificates, key=PrivateKey.from_pem(key), hint=hint)

    @classmethod
    def from_der(
        cls, chain: bytes | Sequence[bytes], key: bytes, *, hint: str = ""
    ) -> X509Svid:
        """Read DER, as the Workload API sends it.

        Args:
            chain: Certificates, leaf first: back to back, or one by one.
            key: The private key.
            hint: What the identity is for.

        Raises:
            InvalidCertificate: As :meth:`from_pem`.
        """
        parts = split_der(chain) if isinstance(chain, bytes) else tuple(chain)
        return cls(chain=parts, key=PrivateKey.from_der(key), hint=hint)

    @property
    def leaf(self) -> x509.Certificate:
        """The leaf, read anew by `cryptography`."""
        return x509.load_der_x509_certificate(self.chain[0])

    def expires_in(self, now: datetime | None = None) -> timedelta:
        """How long the leaf is still valid; negative when it has expired.

        Args:
            now: An aware time; the system's clock when left out.
        """
        return self.not_after - (now or datetime.now(UTC))

    def to_pem_chain(self) -> bytes:
        """Write the chain, leaf first."""
        return write_pem(CERTIFICATE, self.chain)

    def to_pem_key(self) -> bytes:
        """Write the private key, unencrypted: mind where it goes."""
        return self.key.to_pem()

    def __repr__(self) -> str:
        return f"<X509Svid {self.spiffe_id} until {self.not_after:%Y-%m-%dT%H:%M:%SZ}>"
