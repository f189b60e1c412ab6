# SPDX-License-Identifier: Apache-2.0
"""Bundle endpoints of ours as programs, and go-spiffe's client for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from tests.interop.world import handfast, running
from tests.interop.world import write_pem as write_files
from tests.support import pki

from handfast.pem import write_pem

LOOPBACK = ("127.0.0.0/8",)


@dataclass(frozen=True)
class WebServer:
    """A certificate for localhost by an authority of the web, in files.

    Attributes:
        cert: The chain.
        key: Its key.
        roots: The authority, as a client is told of it.
        root: The same in DER.
    """

    cert: Path
    key: Path
    roots: Path
    root: bytes

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Issue it and write it."""
        root = pki.root(uris=(), subject="a web root")
        names = [x509.DNSName("localhost")]
        leaf = pki.leaf(root, uris=(), sans=names, subject="a web server")
        chain = write_pem("CERTIFICATE", leaf.chain)
        secret = write_pem("PRIVATE KEY", [leaf.key_der])
        cert, key = write_files(folder, "web", chain, secret)
        roots = folder / "web.root.pem"
        roots.write_bytes(write_pem("CERTIFICATE", [root.der]))
        return cls(cert, key, roots, root.der)


@contextmanager
def we_serve(profile: str, who: tuple[Path, Path], *bundles: str) -> Iterator[str]:
    """Run `handfast bundle serve`; gives its URL without a path."""
    cert, key = who
    command = ["bundle", "serve", "--host", "127.0.0.1", "--port", "0", "--json"]
    command += ["--profile", profile, "--cert", str(cert), "--key", str(key)]
    for bundle in bundles:
        command += ["--bundle", bundle]
    with running(*handfast(*command)) as server:
        yield f"https://localhost:{server.event('listening')['port']}"


def they_fetch(
    program: Path, domain: str, url: str, *how: str | Path
) -> dict[str, Any]:
    """Let go-spiffe fetch once."""
    with running(program, "bundle-fetch", domain, url, *how) as client:
        fetched = client.event("fetched")
        assert client.exit_code() == 0, client.everything()
    return fetched
