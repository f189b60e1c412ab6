# SPDX-License-Identifier: Apache-2.0
"""Peer: pyOpenSSL's `X509StoreContext`, from DER to the ID in the URI SAN."""

from __future__ import annotations

from cryptography import x509
from OpenSSL import SSL, crypto

from bench.peers import corpus, sampler


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    corpus.add_arguments(parser)
    given = parser.parse_args()
    blocks = corpus.blocks(corpus.chains(given))
    asn1 = crypto.FILETYPE_ASN1
    load = crypto.load_certificate
    store = crypto.X509Store()
    store.add_cert(load(asn1, corpus.anchor(given)))

    def verify(chain: corpus.Chain) -> str:
        leaf = load(asn1, chain[0])
        rest = [load(asn1, der) for der in chain[1:]]
        crypto.X509StoreContext(store, leaf, rest).verify_certificate()
        names = leaf.to_cryptography().extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        return uri

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps(corpus.BLOCK):
            for chain, expected in next(blocks):
                assert verify(chain) == expected

    openssl = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()
    sampler.serve(given, {"openssl": openssl}, take)


if __name__ == "__main__":
    main()
