# SPDX-License-Identifier: Apache-2.0
"""The state directory: who may use it, how it changes, what a newer version left."""

from __future__ import annotations

import sqlite3
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.authority_state import World, settings

from handfast import ConfigError, PrivateKey, Reason, TrustDomain, UsageError
from handfast.authority.audit import AuditRow, audit, forget_some, read_audit
from handfast.authority.database import Database
from handfast.authority.keystore import KeyStore, key_id
from handfast.authority.schema import MIGRATIONS
from handfast.authority.state import AuthorityState, is_running
from handfast.errors import detail_for


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state")


def test_nobody_else_may_use_what_is_in_it(world: World) -> None:
    with world.open(settings()):
        # SQLite's own files among them, which are there while it is open.
        found = [world.folder, *world.folder.rglob("*")]
        assert any(path.name.endswith("-wal") for path in found)
        for path in found:
            assert not path.stat().st_mode & 0o077, path


@pytest.mark.parametrize("name", ["", "authority.db", "keys"])
def test_what_others_may_read_is_refused(world: World, name: str) -> None:
    world.open(settings()).close()
    path = world.folder / name
    path.chmod(path.stat().st_mode | stat.S_IRGRP)
    with pytest.raises(ConfigError, match="only its owner"):
        world.open()


def test_a_key_that_others_may_read_is_refused(world: World) -> None:
    world.open(settings()).close()
    for path in (world.folder / "keys").iterdir():
        path.chmod(0o640)
    with pytest.raises(ConfigError, match="only its owner"), world.open() as state:
        state.signers.key(state.signers.active("jwt"))


@pytest.mark.parametrize("given", [None, b"wrong"], ids=["none", "wrong"])
def test_it_opens_with_its_keys_password_or_not_at_all(
    world: World, given: bytes | None
) -> None:
    """One that opened could sign nothing, and told it to workloads alone."""
    world.open(settings(), password=b"right").close()
    before = sorted((world.folder / "keys").iterdir())
    with pytest.raises(ConfigError, match="password"):
        world.open(password=given)
    assert sorted((world.folder / "keys").iterdir()) == before
    assert not is_running(world.folder)
    world.open(password=b"right").close()


def test_one_whose_successor_has_no_key_does_not_open(world: World) -> None:
    """A key that is missing is found out before it is to sign, years from now."""
    world.open(settings()).close()
    for path in (world.folder / "keys").iterdir():
        path.rename(path.with_name("moved"))
        with pytest.raises(ConfigError, match="no such file"):
            world.open()
        path.with_name("moved").rename(path)
    world.open().close()


def test_a_database_behind_a_link_is_refused(world: World, tmp_path: Path) -> None:
    world.open(settings()).close()
    path = world.folder / "authority.db"
    path.rename(tmp_path / "elsewhere.db")
    path.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(ConfigError, match="symbolic link"):
        world.open()


def test_one_process_runs_it_and_others_may_look(world: World) -> None:
    with world.open(settings()) as state:
        assert is_running(world.folder)
        with pytest.raises(UsageError, match="runs on"):
            world.open()
        with AuthorityState.look(world.folder) as other:
            assert other.signers.bundle == state.signers.bundle
    assert not is_running(world.folder)


def test_another_trust_domain_is_not_taken_for_ours(world: World) -> None:
    world.open(settings()).close()
    other = type(settings())(trust_domain=TrustDomain("b.example"))
    with pytest.raises(ConfigError, match=r"b\.example.*a\.example"):
        world.open(other)
    assert not is_running(world.folder)


def test_the_state_of_a_newer_version_is_refused_and_not_touched(world: World) -> None:
    world.open(settings()).close()
    path = world.folder / "authority.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="newer handfast"):
        world.open()
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(world: World) -> None:
    world.folder.mkdir(mode=0o700)
    path = world.folder / "authority.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="another program"):
        world.open(settings())


def test_what_is_no_database_is_refused(world: World) -> None:
    world.folder.mkdir(mode=0o700)
    path = world.folder / "authority.db"
    path.write_bytes(b"not SQLite at all, but long enough to be looked at" * 100)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="SQLite"):
        world.open(settings())


def test_nothing_to_open_says_what_to_do(world: World) -> None:
    with pytest.raises(ConfigError, match="authority init"):
        world.open()


def test_a_change_is_whole_or_not_there(world: World) -> None:
    def half(name: str, failure: Exception) -> None:
        with state.database.transaction() as run:
            run("INSERT INTO settings VALUES (?, '1')", (name,))
            if isinstance(failure, UsageError):
                with state.database.transaction():
                    raise AssertionError("a nested one has begun")
            raise failure

    with world.open(settings()) as state:
        with pytest.raises(ZeroDivisionError):
            half("a", ZeroDivisionError())
        assert state.database.setting("a") is None
        with pytest.raises(UsageError, match="nested"):
            half("b", UsageError(detail_for(Reason.WRONG_STATE)))
        assert state.database.setting("b") is None


def test_a_second_process_that_changes_something_is_noticed(world: World) -> None:
    with world.open(settings()) as state, Database(world.folder) as other:
        before = state.database.changes()
        with state.database.transaction() as run:
            run("INSERT INTO settings VALUES ('own', '1')")
        assert state.database.changes() == before
        with other.transaction() as run:
            run("INSERT INTO settings VALUES ('other', '1')")
        assert state.database.changes() != before


@pytest.mark.parametrize("password", [None, b"a password"], ids=["clear", "scrypt"])
def test_a_key_comes_back_as_it_went(tmp_path: Path, password: bytes | None) -> None:
    store = KeyStore(tmp_path / "keys", password=password)
    for kind in ("p256", "p384", "ed25519", "rsa2048"):
        key = PrivateKey.generate(kind)
        name = store.put(key)
        assert name == key_id(key.public_der)
        assert store.get(name).der == key.der


def test_an_encrypted_key_shows_nothing_and_needs_its_password(tmp_path: Path) -> None:
    key = PrivateKey.generate("p256")
    name = KeyStore(tmp_path / "keys", password=b"right").put(key)
    path = tmp_path / "keys" / f"{name}.key"
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    with pytest.raises(ConfigError, match="password") as refused:
        KeyStore(tmp_path / "keys", password=b"wrong").get(name)
    assert refused.value.__cause__ is None
    with pytest.raises(ConfigError, match="--key-password"):
        KeyStore(tmp_path / "keys").get(name)
    with pytest.raises(ConfigError, match="empty"):
        KeyStore(tmp_path / "keys", password=b"")


def test_a_clear_key_is_refused_where_keys_are_encrypted(tmp_path: Path) -> None:
    """Otherwise whoever can write files could replace the key by one of theirs."""
    name = KeyStore(tmp_path / "keys").put(PrivateKey.generate("p256"))
    with pytest.raises(ConfigError, match="a clear one"):
        KeyStore(tmp_path / "keys", password=b"secret").get(name)


def test_another_key_under_a_name_is_refused(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", password=b"secret")
    names = [store.put(PrivateKey.generate("p256")) for _ in range(2)]
    first, second = (tmp_path / "keys" / f"{name}.key" for name in names)
    second.write_bytes(first.read_bytes())
    with pytest.raises(ConfigError, match="another key"):
        store.get(names[1])


def test_files_that_are_no_keys_of_ours_stay(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    kept, gone = (store.put(PrivateKey.generate("p256")) for _ in range(2))
    (tmp_path / "keys" / "README").write_text("mine")
    (tmp_path / "keys" / ".handfast-0123.unfinished").write_text("half of a key")
    assert store.keep_only([kept]) == [f"{gone}.key"]
    left = {path.name for path in (tmp_path / "keys").iterdir()}
    assert left == {f"{kept}.key", "README"}


def test_the_audit_log_is_bounded_by_time_and_by_rows(world: World) -> None:
    """P8: and removing what is over makes nobody wait."""
    with world.open(settings()) as state:
        with state.database.transaction(durable=False) as run:
            run("DELETE FROM audit")
            for number in range(7000):
                at = world.clock() + timedelta(seconds=number)
                audit(run, AuditRow(at=at, event=f"e{number}"))
        middle = world.clock() + timedelta(seconds=6000)

        def removed(before: datetime, most: int) -> int:
            with state.database.transaction(durable=False) as run:
                return forget_some(run, before, most=most)

        assert removed(middle, 10_000) == 5000
        assert removed(middle, 10_000) == 1000
        assert removed(middle, 10_000) == 0
        assert removed(middle, 100) == 900
        rows = list(read_audit(state.database, last=1000))
        assert [row.event for row in rows] == [f"e{n}" for n in range(6900, 7000)]
