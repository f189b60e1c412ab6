# SPDX-License-Identifier: Apache-2.0
"""A clock that moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["FakeClock"]


class FakeClock:
    """Gives the time that it was set to, wherever a function ``now`` is wanted.

    Args:
        start: An aware time; the system's when left out.

    Example:
        >>> from handfast.authority import Authority
        >>> clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC))
        >>> svid = Authority("a.example", now=clock).issue("spiffe://a.example/web")
        >>> clock.advance(minutes=50)
        >>> svid.expires_in(clock())
        datetime.timedelta(seconds=600)
    """

    __slots__ = ("_now",)

    def __init__(self, start: datetime | None = None) -> None:
        self._now = datetime.now(UTC)
        self.set(start or self._now)

    def __call__(self) -> datetime:
        """The time now, in UTC."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Jump to a time, backwards too.

        Raises:
            ValueError: The time is not aware of its zone.
        """
        if moment.tzinfo is None:
            raise ValueError("expected an aware time, seen one without a zone")
        self._now = moment.astimezone(UTC)

    def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0
    ) -> None:
        """Move on; negative amounts move back."""
        self._now += timedelta(seconds=seconds, minutes=minutes, hours=hours)

    def __repr__(self) -> str:
        return f"<FakeClock {self._now:%Y-%m-%dT%H:%M:%SZ}>"
