# SPDX-License-Identifier: Apache-2.0
"""What a Workload API source holds now: a state machine without I/O.

It is told what came and what failed, and gives coherent snapshots (P5). All that a
snapshot needs is in one immutable object that is swapped as a whole, so any thread may
ask while the event loop's thread goes on.

Invariants (threat W4, as a property in tests/property/test_workload_api_state.py):
    1. A snapshot is the content of exactly one message, the last good one.
    2. The generation grows when, and only when, the content changes.
    3. After `refuse` there is none until a good message comes.
    4. None is given at or after the end of the chosen identity, or of any certificate
       that it rests on (W5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from handfast.errors import Reason, SourceError, detail_for
from handfast.sources.ageing import Origin, Standing
from handfast.sources.base import SourceSnapshot
from handfast.sources.workload_api_x509 import X509Update
from handfast.text import escape

if TYPE_CHECKING:
    from datetime import datetime

    from handfast.bundle import TrustBundleSet
    from handfast.crls import RevocationLists
    from handfast.svid import X509Svid

__all__ = ["Choice", "Held", "X509State", "X509View", "by_hint", "first"]

_LOGGER = logging.getLogger("handfast.sources")

#: Chooses one of the identities that the agent gave; None: none of them will do.
Choice = Callable[[Sequence["X509Svid"]], "X509Svid | None"]


def first(svids: Sequence[X509Svid]) -> X509Svid | None:
    """Choose the default identity: the first (WAPI-64)."""
    return svids[0] if svids else None


def by_hint(hint: str) -> Choice:
    """Choose the identity with a hint; no other one will do (WAPI-65)."""

    def choose(svids: Sequence[X509Svid]) -> X509Svid | None:
        return next((svid for svid in svids if svid.hint == hint), None)

    return choose


@dataclass(frozen=True, slots=True)
class Held:
    """What is there at one moment, or why there is nothing.

    Attributes:
        generation: Grows with each change of content.
        update: The last good message, whole.
        absence: Why there is none any more; None when none ever came.
    """

    generation: int = 0
    update: X509Update | None = None
    absence: SourceError | None = None


class X509State:
    """Identities and bundles as the agent gave them last.

    Args:
        agent: What errors call the source, such as ``the agent at unix:/run/a.sock``.
        now: The clock; gives aware times.
    """

    def __init__(self, agent: str, now: Callable[[], datetime]) -> None:
        self.agent = agent
        self.origin = Origin(agent, "it is connected, and sends nothing new")
        self.now = now
        self._held = Held()
        # Why the agent gives nothing new at the moment; None while it does.
        self.trouble: SourceError | None = None

    # ---- what happens ----

    def accept(self, update: X509Update) -> bool:
        """Take a good message; say whether it changed anything."""
        held, self.trouble = self._held, None
        if held.update is not None and held.update.content() == update.content():
            return False
        self._held = Held(held.generation + 1, update)
        return True

    def refuse(self, error: SourceError) -> bool:
        """Withdraw everything: the agent has nothing for us (WAPI-51, WAPI-53)."""
        had = self._held.update is not None
        self._held = Held(self._held.generation, None, error)
        self.trouble = error
        return had

    def fail(self, error: SourceError) -> None:
        """Remember why nothing new comes; what is there stays in use."""
        self.trouble = error

    # ---- what is there ----

    @property
    def generation(self) -> int:
        """Grows with each change; 0 before the first message."""
        return self._held.generation

    @property
    def update(self) -> X509Update | None:
        """The last good message; None before the first, and when it was withdrawn."""
        return self._held.update

    @property
    def bundles(self) -> TrustBundleSet:
        """Whom to trust.

        Raises:
            SourceError: Nothing came yet, or it was withdrawn.
        """
        return self._need(self._held).bundles

    @property
    def crls(self) -> RevocationLists:
        """Revocation lists that came along.

        Raises:
            SourceError: Nothing came yet, or it was withdrawn.
        """
        return self._need(self._held).crls

    @property
    def held(self) -> Held:
        """All of it, as it is at this moment."""
        return self._held

    # ---- why there is nothing ----

    def _need(self, held: Held) -> X509Update:
        if held.update is not None:
            return held.update
        raise self.absent(held.absence or self.trouble)

    def absent(self, cause: SourceError | None) -> SourceError:
        """Make the error that says why there is nothing; it names the agent."""
        if cause is None:
            seen = f"no answer yet of {self.agent}"
            return SourceError(detail_for(Reason.SOURCE_NOT_READY, seen=seen))
        seen = cause.seen or cause.detail.text
        if self.agent not in seen:
            seen = f"{self.agent}: {seen}"
        return SourceError(replace(cause.detail, seen=seen))

    def none_fits(self, svids: tuple[X509Svid, ...], asked: str) -> SourceError:
        """Make the error that says that a choice fits none of the identities."""
        given = ", ".join(f"{it.spiffe_id} '{it.hint}'" for it in svids)
        return self.none_fits_text(given or "bundles alone", asked)

    def none_fits_text(self, given: str, asked: str) -> SourceError:
        """Make the same error, about something else that was given."""
        detail = detail_for(
            Reason.SOURCE_NO_SUCH_IDENTITY,
            expected=asked,
            seen=f"{escape(given, limit=500)} from {self.agent}",
        )
        return SourceError(detail)

    def need(self, found: Standing) -> None:
        """Insist that an identity has not ended.

        Raises:
            SourceError: it has; the error says why no other one came.
        """
        if self.now() >= found.ends:
            trouble = self.trouble
            raise self.origin.ended(found, trouble) from trouble


class _Seen(NamedTuple):
    """What a view made of what was held: a snapshot, or why there is none."""

    held: Held
    snapshot: SourceSnapshot | None = None
    standing: Standing | None = None
    absence: SourceError | None = None


class X509View:
    """One identity out of a state; for any thread.

    Args:
        state: Where identities come from.
        choice: Which of them.
        asked: What the choice is, in words, for errors.
    """

    __slots__ = ("_asked", "_choice", "_seen", "_state")

    def __init__(self, state: X509State, choice: Choice, asked: str) -> None:
        self._state = state
        self._choice = choice
        self._asked = asked
        self._seen: _Seen | None = None

    def snapshot(self) -> SourceSnapshot:
        """Return the newest snapshot with this identity, at once.

        Raises:
            SourceError: there is none, or it has ended.
        """
        held = self._state.held
        seen = self._seen
        if seen is None or seen.held is not held:
            # Two threads may both do it: they come to the same.
            seen = self._seen = self._look(held)
        snapshot, standing = seen.snapshot, seen.standing
        if snapshot is None or standing is None:
            if seen.absence is not None:
                raise SourceError(seen.absence.detail)
            # Why nothing came may be another thing each time.
            raise self._state.absent(held.absence or self._state.trouble)
        self._state.need(standing)
        return snapshot

    def newest(self) -> Standing | None:
        """Return this identity and its time, also after it; None without one."""
        with suppress(SourceError):
            self.snapshot()
        return None if self._seen is None else self._seen.standing

    def _look(self, held: Held) -> _Seen:
        update = held.update
        if update is None:
            return _Seen(held)
        try:
            svid = self._choice(update.svids)
        except Exception:
            # The application's mistake, which must not end the task that looks.
            _LOGGER.exception("the choice between identities failed")
            svid = None
        if svid is None or not any(svid is it for it in update.svids):
            none = self._state.none_fits(update.svids, self._asked)
            return _Seen(held, absence=none)
        snapshot = SourceSnapshot(
            svid=svid,
            bundles=update.bundles,
            generation=held.generation,
            svids=update.svids,
            crls=update.crls,
        )
        leaf = svid.chain[0]
        begins = max(svid.not_before, update.came[leaf])
        return _Seen(held, snapshot, Standing(svid, begins, update.ends[leaf]))
