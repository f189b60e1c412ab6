# SPDX-License-Identifier: Apache-2.0
"""Signing the X.509-SVIDs of entries: once for an entry, renewed at half of its life.

What was issued for an entry is kept in memory and given to every process that the
entry is for, as SPIRE's agent does: a thousand streams cost one signature, and asking
again and again costs none. Every signature is in the database before anybody gets it:
the row that revocation needs, until when its signers are needed, and the audit log.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.given import GivenSvids, IssuedSvid
from handfast.authority.profile import HasPublicKey, leaf_builder
from handfast.authority.signer import sign
from handfast.authority.telling import Telling
from handfast.authority.validity import renewal, window
from handfast.keys import PrivateKey
from handfast.names import DnsName
from handfast.svid import X509Svid

if TYPE_CHECKING:
    from handfast.authority.entries import Entry
    from handfast.authority.state import AuthorityState

__all__ = ["Issuing"]


class Issuing:
    """Signs what entries allow.

    Args:
        state: What to sign with and where to write it down.
        now: The clock.
        chance: Gives numbers from 0 to 1, for the spread of renewals.
    """

    def __init__(
        self,
        state: AuthorityState,
        *,
        now: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._state = state
        self._now = now
        self._chance = chance
        self._given = GivenSvids()
        self._told = Telling()

    def number_for(self, entry: Entry) -> int:
        """Which SVID of an entry is right now: the one there is, or the next."""
        found = self._found(entry)
        return self._given.next_number(entry) if found is None else found.number

    def renew_at(self, entry: Entry) -> datetime | None:
        """When the next SVID of an entry is due; None: now."""
        found = self._found(entry)
        return None if found is None else found.renew_at

    def x509(self, entry: Entry, who: Mapping[str, Any]) -> IssuedSvid:
        """Return the SVID of an entry, which is signed if there is none or it is due.

        Args:
            entry: What allows it.
            who: The process that asks, for the audit log.

        Raises:
            ConfigError: Nothing signs at present.
        """
        found = self._found(entry)
        if found is not None:
            self._tell_given(entry, found, who)
            return found
        key = PrivateKey.generate(self._state.settings.key_type)
        chain, serial, ends = self.sign(entry, key, who)
        signer = self._state.signers.active("intermediate")
        cut = ends.timestamp() >= signer.slot.not_after
        renew_at = renewal(self._now(), ends, self._chance())
        made = IssuedSvid(
            svid=X509Svid(chain=chain, key=key, hint=entry.hint),
            serial=serial,
            # Another one of the same signer would end at the same moment.
            renew_at=ends if cut else renew_at,
            number=self._given.next_number(entry),
            signer=signer.id,
            cut_by=signer.id if cut else None,
        )
        self._given.put(entry, made)
        self._told.mark(who, serial)
        return made

    def _tell_given(
        self, entry: Entry, issued: IssuedSvid, who: Mapping[str, Any]
    ) -> None:
        """Write down that one more process has what was signed for another."""
        if self._told.knows(who, issued.serial):
            return
        row = AuditRow(
            at=self._now(),
            event="x509_given",
            spiffe_id=str(entry.spiffe_id),
            entry=entry.id,
            serial=issued.serial,
            not_after=issued.svid.not_after,
            details={**who, "matched": sorted(map(str, entry.selectors))},
        )
        self._told.tell(self._state.database, row, who, issued.serial)

    def sign(
        self, entry: Entry, key: HasPublicKey, who: Mapping[str, Any]
    ) -> tuple[tuple[bytes, ...], str, datetime]:
        """Sign a leaf for a key and write it down; return chain, serial and end.

        Raises:
            ConfigError: Nothing signs at present.
        """
        state, now = self._state, self._now()
        row = state.signers.active("intermediate")
        issuer = state.signers.signer(row)
        ttl = entry.x509_ttl or state.settings.svid_ttl
        valid = window(now, ttl, issuer)
        builder = leaf_builder(
            entry.spiffe_id,
            key,
            valid,
            issuer=issuer,
            dns_names=[DnsName(name) for name in entry.dns_names],
        )
        leaf = sign(builder, issuer.key)
        serial = f"{leaf.serial_number:x}"
        ends = valid[1].timestamp()
        with state.database.transaction(durable=False) as run:
            run(
                "INSERT INTO issued (serial, signer, spiffe_id, entry, issued_at,"
                " not_after) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    serial,
                    row.id,
                    str(entry.spiffe_id),
                    entry.id,
                    now.timestamp(),
                    ends,
                ),
            )
            run(
                "UPDATE signers SET last_not_after = max(last_not_after, ?)"
                " WHERE id IN (?, ?)",
                (ends, row.id, row.slot.issuer),
            )
            audit(
                run,
                AuditRow(
                    at=now,
                    event="x509_issued",
                    spiffe_id=str(entry.spiffe_id),
                    entry=entry.id,
                    serial=serial,
                    not_after=valid[1],
                    details={**who, "matched": sorted(map(str, entry.selectors))},
                ),
            )
        chain = (leaf.public_bytes(Encoding.DER), *issuer.intermediates)
        return chain, serial, valid[1]

    def forget(self) -> None:
        """Let go of what is of no entry any more, or of one that was changed."""
        self._given.forget(self._state.registry.entries)

    def forget_serials(self, serials: set[str]) -> None:
        """Let go of what was revoked: the next one is due."""
        self._given.forget_unless(lambda issued: issued.serial not in serials)

    def _found(self, entry: Entry) -> IssuedSvid | None:
        issued = self._given.find(entry)
        if issued is None or not self._state.signers.knows(issued.signer):
            return None  # distrusted: what merely retired stays as long as its SVIDs
        signs_now = self._state.signers.signs_now
        if issued.cut_by is not None and issued.cut_by != signs_now:
            return None  # there is somebody now who can give it all of its life
        return issued if self._now() < issued.renew_at else None
