# SPDX-License-Identifier: Apache-2.0
"""A Workload API client on py-spiffe's public API, with the face of go_spiffe's.

    python py_spiffe.py fetch SOCKET AUDIENCE    what a Workload API gives, once
    python py_spiffe.py watch SOCKET             the same, each time it changes

It is a program, not a part of the tests: gRPC's threads do not live beside trio's.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from spiffe import JwtSvid, WorkloadApiClient, X509Bundle
from spiffe.workloadapi.errors import ValidateJwtSvidError
from spiffe.workloadapi.x509_context import X509Context

PATIENCE = 60.0


def say(event: str, **more: Any) -> None:
    """Print one event as a line of JSON."""
    line = json.dumps({"event": event, **more}, separators=(",", ":"))
    print(line, flush=True)  # noqa: T201


def count(bundles: Iterable[X509Bundle]) -> dict[str, int]:
    """Count the authorities of each trust domain."""
    return {
        bundle.trust_domain.name: len(bundle.x509_authorities) for bundle in bundles
    }


def describe(context: X509Context) -> dict[str, Any]:
    """Say what came; py-spiffe 0.3 has no hints."""
    svids = [
        {
            "id": str(svid.spiffe_id),
            "chain": len(svid.cert_chain),
            "serial": f"{svid.leaf.serial_number:x}",
        }
        for svid in context.x509_svids
    ]
    return {"svids": svids, "authorities": count(context.x509_bundle_set.bundles)}


def fetch(socket: str, audience: str) -> None:
    """Ask for everything once; tokens are verified on both sides."""
    with WorkloadApiClient(socket, default_timeout=PATIENCE) as client:
        say("x509", **describe(client.fetch_x509_context()))
        say("bundles", authorities=count(client.fetch_x509_bundles().bundles))
        bundles = client.fetch_jwt_bundles()
        keys = {
            bundle.trust_domain.name: len(bundle.jwt_authorities)
            for bundle in bundles.bundles
        }
        say("jwt_bundles", keys=keys)
        svids = client.fetch_jwt_svids({audience})
        for svid in svids:
            bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
            assert bundle, svid.spiffe_id
            here = JwtSvid.parse_and_validate(svid.token, bundle, {audience})
            there = client.validate_jwt_svid(svid.token, audience)
            say(
                "jwt",
                id=str(here.spiffe_id),
                there=str(there.spiffe_id),
                expires=here.expiry,
                token=svid.token,
            )
        try:
            client.validate_jwt_svid(svids[0].token, f"{audience}-not")
        except ValidateJwtSvidError:
            say("wrong_audience", refused=True)
        else:
            say("wrong_audience", refused=False)


def watch(socket: str) -> None:
    """Print each update until killed; py-spiffe connects again by itself."""
    with WorkloadApiClient(socket) as client:
        client.stream_x509_contexts(
            on_success=lambda context: say("context", **describe(context)),
            on_error=lambda error: say("trouble", error=str(error)),
        )
        threading.Event().wait()


def main() -> None:
    """Do what the first word says."""
    commands: dict[str, Callable[..., None]] = {"fetch": fetch, "watch": watch}
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
