# SPDX-License-Identifier: Apache-2.0
"""How many threads attest at once: some in all, few for one user.

A thread may hang on a file system that its user serves. That must not keep others from
being attested, so each user has a few threads of his own and no more.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

import trio

__all__ = ["Share", "Shares"]


class Share:
    """One user's part: a limiter, as `trio.to_thread.run_sync` takes one."""

    def __init__(
        self, of_user: trio.CapacityLimiter, of_all: trio.CapacityLimiter
    ) -> None:
        self._of_user = of_user
        self._of_all = of_all

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Wait for a thread of the user's, then for one of all.

        Cancellation: nothing is held.
        """
        await self._of_user.acquire_on_behalf_of(borrower)
        try:
            await self._of_all.acquire_on_behalf_of(borrower)
        except BaseException:
            self._of_user.release_on_behalf_of(borrower)
            raise

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give it back."""
        self._of_all.release_on_behalf_of(borrower)
        self._of_user.release_on_behalf_of(borrower)


class Shares:
    """Gives each user a share; those that nobody uses are forgotten."""

    def __init__(self, *, in_all: int, of_user: int) -> None:
        self._of_all = trio.CapacityLimiter(in_all)
        self._most = of_user
        self._users: WeakValueDictionary[int, trio.CapacityLimiter] = (
            WeakValueDictionary()
        )

    def __len__(self) -> int:
        return len(self._users)

    def of(self, uid: int) -> Share:
        """Return the share of a user."""
        limiter = self._users.get(uid)
        if limiter is None:
            self._users[uid] = limiter = trio.CapacityLimiter(self._most)
        return Share(limiter, self._of_all)

    def waiting(self, uid: int) -> int:
        """Say how many wait for a thread of a user's own."""
        limiter = self._users.get(uid)
        return 0 if limiter is None else limiter.statistics().tasks_waiting
