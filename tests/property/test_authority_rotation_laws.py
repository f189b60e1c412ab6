# SPDX-License-Identifier: Apache-2.0
"""Whatever happens in time, rotation keeps its promises: the plan, without keys.

An authority of roots, intermediates and JWT keys lives through pauses, wishes and
issuing in any order. `next_step` alone decides; this only does what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from handfast.authority.rotation import (
    Activate,
    Kind,
    Plan,
    Prepare,
    Remove,
    Slot,
    next_step,
)

KINDS: tuple[Kind, ...] = ("root", "intermediate", "jwt")
LEAD, TTL = 100.0, 200.0
PLANS = {
    "root": Plan(lifetime=5000.0, lead=LEAD),
    "intermediate": Plan(lifetime=1000.0, lead=LEAD),
    "jwt": Plan(lifetime=1000.0, lead=LEAD),
}


@dataclass
class Model:
    """An authority without cryptography."""

    now: float = 0.0
    slots: dict[Kind, list[Slot]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS}
    )
    wishes: dict[Kind, float] = field(default_factory=dict[Kind, float])
    issued: list[tuple[float, tuple[str, ...]]] = field(
        default_factory=list[tuple[float, tuple[str, ...]]]
    )
    published: dict[str, float] = field(default_factory=dict[str, float])
    made: int = 0

    def active(self, kind: Kind) -> Slot | None:
        found = [slot for slot in self.slots[kind] if slot.is_active]
        assert len(found) <= 1, "two sign at once"
        return found[0] if found else None

    def change(self, kind: Kind, signer: str, **changes: float) -> None:
        self.slots[kind] = [
            replace(one, **changes) if one.id == signer else one  # type: ignore[arg-type]
            for one in self.slots[kind]
        ]

    def keep(self) -> None:
        for kind in KINDS:
            for _ in range(50):
                if not self.step(kind):
                    break
            else:
                raise AssertionError("steps without an end")

    def step(self, kind: Kind) -> bool:
        roots = self.slots["root"]
        root = self.active("root")
        inner = kind == "intermediate"
        users = {slot.issuer for slot in self.slots["intermediate"]} - {None}
        step = next_step(
            self.slots[kind],
            PLANS[kind],
            self.now,
            wanted_at=self.wishes.get(kind),
            issuer=(root.id if root else "") if inner else None,
            given_up=frozenset(r.id for r in roots if r.retired_at is not None)
            if inner
            else frozenset(),
            kept=frozenset(map(str, users)) if kind == "root" else frozenset(),
        )
        match step:
            case Prepare():
                self.prepare(kind, root if inner else None)
            case Activate(signer):
                self.activate(kind, signer)
            case Remove(signer):
                self.remove(kind, signer)
            case None:
                return False
        return True

    def prepare(self, kind: Kind, root: Slot | None) -> None:
        self.made += 1
        ends = self.now + PLANS[kind].lifetime
        slot = Slot(
            id=f"{kind}-{self.made}",
            issuer=root.id if root else None,
            prepared_at=self.now,
            not_after=min(ends, root.not_after) if root else ends,
        )
        self.slots[kind].append(slot)
        self.published[slot.id] = self.now

    def activate(self, kind: Kind, signer: str) -> None:
        before = self.active(kind)
        if before is not None:
            # FED-02: known for a lead, unless nothing else could have signed.
            early = self.now - self.published[signer]
            assert early >= LEAD or self.now >= before.not_after
            self.change(kind, before.id, retired_at=self.now)
        self.change(kind, signer, active_from=self.now)

    def remove(self, kind: Kind, signer: str) -> None:
        for ends, needed in self.issued:
            # FED-03 the other way round: nothing valid rests on it.
            assert signer not in needed or ends <= self.now
        assert all(slot.issuer != signer for slot in self.slots["intermediate"])
        self.slots[kind] = [one for one in self.slots[kind] if one.id != signer]

    def issue(self) -> None:
        inner, jwt = self.active("intermediate"), self.active("jwt")
        assert inner is not None
        assert jwt is not None
        assert inner.issuer is not None
        for kind, needed, limit in (
            ("intermediate", (inner.id, inner.issuer), inner.not_after),
            ("jwt", (jwt.id,), jwt.not_after + TTL),
        ):
            assert self.now < limit, f"{kind} signs after its end"
            ends = min(self.now + TTL, limit)
            self.issued.append((ends, needed))
            for signer in needed:
                for each in KINDS:
                    self.change(each, signer, last_not_after=ends)

    def check(self) -> None:
        self.issued = [one for one in self.issued if one[0] > self.now]
        there = {slot.id for kind in KINDS for slot in self.slots[kind]}
        for _, needed in self.issued:
            assert there.issuperset(needed)
        for kind in KINDS:
            # FED-03: what is over is gone, so there are never many.
            assert len(self.slots[kind]) <= 4


_STEP = st.one_of(
    st.floats(0.0, 80.0).map(lambda seconds: ("wait", seconds)),
    st.sampled_from([900.0, 3000.0, 20000.0]).map(lambda seconds: ("pause", seconds)),
    st.sampled_from(KINDS).map(lambda kind: ("wish", kind)),
    st.just(("issue", None)),
    st.just(("issue", None)),
)


@given(st.lists(_STEP, max_size=120))
def test_at_every_moment_what_is_valid_rests_on_what_is_published(
    steps: list[tuple[str, float | Kind | None]],
) -> None:
    """FED-01, FED-02, FED-03."""
    model = Model()
    for what, how in steps:
        if what in {"wait", "pause"}:
            assert isinstance(how, float)
            model.now += how
        elif what == "wish":
            assert isinstance(how, str)
            model.wishes[how] = model.now
        model.keep()
        for kind in KINDS:
            assert model.active(kind) is not None, f"no {kind} signs"
        if what == "issue":
            model.issue()
        model.check()
