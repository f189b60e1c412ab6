# SPDX-License-Identifier: Apache-2.0
"""Attestation of the process at the other end of a Unix socket."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Final, Literal
from weakref import WeakKeyDictionary

import trio

from handfast.authority.attest.caller import Caller
from handfast.authority.attest.credentials import PeerCredentials
from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.learning import Learner, in_share
from handfast.authority.attest.limits import Shares
from handfast.authority.attest.looking import look_at_caller
from handfast.authority.attest.refusal import refuse
from handfast.authority.attest.system import Linux, System
from handfast.authority.attest.watched import WatchedListener
from handfast.authority.selectors import Selector
from handfast.errors import Reason

__all__ = ["Attestor", "attest"]

_IS_LINUX: Final = sys.platform == "linux"
#: Threads that attest at once, in all and for one user.
_IN_ALL: Final = 32
_OF_USER: Final = 2
#: Callers of one user that wait for one of them: each has a place of the server's.
_WAITING_OF_USER: Final = 256


class Attestor:
    """Says who calls on a Unix socket, without the caller's help.

    Args:
        hash_executables: Whether callers get `unix:sha256` selectors: always, never, or
            when `Caller.learn` is called, as the authority does for those callers that
            an entry with such a selector could be for.
        largest_executable: In bytes; a larger one gets no `unix:sha256`.
        timeout: Seconds for one caller, waiting for a thread included.
        system: The kernel, for tests.
    """

    def __init__(
        self,
        *,
        hash_executables: bool | Literal["when asked"] = True,
        largest_executable: int = 512 << 20,
        timeout: float = 10.0,
        system: System | None = None,
    ) -> None:
        self._system = Linux() if system is None else system
        self._hashes = HashCache(most_bytes=largest_executable)
        self._when = hash_executables
        self._timeout = timeout
        self._shares = Shares(in_all=_IN_ALL, of_user=_OF_USER)
        self._connected_after: WeakKeyDictionary[trio.SocketStream, float] = (
            WeakKeyDictionary()
        )

    async def attest(self, stream: trio.SocketStream) -> Caller:
        """Find out who connected.

        Args:
            stream: What a listener for a Unix socket accepted.

        Cancellation: nothing is left behind, but for a thread that a file system keeps
        waiting; it ends by itself, and counts against its user until then.

        Raises:
            AttestationRefused: it is not certain who it is.
        """
        await trio.lowlevel.checkpoint()
        who = self._system.credentials(stream.socket)
        if not _IS_LINUX:
            return _by_user_alone(who)
        if who.pid < 1:
            refuse(
                Reason.ATTESTATION_UNSEEN,
                expected="a process with a pid where the agent runs",
                seen="one of a pid namespace beside or above the agent's",
                hint="run the agent in the host's pid namespace",
            )
        if self._shares.waiting(who.uid) >= _WAITING_OF_USER:
            refuse(
                Reason.ATTESTATION_SLOW,
                expected=f"at most {_WAITING_OF_USER} callers of a user to wait",
                seen="that many waiting already",
            )
        number = self._system.peer_pidfd(stream.socket)
        bound: float | None = None
        if number is None:
            # The pid may be another process's by now: it must be older than the socket.
            bound = self._connected_after.get(stream, 0.0)
            try:
                number = self._system.pidfd_open(who.pid)
            except OSError as error:
                refuse(Reason.ATTESTATION_ENDED, seen=str(error), cause=error)
        hashes = self._hashes if self._when is True else None
        look = partial(
            look_at_caller, self._system, who, Descriptor(number), hashes, bound
        )
        share = self._shares.of(who.uid)
        told = f"process {who.pid} of user {who.uid}"
        caller = await in_share(look, share, self._timeout, told)
        if self._when != "when asked" or caller.process is None:
            return caller
        learner = Learner(
            self._system,
            caller.process,
            uid=who.uid,
            hashes=self._hashes,
            share=share,
            timeout=self._timeout,
        )
        return replace(caller, learner=learner)

    def watch(
        self, listener: trio.SocketListener
    ) -> trio.abc.Listener[trio.SocketStream]:
        """Note when a listener's connections can have been made, at the earliest.

        Only kernels before Linux 6.5 need it, which cannot open the process that
        connected: there a caller whose listener is not watched is refused.
        """
        return WatchedListener(listener, self._system, self._connected_after)


def _by_user_alone(who: PeerCredentials) -> Caller:
    """Make the caller of a system that says the user and nothing that is certain."""
    selectors = {Selector("unix", f"uid:{who.uid}"), Selector("unix", f"gid:{who.gid}")}
    for group in who.groups or ():
        selectors.add(Selector("unix", f"supplementary_gid:{group}"))
    why = f"not known on {sys.platform}"
    return Caller(
        selectors=frozenset(selectors),
        uid=who.uid,
        gid=who.gid,
        missing=dict.fromkeys(("unix:path", "unix:sha256", "cgroup"), why),
    )


_DEFAULT: Final = Attestor()


async def attest(stream: trio.SocketStream) -> Caller:
    """Find out who connected to a Unix socket, by an `Attestor` with its defaults.

    Cancellation: as `Attestor.attest`.

    Raises:
        AttestationRefused: it is not certain who it is.
    """
    return await _DEFAULT.attest(stream)
