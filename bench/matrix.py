# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: the matrix of handshakes.

Layers (the C loop, Python in memory, trio over loopback) by kinds (full among peers
that know each other, at first sight, resumed) by keys by groups. A cell is a scenario
like any other; the peers are those of scenarios.py. Who cannot do what a cell is about
(trio.SSLStream and asyncio take no session to resume; pyOpenSSL takes no group but a
curve of ECDSA) is not in it, and README.md says so.
"""

from __future__ import annotations

from dataclasses import replace

from bench import scenarios as table
from bench.pki import KEY_TYPES
from bench.scenarios import Peer, Scenario

GROUP = "matrix"
KINDS = ("full", "first-sight", "resumed")
# Names of files and of OpenSSL.
GROUPS = {"x25519": "X25519", "p256": "P-256", "mlkem": "X25519MLKEM768"}
STRANGERS = 200  # of each end: keys of RSA take their time to make

C_LAYER = (table.C_STOCK, table.C_TUNED, table.C_HANDFAST)
MEMORY_LAYER = (table.STDLIB, table.PYOPENSSL, table.GO, table.RUSTLS, table.HANDFAST)
# Nothing is said about Connection beside them: it does not do their work.
LOOPBACK_LAYER = tuple(
    replace(peer, name=name, rival=False)
    for name, peer in (
        ("trio_ssl_lean", table.TRIO_SSL_LEAN),
        ("asyncio", table.ASYNCIO),
        ("uvloop", table.UVLOOP),
        ("handfast_trio", table.HANDFAST_TRIO),
    )
)

# What a peer cannot do at all. Those in C know every kind but the engine's own loop.
NO_STRANGERS = {"stdlib", "pyopenssl", "go", "rustls"}
NO_STRANGERS |= {peer.name for peer in LOOPBACK_LAYER}
NO_RESUMING = {"pyopenssl", "c_handfast", "trio_ssl_lean", "asyncio", "uvloop"}
# The group of stdlib ssl depends on the interpreter: it knows curves, and where it
# knows no hybrid its facts would name what was asked and not what was done.
NO_HYBRID = {"stdlib", "trio_ssl_lean", "asyncio", "uvloop"}


def takes_part(peer: Peer, kind: str, group: str) -> bool:
    """Tell whether a peer has this cell."""
    if kind == "first-sight" and peer.name in NO_STRANGERS:
        return False
    if kind == "resumed" and peer.name in NO_RESUMING:
        return False
    if peer.name == "pyopenssl":
        return group == "P-256"
    return not (group == "X25519MLKEM768" and peer.name in NO_HYBRID)


def _peers(kind: str, group: str) -> tuple[Peer, ...]:
    options: tuple[str, ...] = ("--groups", group)
    if kind == "first-sight":
        options += ("--identities", str(STRANGERS))
    if kind == "resumed":
        options += table.RESUME
    return tuple(
        replace(peer, options=peer.options + options)
        for peer in C_LAYER + MEMORY_LAYER + LOOPBACK_LAYER
        if takes_part(peer, kind, group)
    )


def _cell(kind: str, key_type: str, short: str, group: str) -> Scenario:
    return Scenario(
        name=f"matrix-{kind}-{key_type}-{short}",
        title=f"{kind} handshakes, {key_type} keys, {group}; three layers",
        peers=_peers(kind, group),
        key_type=key_type,
        identities=STRANGERS if kind == "first-sight" else 1,
        split=kind != "resumed",
        resumed=kind == "resumed",
        # Thirty-six cells: five rounds each keep the whole below an hour.
        rounds=5,
        group=GROUP,
    )


SCENARIOS = tuple(
    _cell(kind, key_type, short, group)
    for kind in KINDS
    for key_type in KEY_TYPES
    for short, group in GROUPS.items()
)
