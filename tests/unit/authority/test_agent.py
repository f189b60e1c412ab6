# SPDX-License-Identifier: Apache-2.0
"""What an agent keeps, and gives on while its authority is away."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.authority_state import NOON, entry, settings
from tests.support.authority_state import World as State
from tests.support.net_world import trio_test
from tests.support.nodes_world import (
    NODE,
    OTHER,
)

from handfast import (
    SpiffeId,
)
from handfast.authority import Authority
from handfast.authority.agent import NodeIdentity, NodeSource
from handfast.authority.agent.mirror import Mirror
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.agent.tokens import RemoteTokens
from handfast.authority.issuing import Issuing
from handfast.authority.nodes.proto import (
    SignJWTRequest,
    SignJWTResponse,
    SignX509Request,
    SignX509Response,
    WatchResponse,
)
from handfast.authority.profile import leaf_builder
from handfast.authority.signer import sign
from handfast.bundle_document import BundleDocument
from handfast.errors import ConfigError, HandfastError, Reason, SourceError
from handfast.jwt_signer import JwtSigner
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

    issuing = RemoteIssuing(
        ask,  # type: ignore[arg-type]
        verifies=believed,
        now=clock,
        chance=lambda: 0.0,
    )
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


@trio_test
async def test_what_was_cut_short_is_asked_for_again_when_another_one_signs(
    tmp_path: Path,
) -> None:
    """And not before: else ever shorter SVIDs, asked for ever more often."""
    world = State(tmp_path / "state")
    with world.open(settings()) as state:
        at_home = Issuing(state, now=world.clock)
        one = entry("spiffe://a.example/db", x509_ttl=timedelta(hours=9))
        asked = 0

        async def ask(_method: str, request: object, _kind: object) -> object:
            nonlocal asked
            await trio.lowlevel.checkpoint()
            asked += 1
            assert isinstance(request, SignX509Request)
            chain, _, _ = at_home.sign(one, _Key(request.public_key), {})
            return SignX509Response(chain=b"".join(chain))

        told = state.signers.signs_now
        issuing = RemoteIssuing(
            ask,  # type: ignore[arg-type]
            verifies=believed,
            signs_now=lambda: told,
            now=world.clock,
        )
        await issuing.prepare(one, {})
        first = issuing.x509(one, {})
        assert first.cut_by == first.signer == told
        assert issuing.renew_at(one) == first.svid.not_after
        world.clock.advance(minutes=90)  # of two hours that the intermediate has
        state.signers.keep()
        await issuing.prepare(one, {})
        assert asked == 1
        world.clock.advance(minutes=10)
        state.signers.keep()
        told = state.signers.signs_now
        assert issuing.number_for(one) == 2  # which wakes the streams
        await issuing.prepare(one, {})
        assert asked == 2
        assert issuing.x509(one, {}).svid.not_after > first.svid.not_after


@pytest.mark.parametrize("what", ["another ID", "another key", "garbage"])
@trio_test
async def test_an_answer_that_does_not_fit_is_not_given_on(what: str) -> None:
    authority = Authority("a.example")

    async def ask(_method: str, request: object, _kind: object) -> object:
        await trio.lowlevel.checkpoint()
        chain = chain_for(authority, request, datetime.now(UTC), other=what)
        return SignX509Response(chain=chain)

    issuing = RemoteIssuing(ask, verifies=believed)  # type: ignore[arg-type]
    with pytest.raises(RpcError) as refused:
        await issuing.prepare(entry("spiffe://a.example/db"), {})
    assert refused.value.code is StatusCode.INTERNAL


def believed(_svid: object) -> bool:
    return True


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


def test_an_agents_file_is_on_the_disk_when_it_has_been_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not synced is not there after a power cut: content, name, or folder."""
    authority = Authority("a.example")
    bundle = BundleDocument.of(authority.bundle)
    svid = authority.issue(NODE)
    identity = NodeIdentity(authority=("h", 1), svid=svid, bundle=bundle)
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda it: synced.append(os.fstat(it).st_ino))
    identity.save(tmp_path / "agent")
    file = tmp_path / "agent" / "node.json"
    order = (tmp_path, file, file.parent)
    assert synced == [it.stat().st_ino for it in order]


@pytest.mark.parametrize("seconds", [10, 60, 86_400])
def test_an_agent_renews_itself_at_half_of_its_life_however_short(
    seconds: int,
) -> None:
    """From when it was made: certificates begin a minute before that."""
    authority = Authority("a.example", now=lambda: NOON)
    svid = authority.issue(NODE, ttl=timedelta(seconds=seconds))
    bundle = BundleDocument.of(authority.bundle)
    identity = NodeIdentity(authority=("h", 1), svid=svid, bundle=bundle)
    assert identity.renew_at() == NOON + timedelta(seconds=seconds / 2)


def test_an_identity_that_is_over_is_not_used() -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    authority = Authority("a.example", now=lambda: long_ago)
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=authority.issue(NODE),
        bundle=BundleDocument.of(authority.bundle),
    )
    with pytest.raises(SourceError, match=r"authority\.example:8443") as caught:
        NodeSource(identity).snapshot()
    assert caught.value.reason is Reason.SOURCE_EXPIRED
    assert "join --again" in str(caught.value)


def told(authority: Authority, **changes: Any) -> WatchResponse:
    """Make a message that an agent of NODE takes."""
    whole: dict[str, Any] = {
        "entries": [entry("spiffe://a.example/db", node=NODE).to_text()],
        "bundle": BundleDocument.of(authority.bundle).to_json(),
        "federated": {"b.example": document_of("b.example")},
        "crls": [b"one"],
    }
    return WatchResponse(**(whole | changes))


def document_of(name: str) -> bytes:
    return BundleDocument.of(Authority(name).bundle).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"entries": ["{"]},
        {"entries": ["[]"]},
        {"entries": ["null"]},
        {"entries": ['{"spiffe_id": "spiffe://a.example/db"}']},
        {"entries": [entry("spiffe://a.example/db", node=OTHER).to_text()]},
        {"entries": [entry("spiffe://a.example/db").to_text()]},
        {"bundle": b""},
        {"bundle": b"{}"},
        {"federated": {"a.example": document_of("a.example")}},
        {"federated": {"B.example": document_of("b.example")}},
        {"federated": {"b.example": b"{"}},
    ],
)
def test_what_an_authority_says_is_taken_as_a_whole_or_not_at_all(
    change: dict[str, Any],
) -> None:
    authority = Authority("a.example")
    mirror = Mirror(NODE, BundleDocument.of(authority.bundle))
    quiet = mirror.is_told
    mirror.take(told(authority))
    before = (mirror.registry.entries, mirror.signers.sequence, mirror.crls.ders)
    assert [str(it.spiffe_id) for it in before[0]] == ["spiffe://a.example/db"]
    other = told(Authority("a.example"), crls=[b"two"], **change)
    with pytest.raises((HandfastError, KeyError, TypeError, ValueError)):
        mirror.take(other)
    after = (mirror.registry.entries, mirror.signers.sequence, mirror.crls.ders)
    assert after == before
    mirror.forget()
    assert (quiet, mirror.is_told) == (False, True)
    assert mirror.registry.entries == ()


def test_the_same_said_again_is_no_news() -> None:
    """Streams are woken by what changes, and by nothing else."""
    authority = Authority("a.example")
    mirror = Mirror(NODE, BundleDocument.of(authority.bundle))
    message = told(authority)

    def numbers() -> tuple[int, int, int]:
        return mirror.signers.sequence, mirror.federated.number, mirror.crls.number

    mirror.take(message)
    first = numbers()
    mirror.take(message)
    assert numbers() == first == (0, 1, 1)
    mirror.take(told(Authority("a.example"), federated={}, crls=[]))
    assert numbers() == (1, 2, 2)


@trio_test
async def test_a_token_is_renewed_at_half_and_given_until_its_end() -> None:
    clock, there = FakeClock(datetime.now(UTC).replace(microsecond=0)), True
    signer = JwtSigner.generate("a.example")
    asked = 0

    async def ask(_method: str, request: object, _kind: object) -> object:
        nonlocal asked
        await trio.lowlevel.checkpoint()
        asked += 1
        if not there:
            raise RpcError(StatusCode.UNAVAILABLE, "away")
        assert isinstance(request, SignJWTRequest)
        signed = signer.sign(
            SpiffeId.parse("spiffe://a.example/db"),
            list(request.audience),
            ttl=timedelta(minutes=5),
            now=clock(),
        )
        return SignJWTResponse(token=signed.token)

    tokens = RemoteTokens(ask, bundle=lambda: signer.bundle, now=clock)  # type: ignore[arg-type]
    one = entry("spiffe://a.example/db", hint="db")
    with pytest.raises(ConfigError):
        tokens.jwt(one, ["x"], {})
    await tokens.prepare(one, ["x"], {})
    first = tokens.jwt(one, ["x"], {})
    assert (first.audience, first.hint) == (("x",), "db")
    await tokens.prepare(one, ["x"], {})
    assert asked == 1
    await tokens.prepare(one, ["y"], {})
    assert tokens.jwt(one, ["y"], {}).audience == ("y",)
    clock.advance(151)
    there = False
    await tokens.prepare(one, ["x"], {})
    assert tokens.jwt(one, ["x"], {}) is first
    clock.advance(150)
    with pytest.raises(RpcError):
        await tokens.prepare(one, ["x"], {})
    there = True
    await tokens.prepare(one, ["x"], {})
    assert tokens.jwt(one, ["x"], {}) != first
    tokens.forget([])
    with pytest.raises(ConfigError):
        tokens.jwt(one, ["x"], {})
    other = entry("spiffe://a.example/web")
    with pytest.raises(RpcError, match="answers for"):
        await tokens.prepare(other, ["x"], {})
