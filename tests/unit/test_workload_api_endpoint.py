# SPDX-License-Identifier: Apache-2.0
"""Endpoint addresses: what the standard allows and no more; who may listen there."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from tests.support.net_world import trio_test

from handfast.errors import ConfigError, Reason, SourceError
from handfast.workload_api import Endpoint


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a short path: the system allows 107 bytes for a socket's."""
    with tempfile.TemporaryDirectory(prefix="hf") as name:
        yield Path(name)


def permit(folder: Path, mode: int) -> None:
    folder.chmod(mode)


def listening(path: Path) -> socket.socket:
    it = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    it.bind(str(path))
    it.listen(4)
    return it


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("unix:///run/agent.sock", "/run/agent.sock"),
        ("unix:/run/agent.sock", "/run/agent.sock"),
        ("UNIX:///run/agent.sock", "/run/agent.sock"),  # schemes have no case
        ("unix:///run/a%20b", "/run/a b"),
        ("unix:///run/%C3%B6.sock", "/run/ö.sock"),
        ("unix:////run/agent.sock", "//run/agent.sock"),
    ],
)
def test_local_sockets(text: str, path: str) -> None:
    """WAPI-11, WAPI-12: scheme unix, no authority, an absolute path."""
    endpoint = Endpoint.parse(text)
    assert endpoint.path == path
    assert endpoint.is_local
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "address", "port", "local"),
    [
        ("tcp://127.0.0.1:8081", "127.0.0.1", 8081, True),
        ("tcp://10.1.2.3:1", "10.1.2.3", 1, False),
        ("tcp://[::1]:65535", "::1", 65535, True),
        ("tcp://[2001:db8::1]:80", "2001:db8::1", 80, False),
    ],
)
def test_addresses(text: str, address: str, port: int, local: bool) -> None:
    """WAPI-11, WAPI-13: scheme tcp, an IP address, a port."""
    endpoint = Endpoint.parse(text)
    assert (endpoint.address, endpoint.port) == (address, port)
    assert endpoint.is_local is local
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/run/agent.sock",
        "agent.sock",
        "http://127.0.0.1:80",
        "unix",
        "unix:",
        "unix://",
        "unix:///",
        "unix:agent.sock",
        "unix:./agent.sock",
        "unix://run/agent.sock",
        "unix://localhost/run/agent.sock",
        "unix://user@/run/agent.sock",
        "unix:///run/agent.sock?x=1",
        "unix:///run/agent.sock?",
        "unix:///run/agent.sock#x",
        "unix:///run/agent.sock#",
        "unix:///run/a%00b",
        "unix:///run/a%2",
        "unix:///run/a%zz",
        "unix:///run/a b",
        "unix:///run/a\nb",
        "unix:///run/ö",
        "unix:///" + "a" * 107,
        " unix:///run/agent.sock",
        "tcp:127.0.0.1:80",
        "tcp:/127.0.0.1:80",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:080",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:x",
        "tcp://:80",
        "tcp://localhost:80",
        "tcp://1.2.3:80",
        "tcp://01.2.3.4:80",
        "tcp://127.0.0.1:80/",
        "tcp://127.0.0.1:80/x",
        "tcp://127.0.0.1:80?x",
        "tcp://127.0.0.1:80#x",
        "tcp://user@127.0.0.1:80",
        "tcp://::1:80",
        "tcp://[::1]",
        "tcp://[fe80::1%25eth0]:80",
        "tcp://[127.0.0.1]:80",
        "tcp://１.2.3.4:80",  # noqa: RUF001 - a digit of another script
    ],
)
def test_what_is_no_endpoint(text: str) -> None:
    """WAPI-11, WAPI-12, WAPI-13 and W2: nothing left out, nothing added."""
    with pytest.raises(ConfigError) as caught:
        Endpoint.parse(text)
    assert caught.value.reason is Reason.CONFIG_INVALID
    assert "\n" not in str(caught.value)


def test_the_environment_is_asked_when_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WAPI-10."""
    monkeypatch.setenv("SPIFFE_ENDPOINT_SOCKET", "unix:///run/a.sock")
    assert Endpoint.from_environment().path == "/run/a.sock"
    monkeypatch.delenv("SPIFFE_ENDPOINT_SOCKET")
    with pytest.raises(ConfigError, match="SPIFFE_ENDPOINT_SOCKET not set"):
        Endpoint.from_environment()
    with pytest.raises(ConfigError, match="SPIFFE_ENDPOINT_SOCKET not set"):
        Endpoint.from_environment({"SPIFFE_ENDPOINT_SOCKET": ""})


@trio_test
async def test_nobody_there_is_said_with_the_address(folder: Path) -> None:
    endpoint = Endpoint.parse(f"unix://{folder}/none")
    with pytest.raises(SourceError, match="No such file") as caught:
        await endpoint.open()
    assert caught.value.reason is Reason.SOURCE_UNAVAILABLE
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(SourceError, match="refused"):
            await Endpoint.parse(f"tcp://127.0.0.1:{port}").open()


@trio_test
async def test_tcp_connects_by_address(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        it.listen(1)
        endpoint = Endpoint.parse(f"tcp://127.0.0.1:{it.getsockname()[1]}")
        await (await endpoint.open()).aclose()
    assert not caplog.records


@trio_test
async def test_an_address_beyond_this_machine_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """WAPI-05, W2: nothing proves who is at either end of it."""
    caplog.set_level(logging.WARNING, "handfast.workload_api")
    with trio.CancelScope() as scope:
        scope.cancel()
        await Endpoint.parse("tcp://192.0.2.1:80").open()
    assert "unprotected: tcp://192.0.2.1:80" in caplog.text


@trio_test
async def test_a_socket_of_the_owner_is_taken(folder: Path) -> None:
    """W2."""
    with listening(folder / "s"):
        endpoint = Endpoint.parse(f"unix://{folder}/s", owner=os.getuid())
        await (await endpoint.open()).aclose()


@trio_test
async def test_a_socket_put_in_the_place_of_the_agents_is_refused(
    folder: Path,
) -> None:
    """W2: looked at again at each connect."""
    file = folder / "s"
    endpoint = Endpoint.parse(f"unix://{file}", owner=os.getuid())
    with listening(file):
        await (await endpoint.open()).aclose()
        file.rename(folder / "elsewhere")
        file.symlink_to(folder / "elsewhere")
        with pytest.raises(SourceError, match="not a link"):
            await endpoint.open()
        file.unlink()
        (folder / "elsewhere").rename(file)
        permit(folder, 0o777)
        with pytest.raises(SourceError, match="only its owner writes to"):
            await endpoint.open()
        permit(folder, 0o1777)
        await (await endpoint.open()).aclose()
        permit(folder, 0o700)
    with pytest.raises(SourceError, match="refused"):
        await endpoint.open()


@contextmanager
def somebody_elses(monkeypatch: pytest.MonkeyPatch, file: Path) -> Iterator[int]:
    """Listen as another user on a file that is in order; yield who owns the file."""
    me = os.geteuid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as it:
        it.bind(str(file))
        if me == 0:
            os.seteuid(4711)  # the system notes who listens, not who bound
        try:
            it.listen(4)
        finally:
            os.seteuid(me)
        if me == 0:
            yield 0
            return
        # Only root can be two users: so we are the stranger, and the file is not asked.
        monkeypatch.setattr(Endpoint, "_check_file", lambda *_: None)
        yield me + 1


@trio_test
async def test_whoever_listens_is_asked_after_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2: the file may be exchanged between the look at it and the connect."""
    with somebody_elses(monkeypatch, folder / "s") as owner:
        endpoint = Endpoint.parse(f"unix://{folder}/s", owner=owner)
        with pytest.raises(SourceError, match="a server of user"):
            await endpoint.open()


def test_an_owner_is_asked_of_local_sockets_only() -> None:
    with pytest.raises(ConfigError, match="unix: only"):
        Endpoint.parse("tcp://127.0.0.1:80", owner=0)
