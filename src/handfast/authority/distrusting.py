# SPDX-License-Identifier: Apache-2.0
"""Immediate distrust: a key that somebody else may have is believed no more, at once.

A rotation overlaps, so that nothing breaks. This is its opposite: the key leaves the
bundle in the transaction that says so, and what it signed is refused by everybody who
has the new bundle. The process that runs the authority makes what is missing, signs
with it without waiting for the lead, and has every workload given anew.

An intermediate is in no bundle: whoever trusts its root believes what it signs, until
it ends. So distrusting an intermediate means distrusting its root. What is under a root
goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.refusal import refuse
from handfast.authority.signer_rows import bump_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handfast.authority.database import Database, Run
    from handfast.authority.rotation import Kind
    from handfast.authority.signer_rows import SignerRow
    from handfast.authority.state import AuthorityState

__all__ = ["Distrust", "distrust", "is_distrusted", "plan_distrust"]

#: RFC 5280, section 5.3.1, of what a compromised authority has signed.
_WHY = "cACompromise"
_SHOWN_MIN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Distrust:
    """What goes, and what that breaks.

    Attributes:
        signers: Roots, intermediates and JWT keys that go.
        svids: X.509-SVIDs under them that would still hold now.
        nodes: Agents of other hosts whose own SVID is one of these: they join anew.
        token_until: Until when JWT-SVIDs under them would have been good; None: no
            JWT key goes, or it signed nothing that still holds.
        trusts_nobody: Nothing is left that X.509-SVIDs are verified by, until a new
            root is there.
    """

    signers: tuple[SignerRow, ...]
    svids: int
    nodes: tuple[str, ...]
    token_until: float | None
    trusts_nobody: bool

    def ids(self, kind: Kind) -> tuple[str, ...]:
        """Those of one kind."""
        return tuple(row.id for row in self.signers if row.kind == kind)


def plan_distrust(
    state: AuthorityState,
    kind: Kind,
    keys: Sequence[str] = (),
    *,
    now: Callable[[], datetime] = utc_now,
) -> Distrust:
    """Say what `distrust` would remove and break, and change nothing.

    Args:
        state: The state.
        kind: Of the keys.
        keys: Their IDs as `handfast authority status` says them, or eight characters
            of the beginning; all of this kind when there are none.
        now: The clock.

    Raises:
        ConfigError: There is no such key.
    """
    found = _find(state.signers.rows, kind, keys)
    roots = {row.id for row in found if row.kind == "root"}
    roots |= {row.slot.issuer or "" for row in found if row.kind == "intermediate"}
    gone = tuple(
        row
        for row in state.signers.rows
        if row in found or row.id in roots or (row.slot.issuer or "-") in roots
    )
    moment = now().timestamp()
    svids = [
        name
        for row in gone
        for (name,) in state.database.rows(
            "SELECT spiffe_id FROM issued WHERE signer = ?"
            " AND not_after > ? AND revoked_at IS NULL",
            row.id,
            moment,
        )
    ]
    nodes = state.database.rows("SELECT spiffe_id FROM nodes ORDER BY spiffe_id")
    hit = set(svids)
    tokens = [
        row.slot.last_not_after
        for row in gone
        if row.kind == "jwt" and row.slot.last_not_after > moment
    ]
    left = [row for row in state.signers.rows if row.kind == "root" and row not in gone]
    return Distrust(
        signers=gone,
        svids=len(svids),
        nodes=tuple(name for (name,) in nodes if name in hit),
        token_until=max(tokens, default=None),
        trusts_nobody=bool(roots) and not left,
    )


def distrust(
    state: AuthorityState,
    kind: Kind,
    keys: Sequence[str] = (),
    *,
    why: str,
    now: Callable[[], datetime] = utc_now,
) -> Distrust:
    """Believe keys no more, at once.

    They leave the bundle, whose sequence number rises, and their SVIDs are revoked. A
    running authority takes it over within a quarter of a second: it makes what is
    missing, and gives every workload the new bundle and new SVIDs. An offline root is
    made anew by people, and until it is imported nothing is signed.

    Args:
        state: The state; `AuthorityState.look` is enough.
        kind: Of the keys; an intermediate takes its root along.
        keys: As of `plan_distrust`.
        why: For the audit log.
        now: The clock.

    Raises:
        ConfigError: There is no such key.
    """
    moment = now()
    # What rests on another one goes first: rows refer to each other.
    order: dict[Kind, int] = {"intermediate": 0, "root": 1, "jwt": 2}
    with state.database.transaction() as run:
        # Planned here: what a running authority makes meanwhile goes along.
        state.signers.reload()
        found = plan_distrust(state, kind, keys, now=now)
        for row in sorted(found.signers, key=lambda it: order[it.kind]):
            _remove(run, row, why, moment)
        bump_sequence(run, moment)
    state.signers.reload()
    if state.signers.can_sign:
        state.signers.keep()
    return found


def _remove(run: Run, row: SignerRow, why: str, moment: datetime) -> None:
    revoked = run(
        "UPDATE issued SET revoked_at = ?, revoked_why = ?"
        " WHERE signer = ? AND revoked_at IS NULL AND not_after > ?",
        (moment.timestamp(), _WHY, row.id, moment.timestamp()),
    )
    run("DELETE FROM signers WHERE id = ?", (row.id,))
    run(
        "INSERT OR REPLACE INTO distrusted VALUES (?, ?, ?, ?)",
        (row.id, row.kind, moment.timestamp(), why),
    )
    details = {
        "signer": row.id,
        "issuer": row.slot.issuer,
        "why": why,
        "svids_revoked": revoked.rowcount,
    }
    audit(run, AuditRow(at=moment, event=f"{row.kind}_distrusted", details=details))


def _find(
    rows: Sequence[SignerRow], kind: Kind, keys: Sequence[str]
) -> tuple[SignerRow, ...]:
    of_kind = [row for row in rows if row.kind == kind]
    hint = "`handfast authority status --json` lists their IDs"
    if not keys:
        if not of_kind:
            refuse(f"a {kind} key", "none", hint)
        return tuple(of_kind)
    found: list[SignerRow] = []
    for key in keys:
        fits = [row for row in of_kind if row.id.startswith(key)]
        if len(key) < _SHOWN_MIN or len(fits) != 1:
            seen = f"{key!r}, which {len(fits)} of them begin with"
            refuse(
                f"the ID of one {kind} key, {_SHOWN_MIN} characters of it", seen, hint
            )
        found += fits
    return tuple(found)


def is_distrusted(database: Database, signer_id: str) -> bool:
    """Say whether a key was distrusted: it must not come back."""
    rows = database.rows("SELECT 1 FROM distrusted WHERE id = ?", signer_id)
    return bool(rows)
