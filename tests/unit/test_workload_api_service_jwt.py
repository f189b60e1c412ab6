# SPDX-License-Identifier: Apache-2.0
"""The JWT half of the Workload API server: tokens, bundles, validation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tests.support.net_world import trio_test
from tests.support.workload_api_calls import (
    DB,
    WEB,
    asked,
    jwt_bundles,
    jwt_svids,
    validate,
)

from handfast.jwt_signer import JwtSigner
from handfast.workload_api import (
    PermissionDenied,
    RpcError,
    StatusCode,
)

# -- JWT


@trio_test
async def test_tokens_for_all_identities_or_for_one() -> None:
    """WAPI-54, WAPI-55, WAPI-56, WAPI-57: the audience asked for is in aud."""
    async with asked() as (api, channel):
        api.set_ids(WEB, DB, hints={DB: "store"})
        answer = await jwt_svids(channel, "shop", "bank", "shop")
        assert [it.spiffe_id for it in answer.svids] == [WEB, DB]
        assert [it.hint for it in answer.svids] == ["", "store"]
        (only,) = (await jwt_svids(channel, "shop", spiffe_id=DB)).svids
        assert only.spiffe_id == DB
        for it in answer.svids:
            found = await validate(channel, "bank", it.svid)
            assert found.spiffe_id == it.spiffe_id
            assert MessageToDict(found)["claims"]["aud"] == ["shop", "bank"]
        with pytest.raises(PermissionDenied):
            await jwt_svids(channel, "shop", spiffe_id="spiffe://example.org/root")


@pytest.mark.parametrize(
    ("audience", "spiffe_id", "words"),
    [
        ([], "", "audience must be"),
        ([""], "", "audience must be"),
        (["a", ""], "", "audience must be"),
        # Six bytes each in a token, which would be one that nobody takes.
        (["\x01" * 200], "", "more than 1024 bytes"),
        (["\x01" * 170] * 5, "", "more than 4096 bytes"),
        (["\U0001f600" * 100], "", "more than 1024 bytes"),
        (["a"] * 33, "", "more than 32"),
        (["a" * 1025], "", "1024 bytes"),
        (["a" * 200 + str(it) for it in range(32)], "", "4096 bytes together"),
        (["a"], "example.org/web", "spiffe_id"),
        (["a"], "spiffe://EXAMPLE.org/web", "spiffe_id"),
        (["a"], "spiffe://example.org/web/", "spiffe_id"),
    ],
)
@trio_test
async def test_a_bad_request_for_a_token_is_an_invalid_argument(
    audience: list[str], spiffe_id: str, words: str
) -> None:
    """WAPI-38, WAPI-54."""
    async with asked() as (_, channel):
        with pytest.raises(RpcError, match=words) as caught:
            await jwt_svids(channel, *audience, spiffe_id=spiffe_id)
        assert caught.value.code is StatusCode.INVALID_ARGUMENT


@trio_test
async def test_jwt_bundles_hold_nothing_but_jwt_keys() -> None:
    """WAPI-59: a JWK Set for each trust domain; X.509 authorities are not in it."""
    other = JwtSigner.generate("b.example")
    async with asked() as (api, channel), jwt_bundles(channel) as answers:
        (found,) = dict((await anext(answers)).bundles).items()
        assert found[0] == "spiffe://example.org"
        keys = json.loads(found[1])["keys"]
        assert [it["kid"] for it in keys] == [api.jwt_signer.key_id]
        assert not [it for it in keys if "x5c" in it or it.get("use") == "x509-svid"]
        api.set_jwt_bundles(api.jwt_signer.bundle, other.bundle)
        assert set((await anext(answers)).bundles) == {
            "spiffe://example.org",
            "spiffe://b.example",
        }


@trio_test
async def test_validation_is_the_whole_of_it() -> None:
    """WAPI-61, WAPI-62: signature, audience, time, and whose bundle; then claims."""
    other = JwtSigner.generate("b.example")
    async with asked() as (api, channel):
        signer = api.jwt_signer
        deepest: Any = json.loads("[" * 20 + "]" * 20)
        claims = {"deep": {"er": [1, None, True, "x"]}, "deepest": deepest}
        good = signer.sign(WEB, "shop", claims={**claims, "n": 10**300})
        answer = await validate(channel, "shop", good.token)
        assert answer.spiffe_id == WEB
        found = MessageToDict(answer)["claims"]
        assert found["sub"] == WEB
        assert found["deep"] == {"er": [1.0, None, True, "x"]}
        assert found["n"] == 1e300, "protobuf has doubles only"
        assert "deepest" not in found, "protobuf's readers stop at a hundred messages"
        assert found["exp"] == good.expires_at.timestamp()
        early = datetime.now(UTC) - timedelta(hours=2)
        bad = {
            "another audience": signer.sign(WEB, "bank").token,
            "expired": signer.sign(WEB, "shop", now=early).token,
            "unknown trust domain": other.sign("spiffe://b.example/w", "shop").token,
            "another key": JwtSigner.generate("example.org").sign(WEB, "shop").token,
            "cut": good.token[:-4],
            "garbage": "x",
        }
        for name, token in bad.items():
            with pytest.raises(RpcError) as caught:
                await validate(channel, "shop", token)
            assert caught.value.code is StatusCode.INVALID_ARGUMENT, name
            assert token not in str(caught.value) or len(token) == 1


@pytest.mark.parametrize(("audience", "svid"), [("", "a.b.c"), ("shop", ""), ("", "")])
@trio_test
async def test_validation_needs_both_fields(audience: str, svid: str) -> None:
    """WAPI-38, WAPI-61."""
    async with asked() as (_, channel):
        with pytest.raises(RpcError, match="must be specified") as caught:
            await validate(channel, audience, svid)
        assert caught.value.code is StatusCode.INVALID_ARGUMENT
