# SPDX-License-Identifier: Apache-2.0
"""Opens connections to a server of bench/idle.py and holds them, costing little itself.

Once a connection is made, the TLS object is dropped and the socket kept: the server
sees a client that has nothing to say, and the same machine holds ten thousand of them.
It reads a number, opens that many more connections, each of which sends a byte and
waits for the answer, as a client with one request does, and prints how many are open.
0 closes them all.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import server_files, stdlib_ssl
from bench.peers.loopback import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[[], int]


def tls_opener(given: argparse.Namespace) -> Open:
    """Return what opens one connection of TLS and gives its socket's number."""
    context = stdlib_ssl.context(given, "client")
    talk = request if given.http else exchange

    def open_one() -> int:
        plain = socket.create_connection((HOST, given.port))
        # Else the byte waits until the server's system has acknowledged the handshake.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = context.wrap_socket(plain)
        talk(tls)
        return tls.detach()

    return open_one


def tcp_opener(given: argparse.Namespace) -> Open:
    """Return the same without TLS."""

    def open_one() -> int:
        plain = socket.create_connection((HOST, given.port))
        exchange(plain)
        return plain.detach()

    return open_one


def exchange(stream: socket.socket | ssl.SSLSocket) -> None:
    """Say a byte and wait for the answer."""
    stream.sendall(b"?")
    if stream.recv(1) != b"?":
        raise AssertionError("the answer differs from what was sent")


def request(stream: socket.socket | ssl.SSLSocket) -> None:
    """Ask for a page, of a server that keeps the connection."""
    stream.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
    answer = b""
    while not answer.endswith(server_files.BODY.encode()):
        part = stream.recv(4096)
        if not part:
            raise AssertionError(f"the answer ended early: {answer!r}")
        answer += part


def main() -> None:
    """Open what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pki", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="TCP without TLS")
    parser.add_argument("--http", action="store_true", help="ask as browsers do")
    parser.set_defaults(groups="X25519", tickets=True)
    given = parser.parse_args()
    open_one = (tcp_opener if given.plain else tls_opener)(given)
    held: list[int] = []
    for line in sys.stdin:
        count = int(line)
        if count == 0:
            for number in held:
                socket.close(number)
            held.clear()
        held += [open_one() for _ in range(count)]
        print(len(held), flush=True)


if __name__ == "__main__":
    main()
