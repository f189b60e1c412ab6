# SPDX-License-Identifier: Apache-2.0
"""`handfast authority entry`: who gets which identity."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from handfast import SpiffeId, TrustDomain
from handfast.authority.attest.known import need_attestable
from handfast.authority.entries import Entry
from handfast.authority.federated import FederatedBundles
from handfast.authority.registry import StoredEntry
from handfast.authority.selectors import Selector
from handfast.authority.state import AuthorityState
from handfast.cli.authority.options import Duration, folded_table, state_options
from handfast.cli.certificates import naming
from handfast.cli.identity import FILE
from handfast.cli.output import console, emit, human_duration, iso, notes

# Facts of an entry that are lists of texts.
_LISTS = {"selectors", "dns_names", "federates_with"}


@click.group()
def entry() -> None:
    """Manage registration entries; a running authority takes them over at once."""


def _facts(stored: StoredEntry) -> dict[str, Any]:
    return {
        "id": stored.entry.id,
        **stored.entry.to_facts(),
        "origin": stored.origin,
        "changed_at": iso(stored.changed_at),
    }


def _span(ttl: timedelta | None) -> str:
    return "" if ttl is None else human_duration(ttl)


@entry.command("add")
@state_options
@click.argument("spiffe_id")
@click.option("--selector", "selectors", multiple=True, required=True, metavar="T:V")
@click.option("--x509-ttl", type=Duration())
@click.option("--jwt-ttl", type=Duration())
@click.option("--hint", default="", help="Tell the workload what the identity is for.")
@click.option("--dns", "dns_names", multiple=True, metavar="NAME")
@click.option("--federates-with", multiple=True, metavar="TRUST-DOMAIN")
@click.option("--node", metavar="ID", help="Only processes that this node attested.")
@click.option("--notes", default="", help="For people.")
def add(
    state: Path,
    as_json: bool,
    spiffe_id: str,
    selectors: tuple[str, ...],
    federates_with: tuple[str, ...],
    node: str | None,
    **more: Any,
) -> None:
    """Add an entry: SPIFFE_ID for processes that have all the selectors."""
    with AuthorityState.look(state) as opened:
        domain = opened.settings.trust_domain
        made = Entry(
            spiffe_id=SpiffeId(domain, spiffe_id)
            if spiffe_id.startswith("/")
            else SpiffeId.parse(spiffe_id),
            selectors=frozenset(
                need_attestable(Selector.parse(text)) for text in selectors
            ),
            federates_with=frozenset(map(TrustDomain.parse, federates_with)),
            node=None if node is None else SpiffeId.parse(node),
            **more,
        )
        opened.registry.add(made)
        known = FederatedBundles(opened.database, domain).trust_domains
        unknown = sorted(map(str, made.federates_with - set(known)))
    if as_json:
        facts = made.to_facts()
        emit({"event": "added", "id": made.id, **facts, "without_bundle": unknown})
        return
    console.print(f"added {made.id}: {made.spiffe_id}")
    for name in unknown:
        notes.print(
            f"there is no bundle of {name} yet: `run --federate`, or `bundle set`",
            markup=False,
        )


@entry.command("list")
@state_options
def show_all(state: Path, as_json: bool) -> None:
    """List the entries."""
    with AuthorityState.look(state) as opened:
        stored = opened.registry.stored()
    if as_json:
        for one in stored:
            emit({"event": "entry", **_facts(one)})
        return
    table = folded_table("id", "SPIFFE ID", "selectors", "TTL", "hint", "from")
    for one in stored:
        table.add_row(
            one.entry.id,
            str(one.entry.spiffe_id),
            "\n".join(sorted(map(str, one.entry.selectors))),
            _span(one.entry.x509_ttl),
            one.entry.hint,
            one.origin,
        )
    console.print(table)


@entry.command()
@state_options
@click.argument("entry_id")
def show(state: Path, as_json: bool, entry_id: str) -> None:
    """Show one entry."""
    with AuthorityState.look(state) as opened:
        found = [one for one in opened.registry.stored() if one.entry.id == entry_id]
    if not found:
        raise click.UsageError(f"no entry has the id {entry_id}: `entry list`")
    facts = _facts(found[0])
    if as_json:
        emit({"event": "entry", **facts})
        return
    for name, value in facts.items():
        shown = ", ".join(value) if name in _LISTS else value
        console.print(f"{name}: {shown}", markup=False, highlight=False)


@entry.command()
@state_options
@click.argument("entry_id")
def remove(state: Path, as_json: bool, entry_id: str) -> None:
    """Remove an entry that a command has added."""
    with AuthorityState.look(state) as opened:
        gone = opened.registry.remove(entry_id)
    if as_json:
        emit({"event": "removed", "id": entry_id, "spiffe_id": str(gone.spiffe_id)})
    else:
        console.print(f"removed {entry_id}: {gone.spiffe_id}")


@entry.command("apply")
@state_options
@click.argument("file", type=FILE)
def apply_file(state: Path, as_json: bool, file: Path) -> None:
    """Have exactly the entries of a TOML or YAML file, beside those of commands."""
    from handfast.authority.entries_file import read_entries

    with AuthorityState.look(state) as opened, naming(file):
        read = read_entries(file, opened.settings.trust_domain)
        applied = opened.registry.apply(read)
    facts = {
        "added": applied.added,
        "changed": applied.changed,
        "removed": applied.removed,
    }
    if as_json:
        emit({"event": "applied", **facts})
    else:
        words = ", ".join(f"{len(ids)} {what}" for what, ids in facts.items())
        console.print(f"{file}: {words}", markup=False)
