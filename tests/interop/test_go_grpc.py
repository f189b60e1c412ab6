# SPDX-License-Identifier: Apache-2.0
"""Our Workload API's server with grpc-go: reflection, and profiles that we lack."""

from __future__ import annotations

from tests.interop.peers_built import go_spiffe
from tests.interop.world import running

from handfast.testing import FakeWorkloadApi


def test_grpc_go_reads_what_we_serve() -> None:
    """WAPI-24: the service by its name, which has no package, with its methods."""
    api = FakeWorkloadApi()
    with api.in_thread(), running(go_spiffe(), "reflect", api.address) as client:
        told = client.event("reflected")
        assert client.exit_code() == 0, client.everything()
    assert "SpiffeWorkloadAPI" in told["services"]
    assert {"FetchX509SVID", "FetchX509Bundles", "ValidateJWTSVID"} < {*told["methods"]}


def test_go_spiffe_is_told_that_a_profile_is_not_there() -> None:
    """WAPI-70: a server without the incubating profile says Unimplemented."""
    api = FakeWorkloadApi()
    with api.in_thread(), running(go_spiffe(), "wit", api.address) as client:
        told = client.event("wit")
        assert (told["svids"], told["bundles"]) == ("Unimplemented", "Unimplemented")
