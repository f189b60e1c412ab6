# SPDX-License-Identifier: Apache-2.0
"""Our side of a Workload API connection against a server of any bytes.

Nothing but WireError gets out, a call ends once and says nothing afterwards, what comes
out is no more than what came in, and what calls come to is the same in any pieces.

What an attacker must hold already: the agent's socket, or a place in the way to it.
"""

from __future__ import annotations

import sys
from typing import Any

import atheris
from fuzzing import instrumented
from fuzzing.frames import frames
from fuzzing.need import need

with instrumented():
    from handfast.workload_api.client_wire import (
        CallEnded,
        ClientWire,
        Event,
        MessageArrived,
    )
    from handfast.workload_api.frames import WireError
    from handfast.workload_api.limits import WireLimits

LIMITS = WireLimits(message=4096, control_burst=200)
HELLO = b"\0\0\0\4\0\0\0\0\0"


def lost(wire: ClientWire) -> int:
    """How many bytes came that the server will never be told it may send again.

    With no call open there are none: h2 has counted each as processed, or told of it.
    """
    window: Any = wire._http2._h2._inbound_flow_control_window_manager  # noqa: SLF001 - nobody else knows it
    used: int = window.max_window_size - window.current_window_size
    return used - int(window._bytes_processed)  # noqa: SLF001 - nor this


def conversation(parts: list[bytes]) -> tuple[list[Event], bool]:
    """What two calls come to; and whether the connection was given up."""
    wire = ClientWire(limits=LIMITS)
    open_calls = {wire.start("/S/M", b"request", timeout=1.0) for _ in range(2)}
    wire.ping()
    wire.sent(len(wire.to_send()))
    found: list[Event] = []
    taken = said = came = 0
    for part in parts:
        came += len(part)
        try:
            events = wire.receive(part, 0.0)
        except WireError:
            return found, True
        for event in events:
            need(event.call in open_calls, f"{event} after its end")
            if isinstance(event, CallEnded):
                open_calls.discard(event.call)
            elif isinstance(event, MessageArrived):
                taken += len(event.data)
                wire.taken(event.call)
        found += events
        while data := wire.to_send():
            said += len(data)
            wire.sent(len(data))
    need(taken <= came, "more came out than went in")
    need(said <= 3 * came + 100, f"{said} bytes in answer to {came}")
    for call in open_calls:
        wire.cancel(call)
    need(not lost(wire), f"{lost(wire)} bytes of the window are nobody's any more")
    return found, False


def one_input(data: bytes) -> None:
    """Feed it at once, and in pieces."""
    source = atheris.FuzzedDataProvider(data)
    raw, piece = source.ConsumeBool(), source.ConsumeIntInRange(1, 64)
    said = source.ConsumeBytes(len(data)) if raw else HELLO + frames(source)
    if not said:
        return
    whole, broken = conversation([said])
    cut = [said[at : at + piece] for at in range(0, len(said), piece)]
    pieces, broken_too = conversation(cut)
    # Frames on a stream that we have ended are passed over, and before we have are a
    # fault: so being given up may depend on the pieces, what calls come to may not.
    if not (broken or broken_too):
        need(repr(whole) == repr(pieces), f"{whole} or {pieces}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
