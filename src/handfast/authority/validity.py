# SPDX-License-Identifier: Apache-2.0
"""From when to when a certificate is valid: never beyond its issuer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from handfast.errors import ConfigError, Reason, detail_for

if TYPE_CHECKING:
    from handfast.authority.signer import Signer

__all__ = ["BACKDATE", "positive", "renewal", "window"]

#: A certificate begins this long before it was made: the clocks of a fleet differ.
BACKDATE: Final = timedelta(seconds=60)
# Of its life, by which an SVID may be renewed before its half is over: a thousand
# workloads that started together do not renew together for ever (WAPI-35).
_SPREAD: Final = 0.05


def window(
    now: datetime, ttl: timedelta, issuer: Signer | None = None
) -> tuple[datetime, datetime]:
    """From 60 seconds ago until ``ttl`` from now, inside the issuer's own.

    Raises:
        ConfigError: The issuer is not valid now.
    """
    now = now.replace(microsecond=0)
    begin, end = now - BACKDATE, now + ttl
    if issuer is not None:
        begin = max(begin, issuer.certificate.not_valid_before_utc)
        end = min(end, issuer.not_after)
    if begin >= end or (issuer is not None and now >= issuer.not_after):
        detail = detail_for(
            Reason.CERTIFICATE_EXPIRED,
            expected=f"an authority that is valid at {now:%Y-%m-%dT%H:%M:%SZ}",
            seen="one whose time is over, or has not come",
            hint="make a new authority, and distribute its bundle first",
        )
        raise ConfigError(detail)
    return begin, end


def positive(ttl: timedelta) -> timedelta:
    """See that a time to live is one.

    Raises:
        ConfigError: It is shorter than a second.
    """
    if ttl < timedelta(seconds=1):
        detail = detail_for(
            Reason.BAD_ARGUMENT, expected="a second or longer", seen=str(ttl)
        )
        raise ConfigError(detail)
    return ttl


def renewal(now: datetime, ends: datetime, chance: float) -> datetime:
    """When the next SVID is due: at half of the life of this one, or a little before.

    Args:
        now: When it was made.
        ends: When it ends.
        chance: From 0 to 1: how much of the little.
    """
    return now + (ends - now) * (0.5 - _SPREAD * chance)
