# SPDX-License-Identifier: Apache-2.0
"""An authority at work: what it does by itself, and what others have changed.

One task looks at the state four times a second: has a command changed something, is a
step of a rotation due, is a revocation list? What has changed wakes the streams whose
answer it changes. The looks cost microseconds; a change by a command is out within a
quarter of a second.

All of it runs in the event loop. Only making a key with a password takes a noticeable
moment (scrypt, a third of a second), which is once in weeks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from handfast._clock import utc_now
from handfast.authority.audit import forget_some
from handfast.authority.federated import FederatedBundles
from handfast.authority.issuer import EntryIssuer
from handfast.authority.issuing import Issuing
from handfast.authority.jwt_issuing import JwtIssuing
from handfast.authority.nodes import Nodes, NodeService
from handfast.authority.requests import RELOAD, answer, waiting
from handfast.authority.revocation import Crls
from handfast.errors import HandfastError

if TYPE_CHECKING:
    from typing import Final

    from handfast.authority.registry import Applied
    from handfast.authority.state import AuthorityState

__all__ = ["AuthorityService"]

_log = logging.getLogger("handfast.authority")

_LOOK_EVERY: Final = 0.25
_TIDY_EVERY: Final = timedelta(minutes=1)


class AuthorityService:
    """Runs an authority on a state directory that it has opened.

    Args:
        state: The state; closed by whoever opened it.
        entries_file: The file that the entries come from, read now and on a reload.
        now: The clock, the same as the state's.

    Attributes:
        issuer: What the Workload API server asks.
        federated: Other trust domains' bundles.
        nodes: Other hosts, and the tokens that let them in.
        node_service: What their agents ask.

    Raises:
        ConfigError: The entries file cannot be used.
    """

    def __init__(
        self,
        state: AuthorityState,
        *,
        entries_file: Path | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._state = state
        self._entries_file = entries_file
        self._now = now
        self._issuing = Issuing(state, now=now)
        self._tokens = JwtIssuing(state, now=now)
        self._crls = Crls(state, now=now)
        self.federated = FederatedBundles(
            state.database, state.settings.trust_domain, now=now
        )
        self.issuer = EntryIssuer(
            state,
            self._issuing,
            self._tokens,
            self._crls,
            self.federated,
            now=now,
        )
        self.nodes = Nodes(state.database, state.settings.trust_domain, now=now)
        self.node_service = NodeService(
            state,
            self.nodes,
            issuing=self._issuing,
            tokens=self._tokens,
            crls=self._crls,
            federated=self.federated,
            now=now,
        )
        self._seen = state.database.changes()
        self._numbers = (0, 0)
        self._signers: frozenset[str] = frozenset()
        self._tidied = now()
        if entries_file is not None:
            self.reload_entries()
        self.look()

    @property
    def state(self) -> AuthorityState:
        """The state that it runs on. What is changed there is noticed and pushed."""
        return self._state

    def reload_entries(self) -> Applied | None:
        """Read the entries file again; None when there is none.

        Raises:
            ConfigError: It cannot be used; the entries stay as they are.
            OSError: It cannot be read.
        """
        if self._entries_file is None:
            return None
        # The decoders come with the command line's extra.
        from handfast.authority.entries_file import read_entries  # noqa: PLC0415

        domain = self._state.settings.trust_domain
        applied = self._state.registry.apply(read_entries(self._entries_file, domain))
        _log.info(
            "entries file: %d added, %d changed, %d removed",
            len(applied.added),
            len(applied.changed),
            len(applied.removed),
        )
        if not applied.nothing:
            self._forget()
            self.ring()
        return applied

    def look(self) -> None:
        """Do what is due, and take over what others have changed."""
        changed = False
        changes = self._state.database.changes()
        if changes != self._seen:
            self._take_over()
            self._seen = changes
            changed = True
        changed |= self._notice()
        changed |= bool(self._state.signers.keep())
        if self._crls.keep():
            self._issuing.forget_serials(self._crls.serials)
            changed = True
        self._tidy()
        if changed:
            self.ring()

    def ring(self) -> None:
        """Have workloads and other hosts' agents told what has changed for them."""
        self.issuer.ring()
        self.node_service.ring()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Look again and again, until cancelled.

        A failure (a full disk) is logged and tried again: what was issued stays good
        meanwhile.

        Cancellation: is how it ends; nothing is left half done.
        """
        task_status.started()
        failing = ""
        while True:
            await trio.sleep(_LOOK_EVERY)
            try:
                self.look()
                failing = ""
            except (HandfastError, OSError) as error:
                if str(error) != failing:  # said once, not four times a second
                    _log.error("the authority's state: %s", error)
                failing = str(error)

    def _notice(self) -> bool:
        """See what this process itself has changed, by the parts of the state."""
        numbers = (self._state.registry.number, self.federated.number)
        signers = frozenset(row.id for row in self._state.signers.rows)
        if (numbers, signers) == (self._numbers, self._signers):
            return False
        if self._signers - signers:
            self._state.signers.forget_files()  # of keys that were distrusted
        self._numbers, self._signers = numbers, signers
        self._forget()
        return True

    def _take_over(self) -> None:
        self._state.reload()
        self.federated.reload()
        self.nodes.reload()
        self._forget()
        for number, wanted in list(waiting(self._state.database)):
            answer(self._state.database, number, self._answer(wanted))

    def _forget(self) -> None:
        self._issuing.forget()
        self._tokens.forget()

    def _answer(self, wanted: str) -> str:
        """Do what a command asked for; say what went wrong, if anything."""
        if wanted != RELOAD:
            return f"this version of handfast does not know {wanted!r}"
        if self._entries_file is None:
            return "it runs without an entries file"
        return self.try_reload()

    def try_reload(self) -> str:
        """Read the entries file again; log and return what went wrong, if anything."""
        try:
            self.reload_entries()
        except (HandfastError, OSError) as error:
            _log.error("the entries file was not taken: %s", error)
            return str(error)
        return ""

    def _tidy(self) -> None:
        now = self._now()
        if now - self._tidied < _TIDY_EVERY:
            return
        self._tidied = now
        with self._state.database.transaction(durable=False) as run:
            forget_some(run, now - self._state.settings.audit_kept)
