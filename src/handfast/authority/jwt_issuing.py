# SPDX-License-Identifier: Apache-2.0
"""Signing the JWT-SVIDs of entries: once for an audience, until half of its life.

The audience is the caller's to choose, so what is kept in memory is bounded. How often
somebody may ask is the Workload API server's to limit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow
from handfast.authority.telling import Telling

if TYPE_CHECKING:
    from typing import Final

    from handfast.authority.database import Run
    from handfast.authority.entries import Entry
    from handfast.authority.state import AuthorityState
    from handfast.jwt_svid import JwtSvid

__all__ = ["JwtIssuing"]

#: Tokens in memory.
_KEPT_MAX: Final = 10_000


class JwtIssuing:
    """Signs the tokens that entries allow.

    Args:
        state: What to sign with and where to write it down.
        now: The clock.
    """

    def __init__(
        self,
        state: AuthorityState,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._state = state
        self._now = now
        self._told = Telling()
        self._kept: OrderedDict[
            tuple[Entry, tuple[str, ...]], tuple[float, JwtSvid, str]
        ] = OrderedDict()

    def jwt(
        self, entry: Entry, audience: Sequence[str], who: Mapping[str, Any]
    ) -> JwtSvid:
        """Return a token of an entry for an audience.

        Args:
            entry: What allows it.
            audience: Whom it is for: one name or more, in their order.
            who: The process that asks, for the audit log.

        Raises:
            ConfigError: Nothing signs at present, or the audience is none.
        """
        place = (entry, tuple(audience))
        now = self._now()
        found = self._kept.get(place)
        if (
            found is not None
            and now.timestamp() < found[0]
            and self._state.signers.knows(found[2])
        ):
            self._kept.move_to_end(place)
            if not self._told.knows(who, found[1].token):
                self._tell("jwt_given", entry, found[1], who)
            return found[1]
        signed, signer = self._sign(entry, place[1], who, now)
        renew_at = now.timestamp() + (signed.expires_at - now).total_seconds() / 2
        self._kept[place] = (renew_at, signed, signer)
        self._kept.move_to_end(place)
        while len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return signed

    def _sign(
        self,
        entry: Entry,
        audience: tuple[str, ...],
        who: Mapping[str, Any],
        now: datetime,
    ) -> tuple[JwtSvid, str]:
        state = self._state
        row = state.signers.active("jwt")
        ttl = entry.jwt_ttl or state.settings.jwt_ttl
        signed = state.signers.jwt_signer(row).sign(
            entry.spiffe_id, audience, ttl=ttl, now=now, hint=entry.hint
        )

        def also(run: Run) -> None:
            run(
                "UPDATE signers SET last_not_after = max(last_not_after, ?)"
                " WHERE id = ?",
                (signed.expires_at.timestamp(), row.id),
            )

        self._tell("jwt_issued", entry, signed, who, also=also)
        return signed, row.id

    def _tell(
        self,
        event: str,
        entry: Entry,
        signed: JwtSvid,
        who: Mapping[str, Any],
        *,
        also: Callable[[Run], object] | None = None,
    ) -> None:
        details = {
            **who,
            "audience": list(signed.audience),
            "matched": sorted(map(str, entry.selectors)),
        }
        row = AuditRow(
            at=self._now(),
            event=event,
            spiffe_id=str(entry.spiffe_id),
            entry=entry.id,
            not_after=signed.expires_at,
            details=details,
        )
        self._told.tell(self._state.database, row, who, signed.token, also=also)

    def forget(self) -> None:
        """Let go of what is of no entry any more, or of one that was changed."""
        entries = {entry.id: entry for entry in self._state.registry.entries}
        for place in list(self._kept):
            if entries.get(place[0].id) != place[0]:
                del self._kept[place]
