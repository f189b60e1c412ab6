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
from cryptography import x509
from tests.interop.agents import GoAgent, go_agent
from tests.interop.peers_built import go_spiffe
from tests.interop.world import PATIENCE, running
from tests.interop.world import write_pem as write_files
from tests.support import pki

from handfast import TrustBundle, VerificationError
from handfast.federation import BundleEndpoint, Fetched, fetch_bundle
from handfast.federation.url import EndpointUrl
from handfast.net import secure_endpoint
from handfast.pem import write_pem

LOOPBACK = ("127.0.0.0/8",)
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


def web_server(folder: Path) -> tuple[Path, Path, bytes]:
    """A certificate for localhost by an authority of the web: files, and the root."""
    root = pki.root(uris=(), subject="a web root")
    names = [x509.DNSName("localhost")]
    leaf = pki.leaf(root, uris=(), sans=names, subject="a web server")
    chain = write_pem("CERTIFICATE", leaf.chain)
    cert, key = write_files(
        folder, "web", chain, write_pem("PRIVATE KEY", [leaf.key_der])
    )
    return cert, key, root.der


def fetch(endpoint: BundleEndpoint, trusted: TrustBundle | None = None) -> Fetched:
    async def main() -> Fetched:
        with trio.fail_after(PATIENCE):
            return await fetch_bundle(endpoint, secure=secure_endpoint, trusted=trusted)

    return trio.run(main)


def test_our_client_fetches_by_https_web(
    program: Path, agent: GoAgent, tmp_path: Path
) -> None:
    """FED-29: by the web's rules, and what comes is go-spiffe's document."""
    cert, key, root = web_server(tmp_path)
    document = write_document(agent, tmp_path)
    with serving(program, document, "https_web", cert, key) as url:
        endpoint = BundleEndpoint.https_web(
            "go.example", url, roots=[root], allow_networks=LOOPBACK
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
    agent.tell("drop")
    with serving(program, document, "https_spiffe", where) as url:
        endpoint = replace(endpoint, url=EndpointUrl.parse(url))
        with pytest.raises(VerificationError):
            fetch(endpoint)
        document_of_both = TrustBundle.from_json("go.example", document.read_bytes())
        fetched = fetch(endpoint, trusted=document_of_both)
    assert fetched.bundle.x509_authorities == document_of_both.x509_authorities
    assert len(fetched.bundle) == 2
