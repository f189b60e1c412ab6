# SPDX-License-Identifier: Apache-2.0
"""Options that the authority's commands share."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from handfast import TrustDomain
from handfast.authority.durations import parse_duration
from handfast.authority.settings import AuthoritySettings
from handfast.errors import ConfigError
from handfast.keys import KEY_TYPES

Command = Callable[..., Any]

_PORTS = range(65536)
# Python's own idea of a digit has more, and a number of 5,000 of them is an error.
_NUMBER = re.compile(r"[0-9]{1,5}")
_SECONDS = re.compile(r"[0-9]{1,12}")

_STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HANDFAST_AUTHORITY_STATE",
    show_envvar=True,
    required=True,
    help="The state directory.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON lines.")
_PASSWORD = click.option(
    "--key-password",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Private keys are encrypted with what is in this file.",
)


class Duration(click.ParamType[timedelta]):
    """A time to live: 90s, 15m, 1h, 30d."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the text."""
        if isinstance(value, timedelta):
            return value
        text = str(value)
        try:
            return parse_duration(int(text) if _SECONDS.fullmatch(text) else text)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


_SETTINGS = (
    click.option("--trust-domain", metavar="NAME", help="Whose authority it is."),
    click.option(
        "--key-type",
        type=click.Choice(KEY_TYPES),
        help="Of roots, intermediates and X.509-SVIDs. [p256]",
    ),
    click.option(
        "--offline-root",
        is_flag=True,
        default=None,
        help="The root's key is elsewhere: write a CSR, import what it signed.",
    ),
    click.option("--svid-ttl", type=Duration(), help="Of X.509-SVIDs. [1h]"),
    click.option("--jwt-ttl", type=Duration(), help="Of JWT-SVIDs. [5m]"),
    click.option("--root-ttl", type=Duration(), help="Of roots. [3650d]"),
    click.option("--intermediate-ttl", type=Duration(), help="[30d]"),
    click.option("--jwt-key-ttl", type=Duration(), help="[30d]"),
    click.option(
        "--refresh-hint", type=Duration(), help="When to ask for the bundle again. [5m]"
    ),
    click.option(
        "--lead",
        type=Duration(),
        help="How long a new root or key is published before it signs. "
        "[five times the refresh hint]",
    ),
)


def state_options(command: Command) -> Command:
    """Add --state and --json."""
    return _STATE(_JSON(command))


def password_option(command: Command) -> Command:
    """Add --key-password."""
    return _PASSWORD(command)


def settings_options(command: Command) -> Command:
    """Add what is decided once, when the state directory is made."""
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def read_address(text: str, option: str) -> tuple[str, int]:
    """Read HOST:PORT; the host may be missing, or in brackets.

    Raises:
        click.UsageError: it is none.
    """
    host, colon, port = text.rpartition(":")
    if not (_NUMBER.fullmatch(port) and int(port) in _PORTS):
        raise click.UsageError(f"{option} {text}: write HOST:PORT")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif colon and (not host or ":" in host):
        raise click.UsageError(f"{option} {text}: write HOST:PORT, or [ADDRESS]:PORT")
    return host, int(port)


def read_password(file: Path | None) -> bytes | None:
    """Read the password of the keys: the file's bytes but for a newline at the end.

    Raises:
        click.UsageError: Everybody may read it: keys encrypted with it are as open.
    """
    if file is None:
        return None
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & stat.S_IROTH:
            raise click.UsageError(
                f"--key-password {file}: everybody may read it: chmod o-r, and mind who"
                " could until now"
            )
        return opened.read().removesuffix(b"\n")


def read_settings(given: dict[str, Any]) -> AuthoritySettings | None:
    """Make settings of the options; None when not even a trust domain was given."""
    told = {name: value for name, value in given.items() if value is not None}
    name = told.pop("trust_domain", None)
    if name is None:
        return None
    return AuthoritySettings(trust_domain=TrustDomain.parse(name), **told)


def need_same(found: AuthoritySettings, given: dict[str, Any]) -> None:
    """See that what was given is what the state directory was made with.

    Raises:
        click.UsageError: It is not: it cannot be changed, and must not be believed.
    """
    for field in fields(found):
        wanted = given.get(field.name)
        kept = getattr(found, field.name)
        if wanted is not None and str(wanted) != str(kept):
            option = field.name.replace("_", "-")
            raise click.UsageError(
                f"--{option} {wanted}: the state directory was made with {kept}"
            )


class _Folded(Table):
    """A table whose cells are never cut, and never taken for markup.

    Half an ID is no ID, and a file's name may hold brackets.
    """

    def add_row(self, *cells: Any, **more: Any) -> None:
        """Add a row of texts."""
        texts = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*texts, **more)


def folded_table(*headers: str) -> Table:
    """Make a table for what others have named."""
    # Without lines around them two times fit beside each other into 80 columns.
    table = _Folded(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
