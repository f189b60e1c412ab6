# SPDX-License-Identifier: Apache-2.0
"""Peer: `cryptography.x509.verification`, from DER to the ID in the URI SAN."""

from __future__ import annotations

import cryptography
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend
from cryptography.x509 import verification

from bench.peers import corpus, sampler


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    corpus.add_arguments(parser)
    given = parser.parse_args()
    chains = corpus.chains(given)
    blocks = corpus.blocks(chains)
    load = x509.load_der_x509_certificate
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([load(corpus.anchor(given))]))
        .build_client_verifier()
    )

    def verify(chain: corpus.Chain) -> str:
        client = verifier.verify(load(chain[0]), [load(der) for der in chain[1:]])
        assert client.subjects is not None
        (uri,) = client.subjects
        assert isinstance(uri, x509.UniformResourceIdentifier)
        return uri.value

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps(corpus.BLOCK):
            for chain, expected in next(blocks):
                assert verify(chain) == expected

    try:
        verify(chains[0][0])
    except verification.VerificationError as error:
        # Its profile has no Ed25519, which is a choice and no failure of the run.
        sampler.absent(f"refuses these certificates: {error}")
    facts = {
        "cryptography": cryptography.__version__,
        "openssl": backend.openssl_version_text(),
    }
    sampler.serve(given, facts, take)


if __name__ == "__main__":
    main()
