# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N818 - the names say what happened; PeerError and its like say who
"""Every failure of handfast: one tree of exceptions, one stable reason each.

Catch by class what you want to handle, and look at :attr:`HandfastError.reason` for
the exact rule. The message is for a person: what is wrong, what was expected, what
was seen, and what to do.

Example:
    >>> from handfast import SpiffeId
    >>> from handfast.errors import InvalidId
    >>> try:
    ...     SpiffeId.parse("spiffe://a.example/web/")
    ... except InvalidId as error:
    ...     print(error.reason)
    ...     print(error.hint or "no hint")
    id_trailing_slash
    no hint
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from handfast.reasons import ROWS, Category, Reason

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = [
    "AttestationRefused",
    "Category",
    "ConfigError",
    "ConnectionClosed",
    "ConnectionEnded",
    "ErrorDetail",
    "FederationError",
    "HandfastError",
    "HandshakeTimeout",
    "InternalError",
    "InvalidBundle",
    "InvalidCertificate",
    "InvalidCrl",
    "InvalidId",
    "NotAuthorized",
    "PeerAlert",
    "PeerError",
    "PeerIncompatible",
    "PeerMisbehaved",
    "Reason",
    "SourceError",
    "TransportError",
    "Truncated",
    "UsageError",
    "VerificationError",
    "detail_for",
    "error_for",
]

#: What was being judged when something failed: it decides the class of the exception.
Subject = Literal["peer", "own", "bundle", "crl", "id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """One failure in full.

    Attributes:
        reason: Which rule; stable, the same name in C.
        category: Whose failure it is.
        text: The rule in one sentence.
        hint: What to do; empty when there is nothing to say.
        depth: Which certificate: 0 is the leaf, counting towards the anchor.
        alert: The TLS alert that was sent, or, for ``peer_alert``, received.
        expected: What the rule wants.
        seen: What was there, escaped: printable ASCII only.
        claimed_id: The SPIFFE ID that the peer claims. **Not verified.**
        certificate: DER of the certificate that is to blame. **Not verified.**
        skew: How far outside its validity a certificate is: a hint at clocks.
        openssl_reason: OpenSSL's reason or ``X509_V_ERR`` number; 0 for none.
        system_errno: ``errno`` of a failed system call; 0 for none.
        where: File and line in the C engine, for bug reports; empty for Python's.
    """

    reason: Reason
    category: Category
    text: str
    hint: str = ""
    depth: int | None = None
    alert: int | None = None
    expected: str = ""
    seen: str = ""
    claimed_id: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    skew: timedelta | None = None
    openssl_reason: int = 0
    system_errno: int = 0
    where: str = ""

    def message(self) -> str:
        """Say it in one paragraph.

        Example:
            >>> detail_for(Reason.ID_PORT, expected="a name", seen="':'").message()
            "a SPIFFE ID has no port: expected a name, seen ':'"
        """
        facts = [
            f"{word} {value}"
            for word, value in (("expected", self.expected), ("seen", self.seen))
            if value
        ]
        about = [] if self.depth is None else [f"certificate {self.depth}"]
        if self.claimed_id and self.reason is Reason.NOT_AUTHORIZED:
            about.append(f"is {self.claimed_id}")  # authenticated, before it was asked
        elif self.claimed_id:
            about.append(f"claims {self.claimed_id}, not verified")
        message = self.text
        if facts:
            message += ": " + ", ".join(facts)
        if about:
            message += f" ({', '.join(about)})"
        if self.hint:
            message += f". {self.hint[0].upper()}{self.hint[1:]}"
        return message


def detail_for(  # noqa: PLR0913 - all by keyword
    reason: Reason,
    *,
    expected: str = "",
    seen: str = "",
    depth: int | None = None,
    claimed_id: str | None = None,
    certificate: bytes | None = None,
    hint: str | None = None,
) -> ErrorDetail:
    """Fill in what is known about a reason beforehand: category, text and hint.

    Args:
        reason: Which rule failed.
        expected: What it wants.
        seen: What was there; must be escaped when it comes from a stranger.
        depth: Which certificate of a chain.
        claimed_id: Whom an unverified certificate claims to be for.
        certificate: Its DER.
        hint: A better hint than the reason's own.

    Returns:
        The detail, for one of the exceptions below.
    """
    row = ROWS[reason]
    return ErrorDetail(
        reason=reason,
        category=row.category,
        text=row.text,
        hint=row.hint if hint is None else hint,
        depth=depth,
        expected=expected,
        seen=seen,
        claimed_id=claimed_id,
        certificate=certificate,
    )


class HandfastError(Exception):
    """The root of every error that handfast raises on purpose."""

    def __init__(self, detail: ErrorDetail) -> None:
        # The detail alone is in args: that is what makes errors pickle and copy.
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail.message()

    @property
    def reason(self) -> Reason:
        """Which rule failed."""
        return self.detail.reason

    @property
    def expected(self) -> str:
        """What the rule wants."""
        return self.detail.expected

    @property
    def seen(self) -> str:
        """What was there instead."""
        return self.detail.seen

    @property
    def hint(self) -> str:
        """What to do about it; may be empty."""
        return self.detail.hint


class PeerError(HandfastError):
    """The other end is the cause, or what lies between."""


class PeerMisbehaved(PeerError):
    """The peer broke the protocol: no honest TLS stack does this."""


class PeerIncompatible(PeerError):
    """Both ends are honest and have no version, group or protocol in common."""


class PeerAlert(PeerError):
    """The peer refused us and said so with a TLS alert."""

    @property
    def alert(self) -> int | None:
        """The alert's number (RFC 8446, section 6)."""
        return self.detail.alert


class Truncated(PeerError):
    """The connection ended without close_notify: what was read may be incomplete."""


class HandshakeTimeout(PeerError):
    """The handshake did not finish in the time it was given."""


class ConnectionClosed(PeerError):
    """The peer ended the connection cleanly in the middle of the handshake.

    TLS allows that, and nothing was cut off. But it did not finish, and whoever catches
    `PeerError` for all that a stranger can do has to get this, too. Afterwards a clean
    end is no error: reading tells it.
    """


class ConnectionEnded(HandfastError):
    """We ended the connection on purpose; the reason says what for (promise P6)."""


class TransportError(HandfastError):
    """The system's socket failed; see ``detail.system_errno``."""


class VerificationError(PeerError):
    """The peer's chain, or its token, was judged and refused.

    Nothing of the peer is verified here, its claimed identity least of all.
    """

    @property
    def depth(self) -> int | None:
        """Which certificate: 0 is the leaf."""
        return self.detail.depth

    @property
    def certificate(self) -> bytes | None:
        """DER of the certificate that is to blame; not verified."""
        return self.detail.certificate

    @property
    def claimed_id(self) -> str | None:
        """The SPIFFE ID that the peer claims; not verified."""
        return self.detail.claimed_id

    @property
    def skew(self) -> timedelta | None:
        """How far outside its validity the certificate is."""
        return self.detail.skew


class AttestationRefused(PeerError):
    """It is not certain which process is calling, or which host, so it gets nothing.

    What the system hides or cannot say about a process that *is* certain is no refusal:
    the selectors are missing then, and `Caller.missing` says why.
    """


class NotAuthorized(VerificationError):
    """The peer is who it says it is, and the policy does not let it in."""


class InvalidId(HandfastError, ValueError):
    """A text is not a SPIFFE ID, or not a trust domain name."""


class InvalidCertificate(HandfastError, ValueError):
    """An SVID, certificate or private key that handfast was given cannot be used.

    A JWT-SVID of our own, which has no certificate, is one of them.
    """


class InvalidBundle(HandfastError, ValueError):
    """A trust bundle that handfast was given cannot be used."""


class InvalidCrl(HandfastError, ValueError):
    """A revocation list that handfast was given cannot be used."""


class ConfigError(HandfastError, ValueError):
    """A setting or an argument is not valid."""


class UsageError(HandfastError, RuntimeError):
    """A call in the wrong state, from a second thread, or beyond a limit."""


class SourceError(HandfastError):
    """A source of identity has nothing to give."""


class FederationError(SourceError):
    """Another trust domain's bundle cannot be had, or not be kept."""


class InternalError(HandfastError):
    """A bug in handfast, or no memory: report it with ``detail.where``."""


_BY_REASON: dict[Reason, type[HandfastError]] = {
    Reason.BAD_ARGUMENT: ConfigError,
    Reason.HANDSHAKE_TIMEOUT: HandshakeTimeout,
    Reason.TRUNCATED: Truncated,
    Reason.PEER_ALERT: PeerAlert,
    Reason.MAX_AGE: ConnectionEnded,
    Reason.CREDENTIALS_ENDED: ConnectionEnded,
    Reason.CREDENTIALS_REVOKED: ConnectionEnded,
    Reason.DRAINED: ConnectionEnded,
    Reason.BUNDLE_DUPLICATE: InvalidBundle,
    Reason.BUNDLE_INVALID: InvalidBundle,
    Reason.FEDERATION_URL: ConfigError,
    Reason.KEY_INVALID: InvalidCertificate,
    Reason.KEY_MISMATCH: InvalidCertificate,
}

_BY_CATEGORY: dict[Category, type[HandfastError]] = {
    Category.INTERNAL: InternalError,
    Category.USAGE: UsageError,
    Category.IO: TransportError,
    Category.CLOSED: ConnectionClosed,
    Category.PEER: PeerMisbehaved,
    Category.INCOMPATIBLE: PeerIncompatible,
    Category.POLICY: NotAuthorized,
    Category.BUNDLE: InvalidBundle,
    Category.CONFIG: ConfigError,
    Category.SOURCE: SourceError,
    Category.FEDERATION: FederationError,
    Category.ATTESTATION: AttestationRefused,
}

_BY_SUBJECT: dict[Subject, type[HandfastError]] = {
    "peer": VerificationError,
    "own": InvalidCertificate,
    "bundle": InvalidBundle,
    "crl": InvalidCrl,
    "id": InvalidId,
}


def error_for(detail: ErrorDetail, *, subject: Subject = "peer") -> HandfastError:
    """Choose the exception for a failure.

    Args:
        detail: The failure, as the engine reported it.
        subject: What was being judged. The same broken certificate is a
            :class:`VerificationError` in a peer's hand, an
            :class:`InvalidCertificate` in ours and an :class:`InvalidBundle` among
            the authorities.

    Returns:
        The exception, not raised.
    """
    judged = (
        Category.ID,
        Category.DER,
        Category.CERTIFICATE,
        Category.CHAIN,
        Category.JWT,
    )
    if detail.category in judged:
        return _BY_SUBJECT[subject](detail)
    kind = _BY_REASON.get(detail.reason) or _BY_CATEGORY[detail.category]
    return kind(detail)
