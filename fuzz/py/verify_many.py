# SPDX-License-Identifier: Apache-2.0
"""Inputs of verify_many in every form: row i is what Verifier.verify says of chain i.

Nothing but ConfigError gets out.

What an attacker must hold already: nothing but a place in a corpus. Offsets come from
files, too, which an application may pass on without looking.
"""

from __future__ import annotations

import itertools
import sys
from array import array
from datetime import UTC, datetime
from typing import Any

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import ChainBuffer, ConfigError, VerificationError, Verifier
    from handfast.testing.forge import forge, forge_intermediate, forge_root

CHAINS_MAX = 12
FAR = 10**9

_root = forge_root("a.example")
_middle = forge_intermediate(_root)
_leaves = [
    forge(_root, "spiffe://a.example/web"),
    forge(_middle, "spiffe://a.example/db"),
    forge(_middle, "spiffe://a.example/old", not_after=-1),
    forge(_middle, "spiffe://b.example/web"),
    forge(_middle, "https://a.example/web"),
    forge(_middle, "spiffe://a.example/bad", signature="flipped"),
]
# One moment for all: a chain that expires meanwhile would get two verdicts.
_verifier = Verifier(_root.bundle, at=datetime.now(UTC))

Certificates = tuple[bytes, ...]


def take_chain(data: atheris.FuzzedDataProvider) -> Certificates:
    """Return a known chain, perhaps with a few bytes changed or a part cut off."""
    certificates = list(data.PickValueInList(_leaves).chain)
    for _ in range(data.ConsumeIntInRange(0, 2)):
        which = data.ConsumeIntInRange(0, len(certificates) - 1)
        der = bytearray(certificates[which])
        if not der:
            continue
        at = data.ConsumeIntInRange(0, len(der) - 1)
        der[at : at + data.ConsumeIntInRange(0, 3)] = data.ConsumeBytes(2)
        certificates[which] = bytes(der)
    if data.ConsumeIntInRange(0, 7) == 1:
        certificates.append(data.ConsumeBytes(8))
    if data.ConsumeIntInRange(0, 15) == 1:
        certificates.clear()
    return tuple(certificates)


def single(chain: Certificates) -> str:
    """Give the verdict of one chain alone."""
    try:
        return str(_verifier.verify(chain).spiffe_id)
    except VerificationError as error:
        return str(error.reason)


def in_form(data: atheris.FuzzedDataProvider, chains: list[Certificates]) -> Any:
    """Lay the chains out in one of the forms that keep certificates apart."""
    form = data.ConsumeIntInRange(0, 3)
    if form == 0:
        return [list(chain) for chain in chains]
    if form == 1:
        return ([memoryview(der) for der in chain] for chain in chains)
    code = data.PickValueInList(["i", "I", "q", "Q"])
    flat = [der for chain in chains for der in chain]
    certs = array(code, [0, *itertools.accumulate(map(len, flat))])
    offsets = array(code, [0, *itertools.accumulate(map(len, chains))])
    return ChainBuffer(b"".join(flat), offsets, certs)


def as_judged(data: atheris.FuzzedDataProvider) -> None:
    """Every row is what the chain alone would be told."""
    count = data.ConsumeIntInRange(0, CHAINS_MAX)
    chains = [take_chain(data) for _ in range(count)]
    lanes, threads = data.ConsumeBool(), data.ConsumeIntInRange(1, 2)
    result = _verifier.verify_many(in_form(data, chains), lanes=lanes, threads=threads)
    if len(result) != count:
        raise AssertionError(f"{count} chains, {len(result)} rows")
    for row, chain in zip(result, chains, strict=True):
        said = str(row.spiffe_id) if row.ok else str(row.reason)
        if said != single(chain):
            raise AssertionError(f"{said} in the batch, {single(chain)} alone: {chain}")


def as_given(data: atheris.FuzzedDataProvider) -> None:
    """Offsets of any numbers, types and lengths: a refusal or verdicts."""
    code = data.PickValueInList(["b", "i", "I", "q", "Q", "d"])
    most = 127 if code == "b" else FAR
    kind = float if code == "d" else int

    def numbers() -> Any:
        least = 0 if code in "IQ" else -2
        count = data.ConsumeIntInRange(0, CHAINS_MAX)
        few = min(most, data.PickValueInList([8, 2000, FAR]))
        some = [data.ConsumeIntInRange(least, few) for _ in range(count)]
        return array(code, map(kind, sorted(some) if data.ConsumeBool() else some))

    stock = b"".join(der for svid in _leaves for der in svid.chain)
    try:
        certs = numbers() if data.ConsumeBool() else None
        result = _verifier.verify_many(ChainBuffer(stock, numbers(), certs))
    except ConfigError:
        return
    for row in result:
        if row.ok and not str(row.spiffe_id).startswith("spiffe://a.example/"):
            raise AssertionError(f"{row} was accepted")


def one_input(data: bytes) -> None:
    """Read a form and chains from the input."""
    provider = atheris.FuzzedDataProvider(data)
    if provider.ConsumeIntInRange(0, 3) == 3:  # noqa: PLR2004 - one in four
        as_given(provider)
    else:
        as_judged(provider)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
