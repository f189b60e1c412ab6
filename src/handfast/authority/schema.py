# SPDX-License-Identifier: Apache-2.0
"""The tables of an authority's state, as steps from each version to the next.

A step that was released is never changed: a new one is added. Times are seconds since
1970; those of certificates and tokens are whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

__all__ = ["APPLICATION_ID", "MIGRATIONS"]

#: ``PRAGMA application_id``: "HFau". Another program's database is not touched.
APPLICATION_ID: Final = 0x48466175

_FIRST = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # Roots, intermediates and JWT keys: whatever signs, from its preparation until
    # nothing depends on it any more. Without a certificate: a CSR that is under way.
    """CREATE TABLE signers (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('root', 'intermediate', 'jwt')),
        issuer TEXT REFERENCES signers (id),
        certificate BLOB,
        public_key BLOB NOT NULL,
        has_key INTEGER NOT NULL CHECK (has_key IN (0, 1)),
        prepared_at REAL NOT NULL,
        active_from REAL,
        retired_at REAL,
        not_after REAL,
        last_not_after REAL NOT NULL DEFAULT 0,
        crl_number INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID""",
    """CREATE TABLE entries (
        id TEXT PRIMARY KEY,
        spiffe_id TEXT NOT NULL,
        origin TEXT NOT NULL CHECK (origin IN ('command', 'file')),
        content TEXT NOT NULL,
        changed_at REAL NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE federated (
        trust_domain TEXT PRIMARY KEY,
        document BLOB NOT NULL,
        changed_at REAL NOT NULL
    ) WITHOUT ROWID""",
    # What was issued, for revocation and for "who depends on this signer".
    """CREATE TABLE issued (
        serial TEXT PRIMARY KEY,
        signer TEXT NOT NULL,
        spiffe_id TEXT NOT NULL,
        entry TEXT NOT NULL,
        issued_at REAL NOT NULL,
        not_after REAL NOT NULL,
        revoked_at REAL,
        revoked_why TEXT
    ) WITHOUT ROWID""",
    "CREATE INDEX issued_ends ON issued (not_after)",
    "CREATE INDEX issued_revoked ON issued (signer) WHERE revoked_at IS NOT NULL",
    """CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        spiffe_id TEXT,
        entry TEXT,
        serial TEXT,
        not_after REAL,
        details TEXT NOT NULL
    )""",
    "CREATE INDEX audit_at ON audit (at)",
    # What the command line asks of the process that has the keys, and its answer.
    """CREATE TABLE requests (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        wanted TEXT NOT NULL,
        done_at REAL,
        outcome TEXT
    )""",
    # The public half of each token: its own little trust domain's authority.
    """CREATE TABLE join_tokens (
        id TEXT PRIMARY KEY,
        certificate BLOB NOT NULL,
        node TEXT NOT NULL,
        made_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        used_at REAL
    ) WITHOUT ROWID""",
    """CREATE TABLE nodes (
        spiffe_id TEXT PRIMARY KEY,
        joined_at REAL NOT NULL,
        serial TEXT,
        banned_at REAL,
        note TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID""",
)

_SECOND = (
    # What must not come back: the audit log forgets, and this does not.
    """CREATE TABLE distrusted (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('root', 'intermediate', 'jwt')),
        at REAL NOT NULL,
        why TEXT NOT NULL
    ) WITHOUT ROWID""",
    # Put in by an operator against the order of sequence numbers (FED-08).
    "ALTER TABLE federated ADD COLUMN by_hand INTEGER NOT NULL DEFAULT 0",
)

#: Number n brings a database of version n to n + 1.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST, _SECOND)
