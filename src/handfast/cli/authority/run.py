# SPDX-License-Identifier: Apache-2.0
"""`handfast authority run` and `reload`."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast.authority.attest import Attestor
from handfast.authority.issuer import AttestedCaller
from handfast.authority.requests import RELOAD, ask, outcome
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState, is_running
from handfast.authority.workload_socket import (
    WORKLOAD_SOCKET_MODE,
    open_workload_socket,
)
from handfast.cli.authority.options import (
    need_same,
    password_option,
    read_password,
    read_settings,
    settings_options,
    state_options,
)
from handfast.cli.identity import FILE
from handfast.cli.output import emit, notes
from handfast.workload_api.service import ServiceLimits, serve_workload_api

_PATIENCE = 10.0
_ASK_AGAIN = 0.1
_KEPT = -1
_MODE_MAX = 0o777


class Mode(click.ParamType[int]):
    """Permissions of a file, in octal: 0666."""

    name = "mode"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the text."""
        if isinstance(value, int):
            return value
        try:
            mode = int(str(value), 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= _MODE_MAX:
            self.fail(f"{value!r} is no mode: 0666, for example", param, ctx)
        return mode


class _Journal(logging.Handler):
    """What the authority says of itself, for people or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(logging.INFO)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        level, text = record.levelname.lower(), record.getMessage()
        if self._as_json:
            emit({"event": "log", "level": level, "text": text})
        else:
            style = "" if record.levelno < logging.WARNING else "yellow"
            notes.print(text, style=style, markup=False, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Socket:
    """Where workloads ask, and who may."""

    path: Path
    mode: int
    uid: int
    gid: int


def _user_of(caller: AttestedCaller) -> int:
    """Processes of one user share their limits."""
    return caller.uid


async def _serve(
    state: AuthorityState,
    service: AuthorityService,
    where: _Socket,
    limits: ServiceLimits,
    *,
    as_json: bool,
) -> None:
    attestor = Attestor()
    with (
        trio.open_signal_receiver(
            signal.SIGTERM, signal.SIGINT, signal.SIGHUP
        ) as signals,
        open_workload_socket(
            where.path, mode=where.mode, uid=where.uid, gid=where.gid
        ) as listener,
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(
                partial(
                    serve_workload_api,
                    [attestor.watch(listener)],
                    service.issuer,
                    identify=attestor.attest,
                    share_of=_user_of,
                    limits=limits,
                )
            )
            _announce(state, where.path, as_json=as_json)
            async for number in signals:
                if number != signal.SIGHUP:
                    break
                service.try_reload()
            nursery.cancel_scope.cancel()
    if as_json:
        emit({"event": "stopped"})
    else:
        notes.print("stopped")


def _announce(state: AuthorityState, path: Path, *, as_json: bool) -> None:
    facts: Mapping[str, Any] = {
        "trust_domain": str(state.settings.trust_domain),
        "endpoint": f"unix://{path.absolute()}",
        "entries": len(state.registry.entries),
        "pid": os.getpid(),
    }
    if as_json:
        emit({"event": "serving", **facts})
        return
    notes.print(
        f"authority of [bold]{facts['trust_domain']}[/bold], "
        f"{facts['entries']} entries; workloads ask at\n"
        f"SPIFFE_ENDPOINT_SOCKET={facts['endpoint']}",
        soft_wrap=True,
    )


def _uid(name: str | None) -> int:
    if name is None or name.isdigit():
        return _KEPT if name is None else int(name)
    import pwd

    return pwd.getpwnam(name).pw_uid


def _gid(name: str | None) -> int:
    if name is None or name.isdigit():
        return _KEPT if name is None else int(name)
    import grp

    return grp.getgrnam(name).gr_gid


def _owners(owner: str | None) -> tuple[int, int]:
    """Read USER, USER:GROUP or :GROUP."""
    user, _, group = (owner or "").partition(":")
    try:
        return _uid(user or None), _gid(group or None)
    except KeyError as error:
        raise click.UsageError(f"--socket-owner {owner}: {error.args[0]}") from error


@click.command()
@state_options
@settings_options
@password_option
@click.option(
    "--socket",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where workloads ask: the Workload API's Unix socket.",
)
@click.option(
    "--socket-mode",
    type=Mode(),
    default=f"{WORKLOAD_SOCKET_MODE:04o}",
    show_default=True,
    help="Who may connect; who gets what is decided by attestation.",
)
@click.option("--socket-owner", metavar="USER[:GROUP]", help="Of the socket's file.")
@click.option("--entries", type=FILE, help="TOML or YAML; read again on SIGHUP.")
@click.option(
    "--max-connections", type=click.IntRange(1), default=1024, show_default=True
)
@click.option(
    "--max-connections-per-user",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Of the processes of one user together.",
)
def run(
    state: Path,
    as_json: bool,
    key_password: Path | None,
    path: Path,
    socket_mode: int,
    socket_owner: str | None,
    entries: Path | None,
    max_connections: int,
    max_connections_per_user: int,
    **given: Any,
) -> None:
    """Run the authority; the first time its state directory is made.

    It ends cleanly on SIGTERM and SIGINT, and reads the entries file again on SIGHUP.
    """
    logger = logging.getLogger("handfast.authority")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(_Journal(as_json=as_json))
    uid, gid = _owners(socket_owner)
    with AuthorityState.open(
        state, settings=read_settings(given), password=read_password(key_password)
    ) as opened:
        need_same(opened.settings, given)
        service = AuthorityService(opened, entries_file=entries)
        where = _Socket(path=path, mode=socket_mode, uid=uid, gid=gid)
        limits = ServiceLimits(
            connections=max_connections,
            connections_per_caller=max_connections_per_user,
        )
        trio.run(partial(_serve, opened, service, where, limits, as_json=as_json))


@click.command()
@state_options
def reload(state: Path, as_json: bool) -> None:
    """Let the running authority read its entries file again, and say how it went."""
    with AuthorityState.look(state) as opened:
        if not is_running(state):
            raise click.ClickException("no authority runs on this state directory")
        number = ask(opened.database, RELOAD)
        text = None
        end = time.monotonic() + _PATIENCE
        while text is None and time.monotonic() < end:
            time.sleep(_ASK_AGAIN)
            text = outcome(opened.database, number)
    if text is None:
        raise TimeoutError(f"the authority did not answer within {_PATIENCE:g} s")
    if text:
        raise click.UsageError(f"nothing was changed: {text}")
    if as_json:
        emit({"event": "reloaded"})
    else:
        notes.print("the entries file was read again")
