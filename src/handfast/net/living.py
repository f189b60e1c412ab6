# SPDX-License-Identifier: Apache-2.0
"""The part of a stream that knows when it ends, and ends it.

Invariants:
    1. `_ended` is set before anything of the end is done, together with `_closed`: a
       task that is inside of the stream then finds its transport closed, and says why.
    2. A stream is watched by the keeper from the end of its handshake until it is
       closed, and only if its lifetime has anything to watch.
    3. Draining begins once and is never taken back; its first reason stays.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

import trio

from handfast.errors import (
    ConnectionEnded,
    HandfastError,
    Reason,
    UsageError,
    detail_for,
)
from handfast.net.failures import again
from handfast.net.keeper import keeper
from handfast.net.lifetime import Lifetime
from handfast.net.origin import FromElsewhere

if TYPE_CHECKING:
    from datetime import datetime

    from handfast.net.passthrough import Relay
    from handfast.net.wire import Wire
    from handfast.tls import Connection

__all__ = ["LivingStream", "Owner"]

_RECORD = 16384
_DEFAULT = Lifetime()  # checked once, shared by all streams that are given none


class Owner(Protocol):
    """Who wants to know how a stream ended."""

    def stream_closed(
        self, stream: LivingStream | Relay, reason: Reason | None
    ) -> None:
        """Hear that a stream was closed; the reason is of an end on purpose."""
        ...


class LivingStream(FromElsewhere):
    """What every :class:`MtlsStream` knows about its own end."""

    _connection: Connection
    _wire: Wire
    _closed: bool
    _sending: bool
    _receiving: bool
    _established: bool
    _send_failure: HandfastError | None

    def _prepare_life(self, lifetime: Lifetime | None) -> None:
        self._lifetime = lifetime or _DEFAULT
        self._watched = False
        self._born = math.inf
        self._draining = False
        self._drain: trio.Event | None = None  # made for whoever waits for it
        self._drain_reason = Reason.DRAINED
        self._drain_end = math.inf
        self._ended: HandfastError | None = None
        self._owner: Owner | None = None
        self._keys_used = 0
        self._keys_since = math.inf
        self.look_number = 0

    def _come_alive(self) -> None:
        """Begin to count: the handshake is done."""
        self._born = self._keys_since = trio.current_time()
        if self._lifetime.is_watched:
            self._watch()

    def _watch(self) -> None:
        self._watched = True
        keeper().watch(self)

    def belong_to(self, owner: Owner) -> None:
        """Tell somebody how this stream ends."""
        self._owner = owner

    # ---- facts ----

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """The connection inside."""

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called, or the stream was ended on purpose."""
        return self._closed

    @property
    def lifetime(self) -> Lifetime:
        """When this stream ends on purpose."""
        return self._lifetime

    @property
    def expires_at(self) -> datetime:
        """When what it rests on ends: the peer's whole chain or our own SVID.

        Raises:
            UsageError: the handshake is not done.
        """
        return self._connection.expires_at

    @property
    def age(self) -> float:
        """Seconds since the handshake's end; 0 before it."""
        return max(0.0, trio.current_time() - self._born)

    @property
    def draining(self) -> bool:
        """Whether the application is asked to end this stream."""
        return self._draining

    @property
    def ended(self) -> Reason | None:
        """Why it was ended on purpose; None when it was not."""
        return None if self._ended is None else self._ended.reason

    async def wait_draining(self) -> None:
        """Wait until the application is asked to end this stream.

        Cancellation: nothing has happened.
        """
        if self._drain is None:
            self._drain = trio.Event()
            if self._draining:
                self._drain.set()
        await self._drain.wait()

    def start_draining(
        self, timeout: float | None = None, *, reason: Reason = Reason.DRAINED
    ) -> None:
        """Ask the application to end this stream, and end it after a while.

        Args:
            timeout: Seconds until then; None takes the lifetime's ``drain_timeout``.
            reason: What the error says afterwards.
        """
        if self._closed or self._draining:
            return
        seconds = self._lifetime.drain_timeout if timeout is None else timeout
        self._drain_reason = reason
        self._drain_end = trio.current_time() + seconds
        self._begin_draining()
        self._watch()

    def _begin_draining(self) -> None:
        self._draining = True
        if self._drain is not None:
            self._drain.set()

    def is_quiet(self) -> bool:
        """Say, without waiting, that the peer sent nothing since the last receive.

        False when data waits, when the peer has ended or refused the connection, while
        a task receives, and after the close. Over a transport that is not a socket only
        what was taken from it already is seen.
        """
        return (
            self._established
            and not self._closed
            and not self._receiving
            and self._wire.is_quiet()
        )

    # ---- the end ----

    async def end(self, reason: Reason = Reason.DRAINED) -> None:
        """End the stream on purpose, with a close_notify.

        Tasks inside of it, and later ones, get a `trio.BrokenResourceError` from a
        `ConnectionEnded` with this reason. As with `aclose`, the peer is not told when
        another task is sending.

        Cancellation: the transport is closed at once, without a close_notify.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._ended = ConnectionEnded(detail_for(reason))
        await self._close(reason)

    def _mark_closed(self, reason: Reason | None) -> None:
        self._closed = True
        self._begin_draining()
        if self._watched:
            keeper().forget(self)
        if self._owner is not None:
            self._owner.stream_closed(self, reason)

    async def _close(self, reason: Reason | None) -> None:
        self._mark_closed(reason)
        await self._wire.close(
            polite=self._established
            and not self._sending
            and not self._wire.torn
            and self._send_failure is None
        )

    def _why_closed(self) -> Exception:
        """Make the error for a use after the end."""
        if self._ended is None:
            return trio.ClosedResourceError("this stream was closed")
        broken = trio.BrokenResourceError(str(self._ended))
        broken.__cause__ = again(self._ended)
        return broken

    def _tell_end(self) -> None:
        """Raise why the transport is closed, when it was closed on purpose."""
        if self._ended is not None:
            raise self._why_closed()

    def look(self, wall: float) -> Reason | float:
        """Do what is due: why to end now, or when to look again. For the keeper."""
        now, life = trio.current_time(), self._lifetime
        age_end = math.inf if life.max_age is None else self._born + life.max_age
        credentials_end, way = math.inf, life.on_credentials_end
        if way != "ignore" and self._established:
            credentials_end = now + self.expires_at.timestamp() - wall
        if way == "close" and now >= credentials_end:
            return Reason.CREDENTIALS_ENDED
        if not self._draining:
            due = min(age_end, credentials_end) - life.renew_before
            if now < due:
                return due
            by_age = age_end <= credentials_end
            reason = Reason.MAX_AGE if by_age else Reason.CREDENTIALS_ENDED
            self._drain_reason = reason
            self._drain_end = now + life.drain_timeout
            if not by_age and way == "close":
                self._drain_end = math.inf  # the end itself, above, however it moves
            self._begin_draining()
        if now >= self._drain_end:
            return self._drain_reason
        return min(self._drain_end, credentials_end if way == "close" else math.inf)

    # ---- keys ----

    def _renew_keys(self, length: int) -> None:
        """Count what is about to be sent, and change keys before it when it is time."""
        records = -(-length // _RECORD) * _RECORD
        self._keys_used += records
        bytes_max = self._lifetime.key_update_bytes
        seconds_max = self._lifetime.key_update_seconds
        used_up = bytes_max is not None and self._keys_used > bytes_max
        if not used_up and (
            seconds_max is None or trio.current_time() - self._keys_since <= seconds_max
        ):
            return
        self._keys_used, self._keys_since = records, trio.current_time()
        try:
            self._connection.key_update(ask_peer=True)
        except UsageError as error:
            # TLS 1.2 has none, and in the middle of a message it is the next send's.
            if error.reason is not Reason.WRONG_STATE:
                raise

    # ---- an end that nobody made ----

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1
            )
