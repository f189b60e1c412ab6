# SPDX-License-Identifier: Apache-2.0
"""`handfast authority distrust`: a key that somebody else may have."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from handfast.authority.distrusting import Distrust, plan_distrust
from handfast.authority.distrusting import distrust as distrust_keys
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState, is_running
from handfast.cli.authority.options import state_options
from handfast.cli.output import console, emit, human_duration, iso, notes

__all__ = ["distrust"]


def _warnings(
    found: Distrust, settings: AuthoritySettings, *, running: bool
) -> list[str]:
    """Say what breaks, and what has to be done by hand."""
    hint = human_duration(settings.refresh_hint)
    lines = [f"{row.kind} {row.id} goes out of the bundle" for row in found.signers]
    if found.svids:
        lines.append(
            f"{found.svids} X.509-SVIDs that hold now are refused by everybody who has "
            "the new bundle, and their connections end where that is asked for"
        )
    if found.token_until is not None:
        ends = iso(datetime.fromtimestamp(found.token_until, UTC))
        lines.append(f"JWT-SVIDs under them are refused (they would end at {ends})")
    lines.append(
        "new keys sign at once, not after the lead: who polls our bundle, as other "
        f"trust domains do, refuses new SVIDs until then (refresh hint: {hint})"
    )
    if found.ids("root"):
        lines.append(
            "copies of the bundle in files, and whatever does not poll, go on "
            "trusting the old root: replace them"
        )
    if found.nodes:
        names = ", ".join(name.rpartition("/")[2] for name in found.nodes)
        lines.append(
            f"agents of other hosts get nothing until they join again, with a new "
            f"token and the new bundle: {names}"
        )
    if found.trusts_nobody and settings.offline_root:
        lines.append(
            "nothing is signed until `csr` was signed by a new root, and imported"
        )
    if not running:
        lines.append("no authority runs here: what is missing is made when it does")
    return lines


@click.command()
@state_options
@click.argument("kind", type=click.Choice(["root", "intermediate", "jwt"]))
@click.argument("keys", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All keys of this kind.")
@click.option("--why", required=True, help="For the audit log.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def distrust(
    state: Path,
    as_json: bool,
    kind: Any,
    keys: tuple[str, ...],
    every: bool,
    why: str,
    yes: bool,
) -> None:
    """Believe a key no more, at once: somebody else may have it.

    It leaves the bundle now, new keys are made and sign now, and every workload gets
    the new bundle and a new SVID. IDs are those of `status --json`. An intermediate
    takes its root along, as whoever trusts that believes what it signs. Where nothing
    was stolen, `rotate` breaks nothing.
    """
    if bool(keys) == every:
        raise click.UsageError("say which: IDs of `status --json`, or --all")
    if as_json and not yes:
        raise click.UsageError("with --json nobody is asked: say --yes")
    with AuthorityState.look(state) as opened:
        running = is_running(state)
        found = plan_distrust(opened, kind, keys)
        warnings = _warnings(found, opened.settings, running=running)
        for line in () if as_json else warnings:
            notes.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
        if not yes:
            click.confirm("Do it?", abort=True)
        done = distrust_keys(opened, kind, keys, why=why)
        sequence = opened.signers.sequence
    if as_json:
        emit(
            {
                "event": "distrusted",
                "roots": list(done.ids("root")),
                "intermediates": list(done.ids("intermediate")),
                "jwt_keys": list(done.ids("jwt")),
                "svids": done.svids,
                "nodes_to_join_again": list(done.nodes),
                "bundle_sequence": sequence,
                "running": running,
                "warnings": warnings,
            }
        )
    else:
        console.print(f"done: the bundle is number {sequence} now")
