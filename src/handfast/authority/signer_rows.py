# SPDX-License-Identifier: Apache-2.0
"""Roots, intermediates and JWT keys as the database has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handfast.authority.rotation import Slot

if TYPE_CHECKING:
    from datetime import datetime

    from handfast.authority.database import Database, Run
    from handfast.authority.rotation import Kind

__all__ = [
    "SignerRow",
    "bump_sequence",
    "insert_signer",
    "read_sequence",
    "read_signers",
    "wish_for",
    "wished_at",
]

#: Of kinds that signs; nothing else rests on a JWT key, intermediates rest on roots.
KINDS: tuple[Kind, ...] = ("root", "intermediate", "jwt")
_SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerRow:
    """One signer, without its private key.

    Attributes:
        slot: Where it is in its life.
        kind: What it is.
        certificate: DER; None for JWT keys and for what waits for a certificate.
        public_key: SubjectPublicKeyInfo.
        has_key: Whether the private key is here.
        crl_number: Of its newest revocation list; 0 for none.
    """

    slot: Slot
    kind: Kind
    certificate: bytes | None
    public_key: bytes
    has_key: bool
    crl_number: int = 0

    @property
    def id(self) -> str:
        """Of its key."""
        return self.slot.id

    @property
    def published(self) -> bool:
        """Whether it belongs into the bundle, from its preparation to its removal."""
        if self.kind == "jwt":
            return True
        return self.kind == "root" and self.certificate is not None


def read_signers(database: Database) -> tuple[SignerRow, ...]:
    """Read all of them, the oldest first."""
    rows = database.rows(
        "SELECT id, issuer, prepared_at, active_from, retired_at, not_after,"
        " last_not_after, kind, certificate, public_key, has_key, crl_number"
        " FROM signers ORDER BY prepared_at, id"
    )
    return tuple(
        SignerRow(
            slot=Slot(
                id=row[0],
                issuer=row[1],
                prepared_at=row[2],
                active_from=row[3],
                retired_at=row[4],
                not_after=row[5] if row[5] is not None else float("inf"),
                last_not_after=row[6],
                awaited=row[7] != "jwt" and row[8] is None,
            ),
            kind=row[7],
            certificate=row[8],
            public_key=row[9],
            has_key=bool(row[10]),
            crl_number=row[11],
        )
        for row in rows
    )


def insert_signer(run: Run, row: SignerRow) -> None:
    """Write a new one."""
    ends = row.slot.not_after
    run(
        "INSERT INTO signers (id, kind, issuer, certificate, public_key, has_key,"
        " prepared_at, not_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.kind,
            row.slot.issuer,
            row.certificate,
            row.public_key,
            int(row.has_key),
            row.slot.prepared_at,
            None if ends == float("inf") else ends,
        ),
    )


def read_sequence(database: Database) -> int:
    """The sequence number of the bundle as it is."""
    return int(database.setting(_SEQUENCE) or 0)


def bump_sequence(run: Run, now: datetime) -> None:
    """Give the bundle a higher number, in the transaction that changes it.

    It begins with the time: a state that was lost and made anew is no older one to
    those who have seen the last.
    """
    row = run("SELECT value FROM settings WHERE name = ?", (_SEQUENCE,)).fetchone()
    number = int(now.timestamp()) if row is None else int(row[0]) + 1
    run("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_SEQUENCE, str(number)))


def wish_for(run: Run, kind: Kind, now: datetime) -> None:
    """Ask for a successor of the active one, as soon as the lead allows."""
    values = (f"rotate.{kind}", str(now.timestamp()))
    run("INSERT OR REPLACE INTO settings VALUES (?, ?)", values)


def wished_at(database: Database, kind: Kind) -> float | None:
    """When somebody asked for one."""
    text = database.setting(f"rotate.{kind}")
    return None if text is None else float(text)
