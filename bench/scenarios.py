# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: the table of handshakes (verifying.py: verification).

The first peer of a scenario is what the others are divided by. An aim is what handfast
promises (issues 3 and 4, "It must show"); `--check` fails when one is missed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.corpus import Corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program that does the work: a module in bench/peers, or a built one.

    Names of built ones begin with their language: `c_`, `go_`, `rust_`.
    """

    name: str
    program: str
    options: tuple[str, ...] = ()
    note: str
    rival: bool = True  # somebody that "handfast / …" is worth a line about
    apart: bool = True  # its ends can be timed apart, where the scenario's can
    helper: str | None = None  # a built program that it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What `peer` should reach: `ratio` times what `over` does, or a rate of its own.

    Per CPU second, or per second of the clock on the wall, which is what threads are
    for. Where the peer that `needs` names cannot take part, nobody asks.
    """

    peer: str
    over: str | None = None
    ratio: float = 0.0
    rate: float = 0.0  # without `over`: units a second
    wall: bool = False
    needs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Peers that do the same work, to be run in turns."""

    name: str
    title: str
    peers: tuple[Peer, ...]
    aims: tuple[Aim, ...] = ()
    key_type: str = "p256"
    identities: int = 1  # of each end; more: each is seen once until all were
    corpus: Corpus | None = None  # instead of the two identities of pki.py
    split: bool = True  # the ends can be timed apart
    unit: str = "handshake"
    wall: bool = False  # ratios by the clock on the wall
    rounds: int | None = None  # at most
    resumed: bool = False
    rate: float | None = None  # clients a second, who come when they are due
    stretch: int = 1  # samples are so many times as long
    group: str = "handshakes"


STRANGERS = 1_000  # of each end
RESUME = ("--resume",)
HYBRID = ("--groups", "X25519MLKEM768")

C_STOCK = Peer(
    name="c_stock", program="c_loop", note="C loop, stock settings, stock verification"
)
# OpenSSL's release with the flags that it has by itself, and the C library's allocator.
C_STOCK_BUILD = Peer(
    name="c_stock_build",
    program="c_loop_stock",
    note="the same C loop on a stock build of the same OpenSSL",
)
C_BUILT = Peer(
    name="c_built",
    program="c_loop",
    options=("--allocator",),
    note="the same C loop on handfast's build with its allocator",
)
C_TUNED = Peer(
    name="c_tuned",
    program="c_loop",
    options=("--tuned",),
    note="C loop, handfast's settings, stock verification",
)
C_UNVERIFIED = Peer(
    name="c_unverified",
    program="c_loop",
    options=("--tuned", "--no-verify"),
    note="C loop that verifies no chain: a bound, not a peer",
)
C_HANDFAST = Peer(
    name="c_handfast", program="c_handfast", note="handfast's engine without Python"
)
# A server of stdlib ssl makes two tickets in every handshake unless it is told not to.
# Without them it does the work that handfast does; with them, what its users get.
TICKETS = ("--tickets",)
STDLIB = Peer(
    name="stdlib", program="stdlib_ssl", note="stdlib ssl, memory BIOs, no tickets"
)
STDLIB_DEFAULT = Peer(
    name="stdlib_default",
    program="stdlib_ssl",
    options=TICKETS,
    note="stdlib ssl as it comes: two tickets",
)
PYOPENSSL = Peer(name="pyopenssl", program="pyopenssl", note="pyOpenSSL, memory BIOs")
HANDFAST = Peer(
    name="handfast", program="handfast_memory", note="handfast.Connection, in memory"
)
TRIO_SSL = Peer(
    name="trio_ssl",
    program="trio_ssl",
    options=TICKETS,
    note="trio.SSLStream on a context as it comes: two tickets",
)
TRIO_SSL_LEAN = Peer(
    name="trio_ssl_lean",
    program="trio_ssl",
    note="trio.SSLStream without tickets: the same work",
    apart=False,
)
HANDFAST_TRIO = Peer(
    name="handfast",
    program="handfast_trio",
    note="handfast's MtlsStream",
    apart=False,
)
ASYNCIO = Peer(
    name="asyncio",
    program="asyncio_ssl",
    apart=False,
    note="asyncio streams on stdlib ssl, no tickets",
)
UVLOOP = Peer(
    name="uvloop",
    program="asyncio_ssl",
    options=("--uvloop",),
    apart=False,
    note="the same on uvloop's loop and its TLS",
)
GO = Peer(
    name="go",
    program="go_handshake",
    note="Go's crypto/tls in memory, two goroutines on one processor",
)
RUSTLS = Peer(
    name="rustls",
    program="rust_handshake",
    note="rustls with aws-lc-rs in memory, both ends in one thread",
)


def _with(options: tuple[str, ...], *peers: Peer) -> tuple[Peer, ...]:
    return tuple(replace(peer, options=peer.options + options) for peer in peers)


SCENARIOS = (
    Scenario(
        name="full",
        title="full mutual handshakes in memory: P-256, leaf + intermediate, X25519",
        peers=(
            C_STOCK,
            C_STOCK_BUILD,
            C_TUNED,
            C_UNVERIFIED,
            C_HANDFAST,
            STDLIB,
            STDLIB_DEFAULT,
            PYOPENSSL,
            GO,
            RUSTLS,
            HANDFAST,
        ),
        aims=(
            Aim(peer="handfast", over="c_stock", ratio=1.45),
            Aim(peer="handfast", over="c_stock_build", ratio=1.6),
            Aim(peer="handfast", over="stdlib", ratio=3.2),
        ),
    ),
    Scenario(
        name="build",
        title="what the build gives: one C loop, full handshakes",
        peers=(C_STOCK_BUILD, C_STOCK, C_BUILT),
        aims=(Aim(peer="c_built", over="c_stock_build", ratio=1.2),),
    ),
    Scenario(
        name="build-resumed",
        title="what the build gives: one C loop, resumed, and a byte of data",
        peers=_with(RESUME, C_STOCK_BUILD, C_STOCK, C_BUILT),
        aims=(Aim(peer="c_built", over="c_stock_build", ratio=1.25),),
    ),
    Scenario(
        name="first-sight",
        title="the same among 1,000 clients and 1,000 servers that never met before",
        peers=_with(
            ("--identities", str(STRANGERS)), C_STOCK, C_TUNED, C_HANDFAST, HANDFAST
        ),
        aims=(Aim(peer="handfast", over="c_stock", ratio=1.1),),
        identities=STRANGERS,
    ),
    Scenario(
        name="resumed",
        title="resumed handshakes, each by the ticket of the last, and a byte of data",
        peers=_with(
            RESUME, C_STOCK, C_STOCK_BUILD, C_TUNED, STDLIB, GO, RUSTLS, HANDFAST
        ),
        aims=(
            Aim(peer="handfast", over="c_stock_build", ratio=1.4),
            Aim(peer="handfast", over="stdlib", ratio=4.2),
        ),
        split=False,
        resumed=True,
    ),
    Scenario(
        name="full-hybrid",
        title="the same with the post-quantum hybrid group X25519MLKEM768",
        peers=_with(HYBRID, C_STOCK, C_TUNED, HANDFAST),
    ),
    Scenario(
        name="full-rsa",
        title="the same with RSA-2048 keys everywhere",
        peers=(C_STOCK, C_TUNED, STDLIB, HANDFAST),
        key_type="rsa2048",
    ),
    Scenario(
        name="loopback",
        title="over loopback in one process: connect, full handshake, 64 bytes, close",
        peers=(
            TRIO_SSL,
            TRIO_SSL_LEAN,
            Peer(name="trio_tcp", program="trio_tcp", note="no TLS at all: the floor"),
            ASYNCIO,
            UVLOOP,
            HANDFAST_TRIO,
        ),
        aims=(Aim(peer="handfast", over="trio_ssl", ratio=3.3),),
        split=False,
    ),
    Scenario(
        name="acceptor",
        title="the server's CPU for a full handshake: in memory, and by the acceptor",
        peers=(
            *_with(("--server",), C_STOCK, C_HANDFAST),
            *(
                Peer(
                    name=f"acceptor_{workers}{'_whole' if whole else ''}",
                    program="handfast_acceptor",
                    options=("--workers", f"{workers}", *(("--whole",) * whole)),
                    note=f"handshakes by {workers} of the engine's workers over TCP: "
                    + ("all of the server" if whole else "the workers"),
                )
                for workers, whole in ((1, False), (2, False), (1, True), (2, True))
            ),
            Peer(
                name="acceptor_1_busy",
                program="handfast_acceptor",
                options=("--workers", "1", "--busy"),
                note="the same worker beside a handler that computes 100 ms at a time",
            ),
        ),
        aims=(
            Aim(peer="acceptor_1", over="c_stock", ratio=1 / 1.1),
            # Two workers at this ratio of CPU do 1.8 times the work of one.
            Aim(peer="acceptor_2", over="acceptor_1", ratio=0.9),
            Aim(peer="acceptor_1_busy", over="acceptor_1", ratio=0.9),
        ),
        split=False,
    ),
    Scenario(
        name="ids",
        title="SPIFFE IDs parsed",
        peers=(
            Peer(name="handfast", program="spiffe_ids", note="SpiffeId.parse"),
            Peer(name="c_handfast", program="c_ids", note="hf_spiffe_id_parse"),
        ),
        split=False,
        unit="ID",
    ),
)
