# SPDX-License-Identifier: Apache-2.0
"""``handfast fetch``: identities out of an agent, and into files if wanted."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast import (
    JwtBundleSet,
    JwtSvid,
    Reason,
    SourceError,
    SourceSnapshot,
    WorkloadApiSource,
)
from handfast.cli.fetch_after import After, read_signal
from handfast.cli.output import emit, human_duration, iso, notes
from handfast.sources.file_sets import FileSetWriter, plan_identity, plan_jwt

_RETRY = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the options said."""

    endpoint: str | None
    hint: str | None
    audience: tuple[str, ...]
    jwt_bundles: bool
    writer: FileSetWriter | None
    after: After
    wait: float
    as_json: bool


@dataclass(slots=True)
class Found:
    """What was fetched, as it was told last."""

    snapshot: SourceSnapshot
    token: JwtSvid | None
    keys: JwtBundleSet | None
    renew_at: float = math.inf


@asynccontextmanager
async def _opened(job: Job) -> AsyncGenerator[WorkloadApiSource, None]:
    source = WorkloadApiSource(job.endpoint, hint=job.hint, jwt_bundles=job.jwt_bundles)
    async with source:
        yield source


async def _fetch(
    job: Job, source: WorkloadApiSource, wait: float, last: Found | None = None
) -> Found:
    snapshot = await source.wait_ready(wait)
    keys = await source.wait_jwt_bundles(wait) if job.jwt_bundles else None
    if not job.audience:
        return Found(snapshot, None, keys)
    try:
        whose = snapshot.svid.spiffe_id
        token = await source.fetch_jwt_svid(job.audience, whose)
    except SourceError as error:
        if last is None or error.reason is Reason.SOURCE_REFUSED:
            raise
        # A renewed certificate does not wait for a token, nor take an ended one along.
        kept = last.token
        if kept is not None and datetime.now(UTC) >= kept.expires_at:
            kept = None
        return Found(snapshot, kept, keys, trio.current_time() + _RETRY)
    begin = token.issued_at or datetime.now(UTC)
    half = begin + (token.expires_at - begin) / 2
    left = max((half - datetime.now(UTC)).total_seconds(), _RETRY)
    return Found(snapshot, token, keys, trio.current_time() + left)


async def _deliver(job: Job, found: Found) -> bool:
    if job.writer is not None:
        plan = plan_identity(found.snapshot) | plan_jwt(found.token, found.keys)
        # Some disks take their time; streams are to go on meanwhile.
        await trio.to_thread.run_sync(job.writer.write, plan)
    _tell(job, found)
    return await job.after.act(None if job.writer is None else job.writer.directory)


def _facts(job: Job, found: Found) -> dict[str, Any]:
    svid = found.snapshot.svid
    facts: dict[str, Any] = {
        "event": "identity",
        "spiffe_id": str(svid.spiffe_id),
        "hint": svid.hint,
        "not_before": iso(svid.not_before),
        "not_after": iso(svid.not_after),
        "identities": [str(it.spiffe_id) for it in found.snapshot.svids],
        "bundles": {str(it.trust_domain): len(it) for it in found.snapshot.bundles},
        "generation": found.snapshot.generation,
    }
    if found.token is not None:
        facts["jwt"] = {
            "spiffe_id": str(found.token.spiffe_id),
            "audience": list(found.token.audience),
            "expires_at": iso(found.token.expires_at),
        }
        if job.writer is None:
            # It was asked for, and there is no file to put it into.
            facts["jwt"]["token"] = found.token.token
    if job.writer is not None:
        facts["directory"] = str(job.writer.directory)
    return facts


def _tell(job: Job, found: Found) -> None:
    if job.as_json:
        emit(_facts(job, found))
        return
    svid = found.snapshot.svid
    left = human_duration(svid.expires_in())
    notes.print(f"[bold green]{svid.spiffe_id}[/] until {iso(svid.not_after)} ({left})")
    for bundle in found.snapshot.bundles:
        notes.print(f"  trusts {bundle.trust_domain}: {len(bundle)} authorities")
    if job.writer is not None:
        notes.print(f"  written to {job.writer.directory}", markup=False)
    if found.token is not None and job.writer is None:
        click.echo(found.token.token)


async def _once(job: Job) -> int:
    async with _opened(job) as source:
        found = await _fetch(job, source, job.wait)
    return 0 if await _deliver(job, found) else 3


async def _watch(job: Job) -> None:
    async with _opened(job) as source:
        wait = job.wait
        last: Found | None = None
        while True:
            changes, due = source.changes, trio.current_time() + _RETRY
            try:
                found = await _fetch(job, source, wait, last)
            except SourceError as error:
                if wait:
                    raise  # nothing ever came
                if await _withdraw(job, error):
                    last = None
            else:
                wait, due = 0.0, found.renew_at
                if last is None or _content(found) != _content(last):
                    await _deliver(job, found)
                last = found
            with trio.move_on_at(due):
                await source.wait_changed(changes)


def _content(found: Found) -> object:
    return found.snapshot.generation, found.token, found.keys


async def _withdraw(job: Job, error: SourceError) -> bool:
    """Take files away that the agent does not grant any more (WAPI-51)."""
    if error.reason is not Reason.SOURCE_REFUSED:
        return False
    if job.writer is None or not await trio.to_thread.run_sync(job.writer.withdraw):
        return True
    if job.as_json:
        emit({"event": "withdrawn", "seen": error.seen})
    else:
        notes.print("[bold red]withdrawn[/]", end=" ")
        notes.print(str(error), markup=False, highlight=False)
    await job.after.act(job.writer.directory)
    return True


@click.command()
@click.option(
    "--endpoint",
    metavar="URI",
    help="The agent's Workload API; without it SPIFFE_ENDPOINT_SOCKET.",
)
@click.option("--hint", help="Of several identities, the one with this hint.")
@click.option(
    "--write",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write svid.pem, svid_key.pem, svid_bundle.pem and more, all at once.",
)
@click.option("--watch", is_flag=True, help="Go on, and do it again on each renewal.")
@click.option(
    "--jwt", "audience", multiple=True, metavar="AUDIENCE", help="A token, too."
)
@click.option("--jwt-bundles", is_flag=True, help="Whose tokens to take, too.")
@click.option(
    "--exec", "command", metavar="CMD", help="Run this each time; there is no shell."
)
@click.option("--signal", "signal_name", metavar="NAME", help="Send it each time ...")
@click.option(
    "--pid-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="... to the process whose number is here.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Seconds to wait for the first identity.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
@click.pass_context
def fetch(
    context: click.Context,
    endpoint: str | None,
    hint: str | None,
    directory: Path | None,
    watch: bool,
    audience: tuple[str, ...],
    jwt_bundles: bool,
    command: str | None,
    signal_name: str | None,
    pid_file: Path | None,
    wait: float,
    as_json: bool,
) -> None:
    """Fetch our identity from an agent; write it to files; keep them fresh."""
    if (signal_name is None) != (pid_file is None):
        raise click.UsageError("--signal and --pid-file go together")
    wanted = None if signal_name is None else read_signal(signal_name)
    job = Job(
        endpoint=endpoint,
        hint=hint,
        audience=audience,
        jwt_bundles=jwt_bundles,
        writer=None if directory is None else FileSetWriter(directory),
        after=After(command=command, signum=wanted, pid_file=pid_file, as_json=as_json),
        wait=wait,
        as_json=as_json,
    )
    if watch:
        trio.run(partial(_watch, job))
        return
    context.exit(trio.run(partial(_once, job)))
