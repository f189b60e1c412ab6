# SPDX-License-Identifier: Apache-2.0
"""``handfast serve``: a mutual TLS server to try things with, as s_server is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast import HandfastError, Source, TlsConfig, VerifiedPeer
from handfast.cli.identity import authorize_options, read_authorizer, read_svid
from handfast.cli.output import emit, error_facts, explain, iso, notes, peer_facts
from handfast.cli.ports import Ports, port_options, serve_plain
from handfast.cli.pump import Printer, pump
from handfast.cli.sources import Identity, OtherIdentity, source_options
from handfast.cli.stopping import stop_when_told
from handfast.net import MtlsListener, MtlsStream, Permissive, serve_mtls


class _Refusals(logging.Handler):
    """Show each failed handshake that the listener logs, as text or JSON.

    The debug record is the one that carries what the peer sent: whoever runs this
    command wants to see it, marked as not verified.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(logging.DEBUG)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record; those without a failure say the same in fewer words."""
        failure = getattr(record, "failure", None)
        if not isinstance(failure, HandfastError):
            return
        if self._as_json:
            address = getattr(record, "peer_address", None)
            emit({"event": "refused", "address": address, **error_facts(failure)})
        else:
            explain(failure)


def _announce(peer: VerifiedPeer, *, resumed: bool, as_json: bool) -> None:
    if as_json:
        emit({"event": "accepted", **peer_facts(peer), "resumed": resumed})
    else:
        notes.print(
            f"[bold green]authenticated[/] {peer.spiffe_id} "
            f"(until {iso(peer.not_after)})"
        )


async def _serve_one(
    stream: MtlsStream,
    *,
    as_json: bool,
    binary: bool,
    echo: bool,
    done: trio.Event | None,
) -> None:
    peer = stream.peer
    _announce(peer, resumed=stream.resumed, as_json=as_json)
    name = str(peer.spiffe_id)
    printer = Printer(name, as_json=as_json, binary=binary)
    try:
        async with stream:
            async for chunk in stream:
                printer.data(chunk)
                if echo:
                    await stream.send_all(chunk)
            await stream.send_eof()
    except trio.BrokenResourceError as error:
        if as_json:
            emit({"event": "broken", "spiffe_id": name, **error_facts(error)})
        else:
            explain(error)
    finally:
        printer.end()
        if done is not None:
            done.set()


async def _talk_one(
    stream: MtlsStream, *, as_json: bool, binary: bool, done: trio.Event
) -> None:
    """The s_server way: our standard input goes to this one peer."""
    _announce(stream.peer, resumed=stream.resumed, as_json=as_json)
    try:
        await pump(
            stream, Printer(str(stream.peer.spiffe_id), as_json=as_json, binary=binary)
        )
    finally:
        done.set()


async def _serve(
    identity: Identity,
    make: Callable[[Source], TlsConfig],
    port: int,
    host: str | None,
    once: bool,
    ports: Ports,
    **show: Any,
) -> None:
    async with identity.open() as source:
        await _serve_as(source, make, port, host, once, ports, **show)


async def _serve_as(
    source: Source,
    make: Callable[[Source], TlsConfig],
    port: int,
    host: str | None,
    once: bool,
    ports: Ports,
    **show: Any,
) -> None:
    config = make(source)

    def make_other(cert: Path, key: Path) -> TlsConfig:
        return make(OtherIdentity(read_svid(cert, key), source))

    over = trio.Event()
    done = over if once else None
    talk: bool = show.pop("talk")
    front = ports.settings(make_other, partial(serve_plain, **show, done=done))
    if talk and done is not None:
        show.pop("echo")
        handler = partial(_talk_one, **show, done=done)
    else:
        handler = partial(_serve_one, **show, done=done)
    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(
            partial(serve_mtls, handler, port, config, host=host, **front)
        )
        numbers = sorted({listener.port for listener in listeners})
        if show["as_json"]:
            emit({"event": "listening", "port": numbers[0], "host": host})
        else:
            notes.print(f"listening on port {', '.join(map(str, numbers))}")
        permissive, tell = front.get("mode"), None
        if isinstance(permissive, Permissive):
            tell = partial(_tell, ports, permissive, as_json=show["as_json"])
        await nursery.start(stop_when_told, listeners, tell, over)
        try:
            await over.wait()
        finally:
            if tell is not None:
                tell()
        nursery.cancel_scope.cancel()


def _tell(ports: Ports, permissive: Permissive, *, as_json: bool) -> None:
    ports.tell(permissive.report(), as_json=as_json)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--host", help="Address to listen on; every one without it.")
@source_options
@authorize_options
@port_options
@click.option("--alpn", multiple=True, help="Application protocol, best first.")
@click.option("--tls12", is_flag=True, help="Allow TLS 1.2 as well.")
@click.option("--echo", is_flag=True, help="Send back what comes.")
@click.option("--once", is_flag=True, help="End after the first connection.")
@click.option(
    "--talk", is_flag=True, help="With --once: standard input goes to the peer."
)
@click.option("--binary", is_flag=True, help="Bytes as they come, nothing added.")
@click.option("--key-log", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def serve(
    port: int,
    host: str | None,
    identity: Identity,
    allow: tuple[str, ...],
    allow_prefix: tuple[str, ...],
    allow_trust_domain: tuple[str, ...],
    allow_any: bool,
    alpn: tuple[str, ...],
    tls12: bool,
    echo: bool,
    once: bool,
    talk: bool,
    binary: bool,
    key_log: Path | None,
    as_json: bool,
    **ports: Any,
) -> None:
    """Accept mutual TLS, say who called, print what they send.

    SIGTERM lets connections end for some seconds; SIGUSR1 shows and writes the record
    of permissive mode meanwhile.
    """
    if talk and not once:
        raise click.UsageError("--talk needs --once: one terminal, one peer")
    authorizer = read_authorizer(allow, allow_prefix, allow_trust_domain, allow_any)
    logger = logging.getLogger("handfast.net")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(_Refusals(as_json=as_json))
    log = key_log.open("a") if key_log is not None else None

    make = partial(
        TlsConfig.server,
        authorize=authorizer,
        alpn=alpn,
        min_version="1.2" if tls12 else "1.3",
        key_log=log,
    )
    try:
        trio.run(
            partial(
                _serve,
                identity,
                make,
                port,
                host,
                once,
                Ports(**ports),
                as_json=as_json,
                binary=binary,
                echo=echo,
                talk=talk,
            )
        )
    finally:
        if log is not None:
            log.close()
        sys.stdout.flush()
