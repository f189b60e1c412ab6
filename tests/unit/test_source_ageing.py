# SPDX-License-Identifier: Apache-2.0
"""An identity that nobody renews: the same for every source (W5)."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support import agent_messages as messages
from tests.support.ageing_sources import HOUR, KINDS, Open, first_svid, renewed_svid
from tests.support.agent_messages import WEB
from tests.support.identity_files import Version, source, write
from tests.support.net_world import trio_test

from handfast import (
    BundleDocument,
    Connection,
    Reason,
    SourceError,
    TlsConfig,
    authorize,
)
from handfast.authority import Authority
from handfast.authority.agent import NodeIdentity, NodeSource
from handfast.sources import SourceStatistics, Urgency
from handfast.sources.ageing import AGENTS, FILES, Shares, urgency_of
from handfast.testing import FakeClock

BEGIN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Open:
    """Each kind of source after the other."""
    chosen: Open = request.param
    return chosen


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    return Told(caplog)


class Told:
    """What the log was told of urgency."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __call__(self) -> list[tuple[str, int]]:
        facts = [(it.levelname, it.__dict__) for it in self._caplog.records]
        return [(level, it["urgency"]) for level, it in facts if "urgency" in it]

    @property
    def last(self) -> str:
        """The last message about it."""
        found = [it for it in self._caplog.records if "urgency" in it.__dict__]
        return found[-1].getMessage()


ALL = [("WARNING", 1), ("WARNING", 2), ("ERROR", 3), ("CRITICAL", 4)]


@trio_test
async def test_what_was_good_serves_until_it_ends_with_growing_warnings(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path, told: Told
) -> None:
    """W5: fail static until expiry, then fail with the name of who should renew."""
    async with kind(tmp_path, first_svid()) as it:
        source = it.source
        begin, before = it.now(), source.snapshot()
        assert source.health.state == "healthy"
        await it.lose()
        assert source.health.state == "stale"
        seen: list[tuple[int, Urgency]] = []
        for minutes in (10, 30, 47, 55, 58):
            it.now.set(begin + timedelta(minutes=minutes))
            await it.tick()
            await it.tick()  # a step is told once
            assert source.snapshot() is before
            assert source.health.state == "stale"
            seen.append((minutes, source.statistics().urgency))
        assert seen == [
            (10, Urgency.FRESH),
            (30, Urgency.FRESH),
            (47, Urgency.LATE),
            (55, Urgency.URGENT),
            (58, Urgency.LAST),
        ]
        assert told() == ALL[:3]
        it.now.set(begin + timedelta(minutes=61))
        await it.tick()
        assert told() == ALL
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_EXPIRED
        assert it.name in str(caught.value)
        assert caught.value.__cause__ is not None
        assert source.health.state == "unavailable"
        assert not source.health.ok


@trio_test
async def test_new_handshakes_fail_with_the_name_of_who_should_have_renewed(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    """W5, P7."""
    async with kind(tmp_path, first_svid()) as it:
        anyone = authorize.anyone()
        server = TlsConfig.server(it.source, authorize=anyone)
        client = TlsConfig.client(it.source, authorize=anyone)
        Connection(server)
        await it.lose()
        it.now.advance(hours=1)
        for config in (server, client):
            with pytest.raises(SourceError) as caught:
                Connection(config)
            assert caught.value.reason is Reason.SOURCE_EXPIRED
            assert it.name in str(caught.value)


@trio_test
async def test_a_renewer_that_seems_well_and_does_not_renew_is_told_of_too(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path, told: Told
) -> None:
    """W5: connected, or readable, is not healthy."""
    async with kind(tmp_path, first_svid()) as it:
        it.now.advance(minutes=47)
        assert it.source.health.state == "healthy"
        it.now.advance(minutes=8)
        await it.tick()
        assert it.source.trouble is None
        assert it.source.health.state == "stale"
        assert told() == [("WARNING", 2)]
        assert told.last.endswith(f": {it.calm}")
        assert it.name in told.last
        it.now.advance(minutes=5)
        with pytest.raises(SourceError, match=it.calm):
            it.source.snapshot()


@trio_test
async def test_a_renewal_ends_the_alarm_and_the_next_one_begins_anew(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path, told: Told
) -> None:
    """W5."""
    async with kind(tmp_path, first_svid()) as it:
        await it.lose()
        it.now.advance(hours=1)
        await it.tick()
        assert it.source.health.state == "unavailable"
        await it.renew(renewed_svid(it.now))
        assert it.source.health.state == "healthy"
        assert it.source.trouble is None
        assert it.source.statistics().urgency is Urgency.FRESH
        assert it.source.snapshot().generation == 2
        before = len(told())
        it.now.advance(minutes=58)
        await it.tick()
        assert told()[before:] == [("ERROR", 3)]


@trio_test
async def test_a_short_svid_that_was_dated_back_is_fresh_when_it_comes(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path, told: Told
) -> None:
    """W5: of ten seconds, and a minute old by its certificate; no false alarm."""
    async with kind(tmp_path, first_svid()) as it:
        short = messages.authority().issue(WEB, ttl=timedelta(seconds=10))
        it.now.set(short.not_after - timedelta(seconds=10))
        await it.renew(short)
        await it.tick()
        assert it.source.statistics().urgency is Urgency.FRESH
        assert it.source.health.state == "healthy"
        assert told() == []
        it.now.advance(seconds=9.2)
        assert it.source.statistics().urgency is Urgency.URGENT


@trio_test
async def test_statistics_have_the_same_words(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    """W5: what metrics are made of; the age grows while nothing is confirmed."""
    async with kind(tmp_path, first_svid()) as it:
        source = it.source
        await it.tick()
        good = source.statistics()
        assert isinstance(good, SourceStatistics)
        assert good.expires_in == HOUR.total_seconds()
        assert (good.generation, good.urgency, good.trouble) == (1, Urgency.FRESH, None)
        assert good.failures == {}
        await it.lose()
        it.now.advance(minutes=61)
        await it.tick()
        bad = source.statistics()
        assert bad.expires_in == -60
        assert bad.urgency is Urgency.EXPIRED
        assert bad.age == 61 * 60
        assert bad.trouble == str(source.trouble)
        assert bad.failures
        assert all(count > 0 for count in bad.failures.values())
        with pytest.raises(TypeError):
            bad.failures["none of ours"] = 1


@trio_test
async def test_trouble_that_is_kept_holds_no_bytes_of_a_key(
    kind: Open, clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    """Its frames are let go, those of its causes too."""
    async with kind(tmp_path, first_svid()) as it:
        await it.spoil(renewed_svid(it.now))
        found: BaseException | None = it.source.trouble
        reasons: list[object] = []
        while found is not None:
            assert found.__traceback__ is None
            reasons.append(getattr(found, "reason", None))
            found = found.__cause__ or found.__context__
        assert Reason.KEY_MISMATCH in reasons


def test_files_that_were_old_when_we_came_are_as_late_as_they_are(
    tmp_path: Path,
) -> None:
    """W5: a program that starts again does not take the last minutes for a life."""
    svid = first_svid()
    write(tmp_path, Version(svid=svid, bundle=messages.authority().bundle))
    written = (svid.not_after - HOUR).timestamp()
    os.utime(tmp_path / "tls.crt", (written, written))
    found = source(tmp_path, now=FakeClock(svid.not_after - timedelta(minutes=5)))
    found.refresh()
    assert found.statistics().urgency is Urgency.URGENT
    assert found.health.state == "stale"


@pytest.mark.parametrize("written", [-(2.0**40), 0.0, 2.0**33])
def test_a_file_may_say_any_time_of_itself(written: float, tmp_path: Path) -> None:
    """Before its SVID begins, and long after now: it is kept between the two."""
    svid = first_svid()
    write(tmp_path, Version(svid=svid, bundle=messages.authority().bundle))
    os.utime(tmp_path / "tls.crt", (written, written))
    clock = FakeClock(svid.not_after - HOUR)
    found = source(tmp_path, now=clock)
    found.refresh()
    late = written < clock().timestamp()
    assert (found.statistics().urgency is Urgency.FRESH) is not late


def test_a_node_that_is_not_renewed_says_so_as_any_source_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """W5: the same machine, told by the agent of another host."""
    clock, node = FakeClock(BEGIN), "spiffe://a.example/node"
    authority = Authority("a.example", now=clock)
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=authority.issue(node, ttl=timedelta(hours=1)),
        bundle=BundleDocument.of(authority.bundle),
    )
    source = NodeSource(identity, now=clock)
    source.heard()
    assert source.health.state == "healthy"
    clock.advance(minutes=50)
    assert source.health.state == "stale"
    for _ in range(2):
        source.failed(OSError(111, "Connection refused"))
    [record] = caplog.records
    assert record.__dict__["urgency"] == source.statistics().urgency == 2
    assert "the authority at authority.example:8443" in record.getMessage()
    assert "Connection refused" in record.getMessage()
    assert source.statistics().failures == {"source_unavailable": 2}
    assert (source.statistics().age, source.statistics().expires_in) == (3000, 600)
    clock.advance(minutes=10)
    source.failed(trio.TooSlowError())
    assert source.health.state == "unavailable"
    with pytest.raises(SourceError, match="TooSlowError"):
        source.snapshot()
    renewed = authority.issue(node, ttl=timedelta(hours=1))
    assert source.change(svid=renewed)
    source.heard()
    assert source.health.state == "healthy"
    assert source.snapshot().generation == 2


@pytest.mark.parametrize(
    ("shares", "steps"),
    [(AGENTS, (37, 49, 58)), (FILES, (46, 55, 58))],
    ids=["agents", "files"],
)
def test_a_renewal_that_does_not_come_gets_more_urgent(
    shares: Shares, steps: tuple[int, int, int]
) -> None:
    """W5: later than agents renew (a half), and than cert-manager does (two thirds)."""
    end = BEGIN + HOUR
    for minutes in range(70):
        late = sum(minutes >= step for step in (*steps, 60))
        at = BEGIN + timedelta(minutes=minutes)
        assert urgency_of(BEGIN, end, at, shares) == late, minutes
