# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle diff``: what a newer bundle trusts that an older one did not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from rich.tree import Tree

from handfast import BundleDocument, TrustBundle, TrustDomain
from handfast.bundle_document import Ordering
from handfast.cli.bundle_files import (
    BundleFile,
    add_authority,
    authorities,
    read_bundle_file,
)
from handfast.cli.identity import Moment
from handfast.cli.output import console, emit, shown

Json = dict[str, Any]

_ORDERING = {
    Ordering.FIRST: "the first",
    Ordering.NEWER: "newer",
    Ordering.SAME: "the same",
    Ordering.CHANGED: "[yellow]changed without a higher sequence[/]",
    Ordering.OLDER: "[red]older: a federation client refuses it[/]",
}


def _identity(facts: Json) -> tuple[str, str, str | None, str | None]:
    """What makes an authority that one: for tokens the key and its name."""
    kid, algorithm = facts.get("kid"), facts.get("algorithm")
    return facts["use"], facts["sha256"], kid, algorithm


def _compared(
    name: TrustDomain | None,
    old: BundleDocument | None,
    new: BundleDocument | None,
    at: datetime,
) -> Json:
    before = [] if old is None else authorities(old, at)
    after = [] if new is None else authorities(new, at)
    olds = {_identity(one) for one in before}
    news = {_identity(one) for one in after}
    ordering = None if new is None else _ordering(old, new)
    return {
        "trust_domain": None if name is None else name.name,
        "ordering": ordering,
        "sequence": [old and old.sequence, new and new.sequence],
        "added": [one for one in after if _identity(one) not in olds],
        "removed": [one for one in before if _identity(one) not in news],
        "kept": [one for one in after if _identity(one) in olds],
    }


def _ordering(old: BundleDocument | None, new: BundleDocument) -> Ordering:
    """How the newer stands to the older, as if both were of one trust domain."""
    if old is None:
        return Ordering.FIRST
    renamed = BundleDocument.of(
        TrustBundle(new.trust_domain, old.x509.x509_authorities),
        type(old.jwt)(new.trust_domain, old.jwt.keys, old.jwt.algorithms),
        sequence=old.sequence,
    )
    return new.compared_to(renamed)


def _compare(old: BundleFile, new: BundleFile, at: datetime) -> list[Json]:
    if (old.form == "map") != (new.form == "map"):
        raise click.UsageError("a map is compared with a map")
    if old.form != "map":
        (name,) = new.bundles
        return [_compared(name, old.only, new.only, at)]
    names = sorted({*old.bundles, *new.bundles}, key=str)
    return [
        _compared(name, old.bundles.get(name), new.bundles.get(name), at)
        for name in names
    ]


def _branch(tree: Tree, facts: Json) -> None:
    name = shown(facts["trust_domain"] or "(whose it is was not said)")
    before, after = facts["sequence"]
    if facts["ordering"] is None:
        node = tree.add(f"[bold]{name}[/] [red]is gone[/]")
    else:
        words = _ORDERING[facts["ordering"]]
        numbers = "" if before == after else f" sequence {before} → {after}:"
        node = tree.add(f"[bold]{name}[/]{numbers} {words}")
    for kind, colour, mark in (("removed", "red", "-"), ("added", "green", "+")):
        for one in facts[kind]:
            add_authority(node, one, f"[{colour}]{mark}[/] ")
    if facts["kept"]:
        node.add(f"{len(facts['kept'])} in both")


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--at", type=Moment(), help="Judge validity at this time, not now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(
    ctx: click.Context, old: str, new: str, at: datetime | None, as_json: bool
) -> None:
    """Compare two bundles, authority by authority: [TRUST-DOMAIN=]FILE each.

    Also of different forms: PEM with a SPIFFE bundle document, for example. Exit code
    1 when they do not trust the same authorities, 0 when they do, in any order.
    """
    found = _compare(
        read_bundle_file(old), read_bundle_file(new), at or datetime.now(UTC)
    )
    same = not any(one["added"] or one["removed"] for one in found)
    if as_json:
        emit({"old": old, "new": new, "same": same, "bundles": found})
    else:
        tree = Tree(f"{shown(old)} → {shown(new)}")
        for facts in found:
            _branch(tree, facts)
        console.print(tree)
    ctx.exit(0 if same else 1)
