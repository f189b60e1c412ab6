# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: a workload's identity as a signed token that names whom it is for.

A token is judged in this order, and the first rule that is broken is the reason: its
form and its header, ``alg`` before anything else of it; its claims; the bundle of the
trust domain that ``sub`` names, and no other; the key that ``kid`` names there; the
signature; the times; the audience. Until the signature holds nothing that it says is
believed, and an error calls the subject a claim.

What the standard leaves open is decided so:

- A token without ``kid`` (which the standard allows and most libraries refuse) is
  accepted when exactly one key of the bundle fits its ``alg``.
- Header parameters beside ``alg``, ``kid`` and ``typ`` are for issuers to leave out;
  here they refuse the token, unless ``tolerate_headers`` is set for an issuer that
  cannot be mended. ``crit`` and ``b64`` are refused always.
- A subject without a path is the trust domain itself and not a workload: refused, as
  in a certificate.
- ``iat`` in the future is no reason to refuse: ``nbf`` is there for that.
- ``iss`` and ``jti`` may be left out; what is there must be a text, as RFC 7519 has it.
- JSON more than 32 levels deep, or with a number that no double holds, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handfast.errors import Reason, error_for
from handfast.jws import NotAJws, check_signature, read_jws
from handfast.jwt_cache import TokenCache, TokenKey
from handfast.jwt_claims import (
    LEEWAY,
    Claims,
    audiences,
    check_audience,
    check_leeway,
    check_times,
    read_claims,
)
from handfast.key_bundle import bundle_for, key_for
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from handfast.ids import SpiffeId
    from handfast.jwt_bundle import JwtBundle, JwtBundleSet

__all__ = ["JwtSvid"]

_TYPES = ("JWT", "JOSE")


def _signed_claims(
    question: TokenKey, bundles: JwtBundleSet
) -> tuple[Claims, JwtBundle]:
    """What a token says, and the bundle with the key that signed it."""
    jws = read_jws(question.token, _TYPES, tolerate_headers=question.tolerate_headers)
    claims = read_claims(jws.payload)
    try:
        bundle = bundle_for(claims.spiffe_id, bundles)
        check_signature(jws, key_for(jws, bundle))
    except NotAJws as error:
        raise error.claiming(str(claims.spiffe_id)) from None
    return claims, bundle


def _judged(
    question: TokenKey,
    bundles: JwtBundleSet,
    at: datetime,
    leeway: timedelta,
    cache: TokenCache | None,
) -> Claims:
    """The claims of a token that is good for the one who asks, at that time."""
    claims = None if cache is None else cache.get(question, bundles, at)
    if claims is None:
        claims, bundle = _signed_claims(question, bundles)
        if cache is not None:
            cache.put(question, bundle, claims, at)
    try:
        # At every hit too: what is remembered is that the signature holds.
        check_times(claims, at, leeway)
        check_audience(claims, question.audience)
    except NotAJws as error:
        raise error.claiming(str(claims.spiffe_id)) from None
    return claims


def _own_claims(token: str) -> Claims:
    claims = read_claims(read_jws(token, _TYPES, tolerate_headers=True).payload)
    if not claims.audience:
        raise NotAJws(Reason.JWT_NO_AUDIENCE, "aud with a value", "none")
    return claims


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class JwtSvid:
    """A token, and what it says. Whoever holds it can use it: mind where it goes.

    Made by :meth:`parse`, which verifies, or by :meth:`read_unverified`. Two are equal
    when their tokens and hints are.

    Attributes:
        spiffe_id: Who it is for: the workload that carries it.
        audience: Whom it may be shown to.
        expires_at: When it ends, in UTC.
        issued_at: When it was made, if it says so.
        not_before: When it begins, if it says so.
        claims: All that it says, read-only.
        token: The token itself; never in a representation or message.
        hint: What the Workload API says this identity is for; may be empty.

    Example:
        >>> from handfast.jwt_bundle import JwtBundleSet
        >>> from handfast.jwt_signer import JwtSigner
        >>> signer = JwtSigner.generate("a.example")
        >>> token = signer.sign("spiffe://a.example/web", "shop").token
        >>> bundles = JwtBundleSet([signer.bundle])
        >>> JwtSvid.parse(token, bundles, "shop").spiffe_id.path
        '/web'
    """

    spiffe_id: SpiffeId = field(compare=False)
    audience: tuple[str, ...] = field(compare=False)
    expires_at: datetime = field(compare=False)
    issued_at: datetime | None = field(compare=False)
    not_before: datetime | None = field(compare=False)
    claims: Mapping[str, object] = field(compare=False)
    token: str
    hint: str = ""

    @classmethod
    def parse(  # noqa: PLR0913 - named options
        cls,
        token: str,
        bundles: JwtBundleSet,
        audience: str | Sequence[str],
        *,
        at: datetime | None = None,
        leeway: timedelta = LEEWAY,
        tolerate_headers: bool = False,
        cache: TokenCache | None = None,
        hint: str = "",
    ) -> JwtSvid:
        """Verify a token.

        Args:
            token: What came behind ``Bearer``.
            bundles: Whose tokens are taken.
            audience: The names that this end goes by: the token must be for one.
            at: The time to judge by, aware; the system's clock when left out.
            leeway: How far the issuer's clock may be from ours, at most two minutes.
            tolerate_headers: Pass over header parameters that no JWT-SVID should have.
            cache: Remembers tokens that were verified: its answer is the same.
            hint: What the identity is for.

        Raises:
            VerificationError: It is refused; the reason says why. Nothing that it
                says is verified then.
            ConfigError: No audience, or too generous a leeway.
        """
        question = TokenKey(token, audiences(audience), tolerate_headers)
        check_leeway(leeway)
        moment = datetime.now(UTC) if at is None else at
        try:
            claims = _judged(question, bundles, moment, leeway, cache)
        except NotAJws as error:
            raise error_for(error.detail) from None
        return cls._of(token, claims, hint)

    @classmethod
    def read_unverified(cls, token: str, *, hint: str = "") -> JwtSvid:
        """Read a token that an agent of our own gave us, to show it to others.

        Neither signature nor time nor audience is judged: those whom it is shown to
        do that. Never use this on what a peer sent.

        Raises:
            InvalidCertificate: It cannot be read, or lacks what every peer asks for.
        """
        try:
            claims = _own_claims(token)
        except NotAJws as error:
            raise error_for(error.detail, subject="own") from None
        return cls._of(token, claims, hint)

    @classmethod
    def _of(cls, token: str, claims: Claims, hint: str) -> JwtSvid:
        return cls(
            spiffe_id=claims.spiffe_id,
            audience=claims.audience,
            expires_at=claims.expires_at,
            issued_at=claims.issued_at,
            not_before=claims.not_before,
            claims=claims.everything,
            token=token,
            hint=hint,
        )

    def expires_in(self, now: datetime | None = None) -> timedelta:
        """How long it is still valid; negative when it has expired.

        Args:
            now: An aware time; the system's clock when left out.
        """
        return self.expires_at - (now or datetime.now(UTC))

    @property
    def authorization(self) -> str:
        """The value of an ``Authorization`` header, or of gRPC's metadata of that name.

        Only over a channel that nobody else reads: the token alone lets its bearer in.
        """
        return f"Bearer {self.token}"

    def __repr__(self) -> str:
        names = ", ".join(escape(name, limit=64) for name in self.audience[:4])
        end = f"{self.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        return f"<JwtSvid {self.spiffe_id} for {names} until {end}>"
