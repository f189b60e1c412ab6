# SPDX-License-Identifier: Apache-2.0
"""What costs too much to be found out of everybody: found when an answer depends on it.

The hash of an executable is read from the disk, as many bytes as its owner likes. So it
is looked for when an entry asks for one that could be this caller's by all else; that
may be long after the caller has connected. It must still be what it was then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import trio

from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.executable import Executable, look_at_executable
from handfast.authority.attest.refusal import refuse
from handfast.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from handfast.authority.attest.hashing import HashCache
    from handfast.authority.attest.limits import Share
    from handfast.authority.attest.process import Process
    from handfast.authority.attest.system import System

    T = TypeVar("T")

__all__ = ["Learner", "in_share"]


async def in_share(look: Callable[[], T], share: Share, seconds: float, who: str) -> T:
    """Run what may block in a thread of a user's share, and not for longer than this.

    Cancellation: the thread ends by itself, and counts against its user until then.

    Raises:
        AttestationRefused: It took longer.
    """
    # trio wants no more of a limiter than acquiring and releasing; its types do.
    limiter = cast("trio.CapacityLimiter", share)
    try:
        with trio.fail_after(seconds):
            return await trio.to_thread.run_sync(
                look, abandon_on_cancel=True, limiter=limiter
            )
    except trio.TooSlowError as error:
        refuse(
            Reason.ATTESTATION_SLOW,
            expected=f"an answer within {seconds:g} s",
            seen=f"none about {who}",
            cause=error,
        )


class Learner:
    """Finds the hash of one caller's executable, once.

    Args:
        system: The kernel.
        process: The caller, attested.
        uid: Whose bytes they are counted as.
        hashes: How to hash.
        share: The user's threads.
        timeout: Seconds.
    """

    def __init__(  # noqa: PLR0913 - what the attestor has
        self,
        system: System,
        process: Process,
        *,
        uid: int,
        hashes: HashCache,
        share: Share,
        timeout: float,
    ) -> None:
        self._system = system
        self._process = process
        self._uid = uid
        self._hashes = hashes
        self._share = share
        self._timeout = timeout
        self._lock = trio.Lock()
        self._found: Executable | None = None

    async def find(self) -> Executable:
        """Return it, or why there is none.

        Cancellation: whoever asks next finds it.

        Raises:
            AttestationRefused: The process has changed or ended, or its user has had
                too much hashed of late.
        """
        async with self._lock:  # streams of one connection ask together
            if self._found is None:
                who = f"process {self._process.pid} of user {self._uid}"
                self._found = await in_share(
                    self._look, self._share, self._timeout, who
                )
            return self._found

    def _look(self) -> Executable:
        process = self._process
        self._need_the_same()
        if process.directory is None:
            return Executable(missing={"sha256": "the system hides this process"})
        proc = Descriptor(self._system.open_proc())
        found = look_at_executable(
            process.directory, proc.number, self._hashes, payer=self._uid
        )
        self._need_the_same()
        return found

    def _need_the_same(self) -> None:
        process = self._process
        if process.has_ended() or process.look() != process.fingerprint:
            refuse(
                Reason.ATTESTATION_CHANGED,
                seen=f"process {process.pid} is not what it was when it connected",
            )
