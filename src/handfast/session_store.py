# SPDX-License-Identifier: Apache-2.0
"""Sessions: peers that come back need no full handshake, and get nothing more for it.

A resumed handshake has no certificates and no signatures in it, and libraries check
nothing of the peer in one. Here everything is checked that a session rests on (P4), on
both sides, before it is used and once more before the connection opens: validity of the
peer's whole chain, the age of its last proof to hold its key, the content of its trust
domain's bundle, and `authorize`. What does not hold any more is a full handshake.

Every `TlsConfig` for mutual TLS has a store of its own unless it is given another one,
or None for none. See :doc:`/explanation/resumption`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from handfast import _ffi, _settings
from handfast.tickets import TicketKeys

__all__ = ["SessionStatistics", "SessionStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatistics:
    """What a store did so far, and what it holds now.

    Attributes:
        hits: Sessions that were found.
        misses: Sessions that were asked for and not there.
        refused: Sessions that were found and not good any more; a full handshake
            followed. They are among the hits.
        inserts: Sessions that were kept.
        evictions: Sessions that made room for others before their time.
        entries: Sessions now.
        max_entries: Sessions at most, in equal parts of the store.
    """

    hits: int
    misses: int
    refused: int
    inserts: int
    evictions: int
    entries: int
    max_entries: int


class SessionStore:
    """Sessions of any number of configurations and threads, in this process alone.

    Configurations that share one resume no session of each other unless they are the
    same in everything that a session is bound to. A session takes about 2 KB, those of
    peers with long chains, or of a system's OpenSSL, more. A child after `os.fork`
    starts with it empty.

    Args:
        max_entries: Sessions to keep at most.
        max_age: Seconds after which a peer has to prove anew that it holds its key,
            however often its sessions were renewed; at most a day. The validity of
            certificates may end it earlier.

    Raises:
        ConfigError: a limit is not a number within its limits.

    Example:
        >>> from handfast import SessionStore
        >>> store = SessionStore(max_entries=1000, max_age=600)
        >>> store.statistics().entries
        0
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        *,
        max_entries: int = _ffi.SESSION_ENTRIES,
        max_age: int = _ffi.SESSION_AGE,
    ) -> None:
        self._native = _ffi.NativeSessionStore(
            _settings.need_count("max_entries=", max_entries, _ffi.SESSION_ENTRIES_MAX),
            _settings.need_count("max_age=", max_age, _ffi.SESSION_AGE_MAX),
        )

    @property
    def native(self) -> _ffi.NativeSessionStore:
        """The engine's store: for handfast's own modules."""
        return self._native

    def clear(self) -> None:
        """Forget every session: the next handshake of each peer is a full one."""
        self._native.clear()

    def statistics(self) -> SessionStatistics:
        """Read the counters; exact when no handshake goes on meanwhile."""
        return SessionStatistics(**self._native.statistics())

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<SessionStore {now.entries}/{now.max_entries} sessions>"


class Kept(NamedTuple):
    """Where sessions go: into a store, or with the client under keys, or nowhere."""

    store: _ffi.NativeSessionStore | None = None
    tickets: _ffi.NativeTicketKeys | None = None


def as_native(sessions: SessionStore | TicketKeys | Literal["own"] | None) -> Kept:
    """Take the `sessions=` of a configuration."""
    if sessions is None:
        return Kept()
    if isinstance(sessions, SessionStore):
        return Kept(store=sessions.native)
    if isinstance(sessions, TicketKeys):
        return Kept(tickets=sessions.native)
    if sessions != "own":
        _settings.refuse(
            "a SessionStore, TicketKeys, 'own' or None as sessions=", repr(sessions)
        )
    return Kept(store=SessionStore().native)
