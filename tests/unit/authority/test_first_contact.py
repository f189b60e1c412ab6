# SPDX-License-Identifier: Apache-2.0
"""The first contact of another host, by nothing but the fingerprint of a root."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import settings
from tests.support.net_world import trio_test
from tests.support.nodes_world import DOMAIN, NODE, port_of

from handfast import StaticSource, TrustBundleSet, TrustDomain
from handfast._clock import utc_now
from handfast.authority import Authority
from handfast.authority.agent import join
from handfast.authority.nodes import NodeDoor, shown_root
from handfast.authority.nodes.fingerprint import fingerprint_of, read_fingerprint
from handfast.authority.service import AuthorityService
from handfast.authority.signer_rows import wish_for
from handfast.authority.state import AuthorityState
from handfast.bundle import TrustBundle
from handfast.bundle_document import BundleDocument
from handfast.errors import (
    ConfigError,
    InvalidBundle,
    PeerMisbehaved,
    Reason,
    VerificationError,
)
from handfast.net.first_contact import find_authority
from handfast.net.nodes import dial_authority, open_node_listeners, serve_nodes
from handfast.testing import FakeClock

#: Seconds for which a root, or an intermediate, is there before it signs.
LEAD = 5 * 60


@dataclass
class There:
    service: AuthorityService
    state: AuthorityState
    address: tuple[str, int]

    @property
    def roots(self) -> tuple[bytes, ...]:
        return self.state.signers.bundle.x509_authorities

    async def joins(self, roots: TrustBundle) -> str:
        """Join with what is known of the authority; return as whom."""
        token = self.service.nodes.make_token(NODE)
        svid = token.svid(self.state.signers._now())
        source = StaticSource(svid, TrustBundleSet([roots]))
        dial = dial_authority(source, DOMAIN, self.address)
        known = BundleDocument.of(roots)
        return str((await join(dial, self.address, known)).spiffe_id)


@asynccontextmanager
async def authority(
    folder: Path, now: Callable[[], datetime] = utc_now
) -> AsyncGenerator[There, None]:
    with AuthorityState.open(folder, settings=settings(), now=now) as state:
        service = AuthorityService(state, now=now)
        door = NodeDoor(
            state, service.nodes, service.node_service, shows_root=True, now=now
        )
        listeners = await open_node_listeners(door, 0, host="127.0.0.1")
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(serve_nodes, service.node_service, listeners, DOMAIN)
            yield There(service, state, ("127.0.0.1", port_of(listeners[0])))
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_fingerprint_is_enough_to_join(tmp_path: Path) -> None:
    """P1: and the mutual TLS that follows is under that root and no other."""
    async with authority(tmp_path / "a") as there:
        (root,) = there.roots
        found = await find_authority(there.address, DOMAIN, fingerprint_of(root))
        assert found.x509_authorities == (root,)
        assert await there.joins(found) == str(NODE)


@trio_test
async def test_the_root_that_is_shown_is_the_one_that_signs(tmp_path: Path) -> None:
    """During a rotation there is another one, which will do when it signs."""
    async with authority(tmp_path / "a") as there:
        with there.state.database.transaction() as run:
            wish_for(run, "root", there.state.signers._now())
        there.state.reload()
        there.service.look()
        signs, waits = there.roots
        assert signs == there.state.signers.active("root").certificate
        found = await find_authority(there.address, DOMAIN, fingerprint_of(signs))
        assert await there.joins(found) == str(NODE)
        with pytest.raises(VerificationError):
            await find_authority(there.address, DOMAIN, fingerprint_of(waits))


@trio_test
async def test_a_root_that_took_over_is_not_shown_before_our_own_svid_is_under_it(
    tmp_path: Path,
) -> None:
    """Nor printed with tokens: joining by it would fail until that is renewed."""
    clock = FakeClock(datetime.now(UTC))
    async with authority(tmp_path / "a", clock) as there:
        (old,) = there.roots
        await find_authority(there.address, DOMAIN, fingerprint_of(old))
        with there.state.database.transaction() as run:
            wish_for(run, "root", clock())
        for seconds in (1, LEAD, LEAD):
            clock.advance(seconds)
            there.state.reload()
            there.service.look()
        assert there.state.signers.active("root").certificate != old
        assert there.state.signers.root_of(there.state.signers.signs_now) != old
        assert shown_root(there.state, now=clock) == old
        clock.advance(-1 - 2 * LEAD)  # for TLS, which has a clock of its own
        found = await find_authority(there.address, DOMAIN, fingerprint_of(old))
        assert await there.joins(found) == str(NODE)


@trio_test
async def test_whoever_answers_with_another_root_is_nobody(tmp_path: Path) -> None:
    """I2: names that it gives itself count for nothing."""
    async with authority(tmp_path / "a") as there:
        pin = fingerprint_of(Authority(DOMAIN).root.der)
        with pytest.raises(VerificationError, match=pin) as refused:
            await find_authority(there.address, DOMAIN, pin)
        assert refused.value.reason is Reason.UNKNOWN_AUTHORITY


@trio_test
async def test_a_root_that_is_merely_passed_on_proves_nothing(tmp_path: Path) -> None:
    """Everybody can show the right root; only who has an SVID under it is joined.

    Here somebody in between lets the first connection through, and answers the next.
    """
    async with authority(tmp_path / "a") as there:
        (root,) = there.roots
        found = await find_authority(there.address, DOMAIN, fingerprint_of(root))
        liar = Authority(DOMAIN)
        forged = liar.issue(f"spiffe://{DOMAIN}/handfast/authority")
        listeners = await open_node_listeners(
            StaticSource(forged, liar.bundle), 0, host="127.0.0.1"
        )
        false = There(there.service, there.state, ("127.0.0.1", port_of(listeners[0])))
        async with trio.open_nursery() as nursery:
            serve = partial(serve_nodes, there.service.node_service, listeners, DOMAIN)
            await nursery.start(serve)
            with pytest.raises(VerificationError) as refused:
                await false.joins(found)
            nursery.cancel_scope.cancel()
        assert refused.value.reason is Reason.UNKNOWN_AUTHORITY
        assert there.service.nodes.all() == []


@trio_test
async def test_the_leaf_is_no_root_and_another_domain_s_root_is_not_ours(
    tmp_path: Path,
) -> None:
    """F3: the trust domain is what whoever joins says, and has to be the root's."""
    async with authority(tmp_path / "a") as there:
        (root,) = there.roots
        leaf = there.service.node_service.own_svid().chain[0]
        with pytest.raises(InvalidBundle):
            await find_authority(there.address, DOMAIN, fingerprint_of(leaf))
        other = TrustDomain("b.example")
        with pytest.raises(InvalidBundle):
            await find_authority(there.address, other, fingerprint_of(root))


@trio_test
async def test_who_speaks_no_tls_shows_nothing() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]

    async def answer(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 mail.example\r\n")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, listeners)
        with pytest.raises(PeerMisbehaved):
            await find_authority(("127.0.0.1", port), DOMAIN, "ab" * 32)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "ab" * 31, "ab" * 33, "sha1:" + "ab" * 20, "xy" * 32, "é" * 64],
)
def test_what_is_no_whole_sha256_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal"):
        read_fingerprint(text)


def test_a_fingerprint_is_read_as_other_tools_write_it() -> None:
    plain = fingerprint_of(b"root")
    digest = plain.removeprefix("sha256:").upper()
    pairs = ":".join(digest[i : i + 2] for i in range(0, 64, 2))
    assert {read_fingerprint(it) for it in (plain, digest, pairs, f" {plain}\n")} == {
        plain
    }
