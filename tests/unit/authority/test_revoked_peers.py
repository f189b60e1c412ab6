# SPDX-License-Identifier: Apache-2.0
"""From `handfast authority crl revoke` to a server that refuses a stolen SVID."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.authority_state import WEB, entry
from tests.support.net_world import PATIENCE, echo, trio_test
from tests.support.served_authority import ME, SHOP, Served, authority

from handfast import (
    ConnectionEnded,
    MtlsStream,
    PeerAlert,
    Reason,
    SourceSnapshot,
    StaticSource,
    TlsConfig,
    VerificationError,
    Verifier,
    WorkloadApiSource,
    authorize,
    open_mtls_stream,
)
from handfast.authority.revocation import revoke
from handfast.net import Lifetime, open_mtls_listeners, serve_mtls_listeners

LIFETIME = Lifetime(on_revoked="close")


def choosing(name: str) -> Any:
    def choose(svids: Any) -> Any:
        return next(it for it in svids if str(it.spiffe_id) == name)

    return choose


class World:
    """A shop that asks lists, and a web server whose SVID somebody has copied."""

    def __init__(self, served: Served, nursery: trio.Nursery) -> None:
        self.served = served
        self.nursery = nursery
        self.refused: list[Exception] = []

    async def start(
        self, shop: WorkloadApiSource, web: WorkloadApiSource, workers: int
    ) -> None:
        self.shop, self.web = shop, web
        self.stolen = (await web.wait_ready(PATIENCE)).svid
        await shop.wait_ready(PATIENCE)
        server = TlsConfig.server(
            shop, authorize=authorize.exactly(WEB), crl_policy="if_available"
        )
        listeners = await open_mtls_listeners(
            0, server, host="127.0.0.1", lifetime=LIFETIME
        )
        self.port = listeners[0].port
        await self.nursery.start(
            partial(serve_mtls_listeners, self.handle, listeners, workers=workers)
        )

    async def handle(self, stream: MtlsStream) -> None:
        await echo(stream)

    async def connect(self, source: Any, **settings: Any) -> MtlsStream:
        config = TlsConfig.client(source, authorize=authorize.exactly(SHOP), **settings)
        return await open_mtls_stream("127.0.0.1", self.port, config)

    async def revoke(self) -> None:
        """As the command does, from another process."""
        with self.served.other_process() as other:
            revoke(other.database, f"{self.stolen.leaf.serial_number:x}")
        for source in (self.shop, self.web):
            while not source.crls.trust_domains:
                await source.wait_changed()


@asynccontextmanager
async def world(tmp_path: Path, workers: int = 0) -> AsyncGenerator[World, None]:
    async with authority(tmp_path) as served:
        for name in (SHOP, WEB):
            served.state.registry.add(entry(name, ME))
        async with (
            WorkloadApiSource(served.endpoint, choose=choosing(SHOP)) as shop,
            WorkloadApiSource(served.endpoint, choose=choosing(WEB)) as web,
            trio.open_nursery() as nursery,
        ):
            it = World(served, nursery)
            await it.start(shop, web, workers)
            yield it
            nursery.cancel_scope.cancel()


async def ask(stream: MtlsStream) -> None:
    await stream.send_all(b"hello")
    assert await stream.receive_some() == b"hello"


async def alert_to(connect: Callable[[], Awaitable[MtlsStream]]) -> PeerAlert | None:
    """Be refused, and return the reason if it is told."""
    try:
        async with await connect() as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b""
    except PeerAlert as alert:
        return alert
    except trio.BrokenResourceError as broken:
        return broken.__cause__ if isinstance(broken.__cause__, PeerAlert) else None
    return None


@pytest.mark.parametrize("workers", [0, 2])
@trio_test
async def test_a_revoked_svid_is_refused_and_its_streams_end(
    tmp_path: Path, workers: int
) -> None:
    """WAPI-47, P4, P6: sessions too; the workload itself has a new one, and goes on."""
    async with world(tmp_path, workers) as it:
        thief = StaticSource(it.stolen, it.web.bundles)
        config = TlsConfig.client(thief, authorize=authorize.exactly(SHOP))

        async def steal() -> MtlsStream:
            return await open_mtls_stream("127.0.0.1", it.port, config)

        async with await steal() as stream:
            await ask(stream)
        async with await steal() as stream:
            await ask(stream)
            assert stream.connection.resumed
            await it.revoke()
            # The open stream is closed by the server, within a look of its keeper.
            assert await stream.receive_some() == b""
        alert = await alert_to(steal)
        while alert is None:
            # A worker that was not given the list yet shakes hands by the older one:
            # the newest has its word (P5), and the thief gets his end without a reason.
            assert workers
            alert = await alert_to(steal)
        assert "revoked" in str(alert)
        # The web server was given another SVID together with the list.
        snapshot: SourceSnapshot = it.web.snapshot()
        assert snapshot.svid != it.stolen
        async with await it.connect(it.web, crl_policy="if_available") as stream:
            await ask(stream)
        verifier = Verifier(
            snapshot.bundles, crls=snapshot.crls, crl_policy="if_available"
        )
        verifier.verify(snapshot.svid.chain)
        with pytest.raises(VerificationError) as refused:
            verifier.verify(it.stolen.chain)
        assert refused.value.reason is Reason.CERTIFICATE_REVOKED


@trio_test
async def test_who_does_not_ask_ends_nothing(tmp_path: Path) -> None:
    """WAPI-47: the control; a client that asks ends its stream to a revoked server."""
    async with world(tmp_path) as it:
        shop = it.shop.snapshot().svid
        plain = await it.connect(it.web)
        config = TlsConfig.client(
            it.web, authorize=authorize.exactly(SHOP), crl_policy="if_available"
        )
        asking = await open_mtls_stream("127.0.0.1", it.port, config, lifetime=LIFETIME)
        async with plain, asking:
            await ask(plain)
            await ask(asking)
            with it.served.other_process() as other:
                revoke(other.database, f"{shop.leaf.serial_number:x}")
            with pytest.raises(trio.BrokenResourceError) as caught:
                await asking.receive_some()
            assert isinstance(caught.value.__cause__, ConnectionEnded)
            assert caught.value.__cause__.reason is Reason.CREDENTIALS_REVOKED
            await ask(plain)
