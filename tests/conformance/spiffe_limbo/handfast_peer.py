# SPDX-License-Identifier: Apache-2.0
"""handfast at the far end of the line protocol: an example for others to follow."""

from __future__ import annotations

import json
import sys

from tests.conformance.spiffe_limbo.judge import answer

if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
