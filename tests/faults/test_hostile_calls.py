# SPDX-License-Identifier: Apache-2.0
"""Clients whose HTTP/2 is good and whose calls are not: each ends for itself.

Every test ends by a good call: nothing that one client does keeps the server from the
next, and nothing of it is an error in the server's log.
"""

from __future__ import annotations

import pytest
import trio
import trio.testing
from h2.settings import SettingCodes
from tests.support.attacked import IMPATIENT, a_call, attacked
from tests.support.net_world import trio_test
from tests.support.raw_http2 import (
    DATA,
    frame,
    request,
)
from tests.support.wire_world import COUNT, ECHO, TALK, WAIT

from handfast.workload_api import ServerLimits, StatusCode, proto
from handfast.workload_api.messages import frame_message

pytestmark = pytest.mark.usefixtures("no_error_is_logged")


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", b"\0\0\0\0\5half"])
@trio_test
async def test_a_request_that_does_not_come_ends(
    clock: trio.testing.MockClock, sent: bytes
) -> None:
    """P8: its call has a deadline, though the client set none."""
    async with attacked(IMPATIENT) as (_, attacker):
        await attacker.begin()
        await attacker.send(a_call(ECHO) + frame(DATA, sent, stream=1))
        attacker.h2.send_headers(1, request(ECHO))  # so that it knows the stream
        attacker.h2.data_to_send()
        assert await attacker.status(1) == str(int(StatusCode.DEADLINE_EXCEEDED))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\0\xff\xff\xff\xff", StatusCode.RESOURCE_EXHAUSTED),
        (b"\0\0\1\0\1", StatusCode.RESOURCE_EXHAUSTED),
        (b"\1\0\0\0\1x", StatusCode.INTERNAL),
        (b"\x80\0\0\0\1x", StatusCode.INTERNAL),
        (b"", StatusCode.INVALID_ARGUMENT),
        (b"\0\0\0\0\0" * 2, StatusCode.INVALID_ARGUMENT),
        (b"\0\0\0\0\0\0", StatusCode.INTERNAL),
        (b"\0\0\0\0\1\xff", StatusCode.INVALID_ARGUMENT),
    ],
)
@trio_test
async def test_a_bad_message_ends_its_call_alone(
    message: bytes, code: StatusCode
) -> None:
    """D12, P8: giant, compressed, none, two, half, unreadable."""
    async with attacked() as (served, attacker):
        await attacker.begin()
        attacker.h2.send_headers(1, request(ECHO))
        attacker.h2.send_data(1, message, end_stream=True)
        await attacker.flush()
        assert await attacker.status(1) == str(int(code))
        good = proto.JWTSVIDRequest(audience=["a"]).SerializeToString()
        assert await attacker.status(await attacker.call(ECHO, good)) == "0"
        assert not served.statistics.failed


@pytest.mark.parametrize(
    ("path", "message"), [(ECHO, bytes(60_000)), (COUNT, b""), (TALK, b"")]
)
@trio_test
async def test_requests_without_an_end_are_not_kept(path: str, message: bytes) -> None:
    """P8: windows open as we read, so what waits for a handler has its own limit."""
    async with attacked() as (served, attacker):
        await attacker.begin()
        attacker.h2.send_headers(1, request(path))
        left = (frame_message(message) * (1_000_000 // (len(message) + 5)))[:1_000_000]
        while left and not served.statistics.ended:
            size = min(attacker.h2.local_flow_control_window(1), 16_000)
            attacker.h2.send_data(1, left[:size])
            left = left[size:]
            await attacker.flush()
            if attacker.h2.local_flow_control_window(1) < 16_000:
                await attacker.events()
        assert served.statistics.ended == {"RESOURCE_EXHAUSTED": 1}
        assert left


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"method": "GET"}, "405"),
        ({"content_type": "text/plain"}, "415"),
        ({"content_type": "application/x-www-form-urlencoded"}, "415"),
        ({"content_type": "application/grpc-web"}, "415"),
    ],
)
@trio_test
async def test_what_a_browser_could_send_is_no_call(
    changed: dict[str, str], status: str
) -> None:
    """W3: neither its methods nor its content types reach a handler."""
    async with attacked() as (served, attacker):
        await attacker.begin()
        number = await attacker.call(ECHO, changed=changed)
        found = await attacker.events()
        while not any(getattr(it, "stream_id", None) == number for it in found):
            found = await attacker.events()
        headers = [getattr(it, "headers", None) for it in found]
        assert [(":status", status)] in headers
        assert not served.statistics.ended


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"grpc-timeout": "x"}, StatusCode.INVALID_ARGUMENT),
        ({"grpc-timeout": "1S, 1S"}, StatusCode.INVALID_ARGUMENT),
        ({"grpc-timeout": "0n"}, StatusCode.DEADLINE_EXCEEDED),
        ({"grpc-encoding": "gzip"}, StatusCode.UNIMPLEMENTED),
        ({"workload.spiffe.io": "True"}, StatusCode.INVALID_ARGUMENT),
        ({"path": "/no/such\n"}, StatusCode.UNIMPLEMENTED),
        ({"path": "/" + "x" * 4000}, StatusCode.UNIMPLEMENTED),
    ],
)
@trio_test
async def test_bad_headers_end_their_call_alone(
    changed: dict[str, str], code: StatusCode
) -> None:
    """WAPI-07, WAPI-08, W3, among others."""
    async with attacked() as (served, attacker):
        await attacker.begin()
        changed = {"path": ECHO} | changed
        number = attacker.h2.get_next_available_stream_id()
        attacker.h2.send_headers(number, request(changed.pop("path"), **changed))
        attacker.h2.send_data(number, bytes(5), end_stream=True)
        await attacker.flush()
        try:
            status = await attacker.status(number)
        except EOFError:
            assert "\n" in str(changed) or served.statistics.failed
        else:
            assert status == str(int(code))


@pytest.mark.parametrize("window", [0, 1, 100])
@trio_test
async def test_a_client_that_takes_nothing_loses_its_call_alone(
    clock: trio.testing.MockClock, window: int
) -> None:
    """P8, D1: a window that does not open holds one answer, for so long."""
    async with attacked(ServerLimits(send_timeout=0.1)) as (served, attacker):
        await attacker.begin()
        attacker.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        await attacker.flush()
        number = await attacker.call(COUNT)
        assert await attacker.status(number) in {
            None,
            str(int(StatusCode.RESOURCE_EXHAUSTED)),
        }
        assert not served.statistics.failed


@trio_test
async def test_a_client_that_does_not_read_loses_its_connection(
    clock: trio.testing.MockClock,
) -> None:
    """P8, D1: its windows are open, its socket is full."""
    async with attacked(ServerLimits(send_timeout=0.1)) as (served, attacker):
        await attacker.begin()
        attacker.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
        attacker.h2.increment_flow_control_window(2**31 - 1 - 65535)
        for _ in range(5):
            await attacker.call(COUNT)
        await trio.sleep(1.0)
        assert not served.statistics.connections
        assert served.statistics.failed == {"deaf": 1}


@trio_test
async def test_a_client_that_vanishes_takes_its_calls_along() -> None:
    async with attacked() as (served, attacker):
        await attacker.begin()
        for _ in range(20):
            await attacker.call(WAIT)
        await attacker.stream.aclose()
        while served.statistics.connections:
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert served.statistics.ended == {"CANCELLED": 20}
