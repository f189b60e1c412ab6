# SPDX-License-Identifier: Apache-2.0
"""Identities in files: replaced at once, never half, never readable by others."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support import agent_messages as agent
from tests.support.agent_messages import OTHER, OWN, WEB

from handfast import (
    ConfigError,
    FileSource,
    HandfastError,
    JwtBundleSet,
    Reason,
    SourceError,
    SourceSnapshot,
    TrustBundle,
    TrustBundleSet,
    UsageError,
    X509Svid,
    sync,
)
from handfast.jwt_signer import JwtSigner
from handfast.sources import RevocationLists
from handfast.sources.file_sets import FileSetWriter, plan_identity

NAMES = ("svid.pem", "svid_key.pem", "svid_bundle.pem")


@pytest.fixture(name="loose_umask", autouse=True, params=[0, 0o77])
def make_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Modes are what we say, whatever the shell has set."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def snapshot(number: int = 0, *federated: TrustBundle) -> SourceSnapshot:
    return SourceSnapshot(
        svid=agent.svid(WEB, number),
        bundles=TrustBundleSet([agent.authority().bundle, *federated]),
        generation=number + 1,
    )


def read(folder: Path) -> X509Svid:
    """Read chain and key, and insist that they are of one SVID."""
    data = (folder / "..data").resolve(strict=True)
    return X509Svid.from_pem(
        (data / "svid.pem").read_bytes(), (data / "svid_key.pem").read_bytes()
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_written_is_what_file_source_reads(tmp_path: Path) -> None:
    other = agent.authority(OTHER).bundle
    folder = tmp_path / "new" / "identity"
    sync.write_files(folder, snapshot(0, other))
    found = FileSource(folder).refresh()
    assert found.svid.chain == agent.svid(WEB, 0).chain
    assert found.svid.key == agent.svid(WEB, 0).key
    assert {it.trust_domain.name for it in found.bundles} == {OWN, OTHER}


def test_keys_are_ours_alone_and_the_rest_is_for_all(tmp_path: Path) -> None:
    """P7: 0600 whatever the umask."""
    token = JwtSigner.generate(OWN).sign(WEB, "shop")
    sync.write_files(tmp_path, snapshot(), jwt_svid=token)
    assert mode(tmp_path / "svid_key.pem") == 0o600
    assert mode(tmp_path / "jwt_svid.token") == 0o600
    assert mode(tmp_path / "svid.pem") == 0o644
    assert mode(tmp_path / "svid_bundle.pem") == 0o644
    assert (tmp_path / "jwt_svid.token").read_text() == token.token


def test_a_directory_that_was_made_is_ours_alone(tmp_path: Path) -> None:
    sync.write_files(tmp_path / "made", snapshot())
    assert mode(tmp_path / "made") == 0o700


def test_a_set_replaces_another_by_one_rename(tmp_path: Path) -> None:
    writer = FileSetWriter(tmp_path)
    for number in range(4):
        writer.write(plan_identity(snapshot(number)))
        assert read(tmp_path).chain == agent.svid(WEB, number).chain
        # Through the links as well.
        assert (tmp_path / "svid.pem").read_bytes() == agent.svid(
            WEB, number
        ).to_pem_chain()
    folders = [it for it in tmp_path.iterdir() if it.is_dir() and not it.is_symlink()]
    assert len(folders) == 2  # the newest, and the one before for who is reading it


def test_readers_never_see_half_a_set(tmp_path: Path) -> None:
    """The key that fits, for whoever resolves ..data once, all the time."""
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot(0)))
    failures: list[Exception] = []
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                seen.add(read(tmp_path).chain[0])
            except FileNotFoundError:
                continue  # two sets later: whoever reads so slowly begins again
            except (OSError, HandfastError) as error:
                failures.append(error)
                return

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for number in range(20):
            writer.write(plan_identity(snapshot(number % 6)))
    finally:
        done.set()
        reader.join()
    assert not failures
    assert seen


def test_what_a_set_does_not_have_is_gone(tmp_path: Path) -> None:
    """WAPI-36, WAPI-37: also on disk."""
    own, other = agent.authority(), agent.authority(OTHER).bundle
    first = SourceSnapshot(
        svid=agent.svid(),
        bundles=TrustBundleSet([own.bundle, other]),
        generation=1,
        crls=RevocationLists({own.trust_domain: [agent.crl(own.root)]}),
    )
    keys = JwtBundleSet([JwtSigner.generate(OWN).bundle])
    sync.write_files(tmp_path, first, jwt_bundles=keys)
    assert (tmp_path / "bundles" / f"{OTHER}.pem").exists()
    assert b"X509 CRL" in (tmp_path / "crls" / f"{OWN}.pem").read_bytes()
    assert (tmp_path / "jwt_bundles" / f"{OWN}.json").exists()
    sync.write_files(tmp_path, snapshot())
    visible = {it.name for it in tmp_path.iterdir() if not it.name.startswith("..")}
    assert visible == set(NAMES)


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to("notes.txt")
    FileSetWriter(tmp_path).write(plan_identity(snapshot(0)))
    FileSetWriter(tmp_path).write(plan_identity(snapshot(1)))
    FileSetWriter(tmp_path).withdraw()
    assert {it.name for it in tmp_path.iterdir()} == {"notes.txt", "link"}


def test_plain_files_of_an_older_way_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "svid.pem").write_text("old")
    sync.write_files(tmp_path, snapshot())
    assert (tmp_path / "svid.pem").is_symlink()
    read(tmp_path)


@pytest.mark.parametrize("name", ["bundles", "svid.pem", "..data"])
def test_a_directory_in_the_way_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError):
        sync.write_files(tmp_path, snapshot(0, agent.authority(OTHER).bundle))
    assert {it.name for it in tmp_path.iterdir()} == {name}


def test_a_directory_of_everybody_is_refused(tmp_path: Path) -> None:
    """P7: others could put their own key in the place of ours."""
    tmp_path.chmod(0o777)
    with pytest.raises(SourceError) as caught:
        sync.write_files(tmp_path, snapshot())
    assert caught.value.reason is Reason.SOURCE_PERMISSIONS
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every system call of it: what was there is there, and nothing else."""
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot(0)))
    before = {it.name for it in tmp_path.iterdir()}
    calls = 0
    real = os.fsync

    def full(place: int, handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == place:
            raise OSError(28, "No space left on device")
        real(handle)

    for failing in (1, 2, 3, 4):
        calls = 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", partial(full, failing))
            with pytest.raises(OSError, match="No space"):
                writer.write(plan_identity(snapshot(1)))
        assert read(tmp_path).chain == agent.svid(WEB, 0).chain
        assert {it.name for it in tmp_path.iterdir()} == before


def test_what_a_crash_left_is_tidied_away(tmp_path: Path) -> None:
    (tmp_path / "..set-dead").mkdir()
    (tmp_path / "..set-dead" / "svid_key.pem").write_text("half")
    (tmp_path / "..set-dead.link").symlink_to("..set-dead")
    sync.write_files(tmp_path, snapshot())
    names = {it.name for it in tmp_path.iterdir()}
    assert not {"..set-dead", "..set-dead.link"} & names


def test_a_withdrawn_set_is_gone_at_once(tmp_path: Path) -> None:
    """WAPI-51."""
    writer = FileSetWriter(tmp_path)
    assert not writer.withdraw()
    writer.write(plan_identity(snapshot(0)))
    assert writer.withdraw()
    assert list(tmp_path.iterdir()) == []
    writer.write(plan_identity(snapshot(1)))
    read(tmp_path)


def test_a_withdrawn_set_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAPI-51: a power cut gives back what the disk has not heard of."""
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot(0)))
    left: list[bool] = []

    def sync(handle: int) -> None:
        assert os.fstat(handle).st_ino == tmp_path.stat().st_ino
        left.append((tmp_path / "..data").is_symlink())

    monkeypatch.setattr("os.fsync", sync)
    writer.withdraw()
    assert left == [False]


def test_nothing_to_write_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        sync.write_files(tmp_path)
