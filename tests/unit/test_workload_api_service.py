# SPDX-License-Identifier: Apache-2.0
"""The Workload API server over an issuer that the test turns: rules of the standard."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.serialization import load_der_private_key
from tests.support.net_world import trio_test
from tests.support.raw_http2 import RawClient
from tests.support.wire_world import serving
from tests.support.workload_api_calls import (
    DB,
    WEB,
    asked,
    jwt_bundles,
    jwt_svids,
    the_code,
    validate,
    x509_bundles,
    x509_svids,
)

from handfast import InvalidBundle, TrustBundle, X509Svid
from handfast.authority import Authority
from handfast.der import split_der
from handfast.jwt_bundle import JwtBundle
from handfast.testing import FakeWorkloadApi
from handfast.workload_api import (
    PermissionDenied,
    RpcError,
    ServiceLimits,
    StatusCode,
    proto,
    service_methods,
)

# -- X.509


@trio_test
async def test_svids_are_whole_and_in_order() -> None:
    """WAPI-32, WAPI-34, WAPI-41, WAPI-42, WAPI-43, WAPI-44, WAPI-45, WAPI-64.

    Everything comes at once, every field of it, and DER throughout.
    """
    async with asked() as (api, channel), x509_svids(channel) as answers:
        answer = await anext(answers)
        assert [it.spiffe_id for it in answer.svids] == [WEB, DB]
        for sent, issued in zip(answer.svids, api.svids, strict=True):
            assert split_der(sent.x509_svid) == issued.chain
            load_der_private_key(sent.x509_svid_key, password=None)  # unencrypted
            svid = X509Svid.from_der(sent.x509_svid, sent.x509_svid_key)
            assert str(svid.spiffe_id) == sent.spiffe_id
            bundle = TrustBundle.from_der("example.org", sent.bundle)
            assert bundle == api.authority.bundle
        assert not answer.federated_bundles
        assert not answer.crl


@trio_test
async def test_a_change_is_pushed_as_a_whole() -> None:
    """WAPI-32, WAPI-33: the full state, when something of it changes."""
    async with asked() as (api, channel), x509_svids(channel) as answers:
        first = await anext(answers)
        api.rotate()
        second = await anext(answers)
        assert [it.spiffe_id for it in second.svids] == [WEB, DB]
        assert second.svids[0].x509_svid != first.svids[0].x509_svid
        other = Authority("b.example").bundle
        api.set_bundles(federated=[other], crls=[b"\x30\x00"])
        third = await anext(answers)
        assert third.svids == second.svids
        assert dict(third.federated_bundles) == {
            "spiffe://b.example": other.x509_authorities[0]
        }
        assert list(third.crl) == [b"\x30\x00"]
        api.set_bundles(federated=[], crls=[])
        fourth = await anext(answers)
        assert fourth == second


@trio_test
async def test_an_equal_update_is_not_sent() -> None:
    async with asked() as (api, channel), x509_svids(channel) as answers:
        await anext(answers)
        asked_before = api.calls["x509_context"]
        api.set_svids(api.svids)
        while api.calls["x509_context"] == asked_before:
            await trio.testing.wait_all_tasks_blocked()
        api.set_ids(DB)
        (only,) = (await anext(answers)).svids
        assert only.spiffe_id == DB


@trio_test
async def test_a_change_between_two_looks_is_not_lost() -> None:
    """W4, on the server's side: the watch is taken before the first look."""

    class Turning(FakeWorkloadApi):
        async def x509_context(self, caller: object) -> Any:
            found = await super().x509_context(caller)
            if self.calls["x509_context"] == 1:
                self.rotate()  # while the first answer is on its way
            return found

    async with asked(Turning(ids=[WEB])) as (api, channel):
        async with x509_svids(channel) as answers:
            first = await anext(answers)
            second = await anext(answers)
        assert first != second
        assert second.svids[0].x509_svid == api.svids[0].chain[0]


@trio_test
async def test_no_identity_is_permission_denied_on_every_method() -> None:
    """WAPI-19, WAPI-50, WAPI-53, WAPI-57, WAPI-60."""
    async with asked() as (api, channel):
        api.deny()
        for open_stream in (x509_svids, x509_bundles, jwt_bundles):
            async with open_stream(channel) as answers:
                assert await the_code(answers) is StatusCode.PERMISSION_DENIED
        with pytest.raises(PermissionDenied):
            await jwt_svids(channel, "x")
        with pytest.raises(PermissionDenied):
            await validate(channel, "x", "a.b.c")
        api.fail(None)
        api.set_ids()
        async with x509_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.PERMISSION_DENIED
        with pytest.raises(PermissionDenied):
            await jwt_svids(channel, "x")


@trio_test
async def test_an_identity_that_is_withdrawn_ends_the_stream() -> None:
    """WAPI-50: at once, not at the next question."""
    async with asked() as (api, channel), x509_svids(channel) as answers:
        await anext(answers)
        api.deny()
        assert await the_code(answers) is StatusCode.PERMISSION_DENIED


@trio_test
async def test_bundles_are_keyed_by_trust_domain() -> None:
    """WAPI-46, WAPI-52: at least the own one, by its SPIFFE ID, in DER."""
    other = Authority("b.example").bundle
    async with asked() as (api, channel), x509_bundles(channel) as answers:
        own = {"spiffe://example.org": api.authority.bundle.x509_authorities[0]}
        assert dict((await anext(answers)).bundles) == own
        api.set_bundles(federated=[other], crls=[b"\x30\x00"])
        answer = await anext(answers)
        assert dict(answer.bundles) == own | {
            "spiffe://b.example": other.x509_authorities[0]
        }
        assert list(answer.crl) == [b"\x30\x00"]


@trio_test
async def test_nothing_stands_in_for_the_own_bundle() -> None:
    """P1: neither a federated one of the same name nor none at all."""
    pretender = Authority("example.org").bundle
    async with asked() as (api, channel):
        api.set_bundles(federated=[pretender])
        async with x509_svids(channel) as answers:
            assert not (await anext(answers)).federated_bundles
        async with x509_bundles(channel) as answers:
            assert list((await anext(answers)).bundles.values()) == [
                api.authority.bundle.x509_authorities[0]
            ]
        api.set_bundles(TrustBundle.from_der("example.org", ()))
        async with x509_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.UNAVAILABLE


@trio_test
async def test_an_svid_of_another_trust_domain_is_never_sent() -> None:
    """P1, P7: an issuer's mistake is no answer."""
    async with asked() as (api, channel):
        api.set_svids([Authority("b.example").issue("spiffe://b.example/web")])
        async with x509_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.INTERNAL


@trio_test
async def test_hints_are_unique_and_short() -> None:
    """WAPI-48, WAPI-63: of two the first one stays; a giant one is left out."""
    async with asked() as (api, channel), x509_svids(channel) as answers:
        await anext(answers)
        svid = api.svids[0]
        hints = ["in", "in", "", "", "x" * 1025, "y" * 1024]
        api.set_svids(replace(svid, hint=hint) for hint in hints)
        found = [it.hint for it in (await anext(answers)).svids]
        assert found == ["in", "", "", "", "", "y" * 1024]


# -- the service as a whole


@pytest.mark.parametrize(
    ("method", "request_", "response"),
    [
        (proto.FETCH_WIT_SVID, proto.WITSVIDRequest(), proto.WITSVIDResponse),
        (proto.FETCH_WIT_BUNDLES, proto.WITBundlesRequest(), proto.WITBundlesResponse),
    ],
)
@trio_test
async def test_the_wit_profile_is_unimplemented(
    method: str, request_: Any, response: Any
) -> None:
    """WAPI-70: on both of its methods."""
    async with (
        asked() as (_, channel),
        channel.stream(method, request_, response) as answers,
    ):
        assert await the_code(answers) is StatusCode.UNIMPLEMENTED


@trio_test
async def test_an_operator_may_switch_a_profile_off() -> None:
    """WAPI-26."""
    api = FakeWorkloadApi(ids=[WEB])
    methods = service_methods(api, profiles=frozenset(("x509",)))
    async with serving(methods) as served, await served.open() as channel:
        async with x509_svids(channel) as answers:
            assert len((await anext(answers)).svids) == 1
        for call in (jwt_svids(channel, "x"), validate(channel, "x", "y")):
            with pytest.raises(RpcError) as caught:
                await call
            assert caught.value.code is StatusCode.UNIMPLEMENTED
        async with jwt_bundles(channel) as answers:
            assert await the_code(answers) is StatusCode.UNIMPLEMENTED


@trio_test
async def test_tokens_have_a_rate_for_each_caller() -> None:
    """P8: a signature costs something, and so does a validation."""
    api = FakeWorkloadApi(ids=[WEB])
    limits = ServiceLimits(jwt_burst=3, jwt_rate=0.001)
    names = iter(["one", "one", "other"])

    async def identify(stream: trio.SocketStream) -> str:
        await trio.lowlevel.checkpoint()
        return next(names)

    def share_of(caller: object) -> str:
        return str(caller)

    methods = service_methods(api, share_of=share_of, limits=limits)
    async with serving(methods, identify=identify, share_of=share_of) as served:  # noqa: SIM117
        async with await served.open() as first, await served.open() as second:
            await jwt_svids(first, "x")
            (token,) = (await jwt_svids(second, "x")).svids
            await validate(first, "x", token.svid)
            for channel in (first, second):
                with pytest.raises(RpcError, match="slow down") as caught:
                    await jwt_svids(channel, "x")
                assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
            async with await served.open() as third:
                assert len((await jwt_svids(third, "x")).svids) == 1


@trio_test
async def test_streams_have_a_rate_for_each_caller() -> None:
    """P8: whoever starts processes without end is told to slow down."""
    api = FakeWorkloadApi(ids=[WEB])
    limits = ServiceLimits(stream_burst=2, stream_rate=0.001)
    methods = service_methods(api, limits=limits)
    async with serving(methods) as served, await served.open() as channel:
        for _ in range(2):
            async with x509_svids(channel) as answers:
                await anext(answers)
        async with x509_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.RESOURCE_EXHAUSTED


@trio_test
async def test_an_issuer_that_cannot_answer_now_says_so() -> None:
    """WAPI-18, on the server's side: an error of the moment is Unavailable."""
    async with asked() as (api, channel):
        api.fail(RpcError(StatusCode.UNAVAILABLE, "no signer"))
        async with x509_svids(channel) as answers:
            assert await the_code(answers) is StatusCode.UNAVAILABLE


@trio_test
async def test_the_two_kinds_of_bundles_never_meet() -> None:
    """WAPI-40, WAPI-58: neither can be read as the other."""
    async with asked() as (api, channel):
        async with x509_bundles(channel) as x509, jwt_bundles(channel) as jwt:
            of_x509 = (await anext(x509)).bundles["spiffe://example.org"]
            of_jwt = (await anext(jwt)).bundles["spiffe://example.org"]
        assert TrustBundle.from_der("example.org", of_x509) == api.authority.bundle
        assert JwtBundle.from_jwks("example.org", of_jwt) == api.jwt_signer.bundle
        with pytest.raises(InvalidBundle):
            TrustBundle.from_der("example.org", of_jwt)
        with pytest.raises(InvalidBundle):
            JwtBundle.from_jwks("example.org", of_x509)


@trio_test
async def test_a_local_socket_and_nothing_else_is_asked_of_a_caller() -> None:
    """WAPI-01, WAPI-02, WAPI-04, WAPI-09, WAPI-14.

    A file of this machine, HTTP/2 without TLS from the first byte on, and no secret.
    """
    async with FakeWorkloadApi(ids=[WEB]) as api:
        assert api.address.startswith("unix:///")
        client = await RawClient.open(api.endpoint)
        async with client.stream:
            assert client.stream.socket.family == socket.AF_UNIX
            await client.begin()
            request = proto.JWTSVIDRequest(audience=["x"]).SerializeToString()
            number = await client.call(proto.FETCH_JWT_SVID, request)
            assert await client.status(number) == "0"
