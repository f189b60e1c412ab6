# SPDX-License-Identifier: Apache-2.0
"""The authority as its workloads see it: a socket, gRPC, and who they are."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.serialization import load_der_private_key
from tests.support.attesting import PYTHON, sha256_of
from tests.support.authority_state import WEB, entry
from tests.support.net_world import trio_test
from tests.support.served_authority import ME, SHOP, authority
from tests.support.workload_api_calls import (
    jwt_bundles,
    jwt_svids,
    the_code,
    validate,
    x509_bundles,
    x509_svids,
)

from handfast import (
    JwtBundle,
    JwtBundleSet,
    JwtSvid,
    TrustBundle,
    TrustDomain,
    Verifier,
    X509Svid,
)
from handfast.authority import Authority
from handfast.authority.audit import read_audit
from handfast.authority.revocation import revoke
from handfast.authority.workload_socket import open_workload_socket
from handfast.der import split_der
from handfast.workload_api import (
    Channel,
    RpcError,
    StatusCode,
    open_channel,
)

DB = "spiffe://a.example/db"


@trio_test
async def test_x509_svids_are_whole_and_verify(tmp_path: Path) -> None:
    """WAPI-41, WAPI-42, WAPI-43, WAPI-44, WAPI-45, WAPI-46, WAPI-48.

    Of a caller that was attested by its socket (WAPI-15, WAPI-16).
    """
    async with authority(tmp_path) as it:
        partner = Authority("b.example")
        it.service.federated.put(TrustDomain("b.example"), partner.bundle.to_json())
        it.state.registry.add(entry(WEB, ME, hint="one"))
        federates = frozenset({TrustDomain("b.example")})
        more = (ME, f"unix:gid:{os.getgid()}")
        it.state.registry.add(entry(SHOP, *more, hint="one", federates_with=federates))
        async with await open_channel(it.endpoint) as channel, x509_svids(channel) as s:
            answer = await anext(s)
        assert [one.spiffe_id for one in answer.svids] == [SHOP, WEB]
        assert [one.hint for one in answer.svids] == ["one", ""]
        for sent in answer.svids:
            load_der_private_key(sent.x509_svid_key, password=None)
            svid = X509Svid.from_der(sent.x509_svid, sent.x509_svid_key)
            bundle = TrustBundle.from_der("a.example", sent.bundle)
            assert str(Verifier(bundle).verify(svid.chain).spiffe_id) == sent.spiffe_id
            assert len(split_der(sent.x509_svid)) == 2
        federated = dict(answer.federated_bundles)
        assert set(federated) == {"spiffe://b.example"}
        assert split_der(federated["spiffe://b.example"]) == (
            partner.bundle.x509_authorities
        )


@trio_test
async def test_who_has_no_entry_is_denied_everything(tmp_path: Path) -> None:
    """WAPI-50, WAPI-53, WAPI-57, WAPI-60."""
    async with authority(tmp_path) as it, await open_channel(it.endpoint) as channel:
        for stream in (x509_svids, x509_bundles, jwt_bundles):
            async with stream(channel) as answers:
                assert await the_code(answers) is StatusCode.PERMISSION_DENIED
        with pytest.raises(RpcError) as refused:
            await jwt_svids(channel, "shop")
        assert refused.value.code is StatusCode.PERMISSION_DENIED


@trio_test
async def test_tokens_are_for_all_identities_or_the_one_asked_for(
    tmp_path: Path,
) -> None:
    """WAPI-54, WAPI-55, WAPI-56, WAPI-57."""
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(WEB, ME))
        it.state.registry.add(entry(SHOP, ME))
        bundles = JwtBundleSet([it.state.signers.jwt_bundle])
        async with await open_channel(it.endpoint) as channel:
            both = await jwt_svids(channel, "db", "cache")
            assert {one.spiffe_id for one in both.svids} == {WEB, SHOP}
            for one in both.svids:
                token = JwtSvid.parse(one.svid, bundles, "cache")
                assert str(token.spiffe_id) == one.spiffe_id
                assert set(token.audience) == {"db", "cache"}
            (only,) = (await jwt_svids(channel, "db", spiffe_id=SHOP)).svids
            assert only.spiffe_id == SHOP
            with pytest.raises(RpcError) as refused:
                await jwt_svids(channel, "db", spiffe_id="spiffe://a.example/root")
            assert refused.value.code is StatusCode.PERMISSION_DENIED
            assert (await validate(channel, "db", only.svid)).spiffe_id == SHOP


@trio_test
async def test_bundles_are_there_for_who_has_an_identity(tmp_path: Path) -> None:
    """WAPI-52, WAPI-59: at least our own; JWT keys and nothing else among them."""
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(WEB, ME))
        own = it.state.signers
        async with await open_channel(it.endpoint) as channel:
            async with x509_bundles(channel) as answers:
                found = dict((await anext(answers)).bundles)
                assert split_der(found["spiffe://a.example"]) == (
                    own.bundle.x509_authorities
                )
            async with jwt_bundles(channel) as answers:
                sent = dict((await anext(answers)).bundles)
                document = sent["spiffe://a.example"]
                assert JwtBundle.from_jwks("a.example", document) == own.jwt_bundle
                assert not any("x5c" in key for key in json.loads(document)["keys"])


@trio_test
async def test_changes_by_a_command_reach_an_open_stream(tmp_path: Path) -> None:
    """WAPI-32, WAPI-33, WAPI-47, WAPI-51: another process has changed them."""
    async with authority(tmp_path) as it:
        first = entry(WEB, ME)
        it.state.registry.add(first)
        async with (
            await open_channel(it.endpoint) as channel,
            x509_svids(channel) as answers,
        ):
            before = await anext(answers)
            with it.other_process() as other:
                other.registry.add(entry(SHOP, ME))
            assert {s.spiffe_id for s in (await anext(answers)).svids} == {WEB, SHOP}
            leaf = X509Svid.from_der(
                before.svids[0].x509_svid, before.svids[0].x509_svid_key
            ).leaf
            with it.other_process() as other:
                revoke(other.database, f"{leaf.serial_number:x}")
            after = await anext(answers)
            assert len(after.crl) == 1
            now = {one.spiffe_id: one.x509_svid for one in after.svids}
            assert now[WEB] != before.svids[0].x509_svid
            with it.other_process() as other:
                other.registry.remove(first.id)
            assert [s.spiffe_id for s in (await anext(answers)).svids] == [SHOP]
            with it.other_process() as other:
                other.registry.remove(entry(SHOP, ME).id)
            assert await the_code(answers) is StatusCode.PERMISSION_DENIED


@trio_test
async def test_an_entry_that_asks_for_a_hash_reaches_who_has_connected_before(
    tmp_path: Path,
) -> None:
    """WAPI-33: it is found out then, and only of those for whom all else fits."""
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(SHOP, ME))
        async with await open_channel(it.endpoint) as channel, x509_svids(channel) as s:
            assert len((await anext(s)).svids) == 1
            with it.other_process() as other:
                mine = f"unix:sha256:{sha256_of(PYTHON)}"
                other.registry.add(entry(WEB, ME, mine))
                other.registry.add(entry(DB, ME, "unix:sha256:" + "0" * 64))
            answer = await anext(s)
            while len(answer.svids) < 2:
                answer = await anext(s)
            assert [one.spiffe_id for one in answer.svids] == [WEB, SHOP]


@trio_test
async def test_many_callers_at_once_get_the_one_svid_of_their_entry(
    tmp_path: Path,
) -> None:
    """And the next one all of them, when it is due."""
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(WEB, ME, x509_ttl=timedelta(seconds=4)))
        seen: list[set[bytes]] = [set(), set()]

        async def workload() -> None:
            async with Channel(await it.endpoint.open()) as channel:
                async with x509_svids(channel) as answers:
                    for found in seen:
                        found.add((await anext(answers)).svids[0].x509_svid)
                await jwt_svids(channel, "shop")

        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(workload)
        # Ends are whole seconds: three seconds of life at least, 45 % of it before the
        # next. However slow this machine is, callers cost no signature of their own.
        due = 1 + (trio.current_time() - begin) / (3 * 0.45)
        assert 2 <= len(seen[0] | seen[1]) <= due
        issued = list(read_audit(it.state.database, event="x509_issued"))
        assert len(issued) <= due
        assert issued[0].details["uid"] == os.getuid()
        assert issued[0].details["pid"] == os.getpid()
        assert len(list(read_audit(it.state.database, event="jwt_issued"))) == 1


@trio_test
async def test_the_socket_is_made_anew_and_not_taken_from_anybody(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run" / "agent.sock"
    with open_workload_socket(path, mode=0o600):
        assert path.stat().st_mode & 0o777 == 0o600
        with (
            pytest.raises(OSError, match="in use"),
            open_workload_socket(path),
        ):
            raise AssertionError("two agents on one socket")
    assert not path.exists()
    left = trio.socket.socket(trio.socket.AF_UNIX)
    await left.bind(str(path))
    left.close()
    with open_workload_socket(path):
        assert path.stat().st_mode & 0o777 == 0o666
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"
    with (
        pytest.raises(OSError, match=f"in use: '{path}'"),
        open_workload_socket(path),
    ):
        raise AssertionError("a file was taken for a socket")


def test_a_path_that_the_system_does_not_take_is_named_with_its_limit(
    tmp_path: Path,
) -> None:
    path = tmp_path / ("x" * 110)
    with (
        pytest.raises(OSError, match=f"107 bytes: '{path}'"),
        open_workload_socket(path),
    ):
        raise AssertionError("longer than an address has room for")


def test_a_folder_where_everybody_may_replace_the_socket_is_refused(
    tmp_path: Path,
) -> None:
    """W2: who puts another socket there hands out identities of his own."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with (
        pytest.raises(PermissionError, match="replace"),
        open_workload_socket(folder / "socket"),
    ):
        pass
    assert not list(folder.iterdir())
    # In a sticky one, as /tmp is, nobody but its owner can.
    folder.chmod(0o1777)
    with open_workload_socket(folder / "socket"):
        assert (folder / "socket").is_socket()


def test_nothing_but_the_socket_is_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2: a link in its place must not lead root to give away another file."""
    given: list[bool] = []

    def chown(_path: Path, _uid: int, _gid: int, *, follow_symlinks: bool) -> None:
        given.append(follow_symlinks)

    monkeypatch.setattr(os, "chown", chown)
    with open_workload_socket(tmp_path / "socket", uid=1):
        assert given == [False]
