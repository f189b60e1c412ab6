# SPDX-License-Identifier: Apache-2.0
"""`handfast authority token`, `join` and `node`: other hosts."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
import trio

from handfast import SpiffeId, StaticSource, TrustBundleSet, TrustDomain
from handfast.authority.agent import NodeAgent, NodeIdentity, NodeSource
from handfast.authority.agent import join as join_by
from handfast.authority.nodes import JOIN_TTL, JoinToken, Nodes, node_id, shown_root
from handfast.authority.nodes.fingerprint import fingerprint_of
from handfast.authority.state import AuthorityState
from handfast.bundle_document import BundleDocument
from handfast.cli.authority.options import (
    Duration,
    folded_table,
    read_address,
    state_options,
)
from handfast.cli.authority.serving import WorkloadSocket, show_log, socket_options
from handfast.cli.identity import FILE, read_bundle
from handfast.cli.output import console, emit, human_duration, iso, notes
from handfast.net.first_contact import find_authority
from handfast.net.nodes import dial_authority

__all__ = ["join", "node", "token"]

_JOIN_WITHIN = 60.0


def _nodes(state: AuthorityState) -> Nodes:
    return Nodes(state.database, state.settings.trust_domain)


def _node_id(state: AuthorityState, text: str) -> SpiffeId:
    """Read a node's name, or its whole ID."""
    if "/" in text:
        return SpiffeId.parse(text)
    return node_id(state.settings.trust_domain, text)


@click.command()
@state_options
@click.argument("name", metavar="NODE")
@click.option("--ttl", type=Duration(), default=JOIN_TTL, help="[10m]")
@click.option(
    "--output",
    type=FILE,
    help="Write it here, for its owner alone; standard output without it.",
)
def token(
    state: Path, as_json: bool, name: str, ttl: timedelta, output: Path | None
) -> None:
    """Make a token that lets the agent of another host in, once and soon.

    NODE is the host's name; entries are for it that say `--node` with its ID. The token
    is a secret: it goes to that host, and nowhere else.
    """
    with ExitStack() as stack:
        # Before there is a token: one that nobody can have is none of our making.
        file = None if output is None else stack.enter_context(_secret(output))
        opened = stack.enter_context(AuthorityState.look(state))
        node_named = _node_id(opened, name)
        made = _nodes(opened).make_token(node_named, ttl)
        domain = opened.settings.trust_domain
        root = shown_root(opened)
        if file is not None:
            file.write(made.text + "\n")
    pin = None if root is None else fingerprint_of(root)
    shown = {"token": made.text} if output is None else {"file": str(output)}
    if as_json:
        ends = iso(datetime.now(UTC) + ttl)
        facts = {"node": str(node_named), **shown, "expires_at": ends}
        emit({"event": "token", **facts, "fingerprint": pin})
        return
    known_by = "--bundle FILE" if pin is None else f"--fingerprint {pin}"
    given = "--token …" if output is None else f"--token-file {output.name}"
    notes.print(
        f"for {node_named}, once, within {human_duration(ttl)}:\n"
        f"handfast authority join --trust-domain {domain} --authority HOST:PORT"
        f" {known_by} {given}",
        soft_wrap=True,
        markup=False,
    )
    if output is None:
        console.print(made.text, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _secret(path: Path) -> Generator[TextIO]:
    """Make a file that only its owner may read; one that is there is not written to.

    If nothing comes of it, it is gone again, and not in the way of the next attempt.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    number = os.open(path, flags, 0o600)
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@click.group()
def node() -> None:
    """Manage other hosts; a running authority takes changes over at once."""


@node.command("list")
@state_options
def list_nodes(state: Path, as_json: bool) -> None:
    """List the hosts whose agents have joined."""
    with AuthorityState.look(state) as opened:
        found = _nodes(opened).all()
    if as_json:
        for one in found:
            ban = None if one.banned_at is None else iso(one.banned_at)
            facts = {"node": str(one.spiffe_id), "joined_at": iso(one.joined_at)}
            emit({**facts, "banned_at": ban})
        return
    table = folded_table("node", "joined", "banned")
    for one in found:
        ban_text = "" if one.banned_at is None else iso(one.banned_at)
        table.add_row(str(one.spiffe_id), iso(one.joined_at), ban_text)
    console.print(table)


@node.command("ban")
@state_options
@click.argument("name", metavar="NODE")
def ban(state: Path, as_json: bool, name: str) -> None:
    """Give a host nothing any more, and let it join no more."""
    _change(state, name, "banned", Nodes.ban, as_json=as_json)


@node.command("remove")
@state_options
@click.argument("name", metavar="NODE")
def remove(state: Path, as_json: bool, name: str) -> None:
    """Forget a host: it gets nothing until it joins again, with a new token."""
    _change(state, name, "removed", Nodes.remove, as_json=as_json)


def _change(state: Path, name: str, done: str, change: Any, *, as_json: bool) -> None:
    with AuthorityState.look(state) as opened:
        found = _node_id(opened, name)
        change(_nodes(opened), found)
    if as_json:
        emit({"event": done, "node": str(found)})
    else:
        console.print(f"{done} {found}")


@click.command()
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HANDFAST_AGENT_STATE",
    show_envvar=True,
    required=True,
    help="The agent's state directory.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
@click.option("--authority", "address", metavar="HOST:PORT", help="Its --nodes port.")
@click.option("--trust-domain", metavar="NAME", help="Whose authority it is.")
@click.option("--bundle", metavar="FILE", help="The trust domain's, PEM or JSON.")
@click.option(
    "--fingerprint",
    metavar="sha256:…",
    help="Of its root, where there is no bundle: what `token` printed.",
)
@click.option(
    "--token",
    "text",
    envvar="HANDFAST_JOIN_TOKEN",
    show_envvar=True,
    help="What `handfast authority token` printed.",
)
@click.option("--token-file", type=FILE, help="The same, out of a file.")
@click.option("--again", is_flag=True, help="Join though there is an identity.")
@socket_options
def join(state: Path, as_json: bool, again: bool, **given: Any) -> None:
    """Be the agent of this host: attest processes here for an authority elsewhere.

    The first time it joins by a token, with an authority that it knows by the trust
    domain's bundle or by the fingerprint of a root. From then on its identity is in
    the state directory, and what it joined by is needed no more.
    """
    show_log(as_json=as_json)
    where = WorkloadSocket.take(given)
    if again or not (state / "node.json").exists():
        trio.run(partial(_join, state, **given))
    identity = NodeIdentity.load(state)
    trio.run(partial(_be_agent, state, identity, where, as_json=as_json))


async def _join(
    state: Path,
    *,
    address: str | None,
    trust_domain: str | None,
    bundle: str | None,
    fingerprint: str | None,
    text: str | None,
    token_file: Path | None,
) -> None:
    if token_file is not None:
        text = await trio.Path(token_file).read_text("utf-8")
    if not (address and trust_domain and text) or (bundle is None) is (
        fingerprint is None
    ):
        raise click.UsageError(
            "to join, say --authority, --trust-domain, --token, and --bundle or "
            "--fingerprint"
        )
    where = read_address(address, "--authority")
    domain = TrustDomain.parse(trust_domain)
    token = JoinToken.parse(text)
    with trio.fail_after(_JOIN_WITHIN):
        if fingerprint is not None:
            roots = await find_authority(where, domain, fingerprint)
        else:
            roots = read_bundle(str(bundle), domain)
        known = BundleDocument.of(roots)
        svid = token.svid(datetime.now(UTC))
        source = StaticSource(svid, TrustBundleSet([roots]))
        identity = await join_by(dial_authority(source, domain, where), where, known)
    identity.save(state)
    notes.print(f"joined as {identity.spiffe_id}")


async def _be_agent(
    state: Path, identity: NodeIdentity, where: WorkloadSocket, *, as_json: bool
) -> None:
    source = NodeSource(identity)
    dial = dial_authority(source, identity.trust_domain, identity.authority)
    agent = NodeAgent(state, source, dial)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(agent.run)
            await nursery.start(where.serve, agent.issuer)
            facts = {"node": str(identity.spiffe_id), "endpoint": where.endpoint}
            if as_json:
                emit({"event": "serving", **facts, "pid": os.getpid()})
            else:
                notes.print(
                    f"agent [bold]{facts['node']}[/bold]; workloads ask at\n"
                    f"SPIFFE_ENDPOINT_SOCKET={where.endpoint}",
                    soft_wrap=True,
                )
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()
    if as_json:
        emit({"event": "stopped"})
    else:
        notes.print("stopped")
