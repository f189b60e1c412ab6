# SPDX-License-Identifier: Apache-2.0
"""Serving the Workload API: what an authority and another host's agent do alike."""

from __future__ import annotations

import logging
import re
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click
import trio

from handfast.authority.issuer import EntryIssuer
from handfast.authority.serving import serve_workloads
from handfast.authority.workload_socket import WORKLOAD_SOCKET_MODE
from handfast.cli.output import emit, notes
from handfast.workload_api.service import ServiceLimits

__all__ = ["WorkloadSocket", "show_log", "socket_options"]

Command = Callable[..., Any]

_KEPT = -1
_NUMBER = re.compile(r"[0-9]{1,10}")
# The last one of 32 bits means nobody.
_ID_END = (1 << 32) - 1
_MODE_MAX = 0o777


class Mode(click.ParamType[int]):
    """Permissions of a file, in octal: 0666."""

    name = "mode"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the text."""
        if isinstance(value, int):
            return value
        try:
            mode = int(str(value), 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= _MODE_MAX:
            self.fail(f"{value!r} is no mode: 0666, for example", param, ctx)
        return mode


_OPTIONS = (
    click.option(
        "--socket",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        required=True,
        help="Where workloads ask: the Workload API's Unix socket.",
    ),
    click.option(
        "--socket-mode",
        type=Mode(),
        default=f"{WORKLOAD_SOCKET_MODE:04o}",
        show_default=True,
        help="Who may connect; who gets what is decided by attestation.",
    ),
    click.option(
        "--socket-owner", metavar="USER[:GROUP]", help="Of the socket's file."
    ),
    click.option(
        "--max-connections", type=click.IntRange(1), default=1024, show_default=True
    ),
    click.option(
        "--max-connections-per-user",
        type=click.IntRange(1),
        default=256,
        show_default=True,
        help="Of the processes of one user together.",
    ),
)


def socket_options(command: Command) -> Command:
    """Add where workloads ask, and who may: --socket and its like."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class _Journal(logging.Handler):
    """What the authority says of itself, for people or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(logging.INFO)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        level, text = record.levelname.lower(), record.getMessage()
        if self._as_json:
            emit({"event": "log", "level": level, "text": text})
        else:
            style = "" if record.levelno < logging.WARNING else "yellow"
            notes.print(text, style=style, markup=False, highlight=False)


def _allow_descriptors() -> None:
    """Take as many descriptors as we may have: a caller takes three of them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems say more than they give
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def show_log(*, as_json: bool) -> None:
    """Print what the authority says of itself, and of its federations."""
    journal = _Journal(as_json=as_json)
    for name in ("handfast.authority", "handfast.federation"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(journal)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSocket:
    """Where workloads ask, and who may."""

    path: Path
    mode: int
    uid: int
    gid: int
    limits: ServiceLimits

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """Make it of the options, and leave the others.

        Raises:
            click.UsageError: the owner is nobody here.
        """
        uid, gid = _owners(given.pop("socket_owner"))
        return cls(
            path=given.pop("path"),
            mode=given.pop("socket_mode"),
            uid=uid,
            gid=gid,
            limits=ServiceLimits(
                connections=given.pop("max_connections"),
                connections_per_caller=given.pop("max_connections_per_user"),
            ),
        )

    @property
    def endpoint(self) -> str:
        """What goes into SPIFFE_ENDPOINT_SOCKET."""
        return f"unix://{self.path.absolute()}"

    async def serve(
        self,
        issuer: EntryIssuer,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Attest who connects, and answer, until cancelled.

        Cancellation: is how it ends; the socket's file is removed.
        """
        _allow_descriptors()
        await serve_workloads(
            issuer,
            self.path,
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            limits=self.limits,
            task_status=task_status,
        )


def _number(text: str | None) -> int | None:
    """An owner that is left out, or is said by its number; None for a name."""
    if text is None:
        return _KEPT
    if not _NUMBER.fullmatch(text):
        return None
    if int(text) >= _ID_END:
        raise KeyError(f"no such number: {text}")
    return int(text)


def _uid(name: str | None) -> int:
    if (number := _number(name)) is not None:
        return number
    import pwd

    return pwd.getpwnam(name or "").pw_uid


def _gid(name: str | None) -> int:
    if (number := _number(name)) is not None:
        return number
    import grp

    return grp.getgrnam(name or "").gr_gid


def _owners(owner: str | None) -> tuple[int, int]:
    """Read USER, USER:GROUP or :GROUP."""
    user, _, group = (owner or "").partition(":")
    try:
        return _uid(user or None), _gid(group or None)
    except KeyError as error:
        raise click.UsageError(f"--socket-owner {owner}: {error.args[0]}") from error
