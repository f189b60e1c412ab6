# SPDX-License-Identifier: Apache-2.0
"""A Workload API in this process, whose answers a test sets and changes."""

from __future__ import annotations

import copy
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio

from handfast.authority import Authority
from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.ids import SpiffeId
from handfast.jwt_bundle import JwtBundle, JwtBundleSet
from handfast.jwt_signer import JwtSigner
from handfast.jwt_svid import JwtSvid
from handfast.svid import X509Svid
from handfast.testing.wit_issuer import FakeWitIssuer
from handfast.workload_api import (
    PROFILES,
    Endpoint,
    PermissionDenied,
    RpcError,
    ServerStatistics,
    ServiceLimits,
    X509Bundles,
    X509Context,
    serve_workload_api,
)
from handfast.workload_api.service import Profile

__all__ = ["FakeWorkloadApi"]


class _Watch:
    """Wakes a stream when the fake's answers have changed."""

    def __init__(self, fake: FakeWorkloadApi) -> None:
        self._fake = fake
        self._seen = fake.generation

    async def wait(self) -> None:
        await trio.lowlevel.checkpoint()
        while self._seen == self._fake.generation:
            await self._fake.wait_bell()
        self._seen = self._fake.generation


class FakeWorkloadApi(FakeWitIssuer):
    """A Workload API server on a local socket, for tests of its clients.

    It is the real server of handfast over answers that the test sets: everybody who
    connects gets them. Use it in a trio program as an asynchronous context manager;
    `in_thread` serves programs without trio. What is set takes effect at once, from any
    thread, and is pushed to open streams.

    Args:
        authority: Who issues; one for ``example.org`` when left out.
        ids: For whom, the default identity first.
        path: Of the socket's file; one in a temporary directory when left out.
        limits: The server's limits.
        profiles: What is served; ``"wit"`` (incubating) has to be asked for.

    Attributes:
        authority: Who issues.
        jwt_signer: Who signs JWT-SVIDs.
        calls: How many times each method was asked for an answer, by the issuer's
            method, such as ``"x509_context"``.
        statistics: Of the server.

    Example:
        >>> import trio
        >>> from handfast.workload_api import open_channel, proto
        >>> async def main() -> None:
        ...     async with FakeWorkloadApi(ids=["spiffe://example.org/web"]) as api:
        ...         async with await open_channel(api.endpoint) as channel:
        ...             answer = await channel.unary(
        ...                 proto.FETCH_JWT_SVID,
        ...                 proto.JWTSVIDRequest(audience=["shop"]),
        ...                 proto.JWTSVIDResponse,
        ...                 timeout=10,
        ...             )
        ...             print(answer.svids[0].spiffe_id)
        >>> trio.run(main)
        spiffe://example.org/web
    """

    def __init__(
        self,
        authority: Authority | None = None,
        *,
        ids: Iterable[str | SpiffeId] = ("spiffe://example.org/workload",),
        path: str | None = None,
        limits: ServiceLimits | None = None,
        profiles: frozenset[Profile] = PROFILES,
    ) -> None:
        self.authority = authority or Authority("example.org")
        self.jwt_signer = JwtSigner.generate(self.authority.trust_domain)
        self.calls: Counter[str] = Counter()
        self.statistics = ServerStatistics()
        self.generation = 0
        self._ids = tuple(ids)
        self._hints: Mapping[str, str] = {}
        self._svids = self._issued()
        self._own = self.authority.bundle
        self._federated = TrustBundleSet()
        self._crls: tuple[bytes, ...] = ()
        self._jwt_bundles: tuple[JwtBundle, ...] = (self.jwt_signer.bundle,)
        self._failure: RpcError | None = None
        self._given_path = self._path = path
        self._limits = limits
        self._profiles: frozenset[Profile] = profiles
        self._closing = ExitStack()
        self._bell = trio.Event()
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._done = trio.Event()
        self._broken: Exception | None = None

    # -- what it answers

    @property
    def svids(self) -> tuple[X509Svid, ...]:
        """The X.509-SVIDs that a caller gets now."""
        return self._svids

    @property
    def bundle(self) -> TrustBundle:
        """The own bundle that a caller gets now."""
        return self._own

    def rotate(self) -> None:
        """Issue all identities anew."""
        self.set_svids(self._issued())

    def set_ids(
        self, *ids: str | SpiffeId, hints: Mapping[str, str] | None = None
    ) -> None:
        """Give callers other identities, in this order; none at all is a refusal."""
        self._ids, self._hints = ids, dict(hints or {})
        self.rotate()

    def set_svids(self, svids: Iterable[X509Svid]) -> None:
        """Give callers these X.509-SVIDs, whoever issued them."""
        self._svids = tuple(svids)
        self._ring()

    def set_bundles(
        self,
        own: TrustBundle | None = None,
        *,
        federated: Iterable[TrustBundle] | None = None,
        crls: Sequence[bytes] | None = None,
    ) -> None:
        """Replace whom callers may trust with X.509-SVIDs; what is left out stays."""
        self._own = self._own if own is None else own
        if federated is not None:
            self._federated = TrustBundleSet(federated)
        self._crls = self._crls if crls is None else tuple(crls)
        self._ring()

    def set_jwt_bundles(self, *bundles: JwtBundle) -> None:
        """Replace whom callers may trust with JWT-SVIDs; the own one is not added."""
        self._jwt_bundles = bundles
        self._ring()

    def fail(self, error: RpcError | None) -> None:
        """Answer everything with an error, open streams too; None ends that."""
        self._failure = error
        self._ring()

    def deny(self) -> None:
        """Answer everything with PermissionDenied, as for one without an entry."""
        self.fail(PermissionDenied())

    # -- where it is

    @property
    def endpoint(self) -> Endpoint:
        """Its address."""
        return Endpoint(path=self._file())

    @property
    def address(self) -> str:
        """Its address as ``SPIFFE_ENDPOINT_SOCKET`` has it."""
        return str(self.endpoint)

    def _file(self) -> str:
        if self._path is None:
            folder = tempfile.TemporaryDirectory(prefix="hf")
            self._path = f"{self._closing.enter_context(folder)}/api.sock"
        return self._path

    # -- serving

    async def __aenter__(self) -> Self:
        self._token = trio.lowlevel.current_trio_token()
        self._scope, self._done = trio.CancelScope(), trio.Event()
        started = trio.Event()
        # Not a nursery of ours: a failing test's own error would come in a group.
        trio.lowlevel.spawn_system_task(self._serve, started)
        await started.wait()
        if self._broken is not None:
            raise self._broken
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._scope.cancel()
        with trio.CancelScope(shield=True):
            await self._done.wait()
        self._closing.close()
        self._path = self._given_path
        if self._broken is not None and error is None:
            raise self._broken

    async def restart(self) -> None:
        """Cut all connections and listen again, as an agent that was restarted.

        Cancellation: it may be left without a socket; leave the context.
        """
        self._scope.cancel()
        await self._done.wait()
        await self.__aenter__()

    @contextmanager
    def in_thread(self) -> Generator[Self, None, None]:
        """Serve from a thread with an event loop of its own, as long as this lasts."""
        started, stop = threading.Event(), trio.Event()

        async def serve() -> None:
            async with self:
                started.set()
                await stop.wait()

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(trio.run, serve)
            running.add_done_callback(lambda _: started.set())
            started.wait()
            try:
                yield self
            finally:
                self._soon(stop.set)
                running.result()

    async def _serve(self, started: trio.Event) -> None:
        file = self._file()
        try:
            with (
                self._scope,
                socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain,
            ):
                plain.bind(file)
                plain.listen(64)
                listener = trio.SocketListener(trio.socket.from_stdlib_socket(plain))
                async with trio.open_nursery() as nursery:
                    await nursery.start(
                        partial(
                            serve_workload_api,
                            [listener],
                            self,
                            identify=_anybody,
                            profiles=self._profiles,
                            limits=self._limits,
                            statistics=self.statistics,
                        )
                    )
                    started.set()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits
            self._broken = error
        finally:
            with trio.CancelScope(shield=True):
                await trio.Path(file).unlink(missing_ok=True)
            started.set()
            self._done.set()

    # -- the port that the server asks

    def watch(self, caller: object) -> _Watch:  # noqa: ARG002
        """Begin to watch the answers."""
        return _Watch(self)

    async def x509_context(self, caller: object) -> X509Context:  # noqa: ARG002
        """Give the identities that were set."""
        self._asked("x509_context")
        await trio.lowlevel.checkpoint()
        if not self._svids:
            raise PermissionDenied
        return X509Context(svids=self._svids, bundles=self._bundles())

    async def x509_bundles(self, caller: object) -> X509Bundles:  # noqa: ARG002
        """Give the bundles that were set."""
        self._asked("x509_bundles")
        await trio.lowlevel.checkpoint()
        return self._bundles()

    async def jwt_svids(
        self,
        caller: object,  # noqa: ARG002
        audience: Sequence[str],
        spiffe_id: SpiffeId | None,
    ) -> tuple[JwtSvid, ...]:
        """Sign for all identities that were set, or for one of them."""
        self._asked("jwt_svids")
        await trio.lowlevel.checkpoint()
        return tuple(
            self.jwt_signer.sign(it, audience, hint=self._hints.get(str(it), ""))
            for it in self._ids
            if spiffe_id is None or str(it) == str(spiffe_id)
        )

    async def jwt_bundles(self, caller: object) -> JwtBundleSet:  # noqa: ARG002
        """Give the JWT bundles that were set."""
        self._asked("jwt_bundles")
        await trio.lowlevel.checkpoint()
        return JwtBundleSet(self._jwt_bundles)

    async def wait_bell(self) -> None:
        """Wait for the next change."""
        await self._bell.wait()

    def _asked(self, what: str) -> None:
        self.calls[what] += 1
        if self._failure is not None:
            raise copy.copy(self._failure)

    def _bundles(self) -> X509Bundles:
        return X509Bundles(own=self._own, federated=self._federated, crls=self._crls)

    def _issued(self) -> tuple[X509Svid, ...]:
        return tuple(
            _with_hint(self.authority.issue(it), self._hints.get(str(it), ""))
            for it in self._ids
        )

    def _ring(self) -> None:
        self.generation += 1
        self._soon(self._strike)

    def _strike(self) -> None:
        self._bell.set()
        self._bell = trio.Event()

    def _soon(self, change: Callable[[], Any]) -> None:
        if self._token is not None and not self._done.is_set():
            self._token.run_sync_soon(change)


async def _anybody(_: trio.SocketStream) -> str:
    await trio.lowlevel.checkpoint()
    return "anybody"


def _with_hint(svid: X509Svid, hint: str) -> X509Svid:
    return X509Svid(chain=svid.chain, key=svid.key, hint=hint)
