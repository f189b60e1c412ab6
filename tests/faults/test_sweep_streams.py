# SPDX-License-Identifier: Apache-2.0
"""Streams over transports with one fault, at every byte and record (D4, D5).

Time is virtual: a stream that waits for ever makes the clock jump to a deadline.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
import trio.testing
from tests.support.faulty import BY_RECORD, WORD, Fault, FaultyStream, Kind
from tests.support.net_world import client_config, server_config, trio_test
from tests.support.sweep import Sweep, descriptors, settled_connections, stride

from handfast import HandfastError, Reason
from handfast.net import MtlsStream

#: Virtual seconds after which whoever still waits hangs.
PATIENCE = 60.0
TIMEOUT = 10.0
QUICK = 23


@dataclass(slots=True)
class Ending:
    """How one end of a conversation came out."""

    heard: bytes = b""
    clean: bool = False
    error: BaseException | None = None
    finished: bool = False
    timed_out: bool = False

    @property
    def whole(self) -> bool:
        """Whether it heard the word and a clean end."""
        return self.clean and self.heard == WORD


async def talk(stream: MtlsStream, ending: Ending) -> None:
    """Shake hands, say a word and an end, and listen to the end of the other."""
    try:
        with trio.move_on_after(TIMEOUT) as deadline:
            await stream.do_handshake()
            await stream.send_all(WORD)
            await stream.send_eof()
            async for data in stream:
                ending.heard += data
            ending.clean = True
        ending.timed_out = deadline.cancelled_caught
    except (HandfastError, trio.BrokenResourceError) as error:
        ending.error = error
    finally:
        await trio.aclose_forcefully(stream)
        ending.finished = True


async def conversation(fault: Fault, to: str) -> tuple[Ending, Ending, FaultyStream]:
    """Run one; return how it ended for who has the fault, and for the other."""
    raw_client, raw_server = trio.testing.memory_stream_pair()
    faulty = FaultyStream(raw_client if to == "client" else raw_server, fault)
    client = MtlsStream(faulty if to == "client" else raw_client, client_config())
    server = MtlsStream(faulty if to == "server" else raw_server, server_config())
    endings = {"client": Ending(), "server": Ending()}
    with trio.move_on_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk, client, endings["client"])
            nursery.start_soon(talk, server, endings["server"])
    other = "server" if to == "client" else "client"
    return endings[to], endings[other], faulty


async def length_of(to: str, *, records: bool) -> int:
    """Count what arrives in a conversation without a fault."""
    fault = Fault("repeat", -1) if records else Fault()
    ending, other, faulty = await conversation(fault, to)
    # The negative control: nothing is refused when nothing is wrong.
    assert ending.whole
    assert other.whole
    assert not faulty.line.hit
    return faulty.line.records if records else faulty.line.bytes


def judge(sweep: Sweep, fault: Fault, ending: Ending, other: Ending) -> None:
    """Count one conversation; some faults must not be noticed at all."""
    sweep.injected += 1
    harmless = fault.kind in {"split", "bytes"}
    if harmless:
        assert ending.whole, (fault, ending)
        assert other.whole, (fault, other)
    sweep.accepted += ending.whole is not harmless or ending.heard not in {b"", WORD}
    # Who is not told that nothing more comes waits for its own deadline, not for ever.
    sweep.hung += not (ending.finished and other.finished)
    if fault.kind not in {"stall", "lose", "flip", "swap"}:
        sweep.hung += ending.timed_out
    sweep.note(ending.error)
    sweep.note(other.error)


@pytest.mark.parametrize(
    ("kind", "reasons"),
    [
        ("split", set()),
        ("end", {Reason.TRUNCATED}),
        ("reset", {Reason.CONNECTION_RESET}),
        ("stall", set()),
        ("flip", None),
        ("lose", None),
        ("repeat", None),
        ("swap", None),
    ],
)
@trio_test
async def test_no_fault_of_a_transport_is_taken_for_less_than_it_is(
    kind: Kind, reasons: set[Reason] | None, clock: trio.testing.MockClock
) -> None:
    """D4, D5, D1: through every byte; nothing is believed, lost or waited for."""
    sweep = Sweep(
        f"stream, {kind} at every {'record' if kind in BY_RECORD else 'byte'}"
    )
    alive, open_files = await settled_connections(), descriptors()
    for to in ("client", "server"):
        records = kind in BY_RECORD
        length = await length_of(to, records=records)
        # The last bytes are those of the clean end, whose loss must be seen as well;
        # lengths differ by a few bytes, as signatures do.
        last, apart = (length, 1) if records else (length - 8, stride(QUICK))
        for at in range(0, last, apart):
            fault = Fault(kind, at, at % 8)
            if kind == "flip" and at in {1, 2}:
                continue  # a version that means nothing: RFC 8446, 5.1
            if kind == "repeat" and at == length - 1:
                continue  # nothing counts after the end
            ending, other, faulty = await conversation(fault, to)
            if faulty.line.hit:
                judge(sweep, fault, ending, other)
            del ending, other, faulty
    sweep.leaked += await settled_connections() > alive
    sweep.leaked += descriptors() > open_files
    sweep.report()
    if reasons is not None:
        # The other end sees a transport that is gone.
        gone = {Reason.TRUNCATED, Reason.CONNECTION_RESET}
        assert set(sweep.reasons) <= {*reasons, *gone}


@trio_test
async def test_a_stream_that_comes_by_single_bytes_is_whole(
    clock: trio.testing.MockClock,
) -> None:
    """D5: in both directions."""
    for to in ("client", "server"):
        ending, other, faulty = await conversation(Fault("bytes"), to)
        assert faulty.line.hit
        assert ending.whole
        assert other.whole


@trio_test
async def test_a_stalled_stream_is_seen_to_wait(clock: trio.testing.MockClock) -> None:
    """The negative control of the hung: without a deadline of its own, it would."""
    raw_client, _raw_server = trio.testing.memory_stream_pair()
    client = MtlsStream(FaultyStream(raw_client, Fault("stall")), client_config())
    with trio.move_on_after(PATIENCE) as scope:
        await client.do_handshake()
    assert scope.cancelled_caught
    assert trio.current_time() >= PATIENCE
    await trio.aclose_forcefully(client)


@trio_test
async def test_a_lost_stream_is_seen(clock: trio.testing.MockClock) -> None:
    """The negative control of the leaks: what somebody holds is counted."""
    before = await settled_connections()
    raw_client, _raw_server = trio.testing.memory_stream_pair()
    held = MtlsStream(raw_client, client_config())
    assert await settled_connections() == before + 1
    await trio.aclose_forcefully(held)
    del held
    assert await settled_connections() == before
