# SPDX-License-Identifier: Apache-2.0
"""Our gRPC against grpcio's, in both roles: a peer that nobody here wrote."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
import trio
from tests.support.net_world import PATIENCE, trio_test
from tests.support.wire_world import BREAK, COUNT, ECHO, REFUSE, TALK, WAIT, serving

from handfast.errors import Reason
from handfast.workload_api import (
    Endpoint,
    PermissionDenied,
    RpcError,
    ServerLimits,
    StatusCode,
    open_channel,
    proto,
)

pytestmark = pytest.mark.interop

HEADER = (("workload.spiffe.io", "true"),)


def plain(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


async def with_grpcio(endpoint: Endpoint, use: Callable[[Any], Any]) -> Any:
    """Run a client of grpcio in a thread."""

    def run() -> Any:
        with grpc.insecure_channel(f"unix:{endpoint.path}") as channel:
            return use(channel)

    return await trio.to_thread.run_sync(run)


def unary(
    channel: Any, metadata: Any = HEADER, *audience: str, timeout: float = PATIENCE
) -> Any:
    call = channel.unary_unary(ECHO, plain, proto.JWTSVIDResponse.FromString)
    request = proto.JWTSVIDRequest(audience=audience)
    return call(request, metadata=metadata, timeout=timeout)


@trio_test
async def test_a_client_of_grpcio_calls_and_streams() -> None:
    """WAPI-03: big messages (beyond all windows) and many of them."""

    def use(channel: Any) -> Any:
        one = unary(channel, HEADER, "a", "b")
        call = channel.unary_stream(COUNT, plain, proto.X509SVIDResponse.FromString)
        many = list(call(proto.X509SVIDRequest(), metadata=HEADER, timeout=PATIENCE))
        return [it.svid for it in one.svids], [it.svids[0].bundle for it in many]

    async with serving() as served:
        one, many = await with_grpcio(served.endpoint, use)
    assert one == ["a", "b"]
    assert many == [bytes(300_000)] * 3


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("workload.spiffe.io", "True"),),
        (("workload.spiffe.io", "TRUE"),),
        (("workload.spiffe.io", "1"),),
        (("workload.spiffe.io", ""),),
        (("workload.spiffe.io", "true,true"),),
        (("workload.spiffe.io", "true"), ("workload.spiffe.io", "true")),
        (("workload.spiffe.io", "true"), ("workload.spiffe.io", "false")),
        (("x-workload.spiffe.io", "true"),),
    ],
)
@trio_test
async def test_a_request_without_the_metadata_is_an_invalid_argument(
    metadata: Any,
) -> None:
    """WAPI-07, WAPI-08, W3: for calls of both kinds, and for methods nobody has."""

    def use(channel: Any) -> list[Any]:
        calls = [
            channel.unary_unary(ECHO),
            channel.unary_stream(COUNT),
            channel.unary_unary("/no/such"),
        ]
        codes = []
        for call in calls:
            with pytest.raises(grpc.RpcError) as caught:
                list(call(b"", metadata=metadata, timeout=PATIENCE))
            codes.append(caught.value.code())
        return codes

    async with serving() as served:
        codes = await with_grpcio(served.endpoint, use)
        assert codes == [grpc.StatusCode.INVALID_ARGUMENT] * 3


@trio_test
async def test_grpcio_reads_our_statuses() -> None:
    def use(channel: Any) -> list[Any]:
        found = []
        for path in (REFUSE, BREAK, "/no/such"):
            with pytest.raises(grpc.RpcError) as caught:
                list(channel.unary_stream(path)(b"", metadata=HEADER, timeout=PATIENCE))
            found.append((caught.value.code(), caught.value.details()))
        call = channel.unary_unary(ECHO)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff", metadata=HEADER, timeout=PATIENCE)
        found.append((caught.value.code(), ""))
        with pytest.raises(grpc.RpcError) as caught:
            call(bytes(70_000), metadata=HEADER, timeout=PATIENCE)
        found.append((caught.value.code(), ""))
        return found

    async with serving() as served:
        assert await with_grpcio(served.endpoint, use) == [
            (grpc.StatusCode.PERMISSION_DENIED, "nö: 100 % no\n"),
            (grpc.StatusCode.INTERNAL, "internal error"),
            (grpc.StatusCode.UNIMPLEMENTED, "no method /no/such here"),
            (grpc.StatusCode.INVALID_ARGUMENT, ""),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
        ]


@trio_test
async def test_grpcio_cancels_and_times_out() -> None:
    def use(channel: Any) -> list[Any]:
        call = channel.unary_unary(WAIT)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", metadata=HEADER, timeout=0.2)
        running = call.future(b"", metadata=HEADER, timeout=PATIENCE)
        running.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            running.result()
        return [caught.value.code(), len(unary(channel, HEADER, "a").svids)]

    async with serving() as served:
        assert await with_grpcio(served.endpoint, use) == [
            grpc.StatusCode.DEADLINE_EXCEEDED,
            1,
        ]


@trio_test
async def test_grpcio_compresses_nothing_that_we_did_not_offer() -> None:
    def use(channel: Any) -> Any:
        call = channel.unary_unary(ECHO, plain, proto.JWTSVIDResponse.FromString)
        request = proto.JWTSVIDRequest(audience=["a" * 9999])
        with pytest.raises(grpc.RpcError) as caught:
            call(
                request,
                metadata=HEADER,
                timeout=PATIENCE,
                compression=grpc.Compression.Gzip,
            )
        return caught.value.code()

    async with serving() as served:
        code = await with_grpcio(served.endpoint, use)
    assert code is grpc.StatusCode.UNIMPLEMENTED


@trio_test
async def test_grpcio_talks_to_and_fro() -> None:
    """A stream of requests, as server reflection has it (WAPI-24)."""

    def use(channel: Any) -> list[str]:
        call = channel.stream_stream(TALK, plain, proto.JWTSVIDResponse.FromString)
        requests = (proto.JWTSVIDRequest(audience=[it]) for it in "abc")
        answers = call(requests, metadata=HEADER, timeout=PATIENCE)
        return [answer.svids[0].svid for answer in answers]

    async with serving() as served:
        assert await with_grpcio(served.endpoint, use) == ["a", "b", "c"]


@trio_test
async def test_many_calls_of_grpcio_at_once() -> None:
    def use(channel: Any) -> int:
        call = channel.unary_unary(ECHO, plain, proto.JWTSVIDResponse.FromString)
        running = [
            call.future(
                proto.JWTSVIDRequest(audience=[str(it)]),
                metadata=HEADER,
                timeout=PATIENCE,
            )
            for it in range(300)
        ]
        return sum(
            it.result().svids[0].svid == str(number)
            for number, it in enumerate(running)
        )

    async with serving(limits=ServerLimits(streams=100)) as served:
        assert await with_grpcio(served.endpoint, use) == 300


class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Methods of a server of grpcio."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []

    def service(self, details: Any) -> Any:
        if details.method == ECHO:
            return grpc.unary_unary_rpc_method_handler(
                self.echo, proto.JWTSVIDRequest.FromString, plain
            )
        if details.method == COUNT:
            return grpc.unary_stream_rpc_method_handler(
                self.count, proto.X509SVIDRequest.FromString, plain
            )
        return None

    def echo(self, request: proto.JWTSVIDRequest, context: Any) -> Any:
        self.metadata.append(dict(context.invocation_metadata()))
        if not request.audience:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no audience: 100 %")
        svid = proto.JWTSVID(svid=request.audience[0])
        return proto.JWTSVIDResponse(svids=[svid])

    def count(self, _: Any, context: Any) -> Iterator[Any]:
        self.metadata.append(dict(context.invocation_metadata()))
        for number in range(4):
            svid = proto.X509SVID(spiffe_id=str(number), bundle=bytes(700_000))
            yield proto.X509SVIDResponse(svids=[svid])
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "nö")


@contextmanager
def grpcio_server(
    *options: tuple[str, Any],
) -> Iterator[tuple[Endpoint, Handlers, Any]]:
    handlers = Handlers()
    with (
        tempfile.TemporaryDirectory(prefix="hf") as folder,
        futures.ThreadPoolExecutor(4) as pool,
    ):
        server = grpc.server(pool, options=options)
        server.add_generic_rpc_handlers((handlers,))
        server.add_insecure_port(f"unix:{folder}/s")
        server.start()
        try:
            yield Endpoint.parse(f"unix://{folder}/s"), handlers, server
        finally:
            server.stop(0).wait()


@trio_test
async def test_we_call_a_server_of_grpcio() -> None:
    """WAPI-06: calls of both kinds carry the metadata."""
    with grpcio_server() as (endpoint, handlers, _):
        async with await open_channel(endpoint) as channel:
            answer = await channel.unary(
                ECHO,
                proto.JWTSVIDRequest(audience=["x" * 500_000]),
                proto.JWTSVIDResponse,
                timeout=PATIENCE,
            )
            assert len(answer.svids[0].svid) == 500_000
            async with channel.stream(
                COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
            ) as answers:
                for number in range(4):
                    (svid,) = (await anext(answers)).svids
                    assert (svid.spiffe_id, len(svid.bundle)) == (str(number), 700_000)
                with pytest.raises(PermissionDenied) as caught:
                    await anext(answers)
            assert caught.value.message == "nö"
        assert [it["workload.spiffe.io"] for it in handlers.metadata] == ["true"] * 2


@trio_test
async def test_we_read_statuses_of_grpcio() -> None:
    with grpcio_server() as (endpoint, _, _):
        async with await open_channel(endpoint) as channel:
            for path, code in (
                (ECHO, StatusCode.INVALID_ARGUMENT),
                ("/no/such", StatusCode.UNIMPLEMENTED),
            ):
                with pytest.raises(RpcError) as caught:
                    await channel.unary(
                        path,
                        proto.JWTSVIDRequest(),
                        proto.JWTSVIDResponse,
                        timeout=PATIENCE,
                    )
                assert caught.value.code is code


@trio_test
async def test_compressed_answers_of_grpcio_are_refused() -> None:
    """It was told to compress, and does, though nobody said that we can read it."""
    option = ("grpc.default_compression_algorithm", int(grpc.Compression.Gzip))
    with grpcio_server(option) as (endpoint, _, _):
        async with await open_channel(endpoint) as channel:
            with pytest.raises(RpcError, match="compression") as caught:
                await channel.unary(
                    ECHO,
                    proto.JWTSVIDRequest(audience=["x" * 5000]),
                    proto.JWTSVIDResponse,
                    timeout=PATIENCE,
                )
            assert caught.value.reason is Reason.SOURCE_FAILED
            assert channel.is_usable


@trio_test
async def test_grpcio_stops_gracefully_while_a_stream_is_open() -> None:
    """GOAWAY first, the rest of the stream after it."""
    with grpcio_server() as (endpoint, _, server):
        async with await open_channel(endpoint) as channel:
            async with channel.stream(
                COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
            ) as answers:
                await anext(answers)
                server.stop(PATIENCE)
                for _ in range(3):
                    await anext(answers)
                with pytest.raises(PermissionDenied):
                    await anext(answers)
            assert not channel.is_usable
