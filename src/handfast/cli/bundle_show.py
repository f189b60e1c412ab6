# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle show``: the authorities of bundles, one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from rich.tree import Tree

from handfast import BundleDocument, TrustDomain
from handfast.cli.bundle_files import add_authority, authorities, read_bundle_file
from handfast.cli.identity import Moment
from handfast.cli.output import console, emit, shown


def _facts(
    name: TrustDomain | None, document: BundleDocument, at: datetime
) -> dict[str, Any]:
    return {
        "trust_domain": None if name is None else name.name,
        "sequence": document.sequence,
        "refresh_hint": document.refresh_hint,
        "authorities": authorities(document, at),
    }


def _branch(tree: Tree, facts: dict[str, Any]) -> None:
    name = facts["trust_domain"] or "(whose it is was not said)"
    told = [
        f"{word} {facts[key]}"
        for key, word in (("sequence", "sequence"), ("refresh_hint", "refresh hint"))
        if facts[key] is not None
    ]
    numbers = f" {', '.join(told)}" if told else ""
    node = tree.add(f"[bold]{shown(name)}[/]{numbers}")
    for one in facts["authorities"]:
        add_authority(node, one)
    if not facts["authorities"]:
        node.add("[red]nobody[/]: every SVID of this trust domain is refused")


@click.command("show")
@click.argument("files", nargs=-1, required=True, metavar="[TRUST-DOMAIN=]FILE...")
@click.option("--at", type=Moment(), help="Judge validity at this time, not now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def command(files: tuple[str, ...], at: datetime | None, as_json: bool) -> None:
    """Show whom bundles trust: PEM, DER, SPIFFE bundle documents, bundle maps.

    A fingerprint is SHA-256 over a certificate, or over the public key of tokens.
    """
    moment = at or datetime.now(UTC)
    for text in files:
        file = read_bundle_file(text)
        found = [_facts(name, one, moment) for name, one in file.bundles.items()]
        if as_json:
            emit({"file": str(file.path), "form": file.form, "bundles": found})
            continue
        tree = Tree(f"{shown(str(file.path))}: {file.form}")
        for facts in found:
            _branch(tree, facts)
        console.print(tree)
