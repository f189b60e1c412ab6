# SPDX-License-Identifier: Apache-2.0
"""Between two steps of a conversation, for all steps: a collection, a loss, the end."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.cancelling import with_act_at
from tests.support.faulty import Fault, FaultyBytes, Kind, Speaker, converse
from tests.support.net_world import (
    ask,
    client_config,
    echo,
    server_config,
    tcp_pair,
    trio_test,
)
from tests.support.sweep import Sweep, connections, settled_connections, stride

from handfast import Connection, Truncated
from handfast.net import MtlsStream

ROOT = Path(__file__).resolve().parents[2]
MANY = 500


async def echoed(memory: bool) -> bytes:
    """Run a client and a server from the first byte to the last."""
    raw = trio.testing.memory_stream_pair() if memory else await tcp_pair()
    client = MtlsStream(raw[0], client_config())
    server = MtlsStream(raw[1], server_config())

    async def serve() -> None:
        async with server:
            await echo(server)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        return await ask(client, b"whole")


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "tcp"])
@trio_test
async def test_a_collection_at_every_step_takes_nothing_that_is_needed(
    memory: bool,
) -> None:
    """D13: what a task waits with is held by somebody."""
    sweep = Sweep(f"garbage collected at every step, {'memory' if memory else 'tcp'}")
    await echoed(memory)
    alive = await settled_connections()
    gc.collect()
    gc.freeze()  # only what the conversation itself makes is looked at
    try:
        for k in range(1, MANY):
            answers: list[bytes] = []

            async def one(answers: list[bytes] = answers) -> None:
                answers.append(await echoed(memory))

            if not await with_act_at(k, gc.collect, one, any_task=True):
                break
            sweep.injected += 1
            sweep.accepted += answers != [b"whole"]
    finally:
        gc.unfreeze()
    sweep.leaked += await settled_connections() > alive
    sweep.report()
    assert 10 < sweep.injected < MANY - 1


def cut_line(kind: Kind, at: int) -> tuple[FaultyBytes, FaultyBytes]:
    """Return the directions: to the client whole, to the server with a fault."""
    return FaultyBytes(Fault()), FaultyBytes(Fault(kind, at))


def test_an_end_that_is_dropped_at_any_byte_leaves_the_other_one_to_its_end() -> None:
    """D4, D13: without I/O, and its handle goes back to the engine at once."""
    sweep = Sweep("one end dropped at every byte")
    to_client, to_server = cut_line("none", 0)
    client, server = (
        Speaker(Connection(client_config())),
        Speaker(Connection(server_config())),
    )
    converse(client, server, to_client=to_client, to_server=to_server)
    # The negative control: with a good line both hear all.
    assert client.whole
    assert server.whole
    length = to_server.bytes - 8
    del client, server
    alive = connections()
    gc.freeze()
    try:
        for at in range(0, length, stride(17)):
            to_client, to_server = cut_line("stall", at)
            client = Speaker(Connection(client_config()))
            server = Speaker(Connection(server_config()))
            converse(client, server, to_client=to_client, to_server=to_server)
            sweep.injected += to_server.hit
            client.error = None
            del client
            sweep.leaked += connections() != alive + 1
            sweep.accepted += server.whole
            server.step(b"")
            sweep.hung += not isinstance(server.error, Truncated)
            sweep.note(server.error)
            del server
    finally:
        gc.unfreeze()
    sweep.leaked += connections() != alive
    sweep.report()


# The child of a fork runs to its step, and is ended there by an error that no task can
# catch: trio gives up, and the interpreter goes down with every task where it was.
GAVE_UP, NO_SUCH_STEP = 1, 7
EXIT = """
import os, sys
sys.path.insert(0, {root!r})
from functools import partial
import trio
from tests.faults.test_sweep_steps import echoed
from tests.support.cancelling import with_act_at
from tests.support.net_world import client_config, server_config

client_config(), server_config()

async def give_up():
    {how}

apart, k, bad, more = {stride}, 1, [], True
while more:
    child = os.fork()
    if child == 0:
        happened = []
        def end():
            happened.append(k)
            sys.stderr.close()  # where trio says what it thinks of this
            trio.lowlevel.spawn_system_task(give_up)
        trio.run(partial(with_act_at, k, end, partial(echoed, {memory}), any_task=True))
        os._exit({no_such_step})
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    more = status != {no_such_step}
    if more:
        if status != {gave_up}:
            bad.append((k, status))
        k += apart
print(k // apart, bad)
"""


def ended_at_every_step(how: str, *, memory: bool, apart: int) -> tuple[int, str]:
    """End processes; return how many, and which of them came to another end."""
    program = EXIT.format(
        root=str(ROOT),
        memory=memory,
        stride=apart,
        how=how,
        gave_up=GAVE_UP,
        no_such_step=NO_SUCH_STEP,
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    count, _, bad = done.stdout.strip().partition(" ")
    return int(count), bad


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "tcp"])
def test_a_process_can_end_at_every_step(memory: bool) -> None:
    """D13: the interpreter goes down with connections in every state, and quietly."""
    sweep = Sweep(f"process ends at every step, {'memory' if memory else 'tcp'}")
    sweep.injected, bad = ended_at_every_step(
        "raise SystemExit", memory=memory, apart=stride(9)
    )
    assert bad == "[]"
    assert sweep.injected > 1
    sweep.report()


def test_a_process_that_crashes_is_seen() -> None:
    """The negative control of D13."""
    count, bad = ended_at_every_step("os.abort()", memory=True, apart=20)
    assert count > 1
    assert bad.count("-6") == count
