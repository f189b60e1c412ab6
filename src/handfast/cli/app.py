# SPDX-License-Identifier: Apache-2.0
"""The ``handfast`` command itself: its sub-commands and what failures exit with."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from typing import Any, NoReturn

import click
import trio

from handfast import HandfastError, SourceError, VerificationError, openssl_version
from handfast.cli.authority import authority
from handfast.cli.bundle import bundle
from handfast.cli.connect import connect
from handfast.cli.demo import demo
from handfast.cli.fetch import fetch
from handfast.cli.inspect import inspect
from handfast.cli.output import emit, error_facts, explain, leaf_errors
from handfast.cli.serve import serve
from handfast.cli.verify import verify
from handfast.errors import ConfigError, PeerError

OK, REFUSED, USAGE, IO_FAILED, NO_SOURCE = range(5)


def _version_text() -> str:
    openssl = openssl_version()
    return (
        f"handfast {metadata.version('handfast')} "
        f"on {openssl}; signature lanes: {openssl.lanes}"
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(message="%(version)s", version=_version_text())
def handfast() -> None:
    """SPIFFE mutual TLS: try it, serve, connect, look at and verify identities.

    Exit codes: 0 ok, 1 refused, 2 usage, 3 I/O, 4 source unavailable.
    """


_COMMANDS = (authority, bundle, connect, demo, fetch, inspect, serve, verify)
for _command in _COMMANDS:
    handfast.add_command(_command)


def exit_code(error: BaseException) -> int:
    """Say what an error exits with; the first leaf of a group decides."""
    first = leaf_errors(error)[0]
    cause = first.__cause__
    if isinstance(first, trio.BrokenResourceError) and cause is not None:
        first = cause
    match first:
        case click.ClickException() | ConfigError() | ValueError():
            return USAGE
        case SourceError():
            return NO_SOURCE
        case VerificationError() | PeerError():
            return REFUSED
        case OSError() | trio.TooSlowError() | trio.BrokenResourceError():
            return IO_FAILED
        case _:
            return IO_FAILED if isinstance(first, HandfastError) else -1


def _nobody_reads(error: BaseException) -> bool:
    """Whether standard output was closed by its reader, as by `| head`.

    click turns that into exit code 1 by itself, which here would mean "refused".
    """
    return isinstance(error, SystemExit | BrokenPipeError)


def _report(facts: Mapping[str, Any], code: int) -> None:
    """Say the failure to a program as well: the last line of its JSON."""
    with suppress(OSError):
        emit({"event": "failed", "exit_code": code, **facts})


def run() -> NoReturn:
    """Run the command line and exit."""
    as_json = "--json" in sys.argv[1:]
    try:
        # Outside of its standalone mode click returns what ctx.exit() was given.
        code = handfast.main(standalone_mode=False) or OK
    except click.ClickException as wrong:
        wrong.show()
        if as_json:
            _report({"reason": "usage", "text": wrong.format_message()}, USAGE)
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BaseException as error:
        leaves = leaf_errors(error)
        if all(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
            sys.exit(130)
        if _nobody_reads(leaves[0]):
            # What is still buffered cannot be written either: let it go quietly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(IO_FAILED)
        code = exit_code(error)
        if code < 0:  # a bug of ours: the traceback is what helps
            raise
        explain(leaves[0])
        if as_json:
            _report(error_facts(leaves[0]), code)
        sys.exit(code)
    sys.exit(code)
