# SPDX-License-Identifier: Apache-2.0
"""Following one stream of the Workload API, for as long as the source lives.

The stream is kept open (WAPI-30), opened again at once when the agent ends it well
(WAPI-31), after a growing wait when it fails (WAPI-18, WAPI-20), and never again when
the agent does not take the call (WAPI-17, WAPI-21). A message that cannot be used is
told, counted and forgotten, and the stream goes on (WAPI-39).
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import trio
from google.protobuf.message import Message

from handfast.errors import Reason, SourceError, detail_for
from handfast.sources.ageing import without_frames
from handfast.sources.workload_api_pace import Pace, never_again
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.sources.workload_api_link import Link

__all__ = ["Follower", "Sink"]

_LOGGER = logging.getLogger("handfast.sources")
_M = TypeVar("_M", bound=Message)
_M_contra = TypeVar("_M_contra", bound=Message, contravariant=True)


class Sink(Protocol[_M_contra]):
    """What is done with a stream's messages and failures."""

    def take(self, message: _M_contra) -> bool:
        """Take a message; say whether it changed anything.

        Raises:
            SourceError: it cannot be used.
        """
        ...

    def refuse(self, error: SourceError) -> None:
        """Withdraw all that came: the agent has nothing for us any more."""
        ...

    def fail(self, error: SourceError) -> None:
        """Remember why nothing new comes."""
        ...


class Follower(Generic[_M]):
    """One stream and what became of it.

    Args:
        link: The connection.
        call: Method, request and the class of its answers.
        sink: Who is told.
        pace: When to ask again.
        patience: Seconds in which the first message has to come (WAPI-34).
        now: The clock.
        longest: Says how long a pause may be at most, now.
    """

    def __init__(  # noqa: PLR0913 - keywords
        self,
        link: Link,
        call: tuple[str, Message, type[_M]],
        sink: Sink[_M],
        *,
        pace: Pace,
        patience: float,
        now: Callable[[], datetime],
        longest: Callable[[], float],
    ) -> None:
        self._longest = longest
        self._link = link
        self._call = call
        self._sink = sink
        self._pace = pace
        self._patience = patience
        self._now = now
        self.name = call[0].rpartition("/")[2]
        self.connected = False
        #: Why it is not followed any more; None while it is.
        self.stopped: SourceError | None = None
        self.failure: SourceError | None = None
        self.failed_at: datetime | None = None
        self.updated_at: datetime | None = None
        self.updates = 0
        self.unchanged = 0
        self.rejected = 0
        self.opened = 0
        self.failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Follow the stream until it is hopeless.

        Cancellation: the call is ended; what it gave stays.
        """
        while self.stopped is None:
            pause = await self._once()
            await trio.sleep(min(pause, self._longest()))

    async def _once(self) -> float:
        """Follow it to its end; say in how many seconds to follow it again."""
        began, updates = trio.current_time(), self.updates + self.unchanged
        try:
            await self._listen()
        except SourceError as error:
            return self._failed(error)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            seen = f"{self._link.endpoint}: {escape(str(error))}"
            detail = detail_for(Reason.SOURCE_UNAVAILABLE, seen=seen)
            return self._failed(SourceError(detail))
        except Exception as error:
            # A mistake of ours, which no agent's bytes may turn into the end of the
            # program: told in full, and followed again like any failure (W4).
            _LOGGER.exception("%s of %s", self.name, self._link.endpoint)
            seen = f"{self._link.endpoint}: {type(error).__name__}"
            detail = detail_for(Reason.SOURCE_FAILED, seen=seen)
            return self._failed(SourceError(detail))
        finally:
            self.connected = False
        answered = self.updates + self.unchanged > updates
        if not answered:
            seen = f"{self.name} of {self._link.endpoint} ended without an answer"
            self._remember(SourceError(detail_for(Reason.SOURCE_FAILED, seen=seen)))
        lasted = trio.current_time() - began
        return self._pace.ended(lasted=lasted, answered=answered)

    async def _listen(self) -> None:
        method, request, response = self._call
        async with (
            self._link.use() as used,
            used.channel.stream(method, request, response) as answers,
        ):
            self.opened += 1
            limit = self._patience
            while True:
                message: _M | None = None
                with trio.move_on_after(limit) as patience:
                    message = await anext(answers, None)
                if patience.cancelled_caught:
                    self._link.abandon(used)
                    raise self._silent(limit)
                if message is None:
                    return
                limit = math.inf
                self.connected = True
                self._take(message)

    def _silent(self, limit: float) -> SourceError:
        seen = f"{self._link.endpoint}: no first answer in {limit:g} seconds"
        return SourceError(detail_for(Reason.SOURCE_UNAVAILABLE, seen=seen))

    def _take(self, message: _M) -> None:
        try:
            changed = self._sink.take(message)
        except SourceError as error:
            self._reject(error)
            return
        except Exception as error:
            # Hostile bytes end no program (W4).
            _LOGGER.debug("a message of %s", self.name, exc_info=True)
            seen = f"{type(error).__name__}: {escape(str(error))}"
            self._reject(SourceError(detail_for(Reason.SOURCE_INVALID, seen=seen)))
            return
        self._pace.good()
        self.updated_at = self._now()
        if self.failure is not None:
            _LOGGER.info("%s of %s works again", self.name, self._link.endpoint)
        self.failure = None
        if changed:
            self.updates += 1
        else:
            self.unchanged += 1

    def _reject(self, error: SourceError) -> None:
        self.rejected += 1
        self._remember(error)

    def _failed(self, error: SourceError) -> float:
        code = getattr(error, "code", None)
        self.failures[error.reason if code is None else code.name] += 1
        if never_again(error):
            self.stopped = error
        if error.reason is Reason.SOURCE_REFUSED:
            self._sink.refuse(error)
        self._remember(error)
        return self._pace.failed()

    def _remember(self, error: SourceError) -> None:
        """Tell a failure, the first of its kind to people and the rest to debuggers."""
        known = self.failure is not None and self.failure.reason is error.reason
        level = logging.DEBUG if known else logging.WARNING
        if self.stopped is error:
            level = logging.ERROR
        _LOGGER.log(level, "%s of %s: %s", self.name, self._link.endpoint, error)
        without_frames(error)
        self.failure, self.failed_at = error, self._now()
        self._sink.fail(error)
