# SPDX-License-Identifier: Apache-2.0
"""``handfast connect``: a mutual TLS client to try things with, as s_client is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast import TlsConfig
from handfast.cli.identity import authorize_options, read_authorizer
from handfast.cli.output import emit, iso, leaf_errors, notes, peer_facts
from handfast.cli.pump import Printer, pump
from handfast.cli.sources import Identity, source_options
from handfast.net import MtlsStream, open_mtls_stream

_TRY_AGAIN = 0.1


def _announce(stream: MtlsStream, *, as_json: bool) -> None:
    version, cipher = f"TLS {stream.connection.version}", stream.connection.cipher
    if as_json:
        facts = {"version": version, "cipher": cipher}
        emit({"event": "connected", **peer_facts(stream.peer), **facts})
        return
    notes.print(
        f"[bold green]authenticated[/] {stream.peer.spiffe_id} "
        f"(until {iso(stream.peer.not_after)}; {version}, {cipher})"
    )


async def _connect(
    host: str,
    port: int,
    identity: Identity,
    patience: float,
    retry: float,
    as_json: bool,
    binary: bool,
    **settings: Any,
) -> None:
    async with identity.open() as source:
        config = TlsConfig.client(source, **settings)
        dial = partial(open_mtls_stream, host, port, config, handshake_timeout=patience)
        stream = await open_when_heard(dial, retry)
        _announce(stream, as_json=as_json)
        name = str(stream.peer.spiffe_id)
        await pump(stream, Printer(name, as_json=as_json, binary=binary))


async def open_when_heard(
    dial: Callable[[], Awaitable[MtlsStream]], seconds: float
) -> MtlsStream:
    """Connect; as long as nobody listens, again and again for so many seconds.

    Cancellation: there is no connection.

    Raises:
        OSError: Nobody listens at the end of them, or it failed in another way.
    """
    end = trio.current_time() + seconds
    while True:
        try:
            return await dial()
        except OSError as error:
            attempts = leaf_errors(error.__cause__ or error)
            refused = all(isinstance(it, ConnectionRefusedError) for it in attempts)
            if not refused or trio.current_time() >= end:
                raise
        await trio.sleep(_TRY_AGAIN)


@click.command()
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@source_options
@authorize_options
@click.option("--alpn", multiple=True, help="Application protocol, best first.")
@click.option("--tls12", is_flag=True, help="Allow TLS 1.2 as well.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds a handshake.",
)
@click.option(
    "--retry",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds to go on trying while nobody listens.",
)
@click.option("--binary", is_flag=True, help="Bytes as they come, nothing added.")
@click.option("--key-log", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def connect(
    host: str,
    port: int,
    identity: Identity,
    allow: tuple[str, ...],
    allow_prefix: tuple[str, ...],
    allow_trust_domain: tuple[str, ...],
    allow_any: bool,
    alpn: tuple[str, ...],
    tls12: bool,
    timeout: float,
    retry: float,
    binary: bool,
    key_log: Path | None,
    as_json: bool,
) -> None:
    """Connect with mutual TLS, say who answered, pass standard input and output on."""
    authorizer = read_authorizer(allow, allow_prefix, allow_trust_domain, allow_any)
    log = key_log.open("a") if key_log is not None else None
    try:
        trio.run(
            partial(
                _connect,
                host,
                port,
                identity,
                timeout,
                retry,
                as_json,
                binary,
                authorize=authorizer,
                alpn=alpn,
                min_version="1.2" if tls12 else "1.3",
                key_log=log,
            )
        )
    finally:
        if log is not None:
            log.close()
