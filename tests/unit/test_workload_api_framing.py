# SPDX-License-Identifier: Apache-2.0
"""Framing, statuses and timeouts: the same in any pieces, and there and back."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from h2.errors import ErrorCodes
from hypothesis import given
from hypothesis import strategies as st
from tests.support.wire_world import taken

from handfast.errors import ConfigError, Reason
from handfast.workload_api import ServiceLimits
from handfast.workload_api.client_wire import (
    ClientWire,
    MessageArrived,
)
from handfast.workload_api.frames import WireError
from handfast.workload_api.limits import ClientLimits, ServerLimits, WireLimits
from handfast.workload_api.messages import MessageReader, count_fields, frame_message
from handfast.workload_api.server_wire import (
    CallStarted,
    RequestArrived,
    RequestEnded,
    ServerWire,
)
from handfast.workload_api.status import (
    PermissionDenied,
    RpcError,
    StatusCode,
    read_message,
    write_message,
)
from handfast.workload_api.timeouts import read_timeout, write_timeout


@given(
    st.lists(st.binary(max_size=300), max_size=5),
    st.data(),
)
def test_messages_are_the_same_in_any_pieces(
    messages: list[bytes], data: st.DataObject
) -> None:
    raw = b"".join(map(frame_message, messages))
    reader = MessageReader(limit=300)
    found: list[bytes] = []
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        found += reader.feed(raw[:size])
        raw = raw[size:]
    assert found == messages
    assert not reader.is_inside


NUMBERS = st.integers(1, 2**29 - 1)


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def cut(data: bytes, piece: int) -> list[bytes]:
    return [data[at : at + piece] for at in range(0, len(data), piece)]


@given(
    st.lists(st.binary(max_size=5000), max_size=3),
    st.lists(st.binary(max_size=70_000), max_size=3),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.integers(100, 40_000) | st.integers(1, 100),
)
def test_a_call_is_the_same_in_any_pieces(
    requests: list[bytes], answers: list[bytes], text: str, piece: int
) -> None:
    """Client and server against each other, whatever the sizes of what arrives."""
    client = ClientWire(limits=WireLimits())
    server = ServerWire(limits=ServerLimits())
    calls = [client.start("/S/M", it, timeout=None) for it in requests]
    got: dict[int, list[bytes]] = {it: [] for it in calls}
    asked: dict[int, list[bytes]] = {}
    ends: dict[int, RpcError | None] = {}
    while (up := taken(client)) + (down := taken(server)):
        for part in cut(up, piece):
            for event in server.receive(part, 0.0):
                if isinstance(event, CallStarted):
                    asked[event.call] = []
                elif isinstance(event, RequestArrived):
                    asked[event.call].append(event.data)
                else:
                    assert isinstance(event, RequestEnded)
                    for answer in answers:
                        server.send(event.call, answer)
                    server.end(event.call, StatusCode.ABORTED, text)
        for part in cut(down, piece):
            for answered in client.receive(part, 0.0):
                if isinstance(answered, MessageArrived):
                    got[answered.call].append(answered.data)
                    client.taken(answered.call)
                else:
                    ends[answered.call] = answered.error
    assert list(asked.values()) == [[it] for it in requests]
    assert all(it == answers for it in got.values())
    assert {it.code for it in ends.values() if it} <= {StatusCode.ABORTED}
    assert {it.message for it in ends.values() if it} <= {text}
    assert len(ends) == len(calls)


@given(st.text(max_size=200))
def test_status_messages_survive(text: str) -> None:
    written = write_message(text)
    assert written.isascii()
    assert written.isprintable()
    clean = text.encode("utf-8", "replace").decode()
    assert read_message(written) == clean


@pytest.mark.parametrize(
    ("text", "seconds"), [("1S", 1), ("250m", 0.25), ("99999999n", 0.099999999)]
)
def test_timeouts_are_read(text: str, seconds: float) -> None:
    assert read_timeout(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "S", "-1S", "1.5S", "123456789S", "1 S"])
def test_what_is_no_timeout(text: str) -> None:
    with pytest.raises(ValueError, match="grpc-timeout"):
        read_timeout(text)


@given(st.floats(0, 1e8))
def test_a_timeout_is_never_shortened_on_its_way(seconds: float) -> None:
    assert read_timeout(write_timeout(seconds)) >= min(seconds, 99_999_999) * 0.999999


@pytest.mark.parametrize(
    "error",
    [
        RpcError(StatusCode.NOT_FOUND, "x", reason=Reason.SOURCE_PROTOCOL),
        PermissionDenied("y"),
        WireError("z", ErrorCodes.ENHANCE_YOUR_CALM),
    ],
)
def test_errors_can_be_raised_again_and_sent_elsewhere(error: RpcError) -> None:
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (again.detail, again.code, again.message) == (
            error.detail,
            error.code,
            error.message,
        )


FIELD = st.one_of(
    st.builds(lambda n, v: varint(n << 3) + varint(v), NUMBERS, st.integers(0, 2**63)),
    st.builds(
        lambda n, v: varint(n << 3 | 1) + v, NUMBERS, st.binary(min_size=8, max_size=8)
    ),
    st.builds(
        lambda n, v: varint(n << 3 | 2) + varint(len(v)) + v,
        NUMBERS,
        st.binary(max_size=200),
    ),
    st.builds(
        lambda n, v: varint(n << 3 | 5) + v, NUMBERS, st.binary(min_size=4, max_size=4)
    ),
)


@given(st.lists(FIELD, max_size=20), st.integers(0, 30))
def test_fields_are_counted_whatever_is_in_them(parts: list[bytes], most: int) -> None:
    assert count_fields(b"".join(parts), most) == min(len(parts), most + 1)


@given(st.binary(max_size=300))
def test_counting_fields_ends_whatever_the_bytes(data: bytes) -> None:
    assert 0 <= count_fields(data, 1000) <= len(data)


@pytest.mark.parametrize(
    "kind", [WireLimits, ClientLimits, ServerLimits, ServiceLimits]
)
def test_limits_let_something_happen(kind: type[WireLimits]) -> None:
    for it in dataclasses.fields(kind):
        with pytest.raises(ConfigError, match=f"{it.name}= above 0"):
            kind(**{it.name: 0})
