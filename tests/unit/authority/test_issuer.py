# SPDX-License-Identifier: Apache-2.0
"""What each caller gets, and when its streams are told to look again."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import NOON, WEB, Process, entry, facts, settings
from tests.support.net_world import trio_test
from trio.testing import MockClock, wait_all_tasks_blocked

from handfast import TrustDomain, Verifier
from handfast.authority import Authority
from handfast.authority.audit import read_audit
from handfast.authority.revocation import revoke
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

CALLER = Process(facts("unix:uid:1000", "unix:path:/usr/bin/web"))


def trio_clock() -> Callable[[], object]:
    """The wall's clock goes as trio's does."""
    start = trio.current_time()
    return lambda: NOON + timedelta(seconds=trio.current_time() - start)


@dataclass
class Running:
    state: AuthorityState
    service: AuthorityService


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    now = trio_clock()
    with AuthorityState.open(
        tmp_path / "state",
        settings=settings(),
        now=now,  # type: ignore[arg-type]
    ) as state:
        service = AuthorityService(state, now=now)  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            yield Running(state, service)
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_caller_gets_an_svid_for_each_of_its_entries(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-41, WAPI-42, WAPI-64: the most specific entry's is the default."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry(WEB, "unix:uid:1000"))
        it.state.registry.add(
            entry(
                "spiffe://a.example/shop",
                "unix:uid:1000",
                "unix:path:/usr/bin/web",
                hint="shop",
            )
        )
        it.state.registry.add(entry("spiffe://a.example/other", "unix:uid:2"))
        context = await it.service.issuer.x509_context(CALLER)
        ids = [str(svid.spiffe_id) for svid in context.svids]
        assert ids == ["spiffe://a.example/shop", WEB]
        assert [svid.hint for svid in context.svids] == ["shop", ""]
        for svid in context.svids:
            Verifier(context.bundles.own, at=svid.not_before, cache=None).verify(
                svid.chain
            )


@trio_test
async def test_of_two_entries_with_one_id_the_most_specific_decides(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        more = ("unix:uid:1000", "unix:path:/usr/bin/web")
        it.state.registry.add(entry(WEB, "unix:uid:1000", hint="any"))
        it.state.registry.add(entry(WEB, *more, hint="exact"))
        context = await it.service.issuer.x509_context(CALLER)
        assert [svid.hint for svid in context.svids] == ["exact"]


@trio_test
async def test_a_hint_never_comes_twice(tmp_path: Path, clock: MockClock) -> None:
    """WAPI-48: the more specific entry keeps it."""
    async with running(tmp_path) as it:
        more = ("unix:uid:1000", "unix:path:/usr/bin/web")
        it.state.registry.add(entry(WEB, *more, hint="internal"))
        it.state.registry.add(entry("spiffe://a.example/b", hint="internal"))
        context = await it.service.issuer.x509_context(CALLER)
        assert [svid.hint for svid in context.svids] == ["internal", ""]


@trio_test
async def test_nobody_without_an_entry_gets_anything(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-50, WAPI-53."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry(WEB, "unix:uid:1001"))
        for ask in (it.service.issuer.x509_context, it.service.issuer.x509_bundles):
            with pytest.raises(PermissionDenied):
                await ask(CALLER)


@trio_test
async def test_a_process_that_is_another_one_by_now_gets_nothing(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        caller = Process(facts("unix:uid:1000"))
        await it.service.issuer.x509_context(caller)
        caller.there = False
        with pytest.raises(PermissionDenied):
            await it.service.issuer.x509_context(caller)


@trio_test
async def test_federated_bundles_are_those_that_the_entries_name(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-46, WAPI-52: and never the own one among them."""
    async with running(tmp_path) as it:
        for name in ("b.example", "c.example"):
            document = Authority(name).bundle.to_json()
            it.service.federated.put(TrustDomain(name), document)
        domain = frozenset({TrustDomain("b.example"), TrustDomain("x.example")})
        it.state.registry.add(entry(federates_with=domain))
        bundles = await it.service.issuer.x509_bundles(CALLER)
        assert bundles.own == it.state.signers.bundle
        assert [str(b.trust_domain) for b in bundles.federated] == ["b.example"]


@trio_test
async def test_many_streams_cost_one_signature_and_share_it(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        serials = set()
        for number in range(200):
            caller = Process(facts("unix:uid:1000", f"unix:sha256:{number:x}"))
            context = await it.service.issuer.x509_context(caller)
            serials.add(context.svids[0].leaf.serial_number)
        assert len(serials) == 1
        rows = list(read_audit(it.state.database, event="x509_issued"))
        assert len(rows) == 1
        # They are one process; another one that is given it is told of, once.
        for _ in range(3):
            await it.service.issuer.x509_context(Process(facts("unix:uid:1000"), pid=8))
        given = list(read_audit(it.state.database, event="x509_given"))
        assert [row.details["pid"] for row in given] == [8]
        assert given[0].serial == rows[0].serial


@trio_test
async def test_a_stream_is_woken_at_half_of_a_life(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-33: ten minutes are renewed in the fifth, each time with a new key."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        issuer = it.service.issuer
        watch = issuer.watch(CALLER)
        begin = trio.current_time()
        keys = set()
        for _ in range(4):
            context = await issuer.x509_context(CALLER)
            keys.add(context.svids[0].key.public_der)
            await watch.wait()
        assert len(keys) == 4
        # Not each wake is a new SVID: the bundle may change in between.
        assert 4 * 0.45 * 600 - 1 <= trio.current_time() - begin <= 4 * 300 + 1


@trio_test
async def test_a_change_is_pushed_at_once_and_to_nobody_else(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-33."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        it.state.registry.add(entry("spiffe://a.example/b", "unix:uid:2"))
        woken: list[str] = []
        first = trio.Event()

        async def stream(name: str, caller: Process) -> None:
            watch = it.service.issuer.watch(caller)
            await it.service.issuer.x509_context(caller)
            await watch.wait()
            woken.append(name)
            first.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream, "a", CALLER)
            nursery.start_soon(stream, "b", Process(facts("unix:uid:2")))
            await wait_all_tasks_blocked()
            # Another process, as `handfast authority entry add` is.
            with AuthorityState.look(tmp_path / "state") as other:
                other.registry.add(
                    entry("spiffe://a.example/c", "unix:path:/usr/bin/web")
                )
            with trio.fail_after(1):
                await first.wait()
            await trio.sleep(5)
            assert woken == ["a"]
            nursery.cancel_scope.cancel()


@trio_test
async def test_no_change_is_lost_between_an_answer_and_the_wait(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        watch = it.service.issuer.watch(CALLER)
        await it.service.issuer.x509_context(CALLER)
        it.state.registry.add(entry("spiffe://a.example/late", "unix:uid:1000"))
        with trio.fail_after(0.01):
            await watch.wait()


@trio_test
async def test_an_entry_that_is_removed_is_denied_at_once(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-51."""
    async with running(tmp_path) as it:
        one = entry()
        it.state.registry.add(one)
        watch = it.service.issuer.watch(CALLER)
        await it.service.issuer.x509_context(CALLER)
        with AuthorityState.look(tmp_path / "state") as other:
            other.registry.remove(one.id)
        with trio.fail_after(1):
            await watch.wait()
        with pytest.raises(PermissionDenied):
            await it.service.issuer.x509_context(CALLER)


@trio_test
async def test_a_revoked_svid_is_replaced_and_stands_on_the_list(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-47: the list is its issuer's own."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        watch = it.service.issuer.watch(CALLER)
        first = (await it.service.issuer.x509_context(CALLER)).svids[0]
        serial = f"{first.leaf.serial_number:x}"
        with AuthorityState.look(tmp_path / "state") as other:
            revoke(other.database, serial, "keyCompromise", now=NOON)
        with trio.fail_after(1):
            await watch.wait()
        context = await it.service.issuer.x509_context(CALLER)
        assert context.svids[0].leaf.serial_number != first.leaf.serial_number
        assert len(context.bundles.crls) == 1


@trio_test
async def test_who_was_given_what_and_why_is_in_the_audit_log(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        one = entry(WEB, "unix:uid:1000", "unix:path:/usr/bin/web")
        it.state.registry.add(one)
        svid = (await it.service.issuer.x509_context(CALLER)).svids[0]
        (row,) = read_audit(it.state.database, spiffe_id=WEB, event="x509_issued")
        assert row.entry == one.id
        assert row.serial == f"{svid.leaf.serial_number:x}"
        assert row.not_after == svid.not_after
        assert row.details["matched"] == ["unix:path:/usr/bin/web", "unix:uid:1000"]
        assert row.details["pid"] == 7
        assert row.details["path"] == "/usr/bin/web"


@trio_test
async def test_an_authority_that_cannot_write_says_so_and_goes_on(
    tmp_path: Path, clock: MockClock
) -> None:
    """WAPI-18: Unavailable, so that clients try again."""
    async with running(tmp_path) as it:
        it.state.registry.add(entry())
        it.state.database._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(RpcError) as refused:
            await it.service.issuer.x509_context(CALLER)
        assert refused.value.code is StatusCode.UNAVAILABLE
        it.state.database._connection.execute("PRAGMA query_only = OFF")
        await it.service.issuer.x509_context(CALLER)


@trio_test
async def test_a_state_that_cannot_be_read_is_said_once_and_looked_at_again(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as it:
        connection = it.state.database._connection
        broken = sqlite3.connect(":memory:")
        broken.close()
        it.state.database._connection = broken
        await trio.sleep(3)
        it.state.database._connection = connection
        it.state.registry.add(entry())
        await trio.sleep(3)
        await it.service.issuer.x509_context(CALLER)
    said = [r for r in caplog.records if "authority's state" in r.getMessage()]
    assert len(said) == 1
