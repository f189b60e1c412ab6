# SPDX-License-Identifier: Apache-2.0
"""Peer of bench/idle.py: nginx or haproxy, whose connections wait for a next request.

They speak HTTP, and are another process than this one, which tells who they are.
"""

from __future__ import annotations

import json
import sys

from bench.peers import sampler, servers


def main() -> None:
    """Serve until the end of the input."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--server", choices=sorted(servers.CONFIGURED), required=True)
    parser.add_argument("--hold", type=int, required=True, help="connections at most")
    with servers.running(parser.parse_args()) as (pid, port):
        print(json.dumps({"port": port, "pid": pid}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
