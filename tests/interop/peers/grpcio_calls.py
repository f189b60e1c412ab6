# SPDX-License-Identifier: Apache-2.0
"""Calls at a Workload API by grpcio, right ones and wrong ones.

    python grpcio_calls.py SOCKET AUDIENCE

Each line of its output is what came of one call: its name, the status, and what the
first message held.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.message import Message

from handfast.workload_api import proto

PATIENCE = 20.0
HEADER = (("workload.spiffe.io", "true"),)
CROWD = 50


def say(name: str, code: str, **more: Any) -> None:
    """Print what came of a call."""
    line = json.dumps({"event": name, "code": code, **more}, separators=(",", ":"))
    print(line, flush=True)  # noqa: T201


class Caller:
    """One channel of grpcio's."""

    def __init__(self, socket: str) -> None:
        # What mobile and meshed clients do: keepalive pings, and often.
        options = [
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ]
        self.channel = grpc.insecure_channel(socket, options=options)

    def first(
        self,
        method: str,
        request: Message,
        response: type[Message],
        header: Iterable[tuple[str, str]] = HEADER,
        **settings: Any,
    ) -> tuple[str, Any]:
        """Make a call and take its first message, or the status instead."""
        call = self.channel.unary_stream(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )(request, metadata=tuple(header), timeout=PATIENCE, **settings)
        try:
            return "OK", next(call)
        except grpc.RpcError as failure:
            return failure.code().name, failure.details()
        finally:
            call.cancel()


def right_calls(caller: Caller, audience: str) -> None:
    """Every method that has to be there."""
    code, x509 = caller.first(
        proto.FETCH_X509_SVID, proto.X509SVIDRequest(), proto.X509SVIDResponse
    )
    ids = [svid.spiffe_id for svid in x509.svids] if code == "OK" else str(x509)
    say("x509", code, ids=ids)
    code, bundles = caller.first(
        proto.FETCH_X509_BUNDLES, proto.X509BundlesRequest(), proto.X509BundlesResponse
    )
    say("bundles", code, domains=sorted(bundles.bundles) if code == "OK" else bundles)
    code, keys = caller.first(
        proto.FETCH_JWT_BUNDLES, proto.JWTBundlesRequest(), proto.JWTBundlesResponse
    )
    say("jwt_bundles", code, domains=sorted(keys.bundles) if code == "OK" else keys)
    code, tokens = caller.first(
        proto.FETCH_JWT_SVID,
        proto.JWTSVIDRequest(audience=[audience]),
        proto.JWTSVIDResponse,
    )
    ids = [svid.spiffe_id for svid in tokens.svids] if code == "OK" else tokens
    say("jwt", code, ids=ids)
    code, judged = caller.first(
        proto.VALIDATE_JWT_SVID,
        proto.ValidateJWTSVIDRequest(audience=audience, svid=tokens.svids[0].svid),
        proto.ValidateJWTSVIDResponse,
    )
    say("validate", code, id=judged.spiffe_id if code == "OK" else judged)


def wrong_calls(caller: Caller) -> None:
    """What has to be refused, and how."""
    headers = {
        "no_header": (),
        "wrong_case": (("workload.spiffe.io", "True"),),
        "number": (("workload.spiffe.io", "1"),),
        "empty": (("workload.spiffe.io", ""),),
    }
    request = proto.X509SVIDRequest()
    for name, header in headers.items():
        code, _ = caller.first(
            proto.FETCH_X509_SVID, request, proto.X509SVIDResponse, header
        )
        say(name, code)
    no_audience = proto.JWTSVIDRequest()
    say(
        "no_audience",
        caller.first(proto.FETCH_JWT_SVID, no_audience, proto.JWTSVIDResponse)[0],
    )
    method = f"/{proto.SERVICE}/FetchNothing"
    say("unknown", caller.first(method, request, proto.X509SVIDResponse)[0])


def crowd(caller: Caller) -> None:
    """Many streams at once over one connection, each left after its first message."""

    def ask(_: int) -> str:
        return caller.first(
            proto.FETCH_X509_SVID, proto.X509SVIDRequest(), proto.X509SVIDResponse
        )[0]

    with ThreadPoolExecutor(max_workers=CROWD) as pool:
        codes = list(pool.map(ask, range(CROWD * 4)))
    say("crowd", ",".join(sorted(set(codes))), calls=len(codes))


def compressed(caller: Caller) -> None:
    """A compressed request: a server may only refuse it as gRPC says."""
    code, _ = caller.first(
        proto.FETCH_JWT_SVID,
        proto.JWTSVIDRequest(audience=["a" * 5000]),
        proto.JWTSVIDResponse,
        compression=grpc.Compression.Gzip,
    )
    say("compressed", code)


def main() -> None:
    """Make all calls, one after the other."""
    caller = Caller(sys.argv[1])
    right_calls(caller, sys.argv[2])
    wrong_calls(caller)
    crowd(caller)
    compressed(caller)
    caller.channel.close()


if __name__ == "__main__":
    main()
