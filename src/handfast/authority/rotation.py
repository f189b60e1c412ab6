# SPDX-License-Identifier: Apache-2.0
"""When keys change: a plan, and the next step for what is there. No I/O, no clock.

Roots, intermediates and JWT keys live the same life:

1. **prepared**: made, and, if others must know it beforehand, published. It signs
   nothing for the time of the *lead*, which gives everybody who polls our bundle the
   time to have it (FED-01, FED-02).
2. **active**: what is issued is signed with it; the one before retires in the same
   moment. A successor takes over when half of its life is over.
3. **retired**: signs nothing new. It stays published until the last SVID that rests on
   it is over (FED-03), and is removed then, key and all.

If nobody was there to rotate in time, and the active one is over, its successor signs
as soon as it is published: an authority that cannot issue helps nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Activate", "Kind", "Plan", "Prepare", "Remove", "Slot", "Step", "next_step"]

Kind = Literal["root", "intermediate", "jwt"]

#: A retired one is kept so many seconds longer than what rests on it: clocks differ.
_KEPT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long one of a kind lives and is known before it signs, in seconds."""

    lifetime: float
    lead: float

    def turn(self, slot: Slot) -> float:
        """When the successor of an active one takes over: at half of its life."""
        begin = slot.prepared_at if slot.active_from is None else slot.active_from
        return begin + max(0.0, slot.not_after - begin) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A root, an intermediate or a JWT key at one moment of its life.

    Attributes:
        id: Of its key.
        issuer: The root of an intermediate.
        prepared_at: When it was made, or imported.
        active_from: Since when it signs; None: not yet.
        retired_at: Since when it does so no more.
        not_after: When it ends.
        last_not_after: When the last thing that it signed ends.
        awaited: Its certificate is still to come from an offline root.
    """

    id: str
    issuer: str | None = None
    prepared_at: float
    active_from: float | None = None
    retired_at: float | None = None
    not_after: float
    last_not_after: float = 0.0
    awaited: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it signs what is issued now."""
        return self.active_from is not None and self.retired_at is None

    @property
    def is_prepared(self) -> bool:
        """Whether it waits for its turn."""
        return self.active_from is None and not self.awaited


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make a new one and publish it."""


@dataclass(frozen=True, slots=True)
class Activate:
    """Let a prepared one sign, and retire the one before."""

    id: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget one on which nothing rests any more."""

    id: str


Step = Prepare | Activate | Remove


def _over(
    slot: Slot, now: float, kept: frozenset[str], given_up: frozenset[str]
) -> bool:
    if slot.id in kept:
        return False
    if slot.retired_at is not None:
        return now >= max(slot.retired_at, slot.last_not_after) + _KEPT
    # One that never signed: its time is over, or its root signs no more.
    return slot.is_prepared and (slot.issuer in given_up or now >= slot.not_after)


def _turn(
    active: Slot, plan: Plan, wanted_at: float | None, issuer: str | None
) -> float:
    """When somebody else should take over; at once under a root that does not sign."""
    if issuer is not None and active.issuer != issuer:
        return 0.0
    turn = plan.turn(active)
    begin = active.active_from or 0.0
    # A wish from before it began was for itself.
    return turn if wanted_at is None or wanted_at < begin else min(turn, wanted_at)


def next_step(  # noqa: PLR0913 - facts, all by keyword
    slots: Sequence[Slot],
    plan: Plan,
    now: float,
    *,
    wanted_at: float | None = None,
    issuer: str | None = None,
    kept: frozenset[str] = frozenset(),
    given_up: frozenset[str] = frozenset(),
) -> Step | None:
    """Say what is to be done next; None when nothing is.

    Args:
        slots: All of one kind.
        plan: For this kind.
        now: Seconds since 1970.
        wanted_at: Somebody asked for a successor then.
        issuer: For intermediates: the active root. Those of others are not activated.
        kept: What something else rests on, so that it stays.
        given_up: Roots that sign no more.
    """
    for slot in slots:
        if _over(slot, now, kept, given_up):
            return Remove(slot.id)
    active = next((slot for slot in slots if slot.is_active), None)
    ready = [s for s in slots if s.is_prepared and issuer in {None, s.issuer}]
    successor = min(ready, key=lambda slot: slot.prepared_at, default=None)
    turn = 0.0 if active is None else _turn(active, plan, wanted_at, issuer)
    if successor is None:
        waits = any(slot.awaited for slot in slots) or now < turn - plan.lead
        return None if waits else Prepare()
    if active is None or now >= active.not_after:
        return Activate(successor.id)
    due = max(turn, successor.prepared_at + plan.lead)
    return Activate(successor.id) if now >= due else None
