# SPDX-License-Identifier: Apache-2.0
"""Who calls: what was attested, and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import trio

from handfast.authority.attest.learning import Learner
from handfast.authority.attest.process import Process
from handfast.authority.selectors import Selector
from handfast.errors import AttestationRefused

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A process at the other end of a socket, as it was attested.

    It holds two descriptors while it lives; `close` or forgetting it lets go of them.

    Attributes:
        selectors: All that is known for certain; `learn` may find more.
        uid: Its user.
        gid: Its group.
        pid: Its process; 0 on systems where only the user is known.
        missing: Which selectors it might have had, and why it has not.
    """

    selectors: frozenset[Selector]
    uid: int
    gid: int
    pid: int = 0
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    process: Process | None = field(default=None, repr=False, compare=False)
    learner: Learner | None = field(default=None, repr=False, compare=False)

    @property
    def began(self) -> int:
        """When it began, in ticks since the system did; 0 where that is not known.

        With its pid it is this process, and not the next one with the same pid.
        """
        process = self.process
        if process is None or process.fingerprint is None:
            return 0
        return process.fingerprint.stat.start

    async def learn(self) -> None:
        """Find out what was left until somebody needs it: the executable's hash.

        Cancellation: nothing was learnt.

        Raises:
            AttestationRefused: The process has changed or ended, or the hash is not to
                be had at present.
        """
        await trio.lowlevel.checkpoint()
        if self.learner is None:
            return
        found = await self.learner.find()
        missing = {f"unix:{name}": why for name, why in found.missing.items()}
        # The one thing that changes: who it is does not, and all of it is as certain.
        object.__setattr__(
            self, "missing", MappingProxyType({**self.missing, **missing})
        )
        if found.sha256 is not None:
            more = {Selector("unix", f"sha256:{found.sha256}")}
            object.__setattr__(self, "selectors", self.selectors | more)

    def still_there(self) -> bool:
        """Say whether what was attested still holds: ask before every answer.

        False once the process has ended, executes another program, or has another user,
        group or cgroup; it may connect again and be attested anew. Reads a few files of
        /proc: no disk, no waiting.
        """
        process = self.process
        if process is None:
            return True  # the socket's credentials alone, and those do not change
        try:
            return not process.has_ended() and process.look() == process.fingerprint
        except AttestationRefused:
            return False

    def describe(self) -> str:
        """Say in one line who it is, for a log.

        Example:
            >>> Caller(selectors=frozenset(), pid=7, uid=1000, gid=100).describe()
            'pid 7, uid 1000, gid 100'
        """
        line = f"pid {self.pid}, uid {self.uid}, gid {self.gid}"
        known = {
            f"{it.type}:{name}": value
            for it in self.selectors
            for name, _, value in [it.value.partition(":")]
        }
        told = ("unix:path", "systemd:id", "container:id", "k8s:pod-uid")
        return ", ".join([line, *(f"{it} {known[it]}" for it in told if it in known)])

    def close(self) -> None:
        """Let go of the process; `still_there` is False from now on."""
        if self.process is not None:
            self.process.close()
