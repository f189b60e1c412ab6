# SPDX-License-Identifier: Apache-2.0
"""What a program that embeds an authority imports is there, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import WEB, Process, World, entry, settings
from tests.support.net_world import trio_test

from handfast import authority
from handfast.authority import AuthorityService, distrust, plan_distrust
from handfast.workload_api.status import PermissionDenied


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AuthorityService]:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        yield AuthorityService(state, now=world.clock)


def test_every_name_is_there_and_says_what_it_is() -> None:
    assert dir(authority) == authority.__all__ == sorted(authority.__all__)
    for name in authority.__all__:
        found = getattr(authority, name)
        assert found.__name__ == name
        assert found.__doc__
    with pytest.raises(AttributeError, match="Issuing"):
        _ = authority.Issuing


@trio_test
async def test_what_the_program_itself_changes_is_pushed(
    service: AuthorityService,
) -> None:
    """As what a command changes is: nothing has to be rung by hand."""
    caller = Process()
    watch = service.issuer.watch(caller)
    with pytest.raises(PermissionDenied):
        await service.issuer.x509_context(caller)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        service.state.registry.add(entry(WEB))
        with trio.fail_after(30):
            await watch.wait()
        context = await service.issuer.x509_context(caller)
        assert str(context.svids[0].spiffe_id) == WEB
        plan = plan_distrust(service.state, "root", now=service._now)
        distrust(service.state, "root", why="stolen", now=service._now)
        with trio.fail_after(30):
            await watch.wait()
        again = await service.issuer.x509_context(caller)
        old, new = context.bundles.own, again.bundles.own
        assert not set(old.x509_authorities) & set(new.x509_authorities)
        assert again.svids[0] != context.svids[0]
        assert plan.svids == 1
        nursery.cancel_scope.cancel()
