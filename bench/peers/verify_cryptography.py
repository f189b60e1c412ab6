# SPDX-License-Identifier: Apache-2.0
"""Peer: `cryptography.x509.verification` of a client's chain, from DER to its ID."""

from __future__ import annotations

import cryptography
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend
from cryptography.x509 import verification

from bench.peers import sampler
from bench.pki import CLIENT_ID, chain_der


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    leaf, *rest = chain_der(given.pki, "client")
    root = x509.load_der_x509_certificate((given.pki / "root.der").read_bytes())
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .build_client_verifier()
    )
    load = x509.load_der_x509_certificate

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps():
            client = verifier.verify(load(leaf), [load(der) for der in rest])
            assert client.subjects is not None
            (uri,) = client.subjects
            assert isinstance(uri, x509.UniformResourceIdentifier)
            assert uri.value == CLIENT_ID

    facts = {
        "cryptography": cryptography.__version__,
        "openssl": backend.openssl_version_text(),
    }
    sampler.serve(given, facts, take)


if __name__ == "__main__":
    main()
