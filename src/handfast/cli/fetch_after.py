# SPDX-License-Identifier: Apache-2.0
"""What ``handfast fetch`` does when files were written: a command, a signal."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import trio

from handfast.cli.output import emit, notes

# An identity of one process: 0 is our own group, 1 is everybody's parent.
_FIRST_PID = 2


def read_signal(name: str) -> signal.Signals:
    """Read the name of a signal, with SIG in front or without.

    Raises:
        click.BadParameter: there is none of that name.
    """
    text = name.upper()
    for wanted in (text, f"SIG{text}"):
        if wanted in signal.Signals.__members__:
            return signal.Signals[wanted]
    raise click.BadParameter(f"{name!r} is no signal, such as SIGHUP")


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What to do.

    Attributes:
        command: To run, without a shell; its environment says where the files are.
        signum: To send to the process that `pid_file` names.
        pid_file: Read anew each time.
        as_json: Tell it as JSON.
    """

    command: str | None
    signum: signal.Signals | None
    pid_file: Path | None
    as_json: bool

    async def act(self, directory: Path | None) -> bool:
        """Do it; say whether all of it went well.

        Cancellation: the command is ended.
        """
        good = True
        if self.command is not None:
            good = await self._run(shlex.split(self.command), directory)
        if self.signum is not None and self.pid_file is not None:
            good = self._send(self.signum, self.pid_file) and good
        return good

    async def _run(self, words: list[str], directory: Path | None) -> bool:
        surroundings = dict(os.environ)
        if directory is not None:
            surroundings["HANDFAST_DIRECTORY"] = str(directory)
        try:
            done = await trio.run_process(
                words,
                check=False,
                env=surroundings,
                # With JSON standard output is for our own words alone.
                stdout=sys.stderr if self.as_json else None,
            )
        except OSError as error:
            self._tell("exec_failed", words[0], f"{error.strerror or error}")
            return False
        if done.returncode:
            self._tell("exec_failed", words[0], f"exit code {done.returncode}")
        return done.returncode == 0

    def _send(self, signum: signal.Signals, pid_file: Path) -> bool:
        seen = ""
        try:
            pid = int(pid_file.read_text(encoding="ascii"))
            if pid >= _FIRST_PID:
                os.kill(pid, signum)
            else:
                seen = f"{pid} is no process that could want this"
        except (OSError, ValueError) as error:
            seen = str(error)
        if seen:
            self._tell("signal_failed", str(pid_file), seen)
        return not seen

    def _tell(self, event: str, what: str, seen: str) -> None:
        facts: dict[str, Any] = {"event": event, "what": what, "seen": seen}
        if self.as_json:
            emit(facts)
        else:
            notes.print(f"[bold red]{event.replace('_', ' ')}[/]", end=" ")
            notes.print(f"{what}: {seen}", markup=False, highlight=False)
