# SPDX-License-Identifier: Apache-2.0
"""Stateless tickets: sessions that travel with the client, for servers that share keys.

A server keeps its sessions in a `SessionStore` of its own unless it is given ticket
keys. With them whatever a session rests on is sealed into the ticket that the client
keeps, so that any server of the same SPIFFE ID, policy and settings that has the key
can resume it: behind a load balancer, or after a restart. Everything is checked as it
is for sessions in a store (P4); see :doc:`/explanation/resumption`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handfast import _ffi, _settings

__all__ = ["TicketKeys", "TicketSecrets", "TicketStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TicketSecrets:
    """A ring of secrets, to be shared by the servers of one identity.

    Tickets are sealed with the current one and opened with any. Each is 80 random
    bytes; keys are named by digests of them, so machines need to agree on nothing else.
    To rotate a fleet: give all of them the next one as `upcoming`, then make it
    `current` everywhere, in any order, and keep the old one among the `previous`.

    Attributes:
        current: Seals, and opens.
        upcoming: Opens what those sealed who have rotated already; None for none.
        previous: Open what is older, the newest first; at most two.

    Raises:
        ConfigError: a secret is not 80 bytes long, or there are too many.
    """

    current: bytes
    upcoming: bytes | None = None
    previous: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        _need_secret("current=", self.current)
        if self.upcoming is not None:
            _need_secret("upcoming=", self.upcoming)
        for secret in _few(self.previous):
            _need_secret("previous=", secret)

    def __repr__(self) -> str:
        count = 1 + (self.upcoming is not None) + len(self.previous)
        return f"<TicketSecrets: {count} not shown>"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketStatistics:
    """What was done with ticket keys so far.

    Attributes:
        issued: Tickets that were sealed.
        opened: Tickets that one of the keys opened.
        unknown: Tickets that none opened: of other keys, or damaged.
        refused: Tickets that were opened and not good any more. For them, and for
            unknown ones, a full handshake followed.
        rotations: How often the keys were rotated here.
    """

    issued: int
    opened: int
    unknown: int
    refused: int
    rotations: int


class TicketKeys:
    """The keys of a server's tickets: give it to `TlsConfig.server` as `sessions=`.

    Any number of configurations and threads may share one, and forked processes that
    inherit it take each other's tickets. Handshakes read it without a lock. What leaves
    the ring is wiped from memory.

    Unlike a session in a store, a ticket cannot be used up or forgotten: it is good as
    often as it is shown, until `max_age`, a certificate's end, a change of what it is
    bound to, or the end of its key. There is no early data, so a ticket that was
    overheard is of no use without the session's secret.

    Args:
        secrets: Keys that others have, too; they stay until `replace` or `rotate` is
            called. None makes random ones, which rotate by themselves every six hours.
        max_age: Seconds after which a peer has to prove anew that it holds its key,
            however often its tickets were renewed; at most a day.

    Raises:
        ConfigError: `max_age` is not within its limits, a secret is all one byte, or
            two are the same.

    Example:
        >>> from handfast import TicketKeys
        >>> keys = TicketKeys(max_age=600)
        >>> keys.rotate()
        >>> keys.statistics().rotations
        1
        >>> keys
        <TicketKeys: 0 issued, 0 opened>
    """

    __slots__ = ("_native",)

    def __init__(
        self, secrets: TicketSecrets | None = None, *, max_age: int = _ffi.SESSION_AGE
    ) -> None:
        ring = None if secrets is None else _ring(secrets)
        age = _settings.need_count("max_age=", max_age, _ffi.SESSION_AGE_MAX)
        self._native = _ffi.NativeTicketKeys(ring, age)

    @property
    def native(self) -> _ffi.NativeTicketKeys:
        """The engine's keys: for handfast's own modules."""
        return self._native

    def replace(self, secrets: TicketSecrets) -> None:
        """Go on with other keys; tickets of those that are gone open no more.

        Raises:
            ConfigError: a secret is all one byte, or two are the same.
        """
        self._native.replace(_ring(secrets))

    def rotate(self) -> None:
        """Make the upcoming key the current one, and a random one the upcoming.

        Tickets go on opening with the two keys before. Three rotations end all tickets
        that there are. In a fleet use `replace`, or all machines go different ways.
        """
        self._native.rotate()

    def secrets(self) -> TicketSecrets:
        """Return the secrets, **which open every ticket**, for another server."""
        return TicketSecrets(**self._native.export()._asdict())

    def statistics(self) -> TicketStatistics:
        """Read the counters; exact when no handshake goes on meanwhile."""
        return TicketStatistics(**self._native.statistics())

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<TicketKeys: {now.issued} issued, {now.opened} opened>"


def _ring(secrets: object) -> _ffi.TicketRing:
    if not isinstance(secrets, TicketSecrets):
        _settings.refuse("secrets to be TicketSecrets, or None", type(secrets).__name__)
    return _ffi.TicketRing(secrets.current, secrets.upcoming, secrets.previous)


def _few(secrets: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if not isinstance(secrets, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
        _settings.refuse("previous= to be a tuple", type(secrets).__name__)
    if len(secrets) > _ffi.TICKET_PREVIOUS_MAX:
        _settings.refuse(
            f"at most {_ffi.TICKET_PREVIOUS_MAX} previous=", str(len(secrets))
        )
    return secrets


def _need_secret(name: str, secret: Any) -> None:
    # Never shown: only what it is, and how long.
    if not isinstance(secret, bytes):
        _settings.refuse(f"{name} to be bytes", type(secret).__name__)
    if len(secret) != _ffi.TICKET_SECRET_SIZE:
        expected = f"{name} of {_ffi.TICKET_SECRET_SIZE} random bytes"
        _settings.refuse(expected, f"{len(secret)} bytes")
