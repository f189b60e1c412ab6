# SPDX-License-Identifier: Apache-2.0
"""Full mutual handshakes in memory: the loop that all Python peers share.

An end takes bytes and gives bytes until it is done; two of them joined are a handshake.
Both then say who the other one was, because a user has to ask that, too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from bench.pki import CLIENT_ID, SERVER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.peers.sampler import Clock


class End(Protocol):
    """One end of a connection."""

    done: bool

    def step(self, data: bytes) -> bytes:
        """Take what the other end sent, return what it should get."""

    def peer_id(self) -> str:
        """Return the SPIFFE ID of the other end."""


def handshake(client: End, server: End) -> None:
    """Join both ends until both are done, and check who they met."""
    data = b""
    while not (client.done and server.done):
        if not client.done:
            data = client.step(data)
        if not server.done:
            data = server.step(data)
    check(client, server)


def timed_handshake(client: End, server: End, clock: Clock) -> None:
    """Do the same, with the CPU time of each end counted apart."""
    data = b""
    while not (client.done and server.done):
        begin = time.thread_time()
        if not client.done:
            data = client.step(data)
        middle = time.thread_time()
        if not server.done:
            data = server.step(data)
        clock.client_cpu += middle - begin
        clock.server_cpu += time.thread_time() - middle
    check(client, server)


def check(client: End, server: End) -> None:
    """End the benchmark when an end met somebody else: it would measure nothing."""
    met = client.peer_id(), server.peer_id()
    if met != (SERVER_ID, CLIENT_ID):
        raise AssertionError(f"expected {SERVER_ID} and {CLIENT_ID}, seen {met}")


def taker(
    new_client: Callable[[], End],
    new_server: Callable[[], End],
    then: Callable[[End, End], None] | None = None,
) -> Callable[[Clock], None]:
    """Return what `sampler.serve` wants: something that fills one sample.

    What comes `then` is in the sample; it is not timed apart.
    """

    def take(clock: Clock) -> None:
        if clock.split:
            for _ in clock.laps():
                timed_handshake(new_client(), new_server(), clock)
        elif then is not None:
            for _ in clock.laps():
                client, server = new_client(), new_server()
                handshake(client, server)
                then(client, server)
        else:
            for _ in clock.laps():
                handshake(new_client(), new_server())

    return take
