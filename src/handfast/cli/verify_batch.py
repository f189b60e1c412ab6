# SPDX-License-Identifier: Apache-2.0
"""``handfast verify --batch``: very many chains, in bounded memory.

One piece of some thousand chains is judged in a thread, without the GIL, while the next
one is read here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Final, TypeAlias

import click
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from handfast import BatchResult, BatchSummary, Reason, Verifier
from handfast.cli.output import console, emit, notes, shown
from handfast.cli.verify_batch_input import Entry, Inputs
from handfast.cli.verify_batch_output import Row, Sink, open_sinks
from handfast.reasons import ROWS

_Show: TypeAlias = Callable[[BatchSummary], object]

# A piece ends at whichever comes first: honest chains reach the number, and what is
# far larger than any chain must not fill the memory with a thousand of its kind.
_CHUNK: Final = 4096
_BYTES: Final = 64 << 20
_NOTHING: Final = BatchSummary(total=0, accepted=0, by_reason={})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch is read and where its verdicts go, as on the command line."""

    as_json: bool
    split: bool = False
    only_refused: bool = False
    csv_file: Path | None = None
    arrow_file: Path | None = None
    threads: int | None = None

    @property
    def lean(self) -> bool:
        """Whether nobody wants to hear of what is accepted, but in the sums."""
        tables = self.as_json or self.csv_file or self.arrow_file
        return self.only_refused or not tables


def verify_batch(
    paths: Sequence[Path], verifier: Verifier, options: BatchOptions
) -> int:
    """Judge everything in the paths.

    Returns:
        The exit code: 3 when something could not be read, 1 when a chain was refused.

    Raises:
        click.UsageError: there is no chain at all.
    """
    inputs = Inputs(paths, split=options.split)
    started = time.perf_counter()
    with (
        open_sinks(
            as_json=options.as_json,
            csv_file=options.csv_file,
            arrow_file=options.arrow_file,
        ) as sinks,
        _progress(inputs, quiet=options.as_json) as show,
    ):
        summary = _NOTHING
        for rows, part in _verdicts(inputs, verifier, options):
            summary += part
            show(summary)
            if rows:
                _write(rows, sinks)
    if not summary.total and not inputs.unreadable:
        raise click.UsageError("there is no chain in what was given")
    report = _report_json if options.as_json else _report
    report(summary, inputs, time.perf_counter() - started)
    if inputs.unreadable:
        return 3
    return 1 if summary.refused else 0


def _write(rows: Sequence[Row], sinks: Sequence[Sink]) -> None:
    for sink in sinks:
        sink.add(rows)


def take_piece(source: Iterator[Entry]) -> list[Entry]:
    """Read on until there is enough to judge; nothing at the end."""
    some: list[Entry] = []
    size = 0
    for entry in islice(source, _CHUNK):
        some.append(entry)
        chain = entry.chain
        size += len(chain) if isinstance(chain, bytes) else sum(map(len, chain))
        if size >= _BYTES:
            break
    return some


def _verdicts(
    entries: Inputs, verifier: Verifier, options: BatchOptions
) -> Iterator[tuple[list[Row], BatchSummary]]:
    source = iter(entries)
    with ThreadPoolExecutor(max_workers=1) as pool:
        before: tuple[list[Entry], Future[BatchResult]] | None = None
        while True:
            some = take_piece(source)
            chains = [it.chain for it in some if not isinstance(it.chain, Reason)]
            job = pool.submit(verifier.verify_many, chains, threads=options.threads)
            if before is not None:
                yield _rows(before[0], before[1].result(), lean=options.lean)
            if not some:
                return
            before = (some, job)


def _rows(
    entries: Sequence[Entry], result: BatchResult, *, lean: bool
) -> tuple[list[Row], BatchSummary]:
    """Put the verdicts beside their files; what was no chain at all has its own."""
    judged = count()
    rows: list[Row] = []
    unread: dict[Reason, int] = {}
    for entry in entries:
        if isinstance(entry.chain, Reason):
            unread[entry.chain] = unread.get(entry.chain, 0) + 1
            row = Row(entry.file, entry.place, False, entry.chain, None, None, None)
            rows.append(row)
            continue
        index = next(judged)
        if lean and result.ok[index]:
            continue
        item = result[index]
        rows.append(
            Row(
                entry.file,
                entry.place,
                item.ok,
                item.reason,
                item.depth,
                None if item.spiffe_id is None else str(item.spiffe_id),
                result.not_after[index] if item.ok else None,
            )
        )
    broken = BatchSummary(total=sum(unread.values()), accepted=0, by_reason=unread)
    return rows, result.summary() + broken


# ---- what a person sees ----


@contextmanager
def _progress(inputs: Inputs, *, quiet: bool) -> Generator[_Show]:
    """Show how far it is, on standard error, where a person looks at it."""
    if quiet or not notes.is_terminal:
        yield lambda _summary: None
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[said]}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=inputs.total_bytes(), said="reading")

        def show(summary: BatchSummary) -> None:
            said = f"{summary.total:,} chains, {summary.refused:,} refused"
            bar.update(task, completed=inputs.bytes_read, said=said)

        yield show


def _report(summary: BatchSummary, inputs: Inputs, seconds: float) -> None:
    if summary.by_reason:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("refused", justify="right", style="bold red")
        table.add_column("reason", style="bold")
        table.add_column("which is")
        for reason, count in summary.by_reason.items():
            table.add_row(f"{count:,}", str(reason), shown(ROWS[reason].text))
        console.print()
        console.print(table)
        console.print()
    rate = summary.total / max(seconds, 1e-9)
    colour = "green" if not summary.refused else "red"
    console.print(
        f"[bold]{summary.total:,} chains[/]: {summary.accepted:,} accepted, "
        f"[{colour}]{summary.refused:,} refused[/], "
        f"in {seconds:.1f} s ({rate:,.0f} a second)",
        highlight=False,
    )
    if inputs.skipped:
        console.print(
            f"[dim]files passed over, without a certificate: {inputs.skipped:,}[/]",
            highlight=False,
        )
    for name, error in inputs.unreadable:
        notes.print(
            f"[bold red]not read[/] {shown(name)}: {shown(error.strerror or '')}",
            highlight=False,
            soft_wrap=True,
        )


def _report_json(summary: BatchSummary, inputs: Inputs, seconds: float) -> None:
    emit(
        {
            "event": "summary",
            "total": summary.total,
            "accepted": summary.accepted,
            "refused": summary.refused,
            "by_reason": {str(k): count for k, count in summary.by_reason.items()},
            "files_without_certificate": inputs.skipped,
            "unreadable": [
                {"file": name, "text": error.strerror}
                for name, error in inputs.unreadable
            ],
            "seconds": round(seconds, 3),
        }
    )
