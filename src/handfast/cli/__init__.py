# SPDX-License-Identifier: Apache-2.0
"""The command line: ``handfast demo | serve | connect | inspect | verify`` and more.

Exit codes: 0 ok, 1 refused, 2 usage, 3 input or output failed, 4 no source of identity.
"""

from __future__ import annotations

import importlib
import sys

__all__ = ["main"]


def main() -> None:
    """Run the ``handfast`` command.

    Raises:
        SystemExit: always, with one of the exit codes above.
    """
    for name in ("click", "rich"):
        try:
            importlib.import_module(name)
        except ImportError:  # the extra is not installed
            print(
                f"handfast: the command line needs {name}: pip install 'handfast[cli]'",
                file=sys.stderr,
            )
            raise SystemExit(2) from None
    from handfast.cli.app import run

    run()
