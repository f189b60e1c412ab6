# SPDX-License-Identifier: Apache-2.0
"""WIT-SVIDs: tokens that are bound to a key of their workload (incubating).

As SPIFFE's WIT-SVID.md of July 2026 has them, with proofs of possession by WIMSE's
Workload Proof Tokens (draft-ietf-wimse-wpt-01). Both may change, and this module with
them: nothing else of handfast imports it, and who wants it asks for it by name.

There is no way to accept a WIT-SVID without a proof: a stolen one is worth nothing.
Both go over a secure channel, each in a header of its own, never in ``Authorization``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handfast.errors import Reason, error_for
from handfast.jwk import NotAJwk, read_jwt_key
from handfast.jws import Jws, NotAJws, check_signature, read_jws
from handfast.jwt_algorithms import fits
from handfast.jwt_claims import (
    LEEWAY,
    Claims,
    audiences,
    check_leeway,
    check_times,
    read_claims,
)
from handfast.key_bundle import bundle_for, key_for
from handfast.strict_json import is_object, read_object
from handfast.wit_bundle import WitBundle, WitBundleSet, document_with_wit_keys
from handfast.wit_proof import (
    PROOF_LIFETIME_MAX,
    Confirmation,
    ProofMemory,
    Question,
    check_proof,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from handfast.ids import SpiffeId

__all__ = [
    "PROOF_LIFETIME_MAX",
    "Confirmation",
    "ProofMemory",
    "WitBundle",
    "WitBundleSet",
    "WitSvid",
    "document_with_wit_keys",
]

_TYPE = "wit+jwt"


def _unbound(expected: str, seen: str) -> NotAJws:
    return NotAJws(Reason.JWT_CONFIRMATION, expected, seen)


def _confirmation(payload: bytes) -> Confirmation:
    """The key of ``cnf``: RFC 7800, and as WIMSE has it a public key in ``jwk``."""
    cnf = read_object(payload).get("cnf")
    if not is_object(cnf):
        raise _unbound("cnf as an object", "none" if cnf is None else "something else")
    jwk = cnf.get("jwk")
    if not is_object(jwk) or len(cnf) != 1:
        # With another member beside it, readers could take different keys.
        raise _unbound("cnf with jwk alone", f"{len(cnf)} members")
    try:
        key = read_jwt_key(jwk)
    except NotAJwk as error:
        raise _unbound("a public key in cnf", str(error)) from None
    algorithm = jwk.get("alg")
    if key is None or not isinstance(algorithm, str) or not fits(algorithm, key):
        raise _unbound("alg of the key in cnf, one of the nine", "another")
    return Confirmation(key, algorithm)


def _read(token: str) -> tuple[Jws, Claims, Confirmation]:
    # Unknown headers are passed over here (WIT-06), which JWT-SVIDs must not have.
    jws = read_jws(token, (_TYPE,), type_required=True, tolerate_headers=True)
    if jws.key_id is None:
        raise NotAJws(Reason.JWT_KEY_ID, "kid", "none")
    claims = read_claims(jws.payload)
    if "aud" in claims.everything:
        # Whoever takes it for a JWT-SVID must not find itself named.
        raise NotAJws(Reason.JWT_CLAIM, "no aud", "one")
    return jws, claims, _confirmation(jws.payload)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WitSvid:
    """A token and the key that it is bound to.

    Made by :meth:`verify`, with a proof, or by :meth:`read_unverified`. Two are equal
    when their tokens and hints are.

    Attributes:
        spiffe_id: Who it is for.
        confirmation: The workload's public key, and what it signs proofs with.
        expires_at: When it ends, in UTC.
        issued_at: When it was made, if it says so.
        not_before: When it begins, if it says so.
        claims: All that it says, read-only.
        token: The token itself; never in a representation or message.
        hint: What the Workload API says this identity is for; may be empty.
    """

    spiffe_id: SpiffeId = field(compare=False)
    confirmation: Confirmation = field(compare=False)
    expires_at: datetime = field(compare=False)
    issued_at: datetime | None = field(compare=False)
    not_before: datetime | None = field(compare=False)
    claims: Mapping[str, object] = field(compare=False)
    token: str
    hint: str = ""

    @classmethod
    def verify(  # noqa: PLR0913 - named options
        cls,
        token: str,
        proof: str,
        bundles: WitBundleSet,
        audience: str | Sequence[str],
        *,
        at: datetime | None = None,
        leeway: timedelta = LEEWAY,
        access_token: str | None = None,
        transaction_token: str | None = None,
        memory: ProofMemory | None = None,
    ) -> WitSvid:
        """Verify a token, and that who sent it holds its key.

        Args:
            token: The header ``Workload-Identity-Token``.
            proof: The header ``Workload-Proof-Token``.
            bundles: Whose tokens are taken.
            audience: The names that this end goes by: the proof must be for one.
            at: The time to judge by, aware; the system's clock when left out.
            leeway: How far others' clocks may be from ours, at most two minutes.
            access_token: The OAuth access token of the request, which the proof then
                has to name; without one it must name none.
            transaction_token: The same for the transaction token.
            memory: Takes each proof once. Without it a proof can be used again until
                it ends.

        Raises:
            VerificationError: One of the two is refused; the reason says why.
            ConfigError: No audience, or too generous a leeway.
        """
        question = Question(
            audience=audiences(audience),
            at=datetime.now(UTC) if at is None else at,
            leeway=check_leeway(leeway),
            access_token=access_token,
            transaction_token=transaction_token,
        )
        try:
            claims, confirmation = _verified(token, proof, bundles, question, memory)
        except NotAJws as error:
            raise error_for(error.detail) from None
        return cls._of(token, claims, confirmation, "")

    @classmethod
    def read_unverified(cls, token: str, *, hint: str = "") -> WitSvid:
        """Read a token that an agent of our own gave us, to show it to others.

        Raises:
            InvalidCertificate: It cannot be read, or lacks what every peer asks for.
        """
        try:
            _, claims, confirmation = _read(token)
        except NotAJws as error:
            raise error_for(error.detail, subject="own") from None
        return cls._of(token, claims, confirmation, hint)

    @classmethod
    def _of(
        cls, token: str, claims: Claims, confirmation: Confirmation, hint: str
    ) -> WitSvid:
        return cls(
            spiffe_id=claims.spiffe_id,
            confirmation=confirmation,
            expires_at=claims.expires_at,
            issued_at=claims.issued_at,
            not_before=claims.not_before,
            claims=claims.everything,
            token=token,
            hint=hint,
        )

    def __repr__(self) -> str:
        return f"<WitSvid {self.spiffe_id} until {self.expires_at:%Y-%m-%dT%H:%M:%SZ}>"


def _verified(
    token: str,
    proof: str,
    bundles: WitBundleSet,
    question: Question,
    memory: ProofMemory | None,
) -> tuple[Claims, Confirmation]:
    jws, claims, confirmation = _read(token)
    subject = str(claims.spiffe_id)
    try:
        check_signature(jws, key_for(jws, bundle_for(claims.spiffe_id, bundles)))
        check_times(claims, question.at, question.leeway)
        proof_id, end = check_proof(token, proof, confirmation, question)
        if memory is not None:
            memory.use(subject, proof_id, end, question.at)
    except NotAJws as error:
        raise error.claiming(subject) from None
    return claims, confirmation
