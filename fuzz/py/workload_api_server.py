# SPDX-License-Identifier: Apache-2.0
"""Our side of a Workload API connection against a client of any bytes.

Nothing but WireError gets out, a call begins, ends and is cancelled in that order, and
the bytes that are answered are bounded by those that came.

What an attacker must hold already: leave to connect, which every local process has.
"""

from __future__ import annotations

import sys

import atheris
from fuzzing import instrumented
from fuzzing.frames import frames
from fuzzing.need import need

with instrumented():
    from handfast.workload_api.frames import WireError
    from handfast.workload_api.limits import ServerLimits
    from handfast.workload_api.server_wire import (
        CallCancelled,
        CallStarted,
        RequestArrived,
        RequestEnded,
        ServerWire,
    )
    from handfast.workload_api.status import StatusCode

LIMITS = ServerLimits(message=4096, control_burst=200, streams=10)
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
ANSWER = bytes(300)


def conversation(parts: list[bytes]) -> tuple[list[str], bool]:
    """What came of it; and whether the connection was given up."""
    wire = ServerWire(limits=LIMITS)
    found: list[str] = []
    requested: dict[int, bool] = {}  # whether the request is still open
    said = came = 0
    for part in parts:
        came += len(part)
        try:
            events = wire.receive(part, 0.0)
        except WireError:
            return found, True
        for event in events:
            found.append(repr(event))
            match event:
                case CallStarted():
                    need(event.call not in requested, f"{event} twice")
                    requested[event.call] = True
                case RequestArrived():
                    need(requested[event.call], f"{event} after its end")
                case RequestEnded():
                    need(requested[event.call], f"{event} after its end")
                    requested[event.call] = False
                    wire.send(event.call, ANSWER)
                    wire.end(event.call, StatusCode.OK, "well")
                case CallCancelled():
                    need(event.call in requested, f"{event} of nothing")
                    requested[event.call] = False
        need(wire.calls <= LIMITS.streams, "too many calls")
        while data := wire.to_send():
            said += len(data)
            wire.sent(len(data))
    # An answer costs its client a request, which is 9 bytes at least.
    need(said <= 60 * came + 100, f"{said} bytes in answer to {came}")
    return found, False


def one_input(data: bytes) -> None:
    """Feed it at once, and in pieces."""
    source = atheris.FuzzedDataProvider(data)
    raw, piece = source.ConsumeBool(), source.ConsumeIntInRange(1, 64)
    said = source.ConsumeBytes(len(data)) if raw else HELLO + frames(source)
    conversation([said])
    conversation([said[at : at + piece] for at in range(0, len(said), piece)])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
