# SPDX-License-Identifier: Apache-2.0
"""Trust bundles: the authorities of one trust domain, and sets of bundles.

A bundle speaks for its own trust domain and for no other; a set keeps bundles side by
side and never pools them. Which trust domain a bundle is for comes from whoever
configures it, never from its content.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from handfast.bundle_json import read_frame, write_frame, write_json
from handfast.bundle_set import BundleSet, as_trust_domain
from handfast.bundle_x509_entries import read_x509_entries, write_x509_entries
from handfast.certificates import is_ca, may_sign, read_certificate
from handfast.der import split_der
from handfast.errors import HandfastError, InvalidBundle, Reason, detail_for
from handfast.ids import TrustDomain
from handfast.keys import key_type_of
from handfast.pem import CERTIFICATE, read_pem, write_pem
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

__all__ = ["BUNDLE_MAX", "TrustBundle", "TrustBundleSet"]

#: Authorities in one bundle.
BUNDLE_MAX: Final = 1000


def _refuse(reason: Reason, *, expected: str = "", seen: str = "") -> NoReturn:
    raise InvalidBundle(detail_for(reason, expected=expected, seen=seen))


def _check_authority(der: bytes, place: int) -> None:
    certificate = read_certificate(der, depth=place)
    subject = certificate.subject.rfc4514_string()
    name = f"authority {place + 1}, {escape(subject) or 'no name'}"
    if not (is_ca(certificate) and may_sign(certificate)):
        _refuse(Reason.AUTHORITY_NOT_CA, seen=name)
    if not subject:
        _refuse(Reason.CERTIFICATE_EMPTY_NAME, expected="a subject", seen=name)
    try:
        known = key_type_of(certificate.public_key())
    except Exception as error:
        # An unknown or broken key: cryptography has half a dozen ways to say so.
        raise InvalidBundle(detail_for(Reason.CERTIFICATE_KEY, seen=name)) from error
    if known is None:
        _refuse(Reason.CERTIFICATE_KEY, seen=name)


def _read(parts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Check every authority; the same one twice counts once."""
    authorities = tuple(dict.fromkeys(parts))
    if len(authorities) > BUNDLE_MAX:
        seen = f"{len(authorities)}"
        _refuse(Reason.LIMIT, expected=f"at most {BUNDLE_MAX} authorities", seen=seen)
    for place, der in enumerate(authorities):
        _check_authority(der, place)
    return authorities


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """The X.509 authorities of one trust domain.

    An empty bundle is legal and trusts nobody. Authorities need not be self-signed,
    and an authority that has expired may stay: it is judged when it is used.

    Attributes:
        trust_domain: Whose authorities these are.
        x509_authorities: DER certificates, each of them once, in the order given.
        sequence: ``spiffe_sequence`` of the document it came from.
        refresh_hint: Seconds after which to ask its publisher again; only a hint.

    Example:
        >>> from handfast.authority import Authority
        >>> bundle = Authority("a.example").bundle
        >>> bundle == TrustBundle.from_pem("a.example", bundle.to_pem())
        True
    """

    trust_domain: TrustDomain
    x509_authorities: tuple[bytes, ...] = field(default=(), repr=False)
    sequence: int | None = None
    refresh_hint: int | None = None

    def __post_init__(self) -> None:
        try:
            authorities = _read(self.x509_authorities)
        except InvalidBundle:
            raise
        except HandfastError as error:
            raise InvalidBundle(error.detail) from error
        object.__setattr__(self, "x509_authorities", authorities)

    @classmethod
    def from_pem(
        cls, trust_domain: TrustDomain | str, data: bytes | str
    ) -> TrustBundle:
        """Read ``CERTIFICATE`` blocks, at least one.

        A text without any is more likely a damaged file than the wish to trust
        nobody, so it is refused: write ``TrustBundle(trust_domain)`` for that.

        Raises:
            InvalidBundle: The text or one of the authorities cannot be used.
        """
        try:
            parts = [der for _, der in read_pem(data, CERTIFICATE)]
        except HandfastError as error:
            raise InvalidBundle(error.detail) from error
        return cls(as_trust_domain(trust_domain), tuple(parts))

    @classmethod
    def from_der(
        cls, trust_domain: TrustDomain | str, data: bytes | Sequence[bytes]
    ) -> TrustBundle:
        """Read DER, back to back as the Workload API sends it, or one by one.

        Raises:
            InvalidBundle: One of the authorities cannot be used.
        """
        try:
            parts = split_der(data) if isinstance(data, bytes) else tuple(data)
        except HandfastError as error:
            raise InvalidBundle(error.detail) from error
        return cls(as_trust_domain(trust_domain), parts)

    @classmethod
    def from_json(
        cls, trust_domain: TrustDomain | str, data: bytes | str
    ) -> TrustBundle:
        """Read a SPIFFE bundle document (a JWK Set with ``x509-svid`` entries).

        Raises:
            InvalidBundle: It is not such a document; nothing of it was taken.
        """
        frame = read_frame(data)
        return cls(
            as_trust_domain(trust_domain),
            read_x509_entries(frame),
            frame.sequence,
            frame.refresh_hint,
        )

    def to_pem(self) -> bytes:
        """Write a ``CERTIFICATE`` block for each authority."""
        return write_pem(CERTIFICATE, self.x509_authorities)

    def to_json(self) -> bytes:
        """Write a SPIFFE bundle document, the same bytes for the same bundle."""
        entries = write_x509_entries(self.x509_authorities)
        return write_json(write_frame(entries, self.sequence, self.refresh_hint))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the content: trust domain and authorities, in any order.

        The same as the engine's: one byte of length, the name, then the SHA-256 of
        each authority, sorted.
        """
        name = self.trust_domain.name.encode("ascii")
        parts = sorted(hashlib.sha256(der).digest() for der in self.x509_authorities)
        return hashlib.sha256(bytes([len(name)]) + name + b"".join(parts)).digest()

    @property
    def is_empty(self) -> bool:
        """Whether it trusts nobody."""
        return not self.x509_authorities

    def __len__(self) -> int:
        return len(self.x509_authorities)

    def __contains__(self, authority: object) -> bool:
        return authority in self.x509_authorities


class TrustBundleSet(BundleSet[TrustBundle]):
    """X.509 bundles side by side, one a trust domain; immutable.

    Example:
        >>> from handfast.authority import Authority
        >>> own, other = Authority("a.example").bundle, Authority("b.example").bundle
        >>> bundles = TrustBundleSet([own, other])
        >>> bundles["b.example"] is other
        True
        >>> len(bundles.without("b.example"))
        1
    """

    __slots__ = ()
