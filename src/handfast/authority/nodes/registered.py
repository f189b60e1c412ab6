# SPDX-License-Identifier: Apache-2.0
"""The join tokens and the nodes that an authority knows, in its database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.nodes.join_token import JoinToken
from handfast.authority.nodes.names import is_node_id
from handfast.authority.refusal import refuse
from handfast.authority.validity import BACKDATE, positive
from handfast.bundle import TrustBundle
from handfast.errors import (
    AttestationRefused,
    Reason,
    detail_for,
)
from handfast.ids import SpiffeId, TrustDomain

if TYPE_CHECKING:
    from handfast.authority.database import Database, Run
    from handfast.authority.revocation import RevocationReason

__all__ = ["JOIN_TTL", "Node", "Nodes"]

#: How long a join token is good for.
JOIN_TTL: Final = timedelta(minutes=10)
_LONGEST: Final = timedelta(days=7)
_OPEN_MAX: Final = 1000

_log = logging.getLogger("handfast.authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Another host, whose agent has joined.

    Attributes:
        spiffe_id: The agent's.
        joined_at: When, the last time.
        banned_at: Since when it gets nothing; None: it is let in.
    """

    spiffe_id: SpiffeId
    joined_at: datetime
    banned_at: datetime | None


class Nodes:
    """Join tokens and nodes.

    Args:
        database: The state.
        trust_domain: Whose nodes they are.
        now: The clock.
    """

    def __init__(
        self,
        database: Database,
        trust_domain: TrustDomain,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._trust_domain = trust_domain
        self._now = now
        self._open: list[tuple[float, TrustBundle]] = []
        self.reload()

    def reload(self) -> None:
        """Read the open tokens again, after somebody else has changed them.

        They are asked for at each connection, before anything is proved: that must
        cost whoever connects more than us.
        """
        rows = self._database.rows(
            "SELECT certificate, id, expires_at FROM join_tokens"
            " WHERE used_at IS NULL AND expires_at > ? ORDER BY id",
            self._now().timestamp(),
        )
        known = {bundle.trust_domain: bundle for _, bundle in self._open}
        self._open = [
            (ends, known.get(domain) or TrustBundle.from_der(domain, [der]))
            for der, name, ends in rows
            for domain in [JoinToken.domain_of(name)]
        ]

    def make_token(self, node: SpiffeId, ttl: timedelta = JOIN_TTL) -> JoinToken:
        """Make a token that lets the agent of a node in, once.

        Raises:
            ConfigError: it is no node's ID, or of a banned one; or the time is none.
        """
        if not is_node_id(node, self._trust_domain):
            seen = str(node)
            refuse(f"the ID of a node of {self._trust_domain}", seen)
        if positive(ttl) > _LONGEST:
            refuse(f"at most {_LONGEST} for a token", str(ttl))
        token, now = JoinToken.generate(), self._now()
        ends = now + ttl
        # Its authority ends with it: TLS alone refuses it from then on.
        valid = (now.replace(microsecond=0) - BACKDATE, ends)
        with self._database.transaction() as run:
            self._forget_old(run)
            if self._is_banned(run, node):
                refuse("a node that may join", f"{node}, which is banned")
            (count,) = run("SELECT count(*) FROM join_tokens").fetchone()
            if count >= _OPEN_MAX:
                refuse(f"at most {_OPEN_MAX} tokens", f"{count} and one more")
            run(
                "INSERT INTO join_tokens (id, certificate, node, made_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    token.id,
                    token.authority(valid).der,
                    str(node),
                    now.timestamp(),
                    ends.timestamp(),
                ),
            )
            self._tell(run, "join_token_made", node, {"token": token.id, "ends": ends})
        self.reload()
        return token

    def open_tokens(self) -> list[TrustBundle]:
        """Return the trust domain of each token that is good now.

        Of memory alone: `use_token` asks the database before it lets anybody in.
        """
        now = self._now().timestamp()
        return [bundle for ends, bundle in self._open if ends > now]

    def use_token(self, proved: TrustDomain) -> SpiffeId:
        """Take the token that a peer has proved to have, for good.

        Args:
            proved: The trust domain of the peer's verified ID.

        Returns:
            The node that it lets in.

        Raises:
            AttestationRefused: it is none, was used, or is too old.
        """
        now = self._now()
        with self._database.transaction() as run:
            found = [
                (name, SpiffeId.parse(node))
                for name, node in run(
                    "SELECT id, node FROM join_tokens"
                    " WHERE used_at IS NULL AND expires_at > ?",
                    (now.timestamp(),),
                )
                if JoinToken.domain_of(name) == proved
            ]
            if not found:
                raise AttestationRefused(detail_for(Reason.JOIN_REFUSED))
            ((name, node),) = found
            if self._is_banned(run, node):
                raise AttestationRefused(detail_for(Reason.NODE_REFUSED))
            moment = now.timestamp()
            run("UPDATE join_tokens SET used_at = ? WHERE id = ?", (moment, name))
            self._revoke(run, node, "superseded")
            run(
                "INSERT OR REPLACE INTO nodes (spiffe_id, joined_at) VALUES (?, ?)",
                (str(node), moment),
            )
            self._tell(run, "node_joined", node, {"token": name})
        self.reload()
        _log.info("node %s has joined", node)
        return node

    def need(self, node: SpiffeId, serial: str) -> None:
        """See that an agent is let in.

        Args:
            node: Its ID.
            serial: Of the SVID that it shows, in hexadecimal.

        Raises:
            AttestationRefused: it never joined, was removed or is banned, or this SVID
                was revoked.
        """
        rows = self._database.rows(
            "SELECT 1 FROM nodes WHERE spiffe_id = ? AND banned_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM issued"
            " WHERE serial = ? AND revoked_at IS NOT NULL)",
            str(node),
            serial,
        )
        if not rows:
            raise AttestationRefused(detail_for(Reason.NODE_REFUSED, seen=str(node)))

    def all(self) -> list[Node]:
        """Return every node that has joined."""
        rows = self._database.rows(
            "SELECT spiffe_id, joined_at, banned_at FROM nodes ORDER BY spiffe_id"
        )
        return [
            Node(
                spiffe_id=SpiffeId.parse(name),
                joined_at=datetime.fromtimestamp(joined, UTC),
                banned_at=None if ban is None else datetime.fromtimestamp(ban, UTC),
            )
            for name, joined, ban in rows
        ]

    def ban(self, node: SpiffeId) -> None:
        """Give a node nothing any more, and let it join no more.

        Its own SVIDs are revoked. What its workloads have stays good until it ends:
        revoke it, where peers look at revocation lists.

        Raises:
            ConfigError: there is no such node.
        """
        self._change(
            "UPDATE nodes SET banned_at = ? WHERE spiffe_id = ?",
            (self._now().timestamp(), str(node)),
            "node_banned",
            node,
        )

    def remove(self, node: SpiffeId) -> None:
        """Forget a node, banned or not: it may join again, with a new token.

        With that it begins anew: its own SVIDs until then are revoked.

        Raises:
            ConfigError: there is no such node.
        """
        self._change(
            "DELETE FROM nodes WHERE spiffe_id = ?", (str(node),), "node_removed", node
        )

    def _change(
        self,
        statement: str,
        parameters: tuple[float | str, ...],
        event: str,
        node: SpiffeId,
    ) -> None:
        with self._database.transaction() as run:
            done = run(statement, parameters)
            if not done.rowcount:
                hint = "`handfast authority node list`"
                refuse("a node that has joined", str(node), hint)
            run("DELETE FROM join_tokens WHERE node = ?", (str(node),))
            self._revoke(run, node, "cessationOfOperation")
            self._tell(run, event, node, {})
        self.reload()

    def _revoke(self, run: Run, node: SpiffeId, why: RevocationReason) -> None:
        """Take back what the agent has itself.

        Who removes a node may do so because its key was stolen, and have the host join
        again: what was stolen must not come back with it, and be renewed for ever.
        """
        moment = self._now().timestamp()
        run(
            "UPDATE issued SET revoked_at = ?, revoked_why = ?"
            " WHERE spiffe_id = ? AND revoked_at IS NULL AND not_after > ?",
            (moment, why, str(node), moment),
        )

    def _forget_old(self, run: Run) -> None:
        run("DELETE FROM join_tokens WHERE expires_at < ?", (self._now().timestamp(),))

    def _is_banned(self, run: Run, node: SpiffeId) -> bool:
        found = run(
            "SELECT 1 FROM nodes WHERE spiffe_id = ? AND banned_at IS NOT NULL",
            (str(node),),
        )
        return found.fetchone() is not None

    def _tell(
        self, run: Run, event: str, node: SpiffeId, details: Mapping[str, Any]
    ) -> None:
        row = AuditRow(
            at=self._now(), event=event, spiffe_id=str(node), details=details
        )
        audit(run, row)
