# SPDX-License-Identifier: Apache-2.0
"""An authority that dies in the middle of any step can be started again.

A child does everything that writes: it initialises, issues, rotates all three kinds,
revokes, removes. It ends without a word (no handler, no flush) before or after its k-th
statement or system call, for every k (some of them without HANDFAST_FAULTS=all). The
parent starts the state again: it must issue, and everything that the child had given
out before must still be good to the published bundle, if it is not over.
"""

from __future__ import annotations

import os
import pickle
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.authority_state import World, entry, settings
from tests.support.dying import DIED, WHOLE, Countdown
from tests.support.forking import fork
from tests.support.sweep import Sweep, stride

from handfast import JwtBundleSet, JwtSvid, Verifier
from handfast.authority import database
from handfast.authority.issuing import Issuing
from handfast.authority.jwt_issuing import JwtIssuing
from handfast.authority.revocation import Crls, revoke
from handfast.authority.state import AuthorityState

# Of the points, in a short run: a prime, so that it meets every kind of them.
_STRIDE = stride(41)

Given = tuple[datetime, tuple[bytes, ...], str]


def _issue(state: AuthorityState, world: World, told: int | None) -> list[Given]:
    """Issue both kinds, and tell of it once somebody could have them."""
    issuing = Issuing(state, now=world.clock)
    tokens = JwtIssuing(state, now=world.clock)
    svid = issuing.x509(entry(), {}).svid
    token = tokens.jwt(entry(), ["shop"], {}).token
    given = [(svid.not_after, svid.chain, token)]
    if told is not None:
        _tell(world, told, given)
    return given


def _tell(world: World, told: int, given: list[Given]) -> None:
    data = pickle.dumps((world.clock(), given))
    os.write(told, len(data).to_bytes(4, "big") + data)


def _live(world: World, told: int) -> None:
    """All that writes, over ten hours of an authority's life."""
    with world.open(settings()) as state:
        state.registry.add(entry())
        crls = Crls(state, now=world.clock)
        for hour in range(20):
            _tell(world, told, [])  # what time it is
            state.signers.keep()
            _issue(state, world, told)
            if hour % 5 == 1:
                ((serial,),) = state.database.rows(
                    "SELECT serial FROM issued WHERE revoked_at IS NULL"
                    " ORDER BY not_after DESC LIMIT 1"
                )
                revoke(state.database, serial, now=world.clock())
            crls.keep()
            world.clock.advance(minutes=30)
        state.registry.remove(entry().id)


def _arm(countdown: Countdown) -> None:
    """Count statements of the database, and what is done to files."""

    class Counted(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement.startswith("PRAGMA synchronous"):
                # A process that dies takes nothing from the system's own memory.
                statement = "PRAGMA synchronous = OFF"
            countdown.step()
            cursor = super().execute(statement, *values)
            countdown.step()
            return cursor

    connect = sqlite3.connect

    def counted(*args: Any, **more: Any) -> sqlite3.Connection:
        return connect(*args, factory=Counted, **more)

    # In the child alone, which never comes back.
    database.sqlite3.connect = counted  # type: ignore[attr-defined]
    os.fsync = countdown.around(lambda _file: None)
    os.open = countdown.around(os.open)
    os.rename = countdown.around(os.rename)
    Path.replace = countdown.around(Path.replace)  # type: ignore[method-assign]
    Path.unlink = countdown.around(Path.unlink)  # type: ignore[method-assign]
    Path.mkdir = countdown.around(Path.mkdir)  # type: ignore[method-assign]


def _child(world: World, steps: int) -> tuple[int, list[tuple[datetime, list[Given]]]]:
    """Run until the k-th step; return how it ended and what it had given out."""
    reading, told = os.pipe()
    child = fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            countdown = Countdown(steps)
            _arm(countdown)
            _live(world, told)
            code = WHOLE
        finally:
            os._exit(code)
    os.close(told)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(pickle.loads(data[4 : 4 + size]))
        data = data[4 + size :]
    return code, found


def _starts_again(world: World, given: list[tuple[datetime, list[Given]]]) -> None:
    if given:
        world.clock.set(given[-1][0] + timedelta(seconds=1))
    with world.open(settings()) as state:
        now = world.clock()
        verifier = Verifier(state.signers.bundle, at=now, cache=None)
        bundles = JwtBundleSet([state.signers.jwt_bundle])
        for not_after, chain, token in _issue(state, world, None):
            assert not_after > now
            verifier.verify(chain)
            JwtSvid.parse(token, bundles, "shop", at=now)
        for _at, svids in given:
            for not_after, chain, token in svids:
                if not_after > now:
                    verifier.verify(chain)
                if JwtSvid.read_unverified(token).expires_at > now:
                    JwtSvid.parse(token, bundles, "shop", at=now)
        keys = {row.id + ".key" for row in state.signers.rows if row.has_key}
        assert {path.name for path in (world.folder / "keys").iterdir()} == keys


def test_a_crash_at_any_step_leaves_a_state_to_start_from(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    steps, sweep = 1, Sweep("authority dies at every step")
    while True:
        world = World(tmp_path / f"state-{steps}")
        code, given = _child(world, steps)
        assert code in {DIED, WHOLE}
        _starts_again(world, given)
        if code == WHOLE:
            break
        sweep.injected += 1
        steps += _STRIDE
    assert sweep.injected > 20
    assert len([svids for _, svids in given if svids]) == 20
    sweep.report()
