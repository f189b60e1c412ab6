# SPDX-License-Identifier: Apache-2.0
"""`handfast authority audit`, `crl`, `bundle`: what went out, and what is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from handfast import TrustDomain
from handfast.authority.audit import AuditRow, read_audit
from handfast.authority.federated import FederatedBundles
from handfast.authority.revocation import REASONS, revoke
from handfast.authority.state import AuthorityState
from handfast.cli.authority.options import state_options
from handfast.cli.certificates import naming
from handfast.cli.identity import FILE, Moment
from handfast.cli.output import console, emit, iso
from handfast.text import escape

# Facts of a process that its description has, too.
_SAID = {"pid", "uid", "path"}
# Bytes of one fact: paths have up to 4,096.
_SHOWN = 8192


def _facts(row: AuditRow) -> dict[str, Any]:
    facts = {
        "number": row.number,
        "at": iso(row.at),
        "event": row.event,
        "spiffe_id": row.spiffe_id,
        "entry": row.entry,
        "serial": row.serial,
        "not_after": None if row.not_after is None else iso(row.not_after),
        "details": dict(row.details),
    }
    return {name: value for name, value in facts.items() if value not in (None, {})}


@click.command()
@state_options
@click.option("--spiffe-id", help="Of this identity alone.")
@click.option("--event", help="Of this kind alone: x509_issued, entry_added …")
@click.option("--serial", help="Of this certificate alone.")
@click.option("--since", type=Moment(), help="Not what was before.")
@click.option("--last", type=click.IntRange(1), default=100, show_default=True)
def audit(
    state: Path,
    as_json: bool,
    spiffe_id: str | None,
    event: str | None,
    serial: str | None,
    since: datetime | None,
    last: int,
) -> None:
    """Show what was issued to whom and why, and what was changed."""
    wanted = {"spiffe_id": spiffe_id, "event": event, "serial": serial, "since": since}
    with AuthorityState.look(state) as opened:
        rows = list(read_audit(opened.database, last=last, **wanted))  # type: ignore[arg-type]
    if as_json:
        for row in rows:
            # What happened stands under "event" already.
            emit(_facts(row))
        return
    for row in rows:
        for line in _lines(row):
            click.echo(line)


def _lines(row: AuditRow) -> Iterator[str]:
    """A row for people: what happened, and under it what it rests on, whole.

    A process chooses the name of its executable, and may not write to a terminal by it.
    """
    ends = [] if row.not_after is None else ["until", iso(row.not_after)]
    yield " ".join([iso(row.at), row.event, *filter(None, [row.spiffe_id]), *ends])
    facts: dict[str, Any] = {"serial": row.serial, "entry": row.entry, **row.details}
    if "caller" in facts:
        # It says them, in words.
        facts = {name: it for name, it in facts.items() if name not in _SAID}
    for name, value in facts.items():
        parts = value if isinstance(value, list) else [value]
        shown = ", ".join(_shown(str(part)) for part in parts)
        if shown and value is not None:
            yield f"    {name}: {shown}"


def _shown(text: str) -> str:
    return text if text.isprintable() else escape(text, limit=_SHOWN)


@click.group()
def crl() -> None:
    """Take SVIDs back before their end."""


@crl.command("revoke")
@state_options
@click.argument("serial")
@click.option("--reason", type=click.Choice(REASONS), default="unspecified")
def revoke_serial(state: Path, as_json: bool, serial: str, reason: Any) -> None:
    """Revoke the SVID with this serial (`audit` lists them)."""
    with AuthorityState.look(state) as opened:
        revoke(opened.database, serial, reason)
    if as_json:
        emit({"event": "revoked", "serial": serial, "reason": reason})
    else:
        console.print(f"revoked {serial}; its workload gets another one")


@click.group()
def bundle() -> None:
    """Show our own bundle; keep those of other trust domains."""


@bundle.command("show")
@state_options
@click.option(
    "--format",
    "kind",
    type=click.Choice(["spiffe", "pem"]),
    default="spiffe",
    show_default=True,
    help="A SPIFFE bundle document with X.509 and JWT keys, or the roots as PEM.",
)
def show(state: Path, as_json: bool, kind: str) -> None:
    """Print the bundle that others need."""
    with AuthorityState.look(state) as opened:
        if kind == "pem":
            data = opened.signers.bundle.to_pem()
        else:
            data = opened.bundle_document().to_json()
    if as_json:
        emit({"event": "bundle", "format": kind, "bundle": data.decode("ascii")})
    else:
        click.echo(data.decode("ascii"), nl=False)


def _federated(state: AuthorityState) -> FederatedBundles:
    return FederatedBundles(state.database, state.settings.trust_domain)


@bundle.command("list")
@state_options
def show_federated(state: Path, as_json: bool) -> None:
    """List the trust domains that we have bundles of."""
    with AuthorityState.look(state) as opened:
        found = _federated(opened)
        for domain in found.trust_domains:
            (one,) = found.x509([domain])
            facts = {"sequence": one.sequence, "x509_authorities": len(one)}
            if as_json:
                emit({"event": "federated", "trust_domain": str(domain), **facts})
            else:
                console.print(f"{domain}: {len(one)} X.509 authorities")


@bundle.command("set")
@state_options
@click.argument("trust_domain")
@click.argument("file", type=FILE)
@click.option(
    "--override",
    is_flag=True,
    help="Though it is older than what is there: its publisher has lost its numbers.",
)
def put(
    state: Path, as_json: bool, trust_domain: str, file: Path, override: bool
) -> None:
    """Take a SPIFFE bundle document of another trust domain.

    With --override it counts until the next one is fetched; one without a sequence
    number is followed by any other.
    """
    with AuthorityState.look(state) as opened, naming(file):
        domain = TrustDomain.parse(trust_domain)
        _federated(opened).put(domain, file.read_bytes(), override=override)
    if as_json:
        emit({"event": "set", "trust_domain": trust_domain})
    else:
        console.print(f"the bundle of {trust_domain} is {file} now", markup=False)


@bundle.command("remove")
@state_options
@click.argument("trust_domain")
def remove(state: Path, as_json: bool, trust_domain: str) -> None:
    """Forget another trust domain's bundle."""
    with AuthorityState.look(state) as opened:
        _federated(opened).remove(TrustDomain.parse(trust_domain))
    if as_json:
        emit({"event": "removed", "trust_domain": trust_domain})
    else:
        console.print(f"nobody of {trust_domain} is trusted any more")
