# SPDX-License-Identifier: Apache-2.0
"""Bundle documents as a whole: the authorities of both kinds, and their numbers.

Federation passes these around. Which of two documents is the newer one is decided
here, and nowhere else.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handfast.bundle import TrustBundle
from handfast.bundle_json import (
    HINT_MAX,
    Frame,
    check_sequence,
    read_frame,
    refuse,
    write_frame,
    write_json,
)
from handfast.bundle_jwt_entries import read_jwt_entries, write_jwt_entries
from handfast.bundle_set import as_trust_domain
from handfast.bundle_x509_entries import read_x509_entries, write_x509_entries
from handfast.errors import InvalidBundle, Reason, detail_for
from handfast.jwt_bundle import JwtBundle

if TYPE_CHECKING:
    from typing import Final

    from handfast.ids import TrustDomain
    from handfast.strict_json import Json

__all__ = ["REFRESH_DEFAULT", "BundleDocument", "Ordering"]

#: Seconds between two looks at a bundle that gives no hint.
REFRESH_DEFAULT: Final = 300


class Ordering(enum.StrEnum):
    """How a document stands to the one that is in use."""

    #: there was none
    FIRST = "first"
    #: a higher sequence number, or a number where there was none
    NEWER = "newer"
    #: the same authorities and the same number
    SAME = "same"
    #: other authorities under the same number, or both without one: its publisher
    #: breaks BUN-05, or leaves numbers out; which is newer cannot be said
    CHANGED = "changed"
    #: a lower sequence number, or none where there was one: a step back
    OLDER = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDocument:
    """Everything that a trust domain publishes about itself.

    A document without any authority is legal and revokes all of them.

    Attributes:
        trust_domain: Whose it is. Told by whoever configures it, never by the content.
        x509: The authorities of its X.509-SVIDs.
        jwt: The authorities of its JWT-SVIDs.
        sequence: ``spiffe_sequence``: rises with every change.
        refresh_hint: Seconds after which to ask again; only a hint.

    Raises:
        InvalidBundle: A part is of another trust domain, or a number out of range.

    Example:
        >>> from handfast.authority import Authority
        >>> own = BundleDocument.of(Authority("a.example").bundle, sequence=7)
        >>> BundleDocument.from_json("a.example", own.to_json()) == own
        True
    """

    trust_domain: TrustDomain
    x509: TrustBundle
    jwt: JwtBundle
    sequence: int | None = None
    refresh_hint: int | None = None

    def __post_init__(self) -> None:
        for part in (self.x509, self.jwt):
            if part.trust_domain != self.trust_domain:
                refuse(f"authorities of {self.trust_domain}", f"{part.trust_domain}")
        check_sequence(self.sequence)
        if self.refresh_hint is not None and not 0 <= self.refresh_hint <= HINT_MAX:
            refuse(f"a hint from 0 to {HINT_MAX} seconds", f"{self.refresh_hint}")
        # One number, not two: the bundle's own is the document's.
        numbers = (self.sequence, self.refresh_hint)
        if (self.x509.sequence, self.x509.refresh_hint) != numbers:
            x509 = replace(
                self.x509, sequence=self.sequence, refresh_hint=self.refresh_hint
            )
            object.__setattr__(self, "x509", x509)

    @classmethod
    def of(
        cls,
        x509: TrustBundle,
        jwt: JwtBundle | None = None,
        *,
        sequence: int | None = None,
        refresh_hint: int | None = None,
    ) -> BundleDocument:
        """Put a document together from bundles.

        Args:
            x509: Says whose it is.
            jwt: None for a trust domain without JWT-SVIDs.
            sequence: The bundle's own when left out.
            refresh_hint: The bundle's own when left out.

        Raises:
            InvalidBundle: The two are of different trust domains.
        """
        return cls(
            trust_domain=x509.trust_domain,
            x509=x509,
            jwt=JwtBundle(x509.trust_domain) if jwt is None else jwt,
            sequence=x509.sequence if sequence is None else sequence,
            refresh_hint=x509.refresh_hint if refresh_hint is None else refresh_hint,
        )

    @classmethod
    def from_json(
        cls, trust_domain: TrustDomain | str, data: bytes | str
    ) -> BundleDocument:
        """Read a document for a trust domain that the caller knows.

        Raises:
            InvalidBundle: It is not one, or an authority in it cannot be used; nothing
                of it was taken.
        """
        return cls.from_frame(as_trust_domain(trust_domain), read_frame(data))

    @classmethod
    def from_frame(cls, trust_domain: TrustDomain, frame: Frame) -> BundleDocument:
        """Read the entries of a document that was parsed already, as in a map.

        Raises:
            InvalidBundle: An authority in it cannot be used.
        """
        keys, algorithms = read_jwt_entries(frame)
        return cls(
            trust_domain=trust_domain,
            x509=TrustBundle(
                trust_domain,
                read_x509_entries(frame),
                frame.sequence,
                frame.refresh_hint,
            ),
            jwt=JwtBundle(trust_domain, keys, algorithms),
            sequence=frame.sequence,
            refresh_hint=frame.refresh_hint,
        )

    def to_object(self) -> Json:
        """The document as JSON values, for a map."""
        entries = write_x509_entries(self.x509.x509_authorities)
        entries += write_jwt_entries(self.jwt.keys, self.jwt.algorithms)
        return write_frame(entries, self.sequence, self.refresh_hint)

    def without_hint(self) -> BundleDocument:
        """The same as part of a map, where hints of documents mean nothing."""
        return replace(self, refresh_hint=None)

    def to_json(self) -> bytes:
        """Write the document, the same bytes for the same content.

        Only what go-spiffe and SPIRE can read is written: both fail a document with
        entries that they do not know.
        """
        return write_json(self.to_object())

    @property
    def is_empty(self) -> bool:
        """Whether it trusts nobody."""
        return self.x509.is_empty and self.jwt.is_empty

    @property
    def refresh_after(self) -> int:
        """Seconds after which to ask again: the hint, or five minutes without one.

        As it was published: whoever polls keeps to limits of its own (BUN-09).
        """
        return REFRESH_DEFAULT if self.refresh_hint is None else self.refresh_hint

    def has_same_authorities(self, other: BundleDocument) -> bool:
        """Whether exactly the same authorities are in both, in any order."""
        mine = (self.x509.digest, self.jwt.digest)
        return mine == (other.x509.digest, other.jwt.digest)

    def compared_to(self, current: BundleDocument | None) -> Ordering:
        """Say how this document stands to the one that is in use.

        Raises:
            InvalidBundle: They are of different trust domains.
        """
        if current is None:
            return Ordering.FIRST
        if current.trust_domain != self.trust_domain:
            refuse(f"a document of {current.trust_domain}", f"{self.trust_domain}")
        same = self.has_same_authorities(current)
        old, new = current.sequence, self.sequence
        if old is not None and (new is None or new < old):
            return Ordering.OLDER
        if new == old:
            return Ordering.SAME if same else Ordering.CHANGED
        return Ordering.NEWER

    def check_replaces(self, current: BundleDocument | None) -> Ordering:
        """Refuse a step back: the way to bring a revoked authority to life again.

        A number that is missing where there was one counts as lower. Who published
        documents anew, with numbers from the start, has to be told to us again.

        Returns:
            How it stands to the other: anything but :attr:`Ordering.OLDER`.

        Raises:
            InvalidBundle: It is older (``bundle_rollback``), or of another trust
                domain.
        """
        ordering = self.compared_to(current)
        if ordering is Ordering.OLDER and current is not None:
            seen = "none" if self.sequence is None else f"{self.sequence}"
            expected = f"a sequence of {current.sequence} or more"
            detail = detail_for(Reason.BUNDLE_ROLLBACK, expected=expected, seen=seen)
            raise InvalidBundle(detail)
        return ordering

    def __len__(self) -> int:
        return len(self.x509) + len(self.jwt)

    def __repr__(self) -> str:
        return (
            f"<BundleDocument {self.trust_domain} sequence {self.sequence}: "
            f"{len(self.x509)} X.509, {len(self.jwt)} JWT authorities>"
        )
