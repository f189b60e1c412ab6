# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle``: its sub-commands, each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import Final

import click

#: Modules by sub-command; each has it as `command`.
_COMMANDS: Final = {
    "convert": "handfast.cli.bundle_convert",
    "diff": "handfast.cli.bundle_diff",
    "fetch": "handfast.cli.bundle_fetch",
    "serve": "handfast.cli.bundle_serve",
    "show": "handfast.cli.bundle_show",
}


class _Lazy(click.Group):
    """Imports a sub-command only when it runs, or is to be described."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Lazy)
def bundle() -> None:
    """Trust bundles: show, compare, convert, fetch and serve them."""
