# SPDX-License-Identifier: Apache-2.0
"""grpcio on a second host: needs no compiler, and is in every run of the tests."""

from __future__ import annotations

import time
from typing import Any

import grpc
import pytest
from tests.interop.authorities import PYTHON, joined_agent
from tests.interop.world import PATIENCE

from handfast import TrustBundle, Verifier
from handfast.der import split_der
from handfast.workload_api import proto

OURS = "spiffe://a.example/python"


def first_answer(ask: Any) -> Any:
    """Ask, and again where the machine stood still for longer than an agent waits.

    That once is enough is proved without a clock on the wall (test_agent_untold.py).
    """
    header = (("workload.spiffe.io", "true"),)
    end = time.monotonic() + PATIENCE
    while True:
        answers = ask(proto.X509SVIDRequest(), metadata=header, timeout=PATIENCE)
        try:
            answer = next(answers)
        except grpc.RpcError as error:
            told = error.code() is grpc.StatusCode.UNAVAILABLE
            if not told or time.monotonic() > end:
                raise
        else:
            answers.cancel()
            return answer


def test_grpcio_asks_an_agent_as_it_asks_any_server() -> None:
    """WAPI-04, WAPI-07, WAPI-08: it is any Workload API to it."""
    with (
        joined_agent({"python": PYTHON}) as agent,
        grpc.insecure_channel(agent.endpoint) as channel,
    ):
        ask = channel.unary_stream(
            proto.FETCH_X509_SVID,
            request_serializer=proto.X509SVIDRequest.SerializeToString,
            response_deserializer=proto.X509SVIDResponse.FromString,
        )
        (sent,) = first_answer(ask).svids
        assert sent.spiffe_id == OURS
        bundle = TrustBundle.from_der("a.example", sent.bundle)
        peer = Verifier(bundle).verify(split_der(sent.x509_svid))
        assert str(peer.spiffe_id) == OURS
        with pytest.raises(grpc.RpcError) as refused:
            next(ask(proto.X509SVIDRequest(), timeout=PATIENCE))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
