# SPDX-License-Identifier: Apache-2.0
"""A Workload API on grpcio: gRPC's C core, which shares no code with grpc-go or h2.

    python grpcio_agent.py SOCKET    identities spiffe://a.example/web, of X.509 alone

Lines on standard input: "rotate" (a new SVID to every stream), "end" (end every stream
well), "fail CODE" (end every stream and answer further ones by this status), "well".
Each is answered by {"event": "done"}; each new stream says {"event": "stream"}.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from handfast.authority import Authority
from handfast.workload_api import proto

ID = "spiffe://a.example/web"


def say(event: str, **more: Any) -> None:
    """Print one event as a line of JSON."""
    line = json.dumps({"event": event, **more}, separators=(",", ":"))
    # In one piece: streams have threads of their own.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Agent:
    """Answers streams with the newest SVID, and obeys."""

    def __init__(self) -> None:
        self._authority = Authority("a.example")
        self._changed = threading.Condition()
        self._generation = 0
        self._epoch = 0  # streams of an older one end
        self._code: str | None = None

    def obey(self, line: str) -> None:
        """Carry out one command and wake every stream."""
        word, _, rest = line.partition(" ")
        with self._changed:
            if word == "rotate":
                self._generation += 1
            elif word == "end":
                self._epoch += 1
            elif word == "fail":
                self._code = rest
            elif word == "well":
                self._code = None
            else:
                raise SystemExit(f"no such command: {line}")
            self._changed.notify_all()
            # Before any stream can say what it made of it.
            say("done", command=line)

    def fetch_x509_svid(
        self, _request: proto.X509SVIDRequest, context: Any
    ) -> Iterator[proto.X509SVIDResponse]:
        """Stream as the standard says."""
        metadata = dict(context.invocation_metadata())
        if metadata.get("workload.spiffe.io") != "true":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no security header")
        say("stream", agent=metadata.get("user-agent", ""))
        context.add_callback(self._wake)
        epoch, seen = self._epoch, -1
        while True:
            with self._changed:
                if not context.is_active():
                    return
                now = (self._generation, self._epoch, self._code)
                if now == (seen, epoch, None):
                    self._changed.wait()
                    continue
            seen, code = now[0], now[2]
            if code is not None:
                context.abort(grpc.StatusCode[code], f"told to say {code}")
            if now[1] != epoch:
                return
            yield self._answer()

    def _wake(self) -> None:
        """A caller has gone: its thread is to end."""
        with self._changed:
            self._changed.notify_all()

    def _answer(self) -> proto.X509SVIDResponse:
        svid = self._authority.issue(ID)
        item = proto.X509SVID(
            spiffe_id=ID,
            x509_svid=b"".join(svid.chain),
            x509_svid_key=svid.key.der,
            bundle=b"".join(self._authority.bundle.x509_authorities),
        )
        return proto.X509SVIDResponse(svids=[item])


def main() -> None:
    """Serve until standard input ends."""
    agent = Agent()
    handler = grpc.unary_stream_rpc_method_handler(
        agent.fetch_x509_svid,
        request_deserializer=proto.X509SVIDRequest.FromString,
        response_serializer=proto.X509SVIDResponse.SerializeToString,
    )
    handlers = {"FetchX509SVID": handler}
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(proto.SERVICE, handlers),)
    )
    server.add_insecure_port(f"unix://{sys.argv[1]}")
    server.start()
    say("ready")
    for line in sys.stdin:
        agent.obey(line.rstrip("\n"))
    # Streams that wait would keep their threads, and so the program.
    server.stop(None)


if __name__ == "__main__":
    main()
