# SPDX-License-Identifier: Apache-2.0
"""Executables are hashed for those whose answer depends on it, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import (
    WEB,
    Process,
    World,
    entry,
    facts,
    settings,
)
from tests.support.net_world import PATIENCE, trio_test
from tests.support.nodes_world import NODE, OTHER

from handfast.authority.matching import EntryIndex
from handfast.authority.service import AuthorityService
from handfast.errors import AttestationRefused, Reason, detail_for
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

HASH = "unix:sha256:" + "ab" * 32
SHOP = "spiffe://a.example/shop"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AuthorityService]:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        yield AuthorityService(state, now=world.clock)


def caller() -> Process:
    """One whose hash is there to be found, if somebody asks."""
    return Process(facts("unix:uid:1000", "unix:gid:100"), hidden=facts(HASH))


@pytest.mark.parametrize(
    ("selectors", "wanted"),
    [
        (("unix:uid:1000",), False),
        ((HASH,), True),
        ((HASH, "unix:uid:1000"), True),
        ((HASH, "unix:uid:1000", "unix:gid:100"), True),
        ((HASH, "unix:uid:1001"), False),
        ((HASH, "unix:uid:1000", "unix:path:/usr/bin/web"), False),
        (("docker:label:sha256:x", "unix:uid:1000"), False),
    ],
)
def test_a_hash_is_wanted_when_it_alone_is_missing(
    selectors: tuple[str, ...], wanted: bool
) -> None:
    index = EntryIndex([entry(WEB, *selectors)])
    known = facts("unix:uid:1000", "unix:gid:100")
    assert index.wants_hash(known) is wanted
    assert not index.wants_hash(known | facts(HASH))  # it was found


def test_another_hosts_entries_want_nothing_of_ours() -> None:
    index = EntryIndex([entry(WEB, HASH, node=NODE)])
    known = facts("unix:uid:1000")
    assert not index.wants_hash(known)
    assert not index.wants_hash(known, node=OTHER)
    assert index.wants_hash(known, node=NODE)


@trio_test
async def test_who_is_asked_for_no_hash_is_not_hashed(
    service: AuthorityService,
) -> None:
    """P8: whatever the size of his executable, and however often he connects."""
    service._state.registry.add(entry(SHOP, "unix:uid:1000"))
    service._state.registry.add(entry(WEB, "unix:uid:1001", HASH))
    one = caller()
    context = await service.issuer.x509_context(one)
    assert (one.learnt, len(context.svids)) == (0, 1)


@pytest.mark.parametrize("ask", ["x509_context", "x509_bundles", "jwt_bundles", "jwt"])
@trio_test
async def test_who_may_need_one_is_hashed_whatever_is_asked(
    service: AuthorityService, ask: str
) -> None:
    service._state.registry.add(entry(WEB, "unix:uid:1000", HASH))
    one = caller()
    if ask == "jwt":
        (token,) = await service.issuer.jwt_svids(one, ["shop"])
        assert str(token.spiffe_id) == WEB
    else:
        await getattr(service.issuer, ask)(one)
    assert one.learnt == 1


@trio_test
async def test_an_entry_that_comes_later_wakes_who_may_need_one(
    service: AuthorityService,
) -> None:
    """WAPI-33: though its selectors are as they were."""
    service._state.registry.add(entry(SHOP, "unix:uid:1000"))
    one = caller()
    watch = service.issuer.watch(one)
    await service.issuer.x509_context(one)
    service._state.registry.add(entry(WEB, "unix:uid:1000", HASH))
    service.ring()
    with trio.fail_after(PATIENCE):
        await watch.wait()
    context = await service.issuer.x509_context(one)
    assert [str(svid.spiffe_id) for svid in context.svids] == [WEB, SHOP]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.ATTESTATION_SLOW, StatusCode.UNAVAILABLE),
        (Reason.ATTESTATION_CHANGED, StatusCode.PERMISSION_DENIED),
    ],
)
@trio_test
async def test_no_hash_now_is_another_answer_than_none_for_you(
    service: AuthorityService, reason: Reason, code: StatusCode
) -> None:
    """WAPI-51: PermissionDenied would withdraw what a workload has."""

    class Refused(Process):
        async def learn(self) -> None:
            await trio.lowlevel.checkpoint()
            raise AttestationRefused(detail_for(reason))

    service._state.registry.add(entry(WEB, "unix:uid:1000", HASH))
    with pytest.raises(RpcError) as refused:
        await service.issuer.x509_context(Refused(facts("unix:uid:1000")))
    assert refused.value.code is code
    assert isinstance(refused.value, PermissionDenied) is (
        code is StatusCode.PERMISSION_DENIED
    )
