# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of an authority: versions, transactions, who may read it.

Every change is one transaction, so a crash leaves the state before it or after it.
Several processes may have the file open: the one that runs the authority, and commands
that look or ask. SQLite lets one of them write at a time, and `changes()` tells the
others.

A commit reaches the disk before it returns when it is *durable*: keys, entries,
revocations. The log of what was issued is not worth an fsync for each SVID: a crash of
the process loses none of it, a crash of the machine the last moments.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from handfast._whole_files import make_folder
from handfast.authority.refusal import refuse
from handfast.authority.schema import APPLICATION_ID, MIGRATIONS
from handfast.errors import (
    Reason,
    TransportError,
    UsageError,
    detail_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Final

    Run = Callable[..., sqlite3.Cursor]

__all__ = ["Database", "make_private_folder", "need_private"]

_NAME: Final = "authority.db"
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_OTHERS: Final = 0o077
# Another process's transaction takes milliseconds.
_PATIENCE: Final = 10.0


def _failed(error: sqlite3.Error) -> TransportError:
    """What the disk, or another program's lock, did to us."""
    hint = "see whether the disk is full or read-only, and who else has the file open"
    detail = detail_for(Reason.IO, seen=f"{_NAME}: {error}", hint=hint)
    return TransportError(detail)


def need_private(path: Path) -> None:
    """See that nobody else may use a file or folder of ours.

    Raises:
        ConfigError: Somebody else may, or owns it.
    """
    facts = path.stat(follow_symlinks=False)
    if stat.S_ISLNK(facts.st_mode):
        refuse("a file or folder itself", f"{path.name}: a symbolic link")
    if facts.st_mode & _OTHERS:
        seen = f"{path.name}: {stat.filemode(facts.st_mode)}"
        hint = "chmod go-rwx, and ask who could read it until now"
        refuse("what only its owner may use", seen, hint)
    if facts.st_uid != os.geteuid():
        seen = f"{path.name}: of uid {facts.st_uid}"
        refuse(f"what belongs to uid {os.geteuid()}", seen, "run as its owner")


def make_private_folder(path: Path) -> None:
    """Make a folder that only we may use, or see that it is one."""
    make_folder(path, _PRIVATE_FOLDER)
    need_private(path)


class Database:
    """An open state file.

    May be used by several threads; each transaction is one thread's alone.

    Args:
        folder: The state directory.
        create: Make the file when there is none.

    Raises:
        ConfigError: There is none, others may read it, it is another program's, or a
            newer handfast's.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self._lock = threading.RLock()
        self._running = False
        path = folder / _NAME
        if create:
            make_private_folder(folder)
            # Of SQLite's own making it would be as open as the umask lets it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        elif not path.exists():
            hint = "`handfast authority init`, or `run`, with --trust-domain makes it"
            refuse(f"{_NAME} in the state directory", "none", hint)
        need_private(folder)
        need_private(path)
        self._connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(create=create)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            refuse("a SQLite database", f"{_NAME}: {error}")
        except BaseException:
            self._connection.close()
            raise

    def _pragma(self, text: str) -> Any:
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        return None if row is None else row[0]

    def _prepare(self, *, create: bool) -> None:
        version, application = (
            self._pragma("user_version"),
            self._pragma("application_id"),
        )
        if version > len(MIGRATIONS):
            refuse(
                f"state of version {len(MIGRATIONS)} or older",
                f"version {version}",
                "it was written by a newer handfast: use that one",
            )
        empty = version == 0 and not self._pragma("schema_version")
        if application != APPLICATION_ID and not (create and empty):
            refuse("the state of an authority", f"{_NAME} of another program")
        self._pragma("journal_mode = WAL")
        self._pragma("synchronous = NORMAL")
        self._pragma("foreign_keys = ON")
        self._pragma("trusted_schema = OFF")
        if version < len(MIGRATIONS):
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction(durable=True) as run:
            # Again, as another process may have been faster.
            version: int = self._pragma("user_version")
            for step in MIGRATIONS[version:]:
                for statement in step:
                    run(statement)
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Generator[Run]:
        """Change something: all of it, or on an exception nothing.

        Args:
            durable: Have it on the disk before this ends.

        Yields:
            A function that runs a statement with its parameters.

        Raises:
            UsageError: This thread is in a transaction already: what is nested would
                not be undone with what is around it.
            TransportError: The disk is full, or the file is not to be written.
        """
        with self._lock:
            if self._running:
                detail = detail_for(Reason.WRONG_STATE, seen="a nested transaction")
                raise UsageError(detail)
            self._running = True
            try:
                self._pragma(f"synchronous = {'FULL' if durable else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection.execute
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _failed(error) from error
            finally:
                self._running = False

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read all rows of a query."""
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise _failed(error) from error

    def setting(self, name: str) -> str | None:
        """Read one setting."""
        rows = self.rows("SELECT value FROM settings WHERE name = ?", name)
        return rows[0][0] if rows else None

    def changes(self) -> int:
        """A number that is another one when another process has changed something."""
        with self._lock:
            try:
                number: int = self._pragma("data_version")
            except sqlite3.Error as error:
                raise _failed(error) from error
            return number

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
