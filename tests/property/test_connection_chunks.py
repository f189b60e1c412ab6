# SPDX-License-Identifier: Apache-2.0
"""Two connections under every way in which a network can cut their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.support import workloads

from handfast import Connection, HandfastError, PeerError, Truncated
from handfast.testing import attempt_handshake, connection_pair, transfer

CLIENT, SERVER = workloads.client(alpn=["h2"]), workloads.server(alpn=["h2"])
SIZES = st.lists(st.integers(1, 700), min_size=1, max_size=20)


def endless(sizes: list[int]) -> Iterator[int]:
    return itertools.cycle(sizes)


@given(sizes=SIZES)
@settings(max_examples=40, deadline=None)
def test_d5_a_handshake_does_not_depend_on_how_it_is_cut(sizes: list[int]) -> None:
    """D5: the same verdict, the same facts, equal bindings."""
    client, server = connection_pair(CLIENT, SERVER, sizes=endless(sizes))
    assert client.channel_binding() == server.channel_binding()
    assert client.alpn == server.alpn == "h2"
    assert str(server.peer.spiffe_id) == workloads.CLIENT


@given(data=st.binary(max_size=70_000), sizes=SIZES, reads=SIZES)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_d5_data_arrives_as_it_was_sent(
    data: bytes, sizes: list[int], reads: list[int]
) -> None:
    """D5: whatever the sizes of records, of chunks and of reads."""
    client, server = connection_pair(CLIENT, SERVER)
    client.send(data)
    client.close()
    wire, got = client.to_send(), bytearray()
    chunk, take = endless(sizes), endless(reads)
    start = 0
    while start < len(wire):
        size = next(chunk) * 20
        server.receive(wire[start : start + size])
        start += size
        got += server.read(next(take) * 20)
    while not server.closed_by_peer:
        got += server.read()
    assert bytes(got) == data


@given(cut=st.integers(0, 4000))
@settings(max_examples=60, deadline=None)
def test_d4_a_stream_that_is_cut_anywhere_is_truncated(cut: int) -> None:
    """D4: at every byte: never a clean end, never more than what was sent."""
    client, server = connection_pair(CLIENT, SERVER)
    sent = b"0123456789" * 390
    for start in range(0, len(sent), 100):
        client.send(sent[start : start + 100])
    wire = client.to_send()
    server.receive(wire[: min(cut, len(wire) - 1)])
    server.receive(b"")
    got = bytearray()
    try:
        while chunk := server.read():
            got += chunk
        raise AssertionError("a cut stream ended cleanly")
    except Truncated:
        assert sent.startswith(bytes(got))
    assert not server.closed_by_peer


def version_bytes(flight: bytearray) -> set[int]:
    """Where in a flight the headers of its records have their version."""
    found: set[int] = set()
    start = 0
    while start < len(flight):
        found |= {start + 1, start + 2}
        start += 5 + int.from_bytes(flight[start + 3 : start + 5], "big")
    return found


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), flight=st.integers(0, 2))
@settings(max_examples=150, deadline=None)
def test_c14_a_flipped_bit_never_makes_a_peer(
    place: int, bit: int, flight: int
) -> None:
    """C14: one bit of any flight: either nobody is done, or nothing was changed."""
    ends = [Connection(CLIENT), Connection(SERVER)]
    turn, seen = 0, 0
    done = [False, False]
    try:
        for _ in range(8):
            done[turn] = done[turn] or ends[turn].handshake()
            data = bytearray(ends[turn].to_send())
            if data and seen == flight:
                where = place % len(data)
                # The version in a record's header means nothing (RFC 8446 5.1) and is
                # the only thing that nothing protects.
                assume(where not in version_bytes(data))
                data[where] ^= 1 << bit
            seen += bool(data)
            turn = 1 - turn
            if data:
                ends[turn].receive(bytes(data))
    except HandfastError:
        pass
    assert not done[1], "a server was content with a handshake that was tampered with"


@given(noise=st.binary(min_size=1, max_size=2000))
@settings(max_examples=200, deadline=None)
def test_d12_noise_never_makes_a_peer(noise: bytes) -> None:
    """D12, A9: neither end believes, hangs or crashes."""
    for config in (CLIENT, SERVER):
        connection = Connection(config)
        connection.receive(noise)
        try:
            assert not connection.handshake()
        except PeerError as error:
            assert error.reason  # noqa: PT017 - any reason is one
        assert connection.presented_chain == ()


class Duplex(RuleBasedStateMachine):
    """Both ends send, read and close as they like; a model knows what must arrive."""

    @initialize(sizes=SIZES)
    def connect(self, sizes: list[int]) -> None:
        self.ends = connection_pair(CLIENT, SERVER, sizes=endless(sizes))
        self.sent = [bytearray(), bytearray()]
        self.got = [bytearray(), bytearray()]
        self.wire = [bytearray(), bytearray()]
        self.closed = [False, False]

    def _pump(self, end: int) -> None:
        self.wire[end] += self.ends[end].to_send()

    @rule(end=st.integers(0, 1), data=st.binary(max_size=5000))
    def send(self, end: int, data: bytes) -> None:
        if self.closed[end]:
            return
        self.ends[end].send(data)
        self.sent[end] += data
        self._pump(end)

    @rule(end=st.integers(0, 1), size=st.integers(1, 6000))
    def carry(self, end: int, size: int) -> None:
        chunk = bytes(self.wire[end][:size])
        del self.wire[end][:size]
        if chunk:
            self.ends[1 - end].receive(chunk)

    @rule(end=st.integers(0, 1), size=st.integers(1, 5000))
    def read(self, end: int, size: int) -> None:
        self.got[end] += self.ends[end].read(size)
        self._pump(end)

    @precondition(lambda self: not all(self.closed))
    @rule(end=st.integers(0, 1))
    def close(self, end: int) -> None:
        self.ends[end].close()
        self.closed[end] = True
        self._pump(end)

    @invariant()
    def nothing_is_invented(self) -> None:
        for end in (0, 1):
            assert self.sent[1 - end].startswith(self.got[end])
            if self.ends[end].closed_by_peer:
                assert self.closed[1 - end]
                assert self.got[end] == self.sent[1 - end]

    def teardown(self) -> None:
        if not hasattr(self, "ends"):
            return
        for end in (0, 1):
            self.close(end)
            self.carry(end, 1 << 30)
        for end in (0, 1):
            while not self.ends[end].closed_by_peer:
                self.got[end] += self.ends[end].read()
        self.nothing_is_invented()


Duplex.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None
)
test_d5_both_directions_at_once = Duplex.TestCase


@given(sizes=SIZES)
@settings(max_examples=20, deadline=None)
def test_p7_a_refusal_does_not_depend_on_how_it_is_cut(sizes: list[int]) -> None:
    """P7: the same reason here and the same alert there."""
    stranger = workloads.client(
        workloads.source("spiffe://b.example/x", ca=workloads.authority("b.example"))
    )
    client, server = Connection(stranger), Connection(SERVER)
    outcome = attempt_handshake(client, server, sizes=endless(sizes))
    assert outcome.server is not None
    assert outcome.server.reason == "unknown_trust_domain"
    assert outcome.client is not None
    assert outcome.client.detail.alert == 48
    assert transfer(server, client) == 0
