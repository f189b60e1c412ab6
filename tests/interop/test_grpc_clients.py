# SPDX-License-Identifier: Apache-2.0
"""Our Workload API's server with gRPC's own clients, right calls and wrong ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.agents import short_folder
from tests.interop.world import running

from handfast.authority import Authority
from handfast.testing import FakeWorkloadApi

WEB = "spiffe://a.example/web"
_PROGRAM = Path(__file__).parent / "peers" / "grpcio_calls.py"


@pytest.fixture
def api() -> Iterator[FakeWorkloadApi]:
    with short_folder() as folder:
        path = str(folder / "api")
        fake = FakeWorkloadApi(Authority("a.example"), ids=[WEB], path=path)
        with fake.in_thread():
            yield fake


def test_grpcio_gets_answers_and_the_right_refusals(api: FakeWorkloadApi) -> None:
    """WAPI-03, WAPI-07, WAPI-08, WAPI-38, and gRPC's rules for what we lack."""
    with running(sys.executable, _PROGRAM, api.address, "shop") as client:

        def came(name: str) -> dict[str, Any]:
            event = client.event(name)
            del event["event"]
            return event

        assert came("x509") == {"code": "OK", "ids": [WEB]}
        domains = ["spiffe://a.example"]
        assert came("bundles") == {"code": "OK", "domains": domains}
        assert came("jwt_bundles") == {"code": "OK", "domains": domains}
        assert came("jwt") == {"code": "OK", "ids": [WEB]}
        assert came("validate") == {"code": "OK", "id": WEB}
        for header in ("no_header", "wrong_case", "number", "empty"):
            assert came(header) == {"code": "INVALID_ARGUMENT"}
        assert came("no_audience") == {"code": "INVALID_ARGUMENT"}
        assert came("unknown") == {"code": "UNIMPLEMENTED"}
        # Two hundred streams, fifty at a time, over one connection.
        assert came("crowd") == {"code": "OK", "calls": 200}
        # We have no compression, and say so as gRPC wants it.
        assert came("compressed") == {"code": "UNIMPLEMENTED"}
        assert client.exit_code() == 0, client.everything()
