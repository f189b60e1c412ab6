# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: which SVIDs their issuer takes back before their end.

SPIFFE does without; SVIDs live for an hour. A list is published for an intermediate
from its first revocation until the intermediate is gone, and signed anew when half of
its time is over or somebody else was revoked. Numbers only grow, over restarts too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.refusal import refuse
from handfast.authority.signer import hash_for
from handfast.authority.validity import BACKDATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast.authority.database import Database
    from handfast.authority.signer_rows import SignerRow
    from handfast.authority.state import AuthorityState

__all__ = ["REASONS", "Crls", "RevocationReason", "revoke"]

RevocationReason = Literal[
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
]
#: Why an SVID is taken back (RFC 5280, section 5.3.1).
REASONS: tuple[RevocationReason, ...] = get_args(RevocationReason)


def revoke(
    database: Database,
    serial: str,
    why: RevocationReason = "unspecified",
    *,
    now: datetime | None = None,
) -> None:
    """Take an SVID back; the process that runs the authority publishes it.

    Args:
        database: The state.
        serial: In hexadecimal, as the audit log says it.
        why: One of `REASONS`.
        now: The time.

    Raises:
        ConfigError: No such SVID was issued, it is over, or is revoked already.
    """
    if why not in REASONS:
        refuse(f"a reason: {', '.join(REASONS)}", why)
    moment = now or utc_now()
    number = serial.lower().replace(":", "").lstrip("0")
    with database.transaction() as run:
        row = run(
            "SELECT spiffe_id, entry, not_after, revoked_at FROM issued"
            " WHERE serial = ?",
            (number,),
        ).fetchone()
        if row is None:
            hint = "`handfast authority audit --event x509_issued` lists them"
            refuse("the serial of an SVID that was issued", serial, hint)
        spiffe_id, entry, ends, revoked_at = row
        if revoked_at is not None:
            refuse("an SVID that was not revoked", "one that was")
        if ends <= moment.timestamp():
            refuse("an SVID that is still valid", "one that is over")
        run(
            "UPDATE issued SET revoked_at = ?, revoked_why = ? WHERE serial = ?",
            (moment.timestamp(), why, number),
        )
        audit(
            run,
            AuditRow(
                at=moment,
                event="x509_revoked",
                spiffe_id=spiffe_id,
                entry=entry,
                serial=number,
                details={"reason": why},
            ),
        )


@dataclass(frozen=True, slots=True)
class _Signed:
    """A list as it was published."""

    serials: frozenset[str]
    renew_at: datetime
    der: bytes


class Crls:
    """The lists that are published now.

    Args:
        state: Who signs, and what was revoked.
        now: The clock.
    """

    def __init__(
        self, state: AuthorityState, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._state = state
        self._now = now
        self._signed: dict[str, _Signed] = {}
        self.number = 0

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The lists, in DER."""
        return tuple(signed.der for _, signed in sorted(self._signed.items()))

    @property
    def serials(self) -> set[str]:
        """Everything that stands on them."""
        return {one for signed in self._signed.values() for one in signed.serials}

    def keep(self) -> bool:
        """Sign what is due; say whether anything has changed."""
        rows = {
            row.id: row
            for row in self._state.signers.rows
            if row.kind == "intermediate" and row.slot.active_from is not None
        }
        gone = self._signed.keys() - rows.keys()
        for signer_id in gone:
            del self._signed[signer_id]
        signed = [row for row in rows.values() if self._sign_if_due(row)]
        if signed:
            self._state.signers.reload()
        changed = bool(gone or signed)
        self.number += changed
        return changed

    def _revoked(self, signer_id: str) -> list[tuple[str, float, str]]:
        """What stands on a list: revoked, and not over for longer than a list lives."""
        over = self._now() - self._state.settings.crl_ttl
        return self._state.database.rows(
            "SELECT serial, revoked_at, revoked_why FROM issued"
            " WHERE signer = ? AND revoked_at IS NOT NULL AND not_after > ?"
            " ORDER BY serial",
            signer_id,
            over.timestamp(),
        )

    def _sign_if_due(self, row: SignerRow) -> bool:
        revoked = self._revoked(row.id)
        if not revoked and not row.crl_number:
            return False
        old = self._signed.get(row.id)
        serials = frozenset(serial for serial, _, _ in revoked)
        if old is not None and old.serials == serials and self._now() < old.renew_at:
            return False
        number = row.crl_number + 1
        with self._state.database.transaction() as run:
            run("UPDATE signers SET crl_number = ? WHERE id = ?", (number, row.id))
            audit(
                run,
                AuditRow(
                    at=self._now(),
                    event="crl_signed",
                    details={
                        "signer": row.id,
                        "number": number,
                        "entries": len(serials),
                    },
                ),
            )
        ttl: timedelta = self._state.settings.crl_ttl
        der = self._list(row, number, revoked, ttl)
        self._signed[row.id] = _Signed(serials, self._now() + ttl / 2, der)
        return True

    def _list(
        self,
        row: SignerRow,
        number: int,
        revoked: list[tuple[str, float, str]],
        ttl: timedelta,
    ) -> bytes:
        issuer = self._state.signers.signer(row)
        ski = issuer.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        )
        aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski.value)
        now = self._now().replace(microsecond=0)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(now - BACKDATE)
            .next_update(now + ttl)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(aki, critical=False)
        )
        for serial, at, why in revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(int(serial, 16))
                .revocation_date(datetime.fromtimestamp(int(at), UTC))
            )
            if why != "unspecified":
                # RFC 5280, section 5.3.1: no reason is better said by leaving it out.
                reason = x509.CRLReason(x509.ReasonFlags(why))
                entry = entry.add_extension(reason, critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        key = issuer.key.load()
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return builder.sign(key, None).public_bytes(Encoding.DER)
        signed = builder.sign(key, hash_for(issuer.key))
        return signed.public_bytes(Encoding.DER)
