# SPDX-License-Identifier: Apache-2.0
"""`handfast authority init`, `csr`, `import`, `rotate`, `status`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from handfast.authority.keystore import KeyStore
from handfast.authority.nodes.fingerprint import fingerprint_of
from handfast.authority.offline import import_intermediate, make_csr, waiting_key
from handfast.authority.signer_rows import SignerRow, wish_for
from handfast.authority.state import AuthorityState, is_running
from handfast.cli.authority.options import (
    folded_table,
    need_same,
    password_option,
    read_password,
    read_settings,
    settings_options,
    state_options,
)
from handfast.cli.certificates import naming
from handfast.cli.identity import FILE
from handfast.cli.output import console, emit, iso


def _stage(row: SignerRow) -> str:
    if row.slot.awaited:
        return "waits for its certificate"
    if row.slot.retired_at is not None:
        return "retired"
    return "signs" if row.slot.is_active else "prepared"


def _moment(seconds: float | None) -> str | None:
    if seconds is None or seconds == float("inf"):
        return None
    return iso(datetime.fromtimestamp(seconds, UTC))


def _fingerprint(row: SignerRow) -> str | None:
    """Of a root's certificate: what agents of other hosts may know us by."""
    shown = row.kind == "root" and row.certificate is not None
    return fingerprint_of(row.certificate or b"") if shown else None


def signer_facts(row: SignerRow) -> dict[str, Any]:
    """Say what a signer is, as JSON-ready facts."""
    return {
        "kind": row.kind,
        "id": row.id,
        "stage": _stage(row),
        "prepared_at": _moment(row.slot.prepared_at),
        "active_from": _moment(row.slot.active_from),
        "retired_at": _moment(row.slot.retired_at),
        "not_after": _moment(row.slot.not_after),
        "last_svid_ends": _moment(row.slot.last_not_after or None),
        "key_here": row.has_key,
        "fingerprint": _fingerprint(row),
    }


def _show(state: AuthorityState, folder: Path, *, as_json: bool) -> None:
    facts = {
        "trust_domain": str(state.settings.trust_domain),
        "running": is_running(folder),
        "entries": len(state.registry.entries),
        "bundle_sequence": state.signers.sequence,
    }
    rows = [signer_facts(row) for row in state.signers.rows]
    if as_json:
        emit({"event": "status", **facts, "signers": rows})
        return
    console.print(
        f"authority of [bold]{facts['trust_domain']}[/bold], "
        f"{'running' if facts['running'] else 'not running'}, "
        f"{facts['entries']} entries, bundle {facts['bundle_sequence']}"
    )
    table = folded_table("what", "key", "stage", "until", "last SVID until")
    for row in rows:
        cells = (row["kind"], row["id"][:12], row["stage"])
        table.add_row(*cells, row["not_after"] or "", row["last_svid_ends"] or "")
    console.print(table)


@click.command()
@state_options
@settings_options
@password_option
def init(state: Path, as_json: bool, key_password: Path | None, **given: Any) -> None:
    """Make the state directory: keys, database, and nothing that listens."""
    settings = read_settings(given)
    if settings is None:
        raise click.UsageError("--trust-domain NAME: whose authority is it?")
    with AuthorityState.open(
        state, settings=settings, password=read_password(key_password)
    ) as opened:
        need_same(opened.settings, given)
        _show_without_lock(opened, as_json=as_json)


def _show_without_lock(state: AuthorityState, *, as_json: bool) -> None:
    rows = [signer_facts(row) for row in state.signers.rows]
    domain = str(state.settings.trust_domain)
    if as_json:
        emit({"event": "initialised", "trust_domain": domain, "signers": rows})
        return
    console.print(f"the authority of [bold]{domain}[/bold] is ready to run")
    if waiting_key(state) is not None:
        console.print("next: `handfast authority csr`, have it signed, `import`")


@click.command()
@state_options
def status(state: Path, as_json: bool) -> None:
    """Show what signs, what is prepared and what is retired."""
    with AuthorityState.look(state) as opened:
        _show(opened, state, as_json=as_json)


@click.command()
@state_options
@password_option
@click.option("--output", type=FILE, help="Write it here; standard output without it.")
def csr(
    state: Path, as_json: bool, key_password: Path | None, output: Path | None
) -> None:
    """Write the CSR of an intermediate for an offline root to sign."""
    with AuthorityState.look(state) as opened:
        keys = KeyStore(state / "keys", password=read_password(key_password))
        pem = make_csr(opened, keys)
    if output is not None:
        output.write_bytes(pem)
    if as_json:
        emit({"event": "csr", "csr": pem.decode("ascii")})
    elif output is None:
        click.echo(pem.decode("ascii"), nl=False)


@click.command("import")
@state_options
@click.argument("certificates", type=FILE, nargs=-1, required=True)
def import_signed(state: Path, as_json: bool, certificates: tuple[Path, ...]) -> None:
    """Take a signed intermediate and its root: one PEM file, or two in this order."""
    pem = b"\n".join(path.read_bytes() for path in certificates)
    with AuthorityState.look(state) as opened, naming(certificates[0]):
        signer = import_intermediate(opened, pem)
    if as_json:
        emit({"event": "imported", "id": signer})
    else:
        console.print(f"imported {signer[:12]}; the root is published now")


@click.command()
@state_options
@click.argument("kind", type=click.Choice(["root", "intermediate", "jwt"]))
def rotate(state: Path, as_json: bool, kind: Any) -> None:
    """Ask for a successor: it is published, and signs after the lead."""
    now = datetime.now(UTC)
    with AuthorityState.look(state) as opened:
        with opened.database.transaction() as run:
            wish_for(run, kind, now)
        signs_at = now + opened.settings.published_early
    running = is_running(state)
    if as_json:
        at = iso(signs_at) if running else None
        emit({"event": "asked", "kind": kind, "running": running, "signs_from": at})
    elif running:
        console.print(f"prepared now; it signs from {iso(signs_at)}")
    else:
        console.print("prepared when the authority runs next")
