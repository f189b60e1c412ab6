# SPDX-License-Identifier: Apache-2.0
"""Where the verdicts of a batch go: to a person, as JSON lines, CSV, or Arrow.

All of them are written while the batch runs, so that none has to be kept.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import click

from handfast import Reason
from handfast.batch_export import need
from handfast.cli.output import console, shown
from handfast.reasons import ROWS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 20


class Row(NamedTuple):
    """The verdict on one chain, as it is written."""

    file: str
    chain: int | None
    ok: bool
    reason: Reason | None
    depth: int | None
    spiffe_id: str | None
    not_after: int | None

    @property
    def where(self) -> str:
        """The file, and which chain of it."""
        return self.file if self.chain is None else f"{self.file}#{self.chain}"

    @property
    def until(self) -> str | None:
        """`not_after` in ISO 8601."""
        if self.not_after is None:
            return None
        try:
            moment = _EPOCH + timedelta(seconds=self.not_after)
        except OverflowError:
            return "9999-12-31T23:59:59Z"
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Sink(Protocol):
    """Takes rows, some thousand at a time."""

    def add(self, rows: Sequence[Row]) -> None:
        """Write them."""


class ForPeople:
    """The first refusals, on standard output; the summary comes at the end."""

    def __init__(self) -> None:
        self._shown = 0
        self._more = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Show what was refused."""
        for row in rows:
            if row.reason is None:
                continue
            if self._shown == _SHOWN:
                self._more += 1
                continue
            self._shown += 1
            which = "" if row.depth is None else f" (certificate {row.depth})"
            console.print(
                f"[bold red]refused[/] {shown(row.where)}: [bold]{row.reason}[/], "
                f"{shown(ROWS[row.reason].text)}{which}",
                highlight=False,
                soft_wrap=True,
            )

    def close(self) -> None:
        """Say how many were not shown."""
        if self._more:
            console.print(
                f"[dim]... and {self._more:,} more: "
                "--json, --csv or --arrow list them all[/]",
                highlight=False,
            )


class JsonLines:
    """One object a chain, on standard output."""

    def add(self, rows: Sequence[Row]) -> None:
        """Print them."""
        sys.stdout.write("".join(map(_json, rows)))
        sys.stdout.flush()


def _json(row: Row) -> str:
    facts: dict[str, Any] = {"file": row.file, "chain": row.chain, "ok": row.ok}
    if row.reason is None:
        facts |= {"spiffe_id": row.spiffe_id, "not_after": row.until}
    else:
        known = ROWS[row.reason]
        facts |= {"reason": row.reason, "depth": row.depth, "text": known.text}
        facts["hint"] = known.hint or None
    kept = {key: value for key, value in facts.items() if value is not None}
    return json.dumps(kept, separators=(",", ":")) + "\n"


class Csv:
    """A table for spreadsheets; the first line names the columns."""

    def __init__(self, stream: Any) -> None:
        self._writer = csv.writer(stream)
        self._writer.writerow(Row._fields)

    def add(self, rows: Sequence[Row]) -> None:
        """Write them."""
        self._writer.writerows(
            (*row[:2], int(row.ok), *row[3:6], row.until) for row in rows
        )


class Arrow:
    """An Arrow IPC file (Feather 2), a record batch a piece."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer = writer
        self._schema = schema

    @staticmethod
    def schema() -> Any:
        """The columns; times in UTC."""
        pa = need("pyarrow", "arrow")
        return pa.schema(
            [
                pa.field("file", pa.large_string(), nullable=False),
                pa.field("chain", pa.int64()),
                pa.field("ok", pa.bool_(), nullable=False),
                pa.field("reason", pa.string()),
                pa.field("depth", pa.int8()),
                pa.field("spiffe_id", pa.large_string()),
                pa.field("not_after", pa.timestamp("s", tz="UTC")),
            ]
        )

    def add(self, rows: Sequence[Row]) -> None:
        """Write them."""
        pa = need("pyarrow", "arrow")
        columns = [
            pa.array(column, kind)
            for column, kind in zip(
                zip(*rows, strict=True), self._schema.types, strict=True
            )
        ]
        self._writer.write_batch(
            pa.RecordBatch.from_arrays(columns, schema=self._schema)
        )


@contextmanager
def open_sinks(
    *, as_json: bool, csv_file: Path | None, arrow_file: Path | None
) -> Generator[list[Sink]]:
    """Open what was asked for; a person gets the refusals when nothing is JSON."""
    with ExitStack() as files:
        sinks: list[Sink] = []
        if csv_file is not None:
            table = files.enter_context(
                csv_file.open("w", newline="", encoding="utf-8")
            )
            sinks.append(Csv(table))
        if arrow_file is not None:
            try:
                schema, ipc = Arrow.schema(), need("pyarrow.ipc", "arrow")
            except ModuleNotFoundError as error:
                raise click.UsageError(f"--arrow: {error}") from None
            stream = files.enter_context(arrow_file.open("wb"))
            writer = files.enter_context(ipc.new_file(stream, schema))
            sinks.append(Arrow(writer, schema))
        if as_json:
            sinks.append(JsonLines())
        else:
            people = ForPeople()
            files.callback(people.close)
            sinks.append(people)
        yield sinks
