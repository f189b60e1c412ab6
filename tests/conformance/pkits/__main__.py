# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.conformance.pkits`: the report without a test runner."""

from __future__ import annotations

import sys

from . import score


def main() -> int:
    """Print the report; 1 when a difference is not on the list."""
    result = score.run()
    sys.stdout.write("\n".join(result.lines()) + "\n")
    return 0 if result.failed.keys() == score.deviations().keys() else 1


if __name__ == "__main__":
    sys.exit(main())
