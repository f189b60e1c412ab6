# SPDX-License-Identifier: Apache-2.0
"""Proofs that a WIT-SVID's bearer holds its key: WIMSE Workload Proof Tokens.

Incubating, as draft-ietf-wimse-wpt-01 has them. A proof is a JWT that the workload
signs itself, for one request: it names the audience and the WIT-SVID (by hash), and is
over in seconds.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from handfast.errors import Reason
from handfast.jwk import b64url_encode
from handfast.jws import Jws, NotAJws, check_signature, read_jws
from handfast.jwt_claims import read_moment, read_texts
from handfast.strict_json import Json, NotStrictJson, read_object

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Final

    from handfast.jwk import JwtKey

__all__ = [
    "PROOF_LIFETIME_MAX",
    "Confirmation",
    "ProofMemory",
    "Question",
    "check_proof",
    "token_hash",
]

#: How far ahead the end of a proof may lie, beside the leeway.
PROOF_LIFETIME_MAX: Final = timedelta(minutes=5)
_TYPE: Final = "wpt+jwt"
_ID_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The key that a WIT-SVID is bound to, and what it signs with."""

    key: JwtKey
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a proof is judged by: the request as it was received.

    Attributes:
        audience: The names that this end goes by.
        at: The time.
        leeway: How far the workload's clock may be from ours.
        access_token: The OAuth access token that came with the request, if any.
        transaction_token: The transaction token that did, if any.
    """

    audience: Collection[str]
    at: datetime
    leeway: timedelta
    access_token: str | None = None
    transaction_token: str | None = None


class ProofMemory:
    """Remembers proofs until they end, so that each is taken once; thread-safe.

    Args:
        max_proofs: How many. When that many are alive, further ones are refused:
            forgetting one would let it be used again.
    """

    __slots__ = ("_ends", "_full_until", "_lock", "_max")

    def __init__(self, max_proofs: int = 100_000) -> None:
        self._ends: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()
        self._max = max_proofs
        # Until then all were alive, and there was no room: no look at each of them.
        self._full_until: datetime | None = None

    def use(self, subject: str, proof_id: str, end: datetime, now: datetime) -> None:
        """Take a proof, for the first and last time.

        Raises:
            NotAJws: It was taken before (``jwt_replayed``), or there is no room.
        """
        with self._lock:
            known = self._ends.get((subject, proof_id))
            if known is not None and now < known:
                raise NotAJws(Reason.JWT_REPLAYED, "a jti once", "the same again")
            if len(self._ends) >= self._max:
                self._forget(now)
            if len(self._ends) >= self._max:
                seen = f"{self._max} proofs that are still valid"
                raise NotAJws(Reason.JWT_PROOF, "room for another proof", seen)
            self._ends[subject, proof_id] = end

    def _forget(self, now: datetime) -> None:
        if self._full_until is None or now >= self._full_until:
            self._ends = {one: x for one, x in self._ends.items() if now < x}
            full = len(self._ends) >= self._max
            self._full_until = min(self._ends.values(), default=None) if full else None

    def __len__(self) -> int:
        return len(self._ends)


def token_hash(token: str) -> str:
    """The hash by which a proof names a token: SHA-256 of its text, as base64url."""
    # A server may have read a header's bytes as half surrogates: then it is the hash
    # of nothing that anybody could mean.
    raw = token.encode("utf-8", "surrogatepass")
    return b64url_encode(hashlib.sha256(raw).digest())


def _refuse(expected: str, seen: str) -> NotAJws:
    return NotAJws(Reason.JWT_PROOF, expected, seen)


def _bound(claims: Json, name: str, token: str | None) -> None:
    """A claim that names a token of the request by its hash, and nothing else."""
    wanted = None if token is None else token_hash(token)
    if claims.get(name) != wanted:
        expected = f"{name} of the request's token" if token else f"no {name}"
        raise _refuse(expected, "another" if name in claims else "none")


def _claims(jws: Jws) -> Json:
    try:
        return read_object(jws.payload)
    except NotStrictJson as error:
        raise _refuse(error.expected, error.seen) from None


def _audience(claims: Json) -> tuple[str, ...]:
    try:
        return read_texts(claims.get("aud")) or ()
    except NotAJws as error:
        raise _refuse(error.detail.expected, error.detail.seen) from None


def _check_request(claims: Json, question: Question) -> None:
    named = _audience(claims)
    if not set(named) & set(question.audience):
        raise _refuse("aud with this end's name", "another")
    _bound(claims, "ath", question.access_token)
    _bound(claims, "tth", question.transaction_token)
    if "oth" in claims:
        # Hashes of tokens that nobody told us about: they cannot be compared.
        raise _refuse("no oth", "one")


def _end(claims: Json, question: Question) -> datetime:
    end = read_moment(claims, "exp", Reason.JWT_PROOF)
    if end is None:
        raise _refuse("exp as a number of seconds", "none")
    # Differences: a proof may end when datetime does, and nothing can be added then.
    if question.at - end >= question.leeway:
        raise _refuse("an exp that is to come", f"{end:%Y-%m-%dT%H:%M:%SZ}")
    if end - question.at > PROOF_LIFETIME_MAX + question.leeway:
        limit = f"{PROOF_LIFETIME_MAX.total_seconds():.0f}"
        raise _refuse(f"an exp in at most {limit} s", f"{end:%Y-%m-%dT%H:%M:%SZ}")
    begin = read_moment(claims, "nbf", Reason.JWT_PROOF)
    if begin is not None and begin - question.at > question.leeway:
        raise _refuse("nbf in the past", f"{begin:%Y-%m-%dT%H:%M:%SZ}")
    return end


def _read(proof: str, confirmation: Confirmation) -> Json:
    try:
        jws = read_jws(proof, (_TYPE,), type_required=True, tolerate_headers=True)
        if jws.algorithm != confirmation.algorithm:
            raise _refuse(f"alg as {confirmation.algorithm}, as in cnf", jws.algorithm)
        check_signature(jws, confirmation.key)
    except NotAJws as error:
        if error.detail.reason is Reason.JWT_PROOF:
            raise
        seen = error.detail.text.replace("the token", "the proof")
        raise _refuse("a proof by the token's key", seen) from None
    return _claims(jws)


def check_proof(
    token: str, proof: str, confirmation: Confirmation, question: Question
) -> tuple[str, datetime]:
    """Judge a proof for a token and a request.

    Returns:
        Its ``jti``, and until when it has to be remembered.

    Raises:
        NotAJws: It proves nothing.
        TypeError: It is not a text.
    """
    claims = _read(proof, confirmation)
    if claims.get("wth") != token_hash(token):
        raise _refuse("wth as the hash of this token", "another")
    _check_request(claims, question)
    end = _end(claims, question)
    proof_id = claims.get("jti")
    if not isinstance(proof_id, str) or not 0 < len(proof_id) <= _ID_MAX:
        raise _refuse(f"jti as a text of 1 to {_ID_MAX} characters", "none")
    return proof_id, end + question.leeway
