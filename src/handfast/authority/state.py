# SPDX-License-Identifier: Apache-2.0
"""A state directory, opened by the one process that runs the authority.

It holds `authority.db` (database.py), `keys/` (keystore.py) and `lock`, which the
running process holds. Everything in it is its owner's alone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.database import Database
from handfast.authority.keystore import KeyStore
from handfast.authority.registry import Registry
from handfast.authority.settings import AuthoritySettings
from handfast.authority.signers import Signers
from handfast.bundle_document import BundleDocument
from handfast.errors import ConfigError, Reason, UsageError, detail_for

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AuthorityState", "is_running", "take_lock"]

_log = logging.getLogger("handfast.authority")

_LOCK = "lock"
_KEYS = "keys"
_TRIES, _BETWEEN = 4, 0.05


def take_lock(folder: Path) -> int:
    """Be the one process that runs this state; return what holds the lock.

    The system lets go of it when the process ends, however it ends.

    Raises:
        UsageError: Another process runs it.
    """
    file = _open_lock(folder)
    # Whoever only asks (`is_running`) has it for microseconds.
    for last in (*[False] * _TRIES, True):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                break
            time.sleep(_BETWEEN)
        else:
            return file
    os.close(file)
    detail = detail_for(
        Reason.WRONG_STATE,
        expected="a state directory that nobody runs",
        seen="one that an authority runs on",
        hint="one process signs for a trust domain: stop the other one first",
    )
    raise UsageError(detail)


def is_running(folder: Path) -> bool:
    """Whether a process runs an authority on this state."""
    file = _open_lock(folder)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _open_lock(folder: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(folder / _LOCK, flags, 0o600)


class AuthorityState:
    """Everything that an authority keeps. Use :meth:`open`.

    Attributes:
        database: The state file.
        settings: Names and times.
        registry: The entries.
        signers: Roots, intermediates and JWT keys.
    """

    def __init__(
        self,
        database: Database,
        settings: AuthoritySettings,
        registry: Registry,
        signers: Signers,
    ) -> None:
        self.database = database
        self.settings = settings
        self.registry = registry
        self.signers = signers
        self._exit = ExitStack()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        settings: AuthoritySettings | None = None,
        password: bytes | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Take a state directory over, to sign with it; the first time make it.

        Whatever a crash has left half done is finished or taken back.

        Args:
            folder: The state directory.
            settings: For the first time; later only the trust domain counts.
            password: Of the keys.
            now: The clock.

        Raises:
            ConfigError: It cannot be used, is another trust domain's, or its keys need
                another password.
            UsageError: Another process runs it.
        """
        with ExitStack() as stack:
            database = stack.enter_context(
                Database(folder, create=settings is not None)
            )
            stack.callback(os.close, take_lock(folder))
            found = _initialised(database, settings, now())
            keys = KeyStore(folder / _KEYS, password=password)
            state = cls(
                database,
                found,
                Registry(database, found.trust_domain, now=now),
                Signers(database, keys, found, now=now),
            )
            for name in state.signers.forget_files():
                _log.warning("removed %s: nothing knows this key", name)
            # Before a key is made: with another password it would be unlike the rest.
            state.signers.try_keys()
            state.signers.keep()
            state._exit = stack.pop_all()
        return state

    @classmethod
    def look(cls, folder: Path, *, now: Callable[[], datetime] = utc_now) -> Self:
        """Open a state directory without its keys, whether or not it runs.

        Entries may be changed this way: the running process sees it.

        Raises:
            ConfigError: It cannot be used.
        """
        with ExitStack() as stack:
            database = stack.enter_context(Database(folder))
            settings = AuthoritySettings.load(database)
            state = cls(
                database,
                settings,
                Registry(database, settings.trust_domain, now=now),
                Signers(database, None, settings, now=now),
            )
            state._exit = stack.pop_all()
        return state

    def bundle_document(self) -> BundleDocument:
        """What the trust domain publishes: roots and JWT keys, with a number."""
        return BundleDocument.of(self.signers.bundle, self.signers.jwt_bundle)

    def reload(self) -> None:
        """Read everything again, after another process has changed it."""
        self.registry.reload()
        self.signers.reload()

    def close(self) -> None:
        """Let go of the directory; idempotent."""
        self._exit.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _initialised(
    database: Database, settings: AuthoritySettings | None, now: datetime
) -> AuthoritySettings:
    if settings is None or database.setting("authority") is not None:
        found = AuthoritySettings.load(database)
        if settings is not None and settings.trust_domain != found.trust_domain:
            detail = detail_for(
                Reason.CONFIG_INVALID,
                expected=f"the state of {settings.trust_domain}",
                seen=f"the state of {found.trust_domain}",
                hint="each trust domain has a state directory of its own",
            )
            raise ConfigError(detail)
        return found
    with database.transaction() as run:
        settings.save(run)
        audit(run, AuditRow(at=now, event="initialised", details={}))
    return settings
