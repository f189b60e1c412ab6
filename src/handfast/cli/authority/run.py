# SPDX-License-Identifier: Apache-2.0
"""`handfast authority run` and `reload`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast.authority.nodes import NodeDoor
from handfast.authority.requests import RELOAD, ask, outcome
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState, is_running
from handfast.cli.authority.federation import Federation, federation_options
from handfast.cli.authority.options import (
    need_same,
    password_option,
    read_address,
    read_password,
    read_settings,
    settings_options,
    state_options,
)
from handfast.cli.authority.serving import WorkloadSocket, show_log, socket_options
from handfast.cli.identity import FILE
from handfast.cli.output import emit, notes
from handfast.net.nodes import address_of, open_node_listeners, serve_nodes

_PATIENCE = 10.0
_ASK_AGAIN = 0.1


async def _serve(
    state: AuthorityState,
    service: AuthorityService,
    where: WorkloadSocket,
    nodes_at: str | None,
    federation: Federation,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    with trio.open_signal_receiver(
        signal.SIGTERM, signal.SIGINT, signal.SIGHUP
    ) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(where.serve, service.issuer)
            facts = {"endpoint": where.endpoint}
            if nodes_at is not None:
                facts["nodes"] = await _serve_nodes(state, service, nodes_at, nursery)
            facts |= await federation.start(folder, state, service, nursery)
            _announce(state, facts, as_json=as_json)
            async for number in signals:
                if number != signal.SIGHUP:
                    break
                service.try_reload()
            nursery.cancel_scope.cancel()
    if as_json:
        emit({"event": "stopped"})
    else:
        notes.print("stopped")


async def _serve_nodes(
    state: AuthorityState, service: AuthorityService, text: str, nursery: trio.Nursery
) -> str:
    """Listen for agents of other hosts; return where."""
    host, port = read_address(text, "--nodes")
    nodes = service.nodes
    door = NodeDoor(state, nodes, service.node_service, shows_root=True)
    listeners = await open_node_listeners(door, port, host=host or None)
    domain = state.settings.trust_domain
    await nursery.start(serve_nodes, service.node_service, listeners, domain)
    return " ".join(address_of(one) for one in listeners)


def _announce(
    state: AuthorityState, where: Mapping[str, str], *, as_json: bool
) -> None:
    facts: Mapping[str, Any] = {
        "trust_domain": str(state.settings.trust_domain),
        **where,
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
    if "nodes" in where:
        notes.print(f"other hosts' agents join at {where['nodes']}", soft_wrap=True)
    if "bundle_port" in where:
        shown = where.get("bundle_endpoint_id", "a certificate of the web")
        profile, port = where["bundle_profile"], where["bundle_port"]
        notes.print(
            f"the bundle is served by {profile} on port {port}, as {shown}",
            soft_wrap=True,
        )


@click.command()
@state_options
@settings_options
@password_option
@socket_options
@click.option(
    "--nodes", "nodes_at", metavar="[HOST:]PORT", help="Let other hosts' agents in."
)
@click.option("--entries", type=FILE, help="TOML or YAML; read again on SIGHUP.")
@federation_options
def run(
    state: Path,
    as_json: bool,
    key_password: Path | None,
    nodes_at: str | None,
    entries: Path | None,
    **given: Any,
) -> None:
    """Run the authority; the first time its state directory is made.

    It ends cleanly on SIGTERM and SIGINT, and reads the entries file again on SIGHUP.
    """
    show_log(as_json=as_json)
    where = WorkloadSocket.take(given)
    federation = Federation.take(given)
    with AuthorityState.open(
        state, settings=read_settings(given), password=read_password(key_password)
    ) as opened:
        need_same(opened.settings, given)
        service = AuthorityService(opened, entries_file=entries)
        serve = partial(_serve, opened, service, where, nodes_at, federation, state)
        trio.run(partial(serve, as_json=as_json))


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
