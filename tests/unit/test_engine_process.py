# SPDX-License-Identifier: Apache-2.0
"""The engine in a process: forks, ends, signals. Each in a process of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.support.interpreter import run_program

PRELUDE = """
import os, sys, threading, signal
from handfast import *
from handfast import _ffi
from handfast.testing import connection_pair, handshake_in_memory
from tests.support import workloads
client, server = workloads.client(), workloads.server()
"""

run = partial(run_program, PRELUDE)


def test_an_interpreter_ends_with_live_objects() -> None:
    """D13: connections in every state, in globals, in cycles, in threads' hands."""
    run(
        """
        half = Connection(client); half.handshake()
        pair = connection_pair(client, server)
        fresh = Connection(server)
        verifier = Verifier(workloads.authority().bundle("a.example"))
        class Cycle: pass
        cycle = Cycle(); cycle.me, cycle.pair = cycle, connection_pair(client, server)
        failed = Connection(server); failed.receive(b"x")
        try: failed.handshake()
        except PeerError as error: kept = error
        sys.keep = [pair, half]
        """
    )


def test_an_interpreter_ends_while_threads_are_inside() -> None:
    """D13: daemon threads shake hands while everything is torn down."""
    run(
        """
        started = threading.Event()
        def work():
            while True:
                connection_pair(client, server)
                started.set()
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        started.wait()
        """
    )


def test_objects_are_released_at_exit_by_destructors_too() -> None:
    """D13: what `__del__` and atexit do with connections at the very end."""
    out = run(
        """
        import atexit
        class Late:
            def __init__(self): self.pair = connection_pair(client, server)
            def __del__(self):
                self.pair[0].send(b"x"); os.write(1, b"late ")
        late = Late()
        atexit.register(connection_pair, client, server)
        atexit.register(os.write, 1, b"exit ")
        """
    )
    assert "exit" in out
    assert "late" in out


def test_a_second_interpreter_of_a_process_is_refused_and_harms_nobody() -> None:
    """D13: one interpreter has the engine; in another one the import says why not."""
    out = run(
        """
        import warnings
        warnings.simplefilter("ignore")  # the module below is Python's own business
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        pair = connection_pair(client, server)
        code = [
            "import os, sys",
            f"sys.path[:] = {sys.path!r}",
            "try: import handfast",
            "except ImportError as error: found = 'interpreter' in str(error)",
            "else: found = False",
            "os.write(1, b'refused ' if found else b'let in ')",
        ]
        other = interpreters.create()
        interpreters.run_string(other, chr(10).join(code))
        interpreters.destroy(other)
        pair[0].send(b"x")
        connection_pair(client, server)
        os.write(1, b"fine")
        """
    )
    assert out == "refused fine"


def test_a_fork_goes_on_with_what_it_inherited() -> None:
    """D9: configurations and established connections work in parent and child."""
    out = run(
        """
        a, b = connection_pair(client, server)
        half = Connection(client), Connection(server)
        half[0].handshake()
        pid = os.fork()
        who = b"parent" if pid else b"child"
        c, d = connection_pair(client, server)
        c.send(who); d.receive(c.to_send()); assert d.read() == who
        handshake_in_memory(*half)
        a.send(who); b.receive(a.to_send()); assert b.read() == who
        Verifier(workloads.authority().bundle("a.example")).verify(c.peer.chain)
        if pid == 0:
            os.write(1, c.channel_binding().hex().encode() + b" "); os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        os.write(1, c.channel_binding().hex().encode())
        """
    )
    child, parent = out.split()
    assert child != parent, "two processes made the same keys"


def test_a_child_starts_with_an_empty_chain_cache() -> None:
    """D9: also when it is forked while other threads use the cache."""
    run(
        """
        from tests.support import pki
        root = workloads.authority()
        chains = [pki.leaf(root, f"spiffe://a.example/{n}").chain for n in range(20)]
        cache = ChainCache()
        verifier = Verifier(root.bundle("a.example"), cache=cache)
        for chain in chains: verifier.verify(chain)
        stop = False
        def work():
            while not stop:
                for chain in chains: verifier.verify(chain)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for t in threads: t.start()
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                empty = cache.statistics()
                verifier.verify(chains[0]); verifier.verify(chains[0])
                then = cache.statistics()
                seen = empty.entries, empty.hits, then.entries, then.hits
                os._exit(7 if seen == (0, 0, 1, 1) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        stop = True
        for t in threads: t.join()
        assert cache.statistics().entries == 20
        """
    )


def test_a_fork_from_many_threads() -> None:
    """D9: forked while other threads are inside the engine.

    Fresh threads all the time: a thread's first use seeds its random generators under a
    lock of OpenSSL, which a child must not inherit. OpenSSL 3.0 holds more locks than
    that one, so on a system's OpenSSL the threads rest meanwhile (SECURITY.md says so).
    """
    run(
        """
        from tests.support.engine import PINNED
        stop = not PINNED
        def work():
            while not stop:
                fresh = threading.Thread(target=connection_pair, args=(client, server))
                fresh.start(); fresh.join()
        threads = [threading.Thread(target=work) for _ in range(3)]
        for t in threads: t.start()
        for _ in range(50):
            pid = os.fork()
            if pid == 0:
                connection_pair(client, server)
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        stop = True
        for t in threads: t.join()
        """
    )


def test_an_interrupt_never_makes_a_peer() -> None:
    """C12: KeyboardInterrupt at any moment: no verdict is made or changed by it."""
    run(
        """
        nobody = workloads.server(who=authorize.nobody())
        armed = False
        def interrupt(*_):
            # Once a round: a second one would hit the handling of the first.
            global armed
            if armed:
                armed = False
                raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.0004, 0.0004)
        def one_round():
            # A function of its own: the jumps of loops are outside of the table of
            # a try around them in CPython 3.12 and later, a call is not.
            a, b = Connection(client), Connection(nobody)
            for _ in range(6):
                for x, y in ((a, b), (b, a)):
                    try:
                        finished = x.handshake()
                        if x is b and finished: os._exit(3)
                    except HandfastError: pass
                    data = x.to_send()
                    if data:
                        try: y.receive(data)
                        except HandfastError: pass
        interrupts = 0
        for _ in range(100):
            try:
                armed = True
                one_round()
                armed = False
            except KeyboardInterrupt:
                interrupts += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert interrupts > 0, "no interrupt came"
        connection_pair(client, server)
        """
    )


def test_the_engine_reads_no_configuration_file_of_openssl(tmp_path: Path) -> None:
    """P10: OPENSSL_CONF is for others: what it says would change every context."""
    file = tmp_path / "openssl.cnf"
    file.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
        "[c]\nMaxProtocol = TLSv1.2\n"
    )
    said = run(
        """
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        print(context.maximum_version.name, hex(server.facts()["max_version"]))
        """,
        OPENSSL_CONF=str(file),
    )
    # Python's own `ssl` shows that the file does what it says.
    assert said.split() == ["TLSv1_2", "0x304"]
