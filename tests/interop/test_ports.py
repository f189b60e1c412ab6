# SPDX-License-Identifier: Apache-2.0
"""Server names, permissive mode and PROXY headers with openssl, curl and haproxy."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from cryptography import x509
from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.world import PATIENCE, require, running

from handfast import (
    Reason,
    StaticSource,
    TlsConfig,
    TrustBundleSet,
    X509Svid,
    authorize,
)
from handfast.certificates import uri_names
from handfast.net import (
    MtlsListener,
    MtlsStream,
    Permissive,
    PlainStream,
    ProxyProtocol,
    ServerNames,
    serve_mtls,
)

PAY = "spiffe://a.example/pay"


def s_client(world: World, port: str, *options: str) -> list[str | Path]:
    cert, key = world.client
    return [
        require("openssl"),
        "s_client",
        "-connect",
        f"127.0.0.1:{port}",
        "-cert",
        cert,
        "-key",
        key,
        "-CAfile",
        world.bundle_a,
        "-verify_return_error",
        *options,
    ]


def identity_in(lines: list[str]) -> str:
    """Return the SPIFFE ID in the first certificate that was printed."""
    start = lines.index("-----BEGIN CERTIFICATE-----")
    [name] = uri_names(
        x509.load_pem_x509_certificate("\n".join(lines[start:]).encode())
    )
    return name


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_client_gets_the_identity_of_the_name_it_asks_for(
    world: World, serve: Serve, version: str
) -> None:
    """A2: another name is refused with unrecognized_name, and so is none."""
    cert, key = world._issue("pay", world.a, PAY)  # pyright: ignore[reportPrivateUsage]
    options = ("--tls12", "--echo", "--sni", f"*.pay.example={cert},{key}")
    with serve(*options) as (server, port):
        asking = s_client(
            world, port, version, "-servername", "EU.pay.example", "-showcerts"
        )
        with running(*asking) as client:
            client.wait_for("-----END CERTIFICATE-----")
            assert identity_in(client.seen) == PAY
            client.send("forty-two\n")
            assert server.event("accepted")["spiffe_id"] == CLIENT
            client.wait_for("forty-two")
        for name in (("-servername", "eu.other.example"), ("-noservername",)):
            with running(*s_client(world, port, version, *name)) as client:
                assert server.event("refused")["reason"] == "server_name_unknown"
                client.wait_for("unrecognized name", "SSL alert number 112")
                assert client.exit_code() != 0


def test_the_command_line_reports_who_speaks_plain_text(
    world: World, serve: Serve, tmp_path: Path
) -> None:
    """What a migration to strict mode is decided by."""
    report = tmp_path / "report.json"
    options = ("--mode", "permissive", "--plain-report", report, "--echo")
    with serve(*options) as (server, port):
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            plain.sendall(b"in the clear\n")
            assert plain.recv(100) == b"in the clear\n"
        assert server.event("plain_text")["address"].startswith("127.0.0.1:")
        assert server.event("data")["text"] == "in the clear\n"
        with running(*s_client(world, port, "-quiet")) as client:
            assert server.event("accepted")["spiffe_id"] == CLIENT
            client.send("in TLS\n")
            client.wait_for("in TLS")
        server.process.send_signal(signal.SIGINT)
        told = server.event("plain_text_report")
        assert server.exit_code() == 130
    written = json.loads(report.read_text())
    for facts in (told, written):
        assert (facts["mutual_tls"], facts["plain_text"]) == (1, 1)
        [peer] = facts["peers"]
        assert (peer["address"], peer["connections"]) == ("127.0.0.1", 1)


def test_the_report_is_there_while_it_runs_and_when_it_is_told_to_stop(
    world: World, serve: Serve, tmp_path: Path
) -> None:
    """A supervisor sends SIGTERM: what was recorded is not lost by it."""
    report = tmp_path / "report.json"
    options = ("--mode", "permissive", "--plain-report", report, "--echo")
    with serve(*options) as (server, port):
        for number, told_by in enumerate((signal.SIGUSR1, signal.SIGTERM), 1):
            with socket.create_connection(("127.0.0.1", int(port))) as plain:
                plain.sendall(b"in the clear\n")
                assert plain.recv(100) == b"in the clear\n"
            server.process.send_signal(told_by)
            assert server.event("plain_text_report")["plain_text"] == number
            if told_by == signal.SIGTERM:
                assert server.exit_code() == 0
            assert json.loads(report.read_text())["plain_text"] == number


def test_a_server_that_is_told_to_stop_drains(world: World, serve: Serve) -> None:
    """P6: with workers, too; nobody new comes in, and who is there ends."""
    with serve("--echo", "--workers", "2") as (server, port):
        with running(*s_client(world, port, "-quiet")) as client:
            assert server.event("accepted")["spiffe_id"] == CLIENT
            client.send("before\n")
            client.wait_for("before")
            server.process.send_signal(signal.SIGTERM)
            while True:
                try:
                    socket.create_connection(("127.0.0.1", int(port))).close()
                except ConnectionRefusedError:
                    break
            client.end_input()
            assert client.exit_code() == 0
        assert server.exit_code() == 0


async def answer(stream: MtlsStream | PlainStream) -> None:
    """One HTTP request; the answer says who asked, from where, and by way of whom."""
    async with stream:
        request = b""
        while b"\r\n\r\n" not in request:
            part = await stream.receive_some()
            if not part:
                return
            request += part
        who = None if stream.peer is None else str(stream.peer.spiffe_id)
        assert stream.source_address is not None
        assert stream.socket_address is not None
        hosts = stream.source_address[0], stream.socket_address[0]
        body = json.dumps([who, *hosts]).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close"
        await stream.send_all(head.encode() + b"\r\n\r\n" + body)


def config(world: World) -> TlsConfig:
    chain, key = (path.read_bytes() for path in world.server)
    svid = X509Svid.from_pem(chain, key)
    assert str(svid.spiffe_id) == SERVER
    return TlsConfig.server(
        StaticSource(svid, TrustBundleSet([world.a.bundle])),
        authorize=authorize.exactly(CLIENT),
    )


async def curl(world: World, url: str) -> Any:
    cert, key = world.client
    command = [
        require("curl"),
        "--silent",
        "--show-error",
        "--cacert",
        str(world.bundle_a),
        "--cert",
        str(cert),
        "--key",
        str(key),
        "--ipv4",
        "--interface",
        "127.0.0.3",
        url,
    ]
    done = await trio.run_process(
        command, capture_stdout=True, capture_stderr=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


async def serve_http(
    world: World, nursery: trio.Nursery, **settings: Any
) -> MtlsListener:
    [listener] = await nursery.start(
        partial(serve_mtls, answer, 0, config(world), host="127.0.0.1", **settings)
    )
    assert isinstance(listener, MtlsListener)
    return listener


def test_curl_with_and_without_tls_on_one_port(world: World) -> None:
    """A8: the same port, the same address, and an identity with TLS alone."""
    permissive = Permissive(answer)

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                port = (await serve_http(world, nursery, mode=permissive)).port
                tls = await curl(world, f"https://localhost:{port}/")
                plain = await curl(world, f"http://localhost:{port}/")
                nursery.cancel_scope.cancel()
        assert tls == [CLIENT, "127.0.0.3", "127.0.0.3"]
        assert plain == [None, "127.0.0.3", "127.0.0.3"]

    trio.run(main)
    assert [it.address for it in permissive.report().peers] == ["127.0.0.3"]


HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 60s
    timeout client 60s
    timeout server 60s
listen front
    bind "fd@${{FD}}"
    server back 127.0.0.1:{port} {options}
"""


def failed_at(listener: MtlsListener) -> set[Reason]:
    return set(listener.statistics().handshakes_failed)


@pytest.mark.parametrize(
    "options",
    [
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2 proxy-v2-options crc32c,unique-id",
        # Each is to be over within the 50 ms; three that are late close the port.
        "send-proxy-v2 check inter 50ms fall 10000",
    ],
)
def test_haproxy_tells_where_a_caller_comes_from(
    world: World, tmp_path: Path, options: str
) -> None:
    """Both versions, a checksum, health checks; TLS by name, and plain text."""
    settings = {
        "proxy_protocol": ProxyProtocol(["127.0.0.1"]),
        "mode": Permissive(answer),
        "sni": ServerNames({"localhost": config(world)}),
    }
    file = tmp_path / "haproxy.cfg"

    async def main() -> None:
        with trio.fail_after(PATIENCE), socket.create_server(("127.0.0.1", 0)) as front:
            async with trio.open_nursery() as nursery:
                listener = await serve_http(world, nursery, **settings)
                file.write_text(HAPROXY.format(port=listener.port, options=options))
                nursery.start_soon(
                    partial(
                        trio.run_process,
                        [require("haproxy"), "-db", "-q", "-f", str(file)],
                        pass_fds=(front.fileno(),),
                        env={"FD": str(front.fileno())},
                        capture_stderr=True,
                        check=False,
                    )
                )
                port = front.getsockname()[1]
                tls = await curl(world, f"https://localhost:{port}/")
                plain = await curl(world, f"http://localhost:{port}/")
                # Somebody else's word is not taken, nor silence of a proxy's.
                with pytest.raises(OSError, match=r"closed|reset|Remote end"):
                    await trio.to_thread.run_sync(
                        urllib.request.urlopen, f"http://127.0.0.1:{listener.port}/"
                    )
                while Reason.PROXY_HEADER_MISSING not in failed_at(listener):
                    await trio.testing.wait_all_tasks_blocked(cushion=0.005)
                nursery.cancel_scope.cancel()
        assert tls == [CLIENT, "127.0.0.3", "127.0.0.1"]
        assert plain == [None, "127.0.0.3", "127.0.0.1"]
        # A health check says who it is and goes.
        checks = {Reason.TRUNCATED, Reason.CONNECTION_RESET}
        assert failed_at(listener) - checks == {Reason.PROXY_HEADER_MISSING}

    trio.run(main)
