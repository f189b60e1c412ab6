# SPDX-License-Identifier: Apache-2.0
"""The audit log says who got what, and nobody can fill it or empty it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.authority_state import WEB, World, entry, settings

from handfast.authority.audit import AuditRow, read_audit
from handfast.authority.issuing import Issuing
from handfast.authority.jwt_issuing import JwtIssuing
from handfast.authority.state import AuthorityState
from handfast.authority.telling import Telling
from handfast.errors import TransportError

SHOP = "spiffe://a.example/shop"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state")


@pytest.fixture
def state(world: World) -> Iterator[AuthorityState]:
    with world.open(settings()) as opened:
        yield opened


def who(number: int, uid: int = 1000, path: str = "/usr/bin/web") -> dict[str, Any]:
    """A process: each has another pid, until they are used again."""
    pid = number % 1000
    told = {"pid": pid, "began": number, "uid": uid, "path": path}
    return told | {"caller": f"pid {pid}, uid {uid}"}


def rows_of(state: AuthorityState, event: str) -> list[AuditRow]:
    return list(read_audit(state.database, event=event, last=1_000_000))


def told_of(rows: list[AuditRow]) -> int:
    """How many processes a log tells of."""
    return sum(row.details.get("coalesced", 1) for row in rows)


def test_a_fork_loop_cannot_fill_the_log_and_is_told_to_the_last(
    state: AuthorityState, world: World
) -> None:
    """P8: each process gets its SVID and is counted; rows of one user have a rate."""
    issuing = Issuing(state, now=world.clock)
    issuing.x509(entry(WEB), who(0))
    for number in range(1, 5001):
        issuing.x509(entry(WEB), who(number))
    rows = rows_of(state, "x509_given")
    assert told_of(rows) == 5000
    assert len(rows) == 201
    (many,) = [row for row in rows if "coalesced" in row.details]
    (signed,) = rows_of(state, "x509_issued")
    assert (many.serial, many.entry) == (signed.serial, entry(WEB).id)
    assert many.details["uid"] == 1000
    assert many.details["matched"] == ["unix:uid:1000"]
    assert many.details["path"] == {"/usr/bin/web": 4800}
    callers = many.details["caller"]
    assert len(callers) == 17
    assert sum(callers.values()) == 4800


def test_a_loop_hides_nobody_else(state: AuthorityState, world: World) -> None:
    """Neither another user's process, nor another program of the same user."""
    issuing = Issuing(state, now=world.clock)
    issuing.x509(entry(WEB), who(0))
    for number in range(1, 301):
        issuing.x509(entry(WEB), who(number))
    issuing.x509(entry(WEB), who(500, path="/srv/eve/tool"))
    issuing.x509(entry(WEB), who(501, uid=1001))
    many, other = rows_of(state, "x509_given")[-2:]
    assert many.details["path"] == {"/usr/bin/web": 100, "/srv/eve/tool": 1}
    assert other.details["uid"] == 1001


def test_the_next_process_with_a_pid_is_another(
    state: AuthorityState, world: World
) -> None:
    """W1: pids come round within the life of one SVID."""
    issuing = Issuing(state, now=world.clock)
    issuing.x509(entry(WEB), who(7))
    issuing.x509(entry(WEB), who(7))
    assert rows_of(state, "x509_given") == []
    issuing.x509(entry(WEB), who(1007))
    (given,) = rows_of(state, "x509_given")
    assert (given.details["pid"], given.details["began"]) == (7, 1007)


def test_a_row_is_added_to_for_ten_minutes_and_for_one_certificate(
    state: AuthorityState, world: World
) -> None:
    issuing = Issuing(state, now=world.clock, chance=lambda: 0.0)
    issuing.x509(entry(WEB), who(0))
    for number in range(1, 221):
        issuing.x509(entry(WEB), who(number))
    world.clock.advance(200)  # forty rows more
    for number in range(300, 345):
        issuing.x509(entry(WEB), who(number))
    (many,) = [r for r in rows_of(state, "x509_given") if "coalesced" in r.details]
    assert many.details["coalesced"] == 25
    assert many.details["since"] < many.details["until"]
    world.clock.advance(101)  # its half is over: another one is signed
    for number in range(400, 500):
        issuing.x509(entry(WEB), who(number))
    both = [row for row in rows_of(state, "x509_given") if "coalesced" in row.details]
    assert len({row.serial for row in both}) == len(both) == 2


def test_what_was_counted_survives_a_crash(state: AuthorityState, world: World) -> None:
    """The row is written with each one: nothing waits in memory to be told."""
    issuing = Issuing(state, now=world.clock)
    for number in range(1000):
        issuing.x509(entry(WEB), who(number))
    with AuthorityState.look(world.folder) as other:
        assert told_of(rows_of(other, "x509_given")) == 999


def test_tokens_for_ever_new_audiences_are_told_likewise(
    state: AuthorityState, world: World
) -> None:
    """P8: the caller chooses the audience, and so how many there are."""
    tokens = JwtIssuing(state, now=world.clock)
    for number in range(600):
        tokens.jwt(entry(WEB), [f"shop-{number}"], who(1))
        tokens.jwt(entry(SHOP), [f"shop-{number}"], who(1))
    rows = rows_of(state, "jwt_issued")
    assert told_of(rows) == 1200
    assert len(rows) == 202
    web = next(r for r in rows if "coalesced" in r.details and r.spiffe_id == WEB)
    assert web.details["audience"]["shop-100"] == 1
    assert web.details["audience"]["(others)"] == 500 - 16
    assert web.not_after is not None


def test_what_was_not_written_is_not_counted(
    state: AuthorityState, world: World
) -> None:
    """Its process got nothing, and is told when it does."""
    telling = Telling(burst=0.5, rate=1e-9)

    def tell(number: int, *, fails: bool = False) -> None:
        def also(_run: object) -> None:
            if fails:
                raise OSError("no space left")

        row = AuditRow(at=world.clock(), event="x509_given", details=who(number))
        telling.tell(state.database, row, who(number), "serial", also=also)

    tell(1)
    with pytest.raises(OSError, match="space"):
        tell(2, fails=True)
    assert not telling.knows(who(2), "serial")
    tell(2)
    (row,) = rows_of(state, "x509_given")
    assert row.details["coalesced"] == 2


def test_a_row_that_the_log_has_forgotten_is_begun_again(
    state: AuthorityState, world: World
) -> None:
    telling = Telling(burst=0.5, rate=1e-9)

    def tell(number: int) -> None:
        row = AuditRow(at=world.clock(), event="x509_given", details=who(number))
        telling.tell(state.database, row, who(number), "serial")

    tell(1)
    with state.database.transaction() as run:
        run("DELETE FROM audit")
    tell(2)
    (row,) = rows_of(state, "x509_given")
    assert row.details["coalesced"] == 1


def test_a_full_disk_is_an_error_and_no_silence(
    state: AuthorityState, world: World
) -> None:
    issuing = Issuing(state, now=world.clock)
    issuing.x509(entry(WEB), who(0))
    state.database._connection.execute("PRAGMA query_only = ON")
    for number in range(1, 3):
        with pytest.raises(TransportError):
            issuing.x509(entry(WEB), who(number))
    state.database._connection.execute("PRAGMA query_only = OFF")
    issuing.x509(entry(WEB), who(1))
    assert told_of(rows_of(state, "x509_given")) == 1
