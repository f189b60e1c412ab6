# SPDX-License-Identifier: Apache-2.0
"""Files that a process was writing when it died are the old ones or the new ones.

A child replaces what another one has written, and ends without a word at its k-th step
(each call that touches a file is one, or two), for every k (for some of them without
HANDFAST_FAULTS=all). The parent reads what there
is: all of it old, or all of it new. Then it does the same to the end, as a program does
that was started again, and nothing is left of what the child had begun.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.support import agent_messages as messages
from tests.support.agent_messages import WEB, svid
from tests.support.dying import DIED, WHOLE, dies_at
from tests.support.sweep import Sweep, stride

from handfast import (
    BundleDocument,
    FileSource,
    PrivateKey,
    SourceSnapshot,
    TrustBundleSet,
)
from handfast.authority.agent import NodeIdentity
from handfast.authority.keystore import KeyStore, key_id
from handfast.federation.known import Known
from handfast.federation.state import FederationState
from handfast.sources.file_sets import FileSetWriter, plan_identity

OLD, NEW, NOTHING = "old", "new", "nothing"


@dataclass(frozen=True)
class Writer:
    """What writes, over what, and how one sees what became of it.

    Attributes:
        before: Writes the old state.
        act: Makes it the new one.
        look: Says which one it is; raises when it is neither.
        most: Entries in the folder when all is done.
    """

    before: Callable[[Path], object]
    act: Callable[[Path], object]
    look: Callable[[Path], str]
    most: int


# ---- a set of files, and its end ----


def _set(number: int) -> Callable[[Path], object]:
    bundles = TrustBundleSet([messages.authority().bundle])
    plan = plan_identity(
        SourceSnapshot(svid=svid(WEB, number), bundles=bundles, generation=1)
    )
    return lambda folder: FileSetWriter(folder).write(plan)


def _look_at_set(folder: Path) -> str:
    if not (folder / "..data").is_symlink():
        assert not (folder / "svid_key.pem").exists()
        return NOTHING
    leaf = FileSource(folder).refresh().svid.chain[0]
    return {svid(WEB, 0).chain[0]: OLD, svid(WEB, 1).chain[0]: NEW}[leaf]


# ---- an agent's own identity ----


def _node(number: int) -> Callable[[Path], object]:
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=svid(WEB, number),
        bundle=BundleDocument.of(messages.authority().bundle),
    )
    return identity.save


def _look_at_node(folder: Path) -> str:
    found = NodeIdentity.load(folder).svid
    return {svid(WEB, 0).chain: OLD, svid(WEB, 1).chain: NEW}[found.chain]


# ---- what is known of a federation ----


def _known(sequence: int) -> Known:
    bundle = replace(messages.authority().bundle, sequence=sequence)
    document = BundleDocument.of(bundle)
    return Known(
        document=document,
        body=document.to_json(),
        url="https://a.example/",
        fetched_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def _save(sequence: int) -> Callable[[Path], object]:
    return lambda folder: FederationState(folder).save(_known(sequence))


def _forget(folder: Path) -> None:
    state = FederationState(folder)
    state.load()  # tidies, as a program that starts does
    state.remove(_known(1).document.trust_domain)


def _look_at_federation(folder: Path) -> str:
    found = FederationState(folder).load()
    sequences = [known.document.sequence for known in found.values()]
    return {"[1]": OLD, "[2]": NEW, "[]": NOTHING}[str(sequences)]


# ---- keys ----

_KEYS = [PrivateKey.generate("p256") for _ in range(2)]
_NAMES = [key_id(key.public_der) for key in _KEYS]


def _put(number: int) -> Callable[[Path], object]:
    return lambda folder: KeyStore(folder / "keys").put(_KEYS[number])


def _swap(folder: Path) -> object:
    _put(1)(folder)
    return KeyStore(folder / "keys").keep_only([_NAMES[1]])


def _look_at_keys(folder: Path) -> str:
    """A key too many is allowed, one too few is not."""
    store = KeyStore(folder / "keys")
    there = {path.stem for path in (folder / "keys").glob("*.key")}
    assert all(key_id(store.get(name).public_der) == name for name in there)
    return OLD if _NAMES[0] in there else {_NAMES[1]: NEW}[" ".join(there)]


WRITERS = {
    # The newest set and the one before, for who is reading it; ..data; three links.
    "a set of files": Writer(_set(0), _set(1), _look_at_set, 6),
    "the end of a set": Writer(
        _set(0), lambda it: FileSetWriter(it).withdraw(), _look_at_set, 0
    ),
    "an agent's identity": Writer(_node(0), _node(1), _look_at_node, 1),
    "a federation's bundle": Writer(_save(1), _save(2), _look_at_federation, 1),
    "the end of a federation": Writer(_save(1), _forget, _look_at_federation, 0),
    "an authority's keys": Writer(_put(0), _swap, _look_at_keys, 1),
}
AFTERWARDS = {"the end of a set": NOTHING, "the end of a federation": NOTHING}


def _sweep(
    writer: Writer, folder: Path, sweep: Sweep, afterwards: str, apart: int = 1
) -> None:
    """Let it die at every step, or at some of them."""
    steps = 1
    while True:
        place = folder / str(steps)
        place.mkdir(mode=0o700)
        writer.before(place)
        code = dies_at(steps, lambda: writer.act(place))  # noqa: B023 - done at once
        assert code in {DIED, WHOLE}, steps
        sweep.injected += code == DIED
        seen = writer.look(place)
        assert seen in {OLD, afterwards}, (steps, seen)
        writer.act(place)
        assert writer.look(place) == afterwards, steps
        # Nothing is left of what had begun, but what one more time would take away.
        if writer.look(place) != NOTHING:
            writer.act(place)
        assert len(list(place.iterdir())) <= writer.most, (steps, *place.iterdir())
        if code == WHOLE:
            assert seen == afterwards
            return
        steps += apart


@pytest.mark.parametrize("name", WRITERS)
def test_a_process_may_die_at_every_step_of_a_write(name: str, tmp_path: Path) -> None:
    """W4, P5: whoever reads afterwards sees the old or the new, whole."""
    sweep = Sweep(f"process dies at every step of {name}")
    _sweep(WRITERS[name], tmp_path, sweep, AFTERWARDS.get(name, NEW), stride(3))
    assert sweep.injected > 1
    sweep.report()


def test_a_file_that_is_written_in_place_is_seen(tmp_path: Path) -> None:
    """The sweep's negative control."""

    def write(folder: Path, text: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        handle = os.open(folder / "file", flags, 0o600)
        os.write(handle, text)
        os.close(handle)

    def look(folder: Path) -> str:
        return {b"old": OLD, b"new": NEW}[(folder / "file").read_bytes()]

    before, act = (partial(write, text=it) for it in (b"old", b"new"))
    writer = Writer(before, act, look, 1)
    with pytest.raises(KeyError, match="b''"):
        _sweep(writer, tmp_path, Sweep("a planted fault"), NEW)
