# SPDX-License-Identifier: Apache-2.0
"""Bundles from and for go-spiffe's federation, by both profiles.

go.example's bundle is its agent's document, X.509 authorities and a key for tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from tests.interop.agents import GoAgent, go_agent
from tests.interop.bundle_servers import LOOPBACK, WebServer, they_fetch, we_serve
from tests.interop.conftest import World
from tests.interop.peers_built import go_spiffe
from tests.interop.world import PATIENCE, running
from tests.interop.world import write_pem as write_files

from handfast import BundleDocument, TrustBundle, VerificationError
from handfast.authority import Authority
from handfast.federation import (
    BundleEndpoint,
    FederationManager,
    Fetched,
    fetch_bundle,
)
from handfast.federation.url import EndpointUrl
from handfast.jwt_signer import JwtSigner
from handfast.net import secure_endpoint

ENDPOINT_ID = "spiffe://go.example/bundles"


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture
def agent(program: Path) -> Iterator[GoAgent]:
    sockets = {"bundles": ENDPOINT_ID, "other": "spiffe://go.example/other"}
    with go_agent(program, "go.example", sockets) as agent:
        yield agent


@contextmanager
def serving(program: Path, *arguments: str | Path) -> Iterator[str]:
    """Run go-spiffe's bundle endpoint; gives its URL."""
    with running(program, "bundle-serve", "go.example", *arguments) as server:
        yield f"https://localhost:{server.event('listening')['port']}/bundle"


def write_document(agent: GoAgent, folder: Path) -> Path:
    """Put the agent's document where the endpoint reads it at each request."""
    new, document = folder / "new.json", folder / "go.json"
    new.write_bytes(agent.document())
    return new.replace(document)


def fetch(endpoint: BundleEndpoint, trusted: TrustBundle | None = None) -> Fetched:
    async def main() -> Fetched:
        with trio.fail_after(PATIENCE):
            return await fetch_bundle(endpoint, secure=secure_endpoint, trusted=trusted)

    return trio.run(main)


def test_our_client_fetches_by_https_web(
    program: Path, agent: GoAgent, tmp_path: Path
) -> None:
    """FED-29: by the web's rules, and what comes is go-spiffe's document."""
    web = WebServer.make(tmp_path)
    document = write_document(agent, tmp_path)
    with serving(program, document, "https_web", web.cert, web.key) as url:
        endpoint = BundleEndpoint.https_web(
            "go.example", url, roots=[web.root], allow_networks=LOOPBACK
        )
        first = fetch(endpoint)
        agent.tell("root")
        write_document(agent, tmp_path)
        second = fetch(endpoint)
    assert first.bundle.sequence == 1
    assert first.bundle.refresh_hint == 1
    assert second.bundle.sequence == 2
    assert len(first.bundle) == 1
    assert set(first.bundle.x509_authorities) < set(second.bundle.x509_authorities)


def test_our_client_fetches_by_https_spiffe(
    program: Path, agent: GoAgent, tmp_path: Path
) -> None:
    """FED-40, FED-48: by the first bundle at first, then by the one that was fetched.

    The endpoint changes over to a new root: what was fetched before carries us over.
    """
    first_bundle = agent.bundle()
    document = write_document(agent, tmp_path)
    where = agent.endpoint("bundles")
    with serving(program, document, "https_spiffe", where) as url:
        endpoint = BundleEndpoint.https_spiffe(
            "go.example",
            url,
            endpoint_id=ENDPOINT_ID,
            bundle=first_bundle,
            allow_networks=LOOPBACK,
        )
        agent.tell("root")
        write_document(agent, tmp_path)
    # A server of its own, so that its first SVID is by the new root.
    agent.tell("sign")
    with serving(program, document, "https_spiffe", where) as url:
        endpoint = replace(endpoint, url=EndpointUrl.parse(url))
        with pytest.raises(VerificationError):
            fetch(endpoint)
        document_of_both = TrustBundle.from_json("go.example", document.read_bytes())
        fetched = fetch(endpoint, trusted=document_of_both)
    assert fetched.bundle.x509_authorities == document_of_both.x509_authorities
    assert len(fetched.bundle) == 2


def our_document(authority: Authority, sequence: int) -> bytes:
    """X.509 authorities and a key for tokens."""
    keys = JwtSigner.generate(authority.trust_domain).bundle
    document = BundleDocument.of(authority.bundle, keys)
    return replace(document, sequence=sequence, refresh_hint=60).to_json()


def test_their_client_fetches_ours_by_https_web(program: Path, tmp_path: Path) -> None:
    """FED-22, FED-24: two trust domains at one endpoint, and what is newest."""
    a, b = Authority("a.example"), Authority("b.example")
    files = {"a.example": tmp_path / "a.json", "b.example": tmp_path / "b.json"}
    files["a.example"].write_bytes(our_document(a, 7))
    files["b.example"].write_bytes(our_document(b, 2**63 + 1))
    web = WebServer.make(tmp_path)
    bundles = [f"{name}={file}" for name, file in files.items()]
    how = ("https_web", web.roots)
    with we_serve("https_web", (web.cert, web.key), *bundles) as url:
        first = they_fetch(program, "a.example", f"{url}/a.example", *how)
        large = they_fetch(program, "b.example", f"{url}/b.example", *how)
        newer = tmp_path / "newer.json"
        newer.write_bytes(our_document(Authority("a.example"), 8))
        newer.replace(files["a.example"])
        second = they_fetch(program, "a.example", f"{url}/a.example", *how)
    seen = [first[it] for it in ("authorities", "keys", "sequence", "hint")]
    assert seen == [1, 1, 7, 60]
    assert large["sequence"] == 2**63 + 1
    assert second["sequence"] == 8
    taken = TrustBundle.from_json("a.example", first["json"])
    assert taken.x509_authorities == a.bundle.x509_authorities


def test_their_client_fetches_ours_by_https_spiffe(program: Path, world: World) -> None:
    """FED-43: our SVID is verified by the bundle that was exchanged before."""
    svid = world.a.issue("spiffe://a.example/bundles")
    files = write_files(world.folder, "own", svid.to_pem_chain(), svid.to_pem_key())
    document = world.folder / "a.json"
    document.write_bytes(our_document(world.a, 1))
    how = ("https_spiffe", "spiffe://a.example/bundles", document)
    with we_serve("https_spiffe", files, f"a.example={document}") as url:
        fetched = they_fetch(program, "a.example", f"{url}/", *how)
        assert (fetched["authorities"], fetched["keys"]) == (1, 1)
        others = ("https_spiffe", "spiffe://a.example/other", document)
        with running(
            program, "bundle-fetch", "a.example", f"{url}/", *others
        ) as client:
            client.wait_for("unexpected ID")
            assert client.exit_code() == 1


def test_our_manager_follows_their_roots(
    program: Path, agent: GoAgent, tmp_path: Path
) -> None:
    """FED-04, FED-06: old root, both, new root, each in time for what is signed by it.

    The endpoint is self-serving: its SVIDs are verified by what it served last.
    """
    document = write_document(agent, tmp_path)
    where = agent.endpoint("bundles")
    old = agent.bundle().x509_authorities

    async def main(url: str) -> None:
        endpoint = BundleEndpoint.https_spiffe(
            "go.example",
            url,
            endpoint_id=ENDPOINT_ID,
            bundle=agent.bundle(),
            allow_networks=LOOPBACK,
        )
        manager = FederationManager(
            [endpoint],
            secure=secure_endpoint,
            state=tmp_path / "state",
            min_interval=0.2,
        )

        async def until(count: int) -> TrustBundle:
            generation = 0
            while len(manager.bundles["go.example"]) != count:
                generation = await manager.wait_changed(generation)
            return manager.bundles["go.example"]

        def change(command: str) -> None:
            agent.tell(command)
            write_document(agent, tmp_path)

        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                await nursery.start(manager.run)
                await manager.wait_ready(PATIENCE)
                assert (await until(1)).x509_authorities == old
                await trio.to_thread.run_sync(change, "root")
                both = await until(2)
                assert set(old) < set(both.x509_authorities)
                await trio.to_thread.run_sync(change, "sign")
                await trio.to_thread.run_sync(change, "drop")
                new = await until(1)
                assert set(new.x509_authorities) == {*both.x509_authorities} - {*old}
                # And by the new one alone it goes on.
                assert await manager.refresh("go.example") is False
                nursery.cancel_scope.cancel()

    with serving(program, document, "https_spiffe", where) as url:
        trio.run(main, url)
