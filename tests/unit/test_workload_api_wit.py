# SPDX-License-Identifier: Apache-2.0
"""The Workload API's WIT profile (incubating): followed, and served on request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import trio
import trio.testing
from tests.support import pki
from tests.support.net_world import trio_test
from tests.support.wit_world import (
    API,
    KEYS,
    MINE,
    SIGNER,
    SVIDS,
    WEB,
    World,
    world,
)
from tests.support.workload_api_calls import DB, asked, the_code
from tests.support.workload_api_calls import WEB as EXAMPLE_WEB

from handfast import PrivateKey, Reason, SourceError, UsageError
from handfast.jwk_private import private_jwk
from handfast.sources.wit import WitSource
from handfast.testing import FakeWorkloadApi
from handfast.wit_signer import WitSigner, present
from handfast.wit_svid import WitBundleSet, WitSvid
from handfast.workload_api import StatusCode, proto
from handfast.workload_api.wit import WitIdentity

# -- the client


@trio_test
async def test_identities_are_followed_with_their_keys(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-72, WAPI-64, WAPI-36: full state each time, the default first."""
    async with world() as it, it.source() as source:
        mine = await source.wait_ready(5)
        assert (str(mine.svid.spiffe_id), mine.key) == (WEB, MINE)
        headers = present(mine.svid, mine.key, "shop", now=it.now())
        seen = WitSvid.verify(
            headers["Workload-Identity-Token"],
            headers["Workload-Proof-Token"],
            await source.wait_bundles(5),
            "shop",
            at=it.now(),
        )
        assert str(seen.spiffe_id) == WEB
        it.say(it.part(API, "in"), it.part(WEB, "out"))
        await source.wait_changed()
        assert [str(one.svid.spiffe_id) for one in source.identities] == [API, WEB]
        assert str(source.identity("out").svid.spiffe_id) == WEB
        with pytest.raises(SourceError) as none:
            source.identity("other")
        assert none.value.reason is Reason.SOURCE_NO_SUCH_IDENTITY


@trio_test
async def test_an_agent_without_the_profile_is_asked_once(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-71: and whoever waits is told at once."""
    async with world(with_wit=False) as it, it.source() as source:
        with pytest.raises(SourceError, match="UNIMPLEMENTED") as refused:
            await source.wait_ready(1e5)
        assert it.agent.endpoint in str(refused.value)
        await trio.sleep(1000)
        with pytest.raises(SourceError, match="UNIMPLEMENTED"):
            source.bundles  # noqa: B018 - it raises
        assert source.trouble is not None
        assert trio.current_time() < 1100


@trio_test
async def test_what_the_agent_takes_away_is_gone(clock: trio.testing.MockClock) -> None:
    """WAPI-73: identities and bundles, and both may come back."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        await source.wait_bundles(5)
        for method in (SVIDS, KEYS):
            it.agent.fail(method, StatusCode.PERMISSION_DENIED)
        await it.until(lambda: gone(source, "identities") and gone(source, "bundles"))
        with pytest.raises(SourceError) as refused:
            source.identity()
        assert refused.value.reason is Reason.SOURCE_REFUSED
        it.say(it.part(API))
        it.say_bundles(SIGNER.bundle)
        await it.until(lambda: not gone(source, "identities"))
        await it.until(lambda: not gone(source, "bundles"))
        # A trust domain that is not in the next message is trusted no more.
        it.say_bundles(WitSigner.generate("b.example").bundle)
        await source.wait_changed()
        assert [str(one.trust_domain) for one in source.bundles] == ["b.example"]


def gone(source: WitSource, what: str) -> bool:
    try:
        getattr(source, what)
    except SourceError:
        return True
    return False


@trio_test
async def test_an_identity_ends_with_its_token(clock: trio.testing.MockClock) -> None:
    """W5: also when the agent says nothing any more."""
    async with world() as it, it.source(bundles=False) as source:
        await source.wait_ready(5)
        it.now.advance(minutes=5)
        with pytest.raises(SourceError) as ended:
            source.identity()
        assert ended.value.reason is Reason.SOURCE_EXPIRED


def a_token(it: World, **more: Any) -> str:
    settings: dict[str, Any] = {"ttl": timedelta(minutes=5), "now": it.now()} | more
    return SIGNER.sign(WEB, MINE, **settings).token


SPOILT = {
    "no key": lambda it: it.part(wit_svid_key=""),
    "no token": lambda it: it.part(wit_svid=""),
    "no id": lambda it: it.part(spiffe_id=""),
    "another's id": lambda it: it.part(wit_svid=a_token(it), spiffe_id=API),
    "a key that does not fit": lambda it: it.part(
        wit_svid_key=private_jwk(PrivateKey(pki.key("p256", 4)))
    ),
    "a key of another kind": lambda it: it.part(
        wit_svid_key=private_jwk(PrivateKey(pki.key("rsa2048", 1)))
    ),
    "a public key": lambda it: it.part(wit_svid_key=public_half()),
    "a key that is no JSON": lambda it: it.part(wit_svid_key="{"),
    "a token that ended": lambda it: it.part(
        wit_svid=a_token(it, now=it.now() - timedelta(hours=1))
    ),
    "a megabyte hint": lambda it: it.part(hint="x" * (1 << 20)),
    "garbage": lambda it: it.part(wit_svid="garbage"),
}


def public_half() -> str:
    whole = json.loads(private_jwk(MINE))
    return json.dumps({name: it for name, it in whole.items() if name != "d"})


@pytest.mark.parametrize("name", SPOILT)
@trio_test
async def test_what_cannot_be_used_changes_nothing(
    clock: trio.testing.MockClock, name: str
) -> None:
    """WAPI-39, W4: the good one beside it is not taken either, and it is told."""
    async with world() as it, it.source() as source:
        mine = await source.wait_ready(5)
        it.say(it.part(API), SPOILT[name](it))
        await it.until(lambda: source.trouble is not None)
        assert source.identities == (mine,)
        assert json.loads(private_jwk(MINE))["d"] not in str(source.trouble)
        it.say(it.part(API))
        await it.until(lambda: source.trouble is None)
        assert str(source.identity().svid.spiffe_id) == API


@trio_test
async def test_of_two_hints_that_are_the_same_the_first_wins(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-49."""
    async with world() as it, it.source() as source:
        it.say(it.part(WEB, "in"), it.part(API, "in"), it.part(API))
        await it.until(lambda: not gone(source, "identities"))
        await it.until(lambda: len(source.identities) == 2)
        assert str(source.identity("in").svid.spiffe_id) == WEB


@pytest.mark.parametrize("text", ["{}", "[]", '{"keys":[{}]}', "\x00"])
@trio_test
async def test_a_bundle_that_cannot_be_read_is_not_taken(
    clock: trio.testing.MockClock, text: str
) -> None:
    """WAPI-74, WAPI-39."""
    async with world() as it, it.source(svids=False) as source:
        first = await source.wait_bundles(5)
        bundles = {"spiffe://b.example": text, "spiffe://b.example/x": text}
        it.agent.say(KEYS, proto.WITBundlesResponse(bundles=bundles))
        await it.until(lambda: source.trouble is not None)
        assert source.bundles == first
        with pytest.raises(UsageError):
            source.identities  # noqa: B018 - it raises


# -- the server


def served() -> FakeWorkloadApi:
    return FakeWorkloadApi(ids=[EXAMPLE_WEB, DB], profiles=frozenset({"wit"}))


def wit_svids(channel: Any, spiffe_id: str = "") -> Any:
    request = proto.WITSVIDRequest(spiffe_id=spiffe_id)
    return channel.stream(SVIDS, request, proto.WITSVIDResponse)


@trio_test
async def test_a_server_gives_all_identities_or_the_one_that_is_asked_for() -> None:
    """WAPI-72, WAPI-48, WAPI-33: with their keys; again when something changes."""
    async with asked(served()) as (api, channel):
        async with wit_svids(channel) as answers:
            first = await anext(answers)
            assert [it.spiffe_id for it in first.svids] == [EXAMPLE_WEB, DB]
            for part in first.svids:
                assert "d" in json.loads(part.wit_svid_key)
            api.set_ids(DB, EXAMPLE_WEB, hints={DB: "in", EXAMPLE_WEB: "in"})
            again = await anext(answers)
            assert [it.spiffe_id for it in again.svids] == [DB, EXAMPLE_WEB]
            assert [it.hint for it in again.svids] == ["in", ""]
        async with wit_svids(channel, DB) as answers:
            assert [it.spiffe_id for it in (await anext(answers)).svids] == [DB]


@trio_test
async def test_a_server_refuses_identities_that_are_not_the_callers() -> None:
    """WAPI-73."""
    async with asked(served()) as (api, channel):
        async with wit_svids(channel, "spiffe://example.org/root") as answers:
            assert await the_code(answers) is StatusCode.PERMISSION_DENIED
        async with wit_svids(channel, "web") as answers:
            assert await the_code(answers) is StatusCode.INVALID_ARGUMENT
        api.deny()
        async with wit_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.PERMISSION_DENIED


@trio_test
async def test_a_server_gives_bundles_as_texts_with_nothing_but_such_keys() -> None:
    """WAPI-74, WIT-23."""
    async with asked(served()) as (api, channel):
        request = proto.WITBundlesRequest()
        async with channel.stream(KEYS, request, proto.WITBundlesResponse) as answers:
            told = (await anext(answers)).bundles
        ((name, text),) = told.items()
        assert name == "spiffe://example.org"
        (key,) = json.loads(text)["keys"]
        assert key["kid"] == api.wit_signer.key_id


def test_an_identity_does_not_show_its_key() -> None:
    shown = repr(WitIdentity(SIGNER.sign(WEB, MINE), MINE))
    assert "eyJ" not in shown
    assert WitBundleSet([SIGNER.bundle])
