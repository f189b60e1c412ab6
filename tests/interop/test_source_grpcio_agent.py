# SPDX-License-Identifier: Apache-2.0
"""Our source against an agent on grpcio with py-spiffe's messages.

The server is grpcio's, in threads; the messages are what protoc made of the standard's
own file. What it says is set by the test; what it does wrong, it does the way a real
agent would.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
import trio
from spiffe._proto import workload_pb2 as pb2
from tests.support import agent_messages as ours
from tests.support.agent_messages import API, OTHER, OWN, WEB, svid
from tests.support.net_world import PATIENCE, trio_test

from handfast import Reason, SourceError, VerificationError, WorkloadApiSource
from handfast.jwt_signer import JwtSigner
from handfast.sources import Backoff

pytestmark = pytest.mark.interop

X509, BUNDLES = "FetchX509SVID", "FetchX509Bundles"
TOKEN, KEYS, JUDGE = "FetchJWTSVID", "FetchJWTBundles", "ValidateJWTSVID"
REQUESTS = {
    X509: "X509SVIDRequest",
    BUNDLES: "X509BundlesRequest",
    KEYS: "JWTBundlesRequest",
    TOKEN: "JWTSVIDRequest",
    JUDGE: "ValidateJWTSVIDRequest",
}
STREAMS = (X509, BUNDLES, KEYS)
SOON = Backoff(first=0.02, most=0.1)
SIGNER = JwtSigner.generate(OWN)


class GrpcioAgent:
    """An agent of another make."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.messages: dict[str, Any] = {}
        self.errors: dict[str, Any] = {}
        self.missing: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.metadata: list[dict[str, Any]] = []
        self.compression: Any = None
        self._number = 0
        self._ended = False
        self._changed = threading.Condition()
        self._server: Any = None

    @property
    def endpoint(self) -> str:
        return f"unix://{self.path}"

    def say(self, method: str, message: Any) -> None:
        with self._changed:
            self.errors.pop(method, None)
            self.messages[method] = message
            self._number += 1
            self._changed.notify_all()

    def fail(self, method: str, code: Any) -> None:
        with self._changed:
            self.errors[method] = code
            self._number += 1
            self._changed.notify_all()

    def start(self) -> None:
        self._ended = False
        handlers = {
            name: self._handler(name, request)
            for name, request in REQUESTS.items()
            if name not in self.missing
        }
        service = grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", handlers)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=8), compression=self.compression
        )
        self._server.add_generic_rpc_handlers((service,))
        self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.stop(grace=None).wait()

    def _handler(self, name: str, request: str) -> Any:
        make = (
            grpc.unary_stream_rpc_method_handler
            if name in STREAMS
            else grpc.unary_unary_rpc_method_handler
        )
        return make(
            self._stream(name) if name in STREAMS else self._unary(name),
            request_deserializer=getattr(pb2, request).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _begin(self, name: str, context: Any) -> None:
        self.calls[name] += 1
        self.metadata.append(dict(context.invocation_metadata()))
        if name in self.errors:
            context.abort(self.errors[name], "as the test wants it")

    def _stream(self, name: str) -> Callable[[Any, Any], Iterator[Any]]:
        def run(request: Any, context: Any) -> Iterator[Any]:
            self._begin(name, context)
            context.add_callback(self._wake)
            said = -1
            while context.is_active() and not self._ended:
                said = self._wait(said, context)
                if name in self.errors:
                    context.abort(self.errors[name], "as the test wants it")
                if name in self.messages:
                    yield self.messages[name]

        return run

    def _wait(self, said: int, context: Any) -> int:
        """Wait until there is something else to say, or nobody to say it to."""
        with self._changed:
            while self._number == said and context.is_active() and not self._ended:
                self._changed.wait()
            return self._number

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _unary(self, name: str) -> Callable[[Any, Any], Any]:
        def run(request: Any, context: Any) -> Any:
            self._begin(name, context)
            return self.messages[name](request)

        return run


@contextmanager
def agent() -> Iterator[GrpcioAgent]:
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        it = GrpcioAgent(f"{folder}/agent.sock")
        it.say(X509, theirs(ours.svids()))
        it.start()
        try:
            yield it
        finally:
            it.stop()


def theirs(message: Any) -> Any:
    """Make py-spiffe's message of ours: the fields are compared by this, too."""
    kind = getattr(pb2, type(message).__name__)
    made = kind.FromString(message.SerializeToString())
    assert made.SerializeToString(deterministic=True) == message.SerializeToString(
        deterministic=True
    )
    return made


async def at(source: WorkloadApiSource, condition: Callable[[], object]) -> None:
    """Wait until something is so after one of the source's changes."""
    while not condition():
        changes = source.changes
        if condition():
            return
        await source.wait_changed(changes)


def source(it: GrpcioAgent, **settings: Any) -> WorkloadApiSource:
    return WorkloadApiSource(it.endpoint, backoff=SOON, **settings)


@trio_test
async def test_identities_come_and_are_renewed() -> None:
    """WAPI-03, WAPI-06, WAPI-30, WAPI-33, WAPI-64."""
    with agent() as it:
        async with source(it) as mine:
            first = await mine.wait_ready(PATIENCE)
            assert str(first.svid.spiffe_id) == WEB
            other = ours.authority(OTHER).bundle
            renewed = ours.svids(ours.part(svid(WEB, 1), hint="x"), federated=[other])
            it.say(X509, theirs(renewed))
            await at(mine, lambda: mine.snapshot().generation == 2)
            assert mine.snapshot().svid.hint == "x"
            assert OTHER in mine.bundles
            assert it.metadata[0]["workload.spiffe.io"] == "true"
            assert it.calls[X509] == 1


@trio_test
async def test_a_restart_is_survived() -> None:
    """WAPI-18, WAPI-31, W4: what changed meanwhile is there with the first message."""
    with agent() as it:
        async with source(it) as mine:
            before = await mine.wait_ready(PATIENCE)
            await trio.to_thread.run_sync(it.stop)
            await at(mine, lambda: mine.trouble is not None)
            assert mine.snapshot() is before
            it.messages[X509] = theirs(ours.svids(ours.part(svid(WEB, 2))))
            it.start()
            await at(mine, lambda: mine.snapshot().generation == 2)


@trio_test
async def test_denial_and_grant() -> None:
    """WAPI-51, WAPI-20: as grpcio says it, before and in the middle of a stream."""
    with agent() as it:
        it.fail(X509, grpc.StatusCode.PERMISSION_DENIED)
        async with source(it) as mine:
            await at(mine, lambda: mine.trouble is not None)
            with pytest.raises(SourceError) as caught:
                await mine.wait_ready(0.1)
            assert caught.value.reason is Reason.SOURCE_REFUSED
            it.say(X509, theirs(ours.svids()))
            await mine.wait_ready(PATIENCE)
            it.fail(X509, grpc.StatusCode.PERMISSION_DENIED)
            await at(mine, lambda: mine.svids == ())
            with pytest.raises(SourceError):
                mine.snapshot()


@trio_test
async def test_a_call_that_the_agent_does_not_have() -> None:
    """WAPI-21, WAPI-25: grpcio answers Unimplemented by itself."""
    with agent() as it:
        it.stop()
        it.missing.add(X509)
        it.start()
        async with source(it) as mine:
            with pytest.raises(SourceError) as caught:
                await mine.wait_ready(PATIENCE)
            assert "UNIMPLEMENTED" in str(caught.value)


@trio_test
async def test_messages_that_grpcio_compresses_are_not_taken() -> None:
    """P8, P7: nobody agreed on it, and a small message may hide a huge one."""
    with agent() as it:
        it.stop()
        it.compression = grpc.Compression.Gzip
        it.start()
        async with source(it) as mine:
            await at(mine, lambda: mine.trouble is not None)
            with pytest.raises(SourceError) as caught:
                await mine.wait_ready(0.1)
            assert "compression" in str(caught.value)


@pytest.mark.parametrize("wrong", ["id", "key", "chain", "bundle", "hint", "none"])
@trio_test
async def test_a_wrong_message_changes_nothing(wrong: str) -> None:
    """W4, WAPI-39."""
    with agent() as it:
        async with source(it) as mine:
            before = await mine.wait_ready(PATIENCE)
            bad = ours.svids()
            match wrong:
                case "id":
                    bad.svids[0].spiffe_id = API
                case "key":
                    bad.svids[0].x509_svid_key = svid(API).key.der
                case "chain":
                    bad.svids[0].x509_svid = svid().chain[0]
                case "bundle":
                    bad.svids[0].bundle = ours.der(ours.authority(OTHER).bundle)
                case "hint":
                    bad.svids[0].hint = "x" * 1_000_000
                case _:
                    del bad.svids[:]
            it.say(X509, theirs(bad))
            await at(mine, lambda: mine.trouble is not None)
            assert mine.snapshot() is before
            assert mine.health.state == "stale"
            it.say(X509, theirs(ours.svids(ours.part(svid(WEB, 1)))))
            await at(mine, lambda: mine.snapshot().generation == 2)


@trio_test
async def test_bundles_alone() -> None:
    """WAPI-52, WAPI-53."""
    with agent() as it:
        own, other = ours.authority().bundle, ours.authority(OTHER).bundle
        it.say(BUNDLES, theirs(ours.bundles(own, other)))
        async with source(it, x509="bundles") as mine:
            assert len(await mine.wait_bundles(PATIENCE)) == 2
            it.say(BUNDLES, theirs(ours.bundles(own)))
            await at(mine, lambda: len(mine.bundles) == 1)


@trio_test
async def test_tokens_and_their_keys() -> None:
    """WAPI-54, WAPI-58, WAPI-62: fetched, judged here, judged by the agent."""

    def issue(request: Any) -> Any:
        token = SIGNER.sign(WEB, list(request.audience)).token
        return pb2.JWTSVIDResponse(svids=[pb2.JWTSVID(spiffe_id=WEB, svid=token)])

    with agent() as it:
        keys = {f"spiffe://{OWN}": SIGNER.bundle.to_jwks()}
        it.say(KEYS, pb2.JWTBundlesResponse(bundles=keys))
        it.say(TOKEN, issue)
        it.say(JUDGE, lambda _: pb2.ValidateJWTSVIDResponse(spiffe_id=WEB))
        async with source(it, jwt_bundles=True) as mine:
            await mine.wait_jwt_bundles(PATIENCE)
            token = await mine.fetch_jwt_svid("shop")
            assert str(token.spiffe_id) == WEB
            assert (await mine.validate_jwt_svid(token.token, "shop")) == token
            by_agent = await mine.validate_jwt_svid(token.token, "shop", by="agent")
            assert by_agent == token
            it.fail(JUDGE, grpc.StatusCode.INVALID_ARGUMENT)
            with pytest.raises(VerificationError):
                await mine.validate_jwt_svid(token.token, "shop", by="agent")
            it.fail(TOKEN, grpc.StatusCode.PERMISSION_DENIED)
            with pytest.raises(SourceError):
                await mine.fetch_jwt_svid("bank")
