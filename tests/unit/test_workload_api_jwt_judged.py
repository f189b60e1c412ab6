# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs that somebody shows us: judged here, or by the agent."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB
from tests.support.net_world import trio_test
from tests.support.token_world import (
    KEYS,
    SIGNER,
    VALIDATE,
    bundles,
    world,
)

from handfast import (
    Reason,
    SourceError,
    UsageError,
    VerificationError,
)
from handfast.jwt_signer import JwtSigner
from handfast.sources import bearer_token, grpc_metadata, http_header
from handfast.workload_api import StatusCode, proto


@pytest.fixture(name="signer")
def get_signer() -> JwtSigner:
    """Whoever signs the tokens of a.example."""
    return SIGNER


@trio_test
async def test_tokens_are_judged_here_by_the_bundle_of_their_own_trust_domain(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62, WAPI-58: no bundle of that trust domain, no trust."""
    other = JwtSigner.generate(OTHER)
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        await source.wait_jwt_bundles(5)
        token = it.token(API, "shop")
        judged = await source.validate_jwt_svid(token, ["bank", "shop"])
        assert str(judged.spiffe_id) == API
        assert it.agent.calls[VALIDATE] == 0
        foreign = other.sign(f"spiffe://{OTHER}/x", "shop", now=it.now()).token
        forged = JwtSigner.generate(OWN).sign(API, "shop", now=it.now()).token
        for bad in (foreign, forged, token[:-2], "x"):
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(bad, "shop")
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(token, "bank")
        it.agent.say(KEYS, bundles(signer.bundle, other.bundle))
        await source.wait_changed()
        await source.validate_jwt_svid(foreign, "shop")
        # WAPI-60, WAPI-37: and it is gone when the agent does not send it any more.
        it.agent.say(KEYS, bundles(signer.bundle))
        await source.wait_changed()
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(foreign, "shop")
        it.now.advance(hours=1)
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(token, "shop")


@trio_test
async def test_one_kind_of_bundle_never_judges_the_other_kind_of_svid(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-40, WAPI-58: what came for certificates judges no token, and the reverse."""
    async with world(signer) as it:
        it.agent.say(proto.FETCH_X509_SVID, messages.svids())
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse()
        async with it.source(x509="svids") as source:
            await source.wait_ready(5)
            with pytest.raises(UsageError):
                await source.validate_jwt_svid(
                    it.token(API, "shop"), "shop", by="bundles"
                )
        async with it.source(jwt_bundles=True) as source:
            await source.wait_jwt_bundles(5)
            with pytest.raises(SourceError):
                _ = source.bundles
            with pytest.raises(SourceError):
                source.snapshot()


@trio_test
async def test_jwt_bundles_that_are_denied_judge_nothing(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-60: PermissionDenied drops them."""
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        await source.wait_jwt_bundles(5)
        assert source.health.state == "healthy"
        it.agent.fail(KEYS, StatusCode.PERMISSION_DENIED)
        await source.wait_changed()
        with pytest.raises(SourceError) as caught:
            await source.validate_jwt_svid(it.token(API, "shop"), "shop")
        assert caught.value.reason is Reason.SOURCE_REFUSED
        assert source.health.state == "unavailable"


@pytest.mark.parametrize("bad", ["none", "name", "keys"])
@trio_test
async def test_bad_jwt_bundles_are_told_and_change_nothing(
    clock: trio.testing.MockClock, signer: JwtSigner, bad: str
) -> None:
    """WAPI-39, W4."""
    message = bundles(signer.bundle)
    if bad == "none":
        message = proto.JWTBundlesResponse()
    elif bad == "name":
        message.bundles[OTHER] = signer.bundle.to_jwks()
    else:
        message.bundles[f"spiffe://{OTHER}"] = b"{"
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        before = await source.wait_jwt_bundles(5)
        it.agent.say(KEYS, message)
        await source.wait_changed()
        assert source.jwt_bundles is before
        assert source.health.state == "stale"
        assert source.trouble is not None
        assert source.trouble.reason is Reason.SOURCE_INVALID


@trio_test
async def test_the_agent_judges_where_no_bundles_are_followed(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62: ValidateJWTSVID; InvalidArgument is a verdict, others are not."""
    async with world(signer) as it, it.source() as source:
        token = it.token(API, "shop")
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse(
            spiffe_id=API
        )
        judged = await source.validate_jwt_svid(token, ["bank", "shop"])
        assert str(judged.spiffe_id) == API
        request = it.agent.requests[-1]
        assert isinstance(request, proto.ValidateJWTSVIDRequest)
        assert (request.audience, request.svid) == ("shop", token)
        calls = it.agent.calls[VALIDATE]
        for bad in ("garbage", it.token(API, "bank")):
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(bad, "shop")
        assert it.agent.calls[VALIDATE] == calls
        it.agent.errors[VALIDATE] = StatusCode.INVALID_ARGUMENT
        with pytest.raises(VerificationError) as caught:
            await source.validate_jwt_svid(token, "shop")
        assert caught.value.reason is Reason.JWT_REFUSED
        assert token not in str(caught.value)
        it.agent.errors[VALIDATE] = StatusCode.UNAVAILABLE
        with pytest.raises(SourceError):
            await source.validate_jwt_svid(token, "shop")
        with pytest.raises(UsageError):
            await source.validate_jwt_svid(token, "shop", by="bundles")


@trio_test
async def test_an_agent_that_judges_another_token_is_not_believed(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62, W4: two readings of one token are none."""
    async with world(signer) as it, it.source() as source:
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse(
            spiffe_id=WEB
        )
        with pytest.raises(SourceError) as caught:
            await source.validate_jwt_svid(it.token(API, "shop"), "shop")
        assert caught.value.reason is Reason.SOURCE_INVALID


def test_a_token_goes_into_headers_and_out_again(signer: JwtSigner) -> None:
    """JWT-20, JWT-21."""
    svid = signer.sign(WEB, "shop")
    assert http_header(svid) == ("Authorization", f"Bearer {svid.token}")
    [(name, value)] = grpc_metadata(svid)
    assert name == "authorization"
    assert bearer_token(value) == svid.token
    assert bearer_token(value.encode()) == svid.token
    assert bearer_token(f"bEARER  {svid.token}") == svid.token


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic aaa",
        "aaa.bbb.ccc",
        "Bearer a b",
        "Bearer a, Bearer b",
        "Bearer a\n",
        " Bearer a",
        "Bearer a ",
        "Bearer\ta",
        "Bearer \N{LATIN SMALL LETTER E WITH ACUTE}",
        "Bearer " + "a" * 70_000,
    ],
)
def test_what_is_not_one_bearer_token_is_refused(value: str) -> None:
    """JWT-20, JWT-21: two readings, or none; and the error shows nothing of it."""
    with pytest.raises(VerificationError) as caught:
        bearer_token(value)
    assert caught.value.reason is Reason.JWT_MALFORMED
    assert "aaa" not in str(caught.value)
