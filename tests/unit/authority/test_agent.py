# SPDX-License-Identifier: Apache-2.0
"""What an agent keeps, and gives on while its authority is away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.authority_state import NOON, entry
from tests.support.net_world import trio_test
from tests.support.nodes_world import (
    NODE,
)

from handfast import (
    SpiffeId,
)
from handfast.authority import Authority
from handfast.authority.agent import NodeIdentity, NodeSource
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.nodes.proto import (
    SignX509Request,
    SignX509Response,
)
from handfast.authority.profile import leaf_builder
from handfast.authority.signer import sign
from handfast.bundle_document import BundleDocument
from handfast.errors import ConfigError, SourceError
from handfast.testing import FakeClock
from handfast.workload_api.status import RpcError, StatusCode


@trio_test
async def test_an_svid_is_renewed_at_half_and_given_until_its_end() -> None:
    """While the authority is away, it is asked ever more seldom."""
    authority, clock = Authority("a.example"), FakeClock(datetime.now(UTC))
    there, asked = True, 0

    async def ask(_method: str, request: object, _kind: object) -> object:
        nonlocal asked
        await trio.lowlevel.checkpoint()
        asked += 1
        if not there:
            raise RpcError(StatusCode.UNAVAILABLE, "away")
        return SignX509Response(chain=chain_for(authority, request, clock()))

    issuing = RemoteIssuing(ask, now=clock, chance=lambda: 0.0)  # type: ignore[arg-type]
    one = entry("spiffe://a.example/db")
    with pytest.raises(ConfigError):
        issuing.x509(one, {})
    await issuing.prepare(one, {})
    first = issuing.x509(one, {})
    await issuing.prepare(one, {})
    assert (asked, first.number, issuing.number_for(one)) == (1, 1, 1)
    clock.advance(31 * 60)
    assert (issuing.number_for(one), issuing.renew_at(one)) == (2, None)
    there = False
    await issuing.prepare(one, {})
    assert issuing.x509(one, {}) is first
    assert issuing.number_for(one) == 1  # no watch spins meanwhile
    assert issuing.renew_at(one) == clock() + timedelta(seconds=1)
    for pause in (2, 4, 8, 16, 32, 60, 60):
        again = issuing.renew_at(one)
        assert again is not None
        clock.advance((again - clock()).total_seconds())
        await issuing.prepare(one, {})
        assert issuing.renew_at(one) == clock() + timedelta(seconds=pause)
    issuing.hurry()
    there = True
    await issuing.prepare(one, {})
    assert issuing.x509(one, {}).number == 2
    there = False
    clock.advance(3600)
    with pytest.raises(RpcError):
        await issuing.prepare(one, {})
    with pytest.raises(ConfigError):
        issuing.x509(one, {})
    issuing.forget([])
    assert issuing.number_for(one) == 3


@pytest.mark.parametrize("what", ["another ID", "another key", "garbage"])
@trio_test
async def test_an_answer_that_does_not_fit_is_not_given_on(what: str) -> None:
    authority = Authority("a.example")

    async def ask(_method: str, request: object, _kind: object) -> object:
        await trio.lowlevel.checkpoint()
        chain = chain_for(authority, request, datetime.now(UTC), other=what)
        return SignX509Response(chain=chain)

    issuing = RemoteIssuing(ask)  # type: ignore[arg-type]
    with pytest.raises(RpcError) as refused:
        await issuing.prepare(entry("spiffe://a.example/db"), {})
    assert refused.value.code is StatusCode.INTERNAL


def chain_for(
    authority: Authority, request: object, now: datetime, other: str = ""
) -> bytes:
    """Sign the key of a request for an hour; or something else."""
    assert isinstance(request, SignX509Request)
    if other == "garbage":
        return b"0"
    name = "web" if other == "another ID" else "db"
    if other == "another key":
        return b"".join(authority.issue(f"spiffe://a.example/{name}").chain)
    builder = leaf_builder(
        SpiffeId.parse(f"spiffe://a.example/{name}"),
        _Key(request.public_key),
        (now.replace(microsecond=0), now + timedelta(hours=1)),
        issuer=authority.signer,
    )
    return sign(builder, authority.signer.key).public_bytes(Encoding.DER)


@dataclass
class _Key:
    public_der: bytes


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"trust_domain": "b.example"},
        {"chain": ""},
        {"authority": {"host": "x"}},
        {"bundle": {}},
    ],
)
def test_an_agents_file_is_taken_as_it_was_written_or_not_at_all(
    tmp_path: Path, change: dict[str, object]
) -> None:
    authority = Authority("a.example")
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=authority.issue(NODE),
        bundle=BundleDocument.of(authority.bundle),
    )
    folder = tmp_path / "agent"
    with pytest.raises(ConfigError, match="Join first"):
        NodeIdentity.load(folder)
    identity.save(folder)
    assert NodeIdentity.load(folder) == identity
    file = folder / "node.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in folder.iterdir()] == ["node.json"]
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="only its owner"):
        NodeIdentity.load(folder)
    file.chmod(0o600)
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change), "ascii")
    with pytest.raises(ConfigError, match="Join again"):
        NodeIdentity.load(folder)


def test_an_identity_that_is_over_is_not_used() -> None:
    authority = Authority("a.example", now=lambda: NOON - timedelta(days=400))
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=authority.issue(NODE),
        bundle=BundleDocument.of(authority.bundle),
    )
    with pytest.raises(SourceError):
        NodeSource(identity).snapshot()
