# SPDX-License-Identifier: Apache-2.0
"""The client's side of the wire in memory, against a server that says anything."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from h2.errors import ErrorCodes
from tests.support.wire_world import taken

from handfast.errors import Reason
from handfast.workload_api.client_wire import (
    CallEnded,
    ClientWire,
    Event,
    MessageArrived,
)
from handfast.workload_api.frames import WireError
from handfast.workload_api.limits import WireLimits
from handfast.workload_api.messages import frame_message
from handfast.workload_api.status import (
    PermissionDenied,
    RpcError,
    StatusCode,
)


class Peer:
    """A server made of h2 alone, which says whatever the test says."""

    def __init__(self, limits: WireLimits | None = None) -> None:
        self.client = ClientWire(limits=limits or WireLimits())
        config = h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.call = self.client.start("/S/M", b"request", timeout=1.5)
        self.seen = self.h2.receive_data(taken(self.client))

    def said(self) -> list[Event]:
        return self.client.receive(self.h2.data_to_send(), 0.0)

    def headers(self, *more: tuple[str, str], end: bool = False) -> None:
        plain = [(":status", "200"), ("content-type", "application/grpc")]
        self.h2.send_headers(self.call, [*plain, *more], end_stream=end)


def the_error(events: list[Event]) -> RpcError:
    (event,) = events
    assert isinstance(event, CallEnded)
    assert event.error is not None
    return event.error


def test_a_request_is_what_grpc_says() -> None:
    """WAPI-06: the metadata is on each request."""
    peer = Peer()
    (request,) = [it for it in peer.seen if isinstance(it, h2.events.RequestReceived)]
    assert [(str(it[0]), str(it[1])) for it in request.headers] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/S/M"),
        (":authority", "localhost"),
        ("grpc-timeout", "1500m"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-accept-encoding", "identity"),
        ("workload.spiffe.io", "true"),
        ("user-agent", "handfast"),
    ]
    (data,) = [it for it in peer.seen if isinstance(it, h2.events.DataReceived)]
    assert data.data == b"\0\0\0\0\x07request"
    assert data.stream_ended


def test_an_answer_is_messages_and_a_status() -> None:
    peer = Peer()
    peer.headers()
    peer.h2.send_data(peer.call, frame_message(b"one") + frame_message(b""))
    peer.h2.send_headers(peer.call, [("grpc-status", "0")], end_stream=True)
    assert peer.said() == [
        MessageArrived(peer.call, b"one"),
        MessageArrived(peer.call, b""),
        CallEnded(peer.call, None),
    ]
    assert peer.client.calls == 0
    # A call that is over is not reset as well: servers count resets.
    assert not [
        it
        for it in peer.h2.receive_data(taken(peer.client))
        if isinstance(it, h2.events.StreamReset)
    ]


def test_a_status_without_messages() -> None:
    peer = Peer()
    peer.headers(("grpc-status", "7"), ("grpc-message", "n%C3%B6 %"), end=True)
    error = the_error(peer.said())
    assert isinstance(error, PermissionDenied)
    assert (error.message, error.reason) == ("nö %", Reason.SOURCE_REFUSED)


@pytest.mark.parametrize(
    ("trailers", "code", "words"),
    [
        ([("grpc-status", "14")], StatusCode.UNAVAILABLE, ""),
        ([("grpc-status", "99")], StatusCode.UNKNOWN, ""),
        ([("grpc-status", "-1")], StatusCode.INTERNAL, "no number"),
        ([("grpc-status", "0x0")], StatusCode.INTERNAL, "no number"),
        ([("grpc-status", "\u0660")], StatusCode.INTERNAL, "no number"),
        ([("grpc-status", "00000")], StatusCode.INTERNAL, "no number"),
        ([("grpc-status", "")], StatusCode.INTERNAL, "no number"),
        ([("x", "y")], StatusCode.INTERNAL, "0 grpc-status"),
        ([("grpc-status", "0")] * 2, StatusCode.INTERNAL, "2 grpc-status"),
    ],
)
def test_a_bad_end_is_never_a_good_one(
    trailers: list[tuple[str, str]], code: StatusCode, words: str
) -> None:
    peer = Peer()
    peer.headers()
    peer.h2.send_headers(peer.call, trailers, end_stream=True)
    error = the_error(peer.said())
    assert error.code is code
    assert words in error.message


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("400", StatusCode.INTERNAL),
        ("403", StatusCode.PERMISSION_DENIED),
        ("404", StatusCode.UNIMPLEMENTED),
        ("503", StatusCode.UNAVAILABLE),
        ("204", StatusCode.UNKNOWN),
        ("999", StatusCode.UNKNOWN),
        ("\u00b2\u00b2\u00b2", StatusCode.UNKNOWN),  # digits, for Python
        ("2" * 5000, StatusCode.UNKNOWN),
    ],
)
def test_what_is_no_answer_of_grpc(status: str, code: StatusCode) -> None:
    """A web server in the agent's place is an error, whatever its pages say."""
    peer = Peer()
    headers = [(":status", status), ("grpc-status", "0")]
    peer.h2.send_headers(peer.call, headers, end_stream=True)
    error = the_error(peer.said())
    assert error.code is code


@pytest.mark.parametrize("kind", ["text/html", "application/grpc-web", "", "grpc"])
def test_another_content_type_is_no_answer(kind: str) -> None:
    peer = Peer()
    headers = [(":status", "200"), ("content-type", kind), ("grpc-status", "0")]
    peer.h2.send_headers(peer.call, headers, end_stream=True)
    assert "content-type" in the_error(peer.said()).message


def test_an_end_without_trailers_is_an_error() -> None:
    """Else a cut answer would be a whole one."""
    peer = Peer()
    peer.headers()
    peer.h2.send_data(peer.call, frame_message(b"one"), end_stream=True)
    message, end = peer.said()
    assert message == MessageArrived(peer.call, b"one")
    assert "without a grpc-status" in the_error([end]).message


def test_an_end_inside_a_message_is_an_error() -> None:
    peer = Peer()
    peer.headers()
    peer.h2.send_data(peer.call, frame_message(b"one")[:-1])
    peer.h2.send_headers(peer.call, [("grpc-status", "0")], end_stream=True)
    assert "inside a message" in the_error(peer.said()).message


def test_compression_is_refused() -> None:
    """Nobody agreed on it; and what is compressed can be a bomb."""
    peer = Peer()
    peer.headers()
    peer.h2.send_data(peer.call, b"\1\0\0\0\1x")
    assert "compress" in the_error(peer.said()).message
    # grpc-encoding alone is no compressed message: it says what one would be.
    peer = Peer()
    peer.headers(("grpc-encoding", "gzip"))
    peer.h2.send_data(peer.call, frame_message(b"x"))
    assert peer.said() == [MessageArrived(peer.call, b"x")]


def test_a_giant_message_is_refused_by_its_prefix() -> None:
    """P8: nothing of it is waited for."""
    peer = Peer(WireLimits(message=1000))
    peer.headers()
    peer.h2.send_data(peer.call, b"\0" + (1001).to_bytes(4, "big"))
    error = the_error(peer.said())
    assert error.code is StatusCode.RESOURCE_EXHAUSTED
    events = peer.h2.receive_data(taken(peer.client))
    assert any(isinstance(it, h2.events.StreamReset) for it in events)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCodes.REFUSED_STREAM, StatusCode.UNAVAILABLE),
        (ErrorCodes.CANCEL, StatusCode.CANCELLED),
        (ErrorCodes.ENHANCE_YOUR_CALM, StatusCode.RESOURCE_EXHAUSTED),
        (ErrorCodes.NO_ERROR, StatusCode.INTERNAL),
        (ErrorCodes.PROTOCOL_ERROR, StatusCode.INTERNAL),
    ],
)
def test_a_reset_ends_the_call_alone(code: ErrorCodes, status: StatusCode) -> None:
    peer = Peer()
    peer.h2.reset_stream(peer.call, code)
    assert the_error(peer.said()).code is status
    assert peer.client.gone is None
    assert peer.client.start("/S/M", b"", timeout=None) > peer.call


def test_a_server_may_answer_before_it_has_the_request() -> None:
    """It is told that no more comes, and the connection goes on."""
    peer = Peer()
    peer.headers(("grpc-status", "0"), end=True)
    peer.said()
    call = peer.client.start("/S/M", bytes(200_000), timeout=None)  # beyond windows
    peer.h2.receive_data(taken(peer.client))
    headers = [(":status", "200"), ("content-type", "application/grpc")]
    peer.h2.send_headers(call, [*headers, ("grpc-status", "8")], end_stream=True)
    assert the_error(peer.said()).code is StatusCode.RESOURCE_EXHAUSTED
    events = peer.h2.receive_data(taken(peer.client))
    assert [type(it) for it in events] == [h2.events.StreamReset]
    assert peer.client.start("/S/M", b"", timeout=None) > call


def test_a_fault_in_the_layers_below_ends_the_connection_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P7: whatever a stranger's bytes do there, what gets out is a WireError."""
    peer = Peer()

    def breaks(*_: object) -> list[h2.events.Event]:
        raise ZeroDivisionError

    monkeypatch.setattr(h2.connection.H2Connection, "receive_data", breaks)
    with pytest.raises(WireError, match="ZeroDivisionError"):
        peer.said()
    assert peer.client.gone is not None
    assert b"\7\0\0\0\0\0" in taken(peer.client)  # GOAWAY


def test_no_more_calls_at_once_than_the_server_takes() -> None:
    peer = Peer()
    peer.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    peer.said()
    with pytest.raises(RpcError) as caught:
        peer.client.start("/S/M", b"", timeout=None)
    assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
    peer.client.cancel(peer.call)
    assert peer.client.start("/S/M", b"", timeout=None) > peer.call


def test_an_interim_answer_is_an_error() -> None:
    """Else a server could send them for ever."""
    peer = Peer()
    peer.h2.send_headers(peer.call, [(":status", "103")])
    assert "interim" in the_error(peer.said()).message


def goaway(last: int, code: int, text: bytes = b"") -> bytes:
    body = last.to_bytes(4, "big") + code.to_bytes(4, "big") + text
    return len(body).to_bytes(3, "big") + b"\x07\0\0\0\0\0" + body


def test_goaway_ends_what_it_leaves_out_and_lets_the_rest_go_on() -> None:
    """A graceful end: an announcement, a second one, and then the answers."""
    peer = Peer()
    second = peer.client.start("/S/M", b"", timeout=None)
    peer.said()
    assert peer.client.receive(goaway(2**31 - 1, 0), 0.0) == []
    assert peer.client.gone is not None
    with pytest.raises(RpcError, match="going away"):
        peer.client.start("/S/M", b"", timeout=None)
    (end,) = peer.client.receive(goaway(peer.call, 0, b"bye\n"), 0.0)
    assert isinstance(end, CallEnded)
    assert end.call == second
    assert end.error is not None
    assert "bye\\x0a" in end.error.message
    peer.headers(("grpc-status", "0"), end=True)
    assert peer.said() == [CallEnded(peer.call, None)]


def test_an_answer_counts_by_its_place_before_or_after_goaway() -> None:
    """In whatever pieces both come."""
    for early in (True, False):
        peer = Peer()
        peer.said()
        peer.headers(("grpc-status", "0"), end=True)
        answer = peer.h2.data_to_send()
        parts = [answer, goaway(0, 0)] if early else [goaway(0, 0), answer]
        (end,) = peer.client.receive(b"".join(parts), 0.0)
        assert isinstance(end, CallEnded)
        assert (end.error is None) is early


def test_the_end_of_the_connection_is_the_end_of_its_calls() -> None:
    peer = Peer()
    peer.said()
    assert the_error(peer.client.receive(b"", 0.0)).code is StatusCode.UNAVAILABLE
    with pytest.raises(RpcError, match="has ended"):
        peer.client.start("/S/M", b"", timeout=None)


def test_a_server_that_waits_for_nobody_is_made_to_wait() -> None:
    """Backpressure: what is not taken is not acknowledged, and windows end."""
    peer = Peer()
    peer.said()
    peer.h2.receive_data(taken(peer.client))
    peer.headers()
    sent = 0
    while peer.h2.local_flow_control_window(peer.call) >= 16384:
        message = frame_message(bytes(16384 - 5))
        peer.h2.send_data(peer.call, message)
        sent += 1
        events = peer.said()
        assert [it.call for it in events] == [peer.call]
        peer.h2.receive_data(taken(peer.client))
        assert sent < 100
    assert sent <= 256 * 1024 / 16384 + 2
    for _ in range(sent):
        peer.client.taken(peer.call)
    peer.h2.receive_data(taken(peer.client))
    assert peer.h2.local_flow_control_window(peer.call) > 100_000


@pytest.mark.parametrize("ending", ["trailers", "cancel", "compressed", "at once"])
def test_a_call_that_has_ended_gives_its_part_of_the_window_back(ending: str) -> None:
    """Or a connection of many calls would stand still in the end."""
    peer = Peer()
    peer.client.receive(peer.h2.data_to_send(), 0.0)
    peer.h2.receive_data(taken(peer.client))
    most = peer.h2.outbound_flow_control_window
    for _ in range(100):
        peer.headers()
        for _ in range(14):
            peer.h2.send_data(peer.call, frame_message(bytes(16384 - 5)))
        if ending == "trailers":
            peer.h2.send_headers(peer.call, [("grpc-status", "0")], end_stream=True)
        elif ending != "cancel":
            bad = b"\1" + bytes(16383)
            peer.h2.send_data(peer.call, bad)
            if ending == "at once":  # all of it read together with what ended the call
                peer.h2.send_data(peer.call, bad)
        peer.said()
        peer.client.cancel(peer.call)
        peer.h2.receive_data(taken(peer.client))
        peer.call = peer.client.start("/S/M", b"request", timeout=None)
        peer.h2.receive_data(taken(peer.client))
    assert peer.h2.outbound_flow_control_window > most // 4


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"\xff\xff\xff\0\0\0\0\0\1", "16777215 bytes"),
        (b"\0\0\4\5\4\0\0\0\1", "pushing"),
        (b"\0\0\4\7\0\0\0\0\0", "short GOAWAY"),
        (b"\0\0\x08\7\0\0\0\0\1", "GOAWAY on a stream"),
        (b"\0\0\1\0\0\0\0\0\1x", "HTTP/2"),
        (b"\0\0\1\6\0\0\0\0\0x", "HTTP/2"),
    ],
)
def test_a_broken_connection_is_over_and_says_so(frame: bytes, words: str) -> None:
    """The server is told why, by GOAWAY; every later call fails at once."""
    client = ClientWire(limits=WireLimits())
    taken(client)
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    with pytest.raises(WireError, match=words) as caught:
        client.receive(server.data_to_send() + frame, 0.0)
    assert caught.value.reason is Reason.SOURCE_PROTOCOL
    assert b"\7\0\0\0\0\0" in taken(client)
    with pytest.raises(RpcError, match=words):
        client.start("/S/M", b"", timeout=None)
