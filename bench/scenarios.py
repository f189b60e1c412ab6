# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: the one table of scenarios.

The first peer of a scenario is what the others are divided by. An aim is a ratio that
handfast promises (issue 2, point 6); `--check` fails when one is missed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program that makes handshakes: a Python module, or the C loop when empty."""

    name: str
    module: str = ""
    options: tuple[str, ...] = ()
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """`peer` should make at least `ratio` times as many handshakes as `over`."""

    peer: str
    over: str
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Peers that do the same work, to be run in turns."""

    name: str
    title: str
    peers: tuple[Peer, ...]
    aims: tuple[Aim, ...] = ()
    key_type: str = "p256"
    split: bool = True  # the ends can be timed apart


HYBRID = ("--groups", "X25519MLKEM768")
# TLS 1.2 needs the certificate's curve among the groups, too.
TLS12 = ("--tls12", "--groups", "X25519:P-256")

C_STOCK = Peer(name="c_stock", note="C loop, stock settings, stock verification")
C_TUNED = Peer(
    name="c_tuned",
    options=("--tuned",),
    note="C loop, handfast's settings, stock verification",
)
C_UNVERIFIED = Peer(
    name="c_unverified",
    options=("--tuned", "--no-verify"),
    note="C loop that verifies no chain: a bound, not a peer",
)
STDLIB = Peer(name="stdlib", module="stdlib_ssl", note="stdlib ssl, memory BIOs")
PYOPENSSL = Peer(name="pyopenssl", module="pyopenssl", note="pyOpenSSL, memory BIOs")
HANDFAST = Peer(
    name="handfast", module="handfast_memory", note="handfast.Connection, in memory"
)


def _with(options: tuple[str, ...], *peers: Peer) -> tuple[Peer, ...]:
    return tuple(replace(peer, options=peer.options + options) for peer in peers)


SCENARIOS = (
    Scenario(
        name="full",
        title="full mutual handshakes in memory: P-256, leaf + intermediate, X25519",
        peers=(C_STOCK, C_TUNED, C_UNVERIFIED, STDLIB, PYOPENSSL, HANDFAST),
        aims=(
            Aim(peer="handfast", over="c_stock", ratio=0.85),
            Aim(peer="handfast", over="stdlib", ratio=1.5),
        ),
    ),
    Scenario(
        name="full-hybrid",
        title="the same with the post-quantum hybrid group X25519MLKEM768",
        peers=_with(HYBRID, C_STOCK, C_TUNED, HANDFAST),
        aims=(Aim(peer="handfast", over="c_stock", ratio=0.85),),
    ),
    Scenario(
        name="full-tls12",
        title="the same in TLS 1.2",
        peers=_with(TLS12, C_STOCK, C_TUNED, STDLIB, HANDFAST),
    ),
    Scenario(
        name="full-rsa",
        title="the same with RSA-2048 keys everywhere",
        peers=(C_STOCK, C_TUNED, STDLIB, HANDFAST),
        key_type="rsa2048",
    ),
    Scenario(
        name="loopback",
        title="trio over loopback TCP: connect, full handshake, 64 bytes, close",
        peers=(
            Peer(name="trio_ssl", module="trio_ssl", note="trio.SSLStream"),
            Peer(name="trio_tcp", module="trio_tcp", note="no TLS at all: the floor"),
            Peer(name="handfast", module="handfast_trio", note="handfast's MtlsStream"),
        ),
        aims=(Aim(peer="handfast", over="trio_ssl", ratio=2.0),),
        split=False,
    ),
)
