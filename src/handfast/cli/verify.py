# SPDX-License-Identifier: Apache-2.0
"""``handfast verify``: chain files against bundle files, without a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from handfast import (
    ChainVerifier,
    HandfastError,
    RevocationLists,
    TrustBundleSet,
    VerificationError,
    VerifiedPeer,
    Verifier,
    authorize,
)
from handfast.cli.certificates import read_chain, read_crls
from handfast.cli.identity import FILE, Moment, read_authorizer, read_bundles
from handfast.cli.output import (
    console,
    emit,
    error_facts,
    explain,
    iso,
    peer_facts,
    shown,
)
from handfast.cli.verify_batch import BatchOptions, verify_batch
from handfast.names import DnsName, IpAddress, parse_name

_Judge = Callable[[Sequence[bytes]], VerifiedPeer]


def _report(file: Path, peer: VerifiedPeer, *, as_json: bool) -> None:
    if as_json:
        emit({"file": str(file), "ok": True, **peer_facts(peer)})
        return
    who = "chain" if peer.spiffe_id is None else str(peer.spiffe_id)
    console.print(
        f"[bold green]ok[/]      {shown(str(file))}: {who} "
        f"until {iso(peer.not_after)} ({peer.path_length} certificates)"
    )


def _refuse(file: Path, error: HandfastError, *, as_json: bool) -> None:
    if as_json:
        emit({"file": str(file), "ok": False, **error_facts(error)})
        return
    console.print(f"[bold red]refused[/] {shown(str(file))}: {error.reason}")
    explain(error)


def _judge_all(files: Sequence[Path], judge: _Judge, *, as_json: bool) -> int:
    refused = 0
    for file in files:
        try:
            _report(file, judge(read_chain(file)), as_json=as_json)
        except (VerificationError, ValueError) as error:
            if not isinstance(error, HandfastError):
                raise
            refused += 1
            _refuse(file, error, as_json=as_json)
    return refused


def _web_judge(
    roots: Path | None,
    name: str | None,
    at: datetime | None,
    purpose: Literal["either", "client", "server"],
    crls: Sequence[Path],
    crl_policy: Literal["required", "if_available"],
) -> _Judge:
    expected: DnsName | IpAddress | None = None if name is None else parse_name(name)
    return ChainVerifier(
        None if roots is None else roots.read_bytes(),
        purpose="client" if purpose == "client" else "server",
        expected_name=expected,
        at=at,
        crls=read_crls(crls) if crls else None,
        crl_policy=crl_policy,
    ).verify


def _spiffe_lists(
    files: Sequence[Path], trusted: TrustBundleSet
) -> RevocationLists | None:
    """Find out whose each list is; None asks none."""
    if not files:
        return None
    signers = {it.trust_domain: it.x509_authorities for it in trusted}
    lists = RevocationLists.sort(read_crls(files), signers)
    if lists.put_aside > len(lists.unclaimed):
        raise click.UsageError("--crl: one of these is no revocation list")
    return lists


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    metavar="TRUST-DOMAIN=FILE",
    help="Authorities of a trust domain; repeat it for several.",
)
@click.option("--allow", multiple=True, metavar="ID")
@click.option("--allow-prefix", multiple=True, metavar="ID")
@click.option("--allow-trust-domain", multiple=True, metavar="NAME")
@click.option("--at", type=Moment(), help="Judge at this time instead of now.")
@click.option(
    "--purpose",
    type=click.Choice(["either", "client", "server"]),
    default="either",
    show_default=True,
)
@click.option(
    "--rules",
    type=click.Choice(["strict", "compatible"]),
    default="strict",
    show_default=True,
)
@click.option("--web", is_flag=True, help="Plain RFC 5280 paths, no SPIFFE rules.")
@click.option("--roots", type=FILE, help="With --web: these roots, not the system's.")
@click.option("--name", help="With --web: the host name or IP address expected.")
@click.option(
    "--crl",
    "crls",
    multiple=True,
    type=FILE,
    help="A revocation list (PEM or DER); repeat it for several. It counts for whom "
    "its signer is above.",
)
@click.option(
    "--crl-policy",
    type=click.Choice(["required", "if_available"]),
    default="required",
    show_default=True,
    help="With --crl: what a certificate that no list speaks of is.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chain.")
@click.option(
    "--batch",
    is_flag=True,
    help="Very many: FILES may be directories, or - for standard input.",
)
@click.option(
    "--split-leaves",
    is_flag=True,
    help="With --batch: each certificate of a file that is no CA begins a chain. "
    "Standard input is always split so.",
)
@click.option("--only-refused", is_flag=True, help="With --batch: list no others.")
@click.option("--csv", "csv_file", type=FILE, help="With --batch: a table, too.")
@click.option(
    "--arrow", "arrow_file", type=FILE, help="With --batch: an Arrow file, too."
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help="With --batch: verify on so many, instead of on all processors.",
)
@click.pass_context
def verify(
    ctx: click.Context,
    files: tuple[Path, ...],
    bundles: tuple[str, ...],
    allow: tuple[str, ...],
    allow_prefix: tuple[str, ...],
    allow_trust_domain: tuple[str, ...],
    at: datetime | None,
    purpose: Literal["either", "client", "server"],
    rules: Literal["strict", "compatible"],
    web: bool,
    roots: Path | None,
    name: str | None,
    crls: tuple[Path, ...],
    crl_policy: Literal["required", "if_available"],
    as_json: bool,
    batch: bool,
    split_leaves: bool,
    only_refused: bool,
    csv_file: Path | None,
    arrow_file: Path | None,
    threads: int | None,
) -> None:
    """Verify the chain in each of FILES (PEM or DER, leaf first).

    Exit code 0 when every chain is accepted, 1 when one is refused, 3 when a file
    cannot be read.
    """
    given = (allow, allow_prefix, allow_trust_domain)
    options = BatchOptions(
        split=split_leaves,
        only_refused=only_refused,
        as_json=as_json,
        csv_file=csv_file,
        arrow_file=arrow_file,
        threads=threads,
    )
    if not batch and options != BatchOptions(as_json=as_json):
        raise click.UsageError(
            "--split-leaves, --only-refused, --csv, --arrow and --threads belong to "
            "--batch"
        )
    if web:
        if batch:
            raise click.UsageError("--batch is for SVIDs, not for --web")
        if bundles or any(given):
            raise click.UsageError("--web takes --roots and --name, no SPIFFE options")
        judge = _web_judge(roots, name, at, purpose, crls, crl_policy)
    else:
        if roots is not None or name is not None:
            raise click.UsageError("--roots and --name belong to --web")
        if not bundles:
            raise click.UsageError("name the authorities: --bundle TRUST-DOMAIN=FILE")
        trusted = read_bundles(bundles)
        verifier = Verifier(
            trusted,
            authorize=read_authorizer(*given) if any(given) else authorize.anyone(),
            # One moment for all of a batch, however long it takes.
            at=datetime.now(UTC) if batch and at is None else at,
            rules=rules,
            purpose=purpose,
            crls=_spiffe_lists(crls, trusted),
            crl_policy=crl_policy,
        )
        if batch:
            ctx.exit(verify_batch(files, verifier, options))
        judge = verifier.verify
    ctx.exit(1 if _judge_all(files, judge, as_json=as_json) else 0)
