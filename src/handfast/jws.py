# SPDX-License-Identifier: Apache-2.0
"""A JSON Web Signature in compact form, read strictly and verified.

Reading and verifying are apart on purpose: what is read decides which trust domain's
key may verify it, and nothing that was read is believed before.

We read the token ourselves, to the last bit, and say what is wrong. The signature is
checked by PyJWT with a list of one algorithm: the one whose place in the closed list,
and whose fit to the key, were checked here. PyJWT is imported when a first token is
verified.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from handfast.errors import Reason, detail_for
from handfast.jwk import b64url_decode
from handfast.jwt_algorithms import ALGORITHMS, fits
from handfast.strict_json import Json, NotStrictJson, read_object
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta
    from typing import Final

    from jwt import PyJWS

    from handfast.errors import ErrorDetail
    from handfast.jwk import JwtKey

__all__ = ["TOKEN_MAX", "Jws", "NotAJws", "check_signature", "read_jws"]

#: Bytes of a token. HTTP servers seldom take headers of more than 8 or 16 KiB.
TOKEN_MAX: Final = 16 * 1024
_PARTS: Final = 3
_KEY_ID_MAX: Final = 1024
_STANDARD: Final = frozenset({"alg", "kid", "typ"})


class NotAJws(ValueError):  # noqa: N818 - says what happened
    """A token cannot be taken; whose token it is decides how that is raised."""

    def __init__(
        self,
        reason: Reason,
        expected: str = "",
        seen: str = "",
        *,
        hint: str | None = None,
    ) -> None:
        self.detail: ErrorDetail = detail_for(
            reason, expected=expected, seen=seen, hint=hint
        )
        super().__init__(self.detail.text)

    def claiming(self, subject: str) -> NotAJws:
        """Say whom the token claims to be for: it was read that far."""
        self.detail = replace(self.detail, claimed_id=subject)
        return self

    def late_by(self, skew: timedelta) -> NotAJws:
        """Say how far outside its time it is."""
        self.detail = replace(self.detail, skew=skew)
        return self


@dataclass(frozen=True, slots=True)
class Jws:
    """A token that was read, and of which nothing is verified.

    Attributes:
        token: All of it.
        algorithm: ``alg``, one of the nine.
        key_id: ``kid``, if it has one.
        payload: What was signed.
    """

    token: str = field(repr=False)
    algorithm: str
    key_id: str | None
    payload: bytes = field(repr=False)


def _part(text: str, name: str) -> bytes:
    try:
        return b64url_decode(text)
    except ValueError as error:
        seen = f"{error} in the {name}"
        raise NotAJws(Reason.JWT_MALFORMED, "base64url in one form", seen) from None


def _header(part: str) -> Json:
    raw = _part(part, "header")
    try:
        return read_object(raw)
    except NotStrictJson as error:
        seen = f"{error.seen} in the header"
        raise NotAJws(Reason.JWT_MALFORMED, error.expected, seen) from None


def _algorithm(header: Json) -> str:
    # The first thing to be looked at, and before the payload is (JWT-06).
    value = header.get("alg")
    if not isinstance(value, str) or value not in ALGORITHMS:
        seen = f"'{escape(value, limit=16)}'" if isinstance(value, str) else "no text"
        raise NotAJws(Reason.JWT_ALGORITHM, "alg as one of the nine", seen)
    return value


def _check_names(header: Json, *, tolerate_headers: bool) -> None:
    if "crit" in header:
        # RFC 7515, 4.1.11: whoever does not understand what it names must refuse.
        raise NotAJws(Reason.JWT_HEADER, "no crit", "crit", hint="")
    others = sorted(header.keys() - _STANDARD)
    # b64 (RFC 7797) says that the payload is not what it looks like, and crit must
    # name it: without, some readers obey it and others do not.
    if others and (not tolerate_headers or "b64" in header):
        seen = f"'{escape(others[0], limit=32)}'"
        raise NotAJws(Reason.JWT_HEADER, "alg, kid and typ only", seen)


def _check_type(header: Json, types: Collection[str], *, required: bool) -> None:
    if "typ" not in header:
        if required:
            raise NotAJws(Reason.JWT_TYPE, f"typ as {' or '.join(types)}", "none")
        return
    value = header["typ"]
    if not isinstance(value, str) or value not in types:
        seen = f"'{escape(value, limit=32)}'" if isinstance(value, str) else "no text"
        raise NotAJws(Reason.JWT_TYPE, f"typ as {' or '.join(types)}", seen)


def _key_id(header: Json) -> str | None:
    if "kid" not in header:
        return None
    value = header["kid"]
    if not isinstance(value, str) or not 0 < len(value) <= _KEY_ID_MAX:
        expected = f"kid as a text of 1 to {_KEY_ID_MAX} characters"
        seen = f"{len(value)} of them" if isinstance(value, str) else "no text"
        raise NotAJws(Reason.JWT_KEY_ID, expected, seen, hint="")
    return value


def _need_text(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"a token is read from str, not from {type(value).__name__}")


def read_jws(
    token: str,
    types: Collection[str],
    *,
    type_required: bool = False,
    tolerate_headers: bool = False,
) -> Jws:
    """Take a token apart.

    Args:
        token: What the peer sent.
        types: What ``typ`` may be.
        type_required: Whether there must be one.
        tolerate_headers: Pass over header parameters other than ``alg``, ``kid`` and
            ``typ``. They never mean anything here, and ``crit`` and ``b64`` are
            refused all the same.

    Raises:
        NotAJws: It is not a JWS in compact form, by the rules of SVIDs.
        TypeError: It is not a text.
    """
    _need_text(token)
    if len(token) > TOKEN_MAX:
        expected, seen = f"at most {TOKEN_MAX} bytes", f"{len(token)}"
        raise NotAJws(Reason.JWT_TOO_LARGE, expected, seen)
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise NotAJws(Reason.JWT_MALFORMED, f"{_PARTS} parts", f"{len(parts)}")
    header = _header(parts[0])
    algorithm = _algorithm(header)
    _check_names(header, tolerate_headers=tolerate_headers)
    _check_type(header, types, required=type_required)
    key_id = _key_id(header)
    payload = _part(parts[1], "payload")
    _part(parts[2], "signature")
    return Jws(token, algorithm, key_id, payload)


@cache
def _pyjws() -> PyJWS:
    from jwt import PyJWS  # noqa: PLC0415

    return PyJWS()


def check_signature(jws: Jws, key: JwtKey) -> None:
    """Verify the signature with this key and with the token's own algorithm.

    Raises:
        NotAJws: It does not hold, or type or curve of the key are not the algorithm's.
    """
    # Only here: `import handfast` loads no JWT library.
    from jwt import PyJWTError  # noqa: PLC0415

    if not fits(jws.algorithm, key):
        raise NotAJws(Reason.JWT_KEY_MISMATCH, f"a key for {jws.algorithm}", "another")
    try:
        payload = _pyjws().decode(jws.token, key, algorithms=[jws.algorithm])
    except PyJWTError:
        raise NotAJws(Reason.JWT_BAD_SIGNATURE) from None
    # Two readers of one token: if they ever disagree about what was signed, no.
    if payload != jws.payload:
        raise NotAJws(Reason.JWT_MALFORMED, "one payload", "two")
