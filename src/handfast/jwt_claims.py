# SPDX-License-Identifier: Apache-2.0
"""What a JWT-SVID says: its claims, read strictly, and judged by time and audience."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from handfast.errors import ConfigError, InvalidId, Reason, detail_for
from handfast.ids import SpiffeId
from handfast.jws import NotAJws
from handfast.strict_json import Json, NotStrictJson, is_list, is_object, read_object
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Final

__all__ = [
    "LEEWAY",
    "LEEWAY_MAX",
    "Claims",
    "audiences",
    "check_audience",
    "check_leeway",
    "check_times",
    "read_claims",
    "read_moment",
    "read_texts",
]

#: How far the clocks of issuer and validator may be apart.
LEEWAY: Final = timedelta(seconds=30)
#: The most that may be asked for: a leeway lengthens the life of every stolen token.
LEEWAY_MAX: Final = timedelta(minutes=2)
#: The end of the year 9999, which is as far as datetime goes.
_SECONDS_MAX: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims that the standard gives a meaning to, and all of them."""

    spiffe_id: SpiffeId
    audience: tuple[str, ...]
    expires_at: datetime
    not_before: datetime | None
    issued_at: datetime | None
    everything: Mapping[str, object]


def _frozen(value: object) -> object:
    if is_object(value):
        return MappingProxyType({name: _frozen(part) for name, part in value.items()})
    if is_list(value):
        return tuple(_frozen(part) for part in value)
    return value


def _subject(claims: Json) -> SpiffeId:
    value = claims.get("sub")
    if not isinstance(value, str):
        seen = "none" if value is None else type(value).__name__
        raise NotAJws(Reason.JWT_SUBJECT, "sub as a SPIFFE ID", seen)
    try:
        spiffe_id = SpiffeId.parse(value)
    except InvalidId as error:
        seen = f"'{escape(value)}': {error.detail.text}"
        raise NotAJws(Reason.JWT_SUBJECT, "sub as a SPIFFE ID", seen) from None
    if not spiffe_id.path:
        # As in a certificate: without a path it is the trust domain itself, and no
        # workload is that.
        seen = f"'{spiffe_id}', a trust domain's own"
        raise NotAJws(Reason.JWT_SUBJECT, "the SPIFFE ID of a workload", seen)
    return spiffe_id


def read_texts(value: object) -> tuple[str, ...] | None:
    """``aud`` as RFC 7519 has it: a text, or a list of them. None for nothing."""
    if value is None:
        return None
    values = value if is_list(value) else [value]
    found: list[str] = []
    for one in values:
        if not isinstance(one, str) or not one:
            seen = "an empty text" if one == "" else type(one).__name__
            expected = "aud as texts, none of them empty"
            raise NotAJws(Reason.JWT_NO_AUDIENCE, expected, seen)
        found.append(one)
    return tuple(found)


def _check_text(claims: Json, name: str) -> None:
    # Nothing here goes by it, but what reads the claims later may take it for a text.
    value = claims.get(name, "")
    if not isinstance(value, str):
        seen = "null" if value is None else type(value).__name__
        raise NotAJws(Reason.JWT_CLAIM, f"{name} as a text", seen)


def _audience(claims: Json) -> tuple[str, ...]:
    if "aud" in claims and claims["aud"] is None:
        raise NotAJws(Reason.JWT_NO_AUDIENCE, "aud with a value", "null")
    return read_texts(claims.get("aud")) or ()


def read_moment(claims: Json, name: str, reason: Reason) -> datetime | None:
    """A claim that is a NumericDate, if it is there."""
    if name not in claims:
        return None
    value = claims[name]
    # bool is an int to Python, and 1e999 is a number to JSON.
    if not isinstance(value, int | float) or isinstance(value, bool):
        seen = "null" if value is None else type(value).__name__
        raise NotAJws(reason, f"{name} as a number of seconds", seen)
    if not 0 <= value <= _SECONDS_MAX:
        expected = f"{name} from 0 to {_SECONDS_MAX}, which is the year 9999"
        seen = "less than 0" if value < 0 else "more than that"
        raise NotAJws(reason, expected, seen)
    whole = int(value)
    fraction = timedelta(microseconds=round((value - whole) * 1_000_000))
    return datetime.fromtimestamp(whole, UTC) + fraction


def read_claims(payload: bytes) -> Claims:
    """Read the payload of an SVID.

    ``aud`` may be missing here: a WIT-SVID has none.

    Raises:
        NotAJws: It is no JSON object, or a claim with a meaning is not what it must be.
    """
    try:
        claims = read_object(payload)
    except NotStrictJson as error:
        seen = f"{error.seen} in the payload"
        raise NotAJws(Reason.JWT_MALFORMED, error.expected, seen) from None
    spiffe_id = _subject(claims)
    end = read_moment(claims, "exp", Reason.JWT_NO_EXPIRY)
    if end is None:
        raise NotAJws(Reason.JWT_NO_EXPIRY, "exp as a number of seconds", "none")
    for name in ("iss", "jti"):  # RFC 7519, 4.1.1 and 4.1.7
        _check_text(claims, name)
    return Claims(
        spiffe_id=spiffe_id,
        audience=_audience(claims),
        expires_at=end,
        not_before=read_moment(claims, "nbf", Reason.JWT_CLAIM),
        issued_at=read_moment(claims, "iat", Reason.JWT_CLAIM),
        everything=MappingProxyType(
            {name: _frozen(value) for name, value in claims.items()}
        ),
    )


def audiences(value: str | Sequence[str]) -> tuple[str, ...]:
    """The names that a validator goes by.

    Raises:
        ConfigError: There is none, or one of them is empty.
    """
    values = (value,) if isinstance(value, str) else tuple(value)
    if not values or "" in values:
        raise ConfigError(
            detail_for(
                Reason.BAD_ARGUMENT,
                expected="an audience: the name that clients ask tokens for",
                seen="none" if not values else "an empty one",
            )
        )
    return values


def check_leeway(leeway: timedelta) -> timedelta:
    """Refuse a leeway that is none, or too generous.

    Raises:
        ConfigError: It is negative, or longer than :data:`LEEWAY_MAX`.
    """
    if not timedelta(0) <= leeway <= LEEWAY_MAX:
        expected = f"a leeway from 0 to {LEEWAY_MAX.total_seconds():.0f} seconds"
        raise ConfigError(
            detail_for(Reason.BAD_ARGUMENT, expected=expected, seen=f"{leeway}")
        )
    return leeway


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def check_times(claims: Claims, at: datetime, leeway: timedelta) -> None:
    """Refuse a token whose time is over or has not come.

    ``iat`` says nothing about that (RFC 7519, section 4.1.6).

    Args:
        claims: What it says.
        at: The time to judge by.
        leeway: How far the issuer's clock may be from ours.

    Raises:
        NotAJws: With how far it is outside.
    """
    end, begin = claims.expires_at, claims.not_before
    # Differences: a token may end when datetime does, and nothing can be added then.
    # RFC 7519, 4.1.4: the current time MUST be before it.
    if at - end >= leeway:
        seen = f"{_iso(end)}, and it is {_iso(at)}"
        error = NotAJws(Reason.JWT_EXPIRED, "an exp that is to come", seen)
        raise error.late_by(at - end)
    if begin is not None and begin - at > leeway:
        seen = f"{_iso(begin)}, and it is {_iso(at)}"
        error = NotAJws(Reason.JWT_NOT_YET_VALID, "nbf in the past", seen)
        raise error.late_by(begin - at)


def check_audience(claims: Claims, ours: Collection[str]) -> None:
    """Refuse a token that is for nobody, or for others only. Names match exactly.

    Raises:
        NotAJws: It is not for us.
    """
    if not claims.audience:
        raise NotAJws(Reason.JWT_NO_AUDIENCE, "aud with a value", "none")
    if not set(claims.audience) & set(ours):
        expected = " or ".join(f"'{escape(one, limit=64)}'" for one in list(ours)[:4])
        seen = ", ".join(f"'{escape(one, limit=64)}'" for one in claims.audience[:4])
        raise NotAJws(Reason.JWT_OTHER_AUDIENCE, expected, seen)
