# SPDX-License-Identifier: Apache-2.0
"""Sessions on a port with several identities: each belongs to one of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio.testing
from tests.support.named import PAY, SHOP, config_of
from tests.support.net_world import (
    WEB,
    InMemory,
    authority,
    trio_test,
)

from handfast import SessionStore
from handfast.net import ServerNames


class Openssl:
    """Python's ssl as a client that resumes whatever it is told to, under any name."""

    def __init__(self, folder: Path, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = self._context.maximum_version = version
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        svid, file = authority("a.example").issue(WEB), folder / "web.pem"
        file.write_bytes(svid.to_pem_chain() + svid.to_pem_key())
        self._context.load_cert_chain(file)

    async def meet(
        self, world: InMemory, name: str, session: ssl.SSLSession | None = None
    ) -> tuple[bool, bytes | None, ssl.SSLSession | None]:
        """Shake hands, talk; was it resumed, whom did it see, and the session."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(
            incoming, outgoing, server_hostname=name, session=session
        )
        client = world.transport.connect()

        async def run(step: Callable[[], object]) -> None:
            while True:
                try:
                    step()
                except ssl.SSLWantReadError:
                    await client.send_all(outgoing.read())
                    incoming.write(await client.receive_some())
                else:
                    await client.send_all(outgoing.read())
                    return

        await run(tls.do_handshake)
        await run(lambda: tls.write(b"ping"))
        await run(lambda: tls.read(4))
        await client.aclose()
        return bool(tls.session_reused), tls.getpeercert(binary_form=True), tls.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@trio_test
async def test_a_session_is_resumed_under_its_own_name_alone(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """R1, R9: the CVE-2025-23419 shape; a session of one name is nothing at another.

    Both configurations share a store, and have the same bundles and the same
    authorizer: all that differs is who answers.
    """
    shared, world = SessionStore(), InMemory()
    settings: dict[str, Any] = {"sessions": shared, "min_version": "1.2"}
    table = ServerNames(
        {
            "pay.example": config_of(PAY, **settings),
            "shop.example": config_of(SHOP, **settings),
        }
    )
    client = Openssl(tmp_path, version)
    async with world.serving(sni=table):
        reused, pay, session = await client.meet(world, "pay.example")
        assert not reused
        # The negative control: under its own name it is resumed.
        reused, again, session = await client.meet(world, "pay.example", session)
        assert reused
        assert again == pay
        reused, shop, _ = await client.meet(world, "shop.example", session)
        assert not reused
        assert shop != pay
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_ok == 3
    assert not world.statistics.handshakes_failed
