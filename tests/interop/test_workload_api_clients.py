# SPDX-License-Identifier: Apache-2.0
"""Our Workload API's server with clients of others: go-spiffe, py-spiffe, rust-spiffe.

Each verifies what it gets by its own rules: chains by the bundles that came along,
tokens by the keys that came along, and again by asking us.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.agents import short_folder
from tests.interop.authorities import PYTHON, authority
from tests.interop.conftest import ASKED_FOR
from tests.interop.foreign_clients import client_of, fetch
from tests.interop.world import require, running

from handfast import TrustBundle
from handfast.authority import Authority
from handfast.jwt_signer import JwtSigner
from handfast.testing import FakeWorkloadApi

WEB, DB = "spiffe://a.example/web", "spiffe://a.example/db"
CLIENTS = [it for it in ("go-spiffe", "py-spiffe", "rust-spiffe") if it in ASKED_FOR]
WITH_ALL = pytest.mark.parametrize("peer", CLIENTS)


@pytest.fixture
def api() -> Iterator[FakeWorkloadApi]:
    with short_folder() as folder:
        fake = FakeWorkloadApi(
            Authority("a.example"), ids=[WEB], path=str(folder / "api")
        )
        with fake.in_thread():
            yield fake


@pytest.fixture
def command(peer: str) -> list[str | Path]:
    return client_of(peer)


@WITH_ALL
def test_identities_bundles_and_tokens(
    peer: str, command: list[str | Path], api: FakeWorkloadApi
) -> None:
    """WAPI-34, WAPI-41, WAPI-55, WAPI-59, WAPI-61; the hint is passed on: WAPI-48."""
    other, keys = Authority("b.example"), JwtSigner.generate("b.example")
    api.set_ids(WEB, DB, hints={WEB: "outside", DB: "inside"})
    api.set_bundles(federated=[other.bundle])
    api.set_jwt_bundles(api.jwt_signer.bundle, keys.bundle)
    seen = fetch(command, api.address, tokens=2)
    assert seen.ids == [WEB, DB]
    both = {"a.example": 1, "b.example": 1}
    assert seen.x509["authorities"] == seen.bundles["authorities"] == both
    assert seen.jwt_bundles["keys"] == both
    assert [it["id"] for it in seen.tokens] == [WEB, DB]
    assert [it["there"] for it in seen.tokens] == [WEB, DB]
    assert seen.wrong_audience["refused"] is True
    if peer != "py-spiffe":  # it has no hints
        hints = ["outside", "inside"]
        assert [it["hint"] for it in seen.x509["svids"]] == hints
        assert [it["hint"] for it in seen.tokens] == hints


@WITH_ALL
def test_changes_are_pushed(command: list[str | Path], api: FakeWorkloadApi) -> None:
    """WAPI-32, WAPI-33: the whole state, at each change, with no one asking."""
    with running(*command, "watch", api.address) as client:
        first = client.event("context")
        assert first["authorities"] == {"a.example": 1}
        api.set_bundles(federated=[Authority("b.example").bundle])
        second = client.event("context")
        assert second["authorities"] == {"a.example": 1, "b.example": 1}
        api.set_ids(DB)
        third = client.event("context")
        assert [it["id"] for it in third["svids"]] == [DB]
        api.set_bundles(federated=[])
        assert client.event("context")["authorities"] == {"a.example": 1}


@WITH_ALL
def test_a_message_of_many_windows_gets_through(
    command: list[str | Path], api: FakeWorkloadApi
) -> None:
    """The client opens the window again and again while we send."""
    der = Authority("b.example").bundle.x509_authorities
    names = [f"t{number}.example" for number in range(400)]
    bundles = [TrustBundle.from_der(name, der) for name in names]
    assert sum(len(it) for it in der) * len(names) > 2 * 65536
    api.set_bundles(federated=bundles)
    seen = fetch(command, api.address)
    assert set(seen.x509["authorities"]) == {"a.example", *names}
    assert seen.x509["authorities"] == seen.bundles["authorities"]


@WITH_ALL
def test_attestation_tells_clients_apart(peer: str, command: list[str | Path]) -> None:
    """Of `handfast authority run`: by what is executed, as the kernel has it."""
    program = PYTHON if peer == "py-spiffe" else Path(command[0])
    others = {"openssl": Path(require("openssl"))}
    with authority({"peer": program, **others}) as issuer:
        seen = fetch(command, issuer.endpoint)
    assert seen.ids == ["spiffe://a.example/peer"]
    assert [it["there"] for it in seen.tokens] == seen.ids
