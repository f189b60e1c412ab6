# SPDX-License-Identifier: Apache-2.0
"""The engine's workers in processes that fork or end, each one of its own."""

from __future__ import annotations

from functools import partial

import pytest
from tests.support.interpreter import run_program

PRELUDE = """
import os, signal, sys, threading, warnings
from functools import partial
import trio
from handfast.net import MtlsStream, open_mtls_listeners, serve_mtls_listeners
from tests.support.net_world import PATIENCE, Served, ask, client_config, echo
from tests.support.net_world import server_config
from handfast.testing import connection_pair

async def start(nursery, handler=echo):
    [listener] = await open_mtls_listeners(0, server_config(), host="127.0.0.1")
    # Peers that are silent on purpose are not late where the machine stood still.
    patient = {"workers": 2, "handshake_timeout": PATIENCE}
    await nursery.start(partial(serve_mtls_listeners, handler, [listener], **patient))
    return Served(listener)
"""

run = partial(run_program, PRELUDE)


@pytest.mark.parametrize("way", ["os._exit(0)", "return"])
def test_an_interpreter_ends_while_workers_shake_hands(way: str) -> None:
    """D13: handshakes at each stage, and others that keep the workers busy."""
    out = run(
        f"""
        ready = threading.Event()
        async def main():
            async with trio.open_nursery() as nursery:
                server = await start(nursery)
                def busy():
                    async def come():
                        while True:
                            await ask(await server.connect())
                    try:
                        trio.run(come)
                    except BaseException:
                        pass
                for _ in range(2):
                    threading.Thread(target=busy, daemon=True).start()
                sys.keep = [await server.raw() for _ in range(3)]
                await sys.keep[0].send_all(b"\\x16\\x03\\x01\\x02\\x00\\x01")
                sys.keep += [await server.connect()]
                await server.until(lambda it: it.statistics.handshakes_ok > 20)
                os.write(1, b"so far")
                {"ready.set()" if way == "return" else way}
        def body():
            trio.run(main)
        if {way == "return"!r}:
            # A daemon's loop that is in the middle of serving when the program ends.
            daemon = threading.Thread(target=body, daemon=True)
            daemon.start()
            assert ready.wait(PATIENCE)
        else:
            body()
        """
    )
    assert out == "so far"


def test_a_child_of_fork_has_no_workers_and_leaves_the_parents_alone() -> None:
    """D9: forked in the middle of handshakes; both ends of the fork go on."""
    run(
        """
        from tests.support.engine import PINNED
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
        async def main():
            async with trio.open_nursery() as nursery:
                server = await start(nursery)
                silent = await server.raw()
                await server.until(lambda it: it.statistics.handshaking >= 1)
                stop = False
                async def come():
                    while not stop:
                        assert await ask(await server.connect()) == b"ping"
                async with trio.open_nursery() as coming:
                    coming.start_soon(come)
                    for _ in range(20):
                        await trio.sleep(0)
                        pid = os.fork()
                        if pid == 0:
                            signal.alarm(60)
                            if PINNED:
                                connection_pair(client_config(), server_config())
                            os._exit(7)
                        done = await trio.to_thread.run_sync(os.waitpid, pid, 0)
                        assert os.waitstatus_to_exitcode(done[1]) == 7
                        assert await ask(await server.connect()) == b"ping"
                    stop = True
                assert not server.statistics.handshakes_failed
                await silent.aclose()
                await server.listener.drain(5)
        trio.run(main)
        """
    )


def test_a_child_that_drops_its_copy_of_the_acceptor_stops_nothing() -> None:
    """D9: the child's collector frees what it inherited, and only its own copies."""
    run(
        """
        import gc
        from handfast import _ffi
        warnings.simplefilter("ignore", DeprecationWarning)
        async def main():
            async with trio.open_nursery() as nursery:
                server = await start(nursery)
                pid = os.fork()
                if pid == 0:
                    signal.alarm(60)
                    acceptor = [it for it in gc.get_objects()
                                if isinstance(it, _ffi.NativeAcceptor)]
                    assert len(acceptor) == 1
                    for call in ("start", "stop", "take"):
                        try:
                            getattr(acceptor[0], call)()
                        except Exception as error:
                            assert error.reason == "wrong_state", error
                        else:
                            os._exit(1)
                    _ffi.library.ffi.release(acceptor[0]._handle)
                    os._exit(7)
                done = await trio.to_thread.run_sync(os.waitpid, pid, 0)
                assert os.waitstatus_to_exitcode(done[1]) == 7
                assert await ask(await server.connect()) == b"ping"
                await server.listener.drain(5)
        trio.run(main)
        """
    )
