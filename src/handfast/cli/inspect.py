# SPDX-License-Identifier: Apache-2.0
"""``handfast inspect``: a certificate, chain or bundle as a readable tree."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from rich.tree import Tree

from handfast import HandfastError, InvalidCertificate
from handfast._ffi import check_certificate
from handfast.certificates import is_ca, read_certificate, uri_names
from handfast.cli.certificates import read_any
from handfast.cli.identity import FILE, Moment
from handfast.cli.output import console, emit, human_duration, iso, shown
from handfast.cli.rules import findings, key_text


def _validity(cert: x509.Certificate, at: datetime) -> tuple[bool, str]:
    start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    span = f"{iso(start)} to {iso(end)}"
    if at < start:
        return False, f"{span}: begins in {human_duration(start - at)}"
    if at >= end:
        return False, f"{span}: expired {human_duration(at - end)} ago"
    return True, f"{span}: {human_duration(end - at)} left"


def _name(value: x509.ExtensionType) -> str:
    """Name an extension by its class: `KeyUsage`."""
    return type(value).__name__


def _engine(der: bytes, *, signing: bool) -> str:
    """Ask the engine about this certificate alone: "ok", or its reason."""
    try:
        check_certificate(der, signing=signing)
    except HandfastError as error:
        return str(error.reason)
    return "ok"


def facts_of(der: bytes, at: datetime) -> dict[str, Any]:
    """Say everything about one certificate, JSON-ready.

    Odd certificates are what this command is for: one that cannot be read as a whole
    still shows its digest and the engine's reason.
    """
    try:
        return _facts(read_certificate(der), der, at)
    except (InvalidCertificate, UnsupportedAlgorithm, ValueError) as error:
        verdict = _engine(der, signing=False)
        return {
            "role": "unreadable",
            "text": str(error),
            "sha256": hashlib.sha256(der).hexdigest(),
            "engine": "der_value" if verdict == "ok" else verdict,
        }


def _facts(cert: x509.Certificate, der: bytes, at: datetime) -> dict[str, Any]:
    valid, validity = _validity(cert, at)
    names = uri_names(cert)
    return {
        "role": "authority" if is_ca(cert) else "leaf",
        "spiffe_id": names[0] if len(names) == 1 else None,
        "uri_sans": names,
        "subject": cert.subject.rfc4514_string(),
        "issuer": cert.issuer.rfc4514_string(),
        "serial": f"{cert.serial_number:x}",
        "not_before": iso(cert.not_valid_before_utc),
        "not_after": iso(cert.not_valid_after_utc),
        "valid_now": valid,
        "validity": validity,
        "key": key_text(cert)[1],
        "sha256": hashlib.sha256(der).hexdigest(),
        "extensions": [
            {"oid": e.oid.dotted_string, "name": _name(e.value), "critical": e.critical}
            for e in cert.extensions
        ],
        "engine": _engine(der, signing=is_ca(cert)),
        "rules": [
            {"rule": f.rule, "kept": f.kept, "text": f.text} for f in findings(cert)
        ],
    }


def _branch(tree: Tree, number: int, facts: dict[str, Any]) -> None:
    if facts["role"] == "unreadable":
        node = tree.add(f"[bold]{number}[/] [red]cannot be read[/]: {facts['engine']}")
        node.add(shown(facts["text"]))
        node.add(f"sha256: {facts['sha256']}")
        return
    title = facts["spiffe_id"] or facts["subject"] or "(no name)"
    node = tree.add(f"[bold]{number}[/] {facts['role']} [bold]{shown(title)}[/]")
    for key in ("subject", "issuer", "serial", "key", "sha256"):
        node.add(f"{key}: {shown(str(facts[key]) or '(empty)')}")
    colour = "green" if facts["valid_now"] else "red"
    node.add(f"valid: [{colour}]{facts['validity']}[/]")
    extensions = node.add("extensions")
    for extension in facts["extensions"]:
        critical = " [bold](critical)[/]" if extension["critical"] else ""
        extensions.add(f"{extension['name']} {extension['oid']}{critical}")
    verdict = facts["engine"]
    colour = "green" if verdict == "ok" else "red"
    rules = node.add(f"SVID rules (the engine says: [{colour}]{verdict}[/])")
    for rule in facts["rules"]:
        mark = "[green]✓[/]" if rule["kept"] else "[red]✗[/]"
        rules.add(f"{mark} {rule['rule']:<8} {shown(rule['text'])}")


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--at", type=Moment(), help="Judge validity at this time, not now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@click.pass_context
def inspect(
    ctx: click.Context, files: tuple[Path, ...], at: datetime | None, as_json: bool
) -> None:
    """Show what is in FILES: certificates, chains (PEM, DER) or bundle documents.

    The SVID rules are ticked or crossed one by one. Nothing is authenticated here:
    that is what `handfast verify` does. Exit code 1 when a certificate breaks a rule.
    """
    moment = at or datetime.now(UTC)
    accepted = True
    for file in files:
        kind, ders = read_any(file)
        facts = [facts_of(der, moment) for der in ders]
        accepted &= all(one["engine"] == "ok" for one in facts)
        if as_json:
            emit({"file": str(file), "kind": kind, "certificates": facts})
            continue
        tree = Tree(f"{shown(str(file))}: {kind}, {len(facts)} certificate(s)")
        for number, one in enumerate(facts):
            _branch(tree, number, one)
        console.print(tree)
    ctx.exit(0 if accepted else 1)
