# SPDX-License-Identifier: Apache-2.0
"""Peer: pyOpenSSL's `X509StoreContext` on a client's chain, from DER to a SPIFFE ID."""

from __future__ import annotations

from cryptography import x509
from OpenSSL import SSL, crypto

from bench.peers import sampler
from bench.pki import CLIENT_ID, chain_der


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    leaf_der, *rest_der = chain_der(given.pki, "client")
    store = crypto.X509Store()
    root = (given.pki / "root.der").read_bytes()
    store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, root))

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps():
            leaf = crypto.load_certificate(crypto.FILETYPE_ASN1, leaf_der)
            rest = [
                crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in rest_der
            ]
            crypto.X509StoreContext(store, leaf, rest).verify_certificate()
            names = leaf.to_cryptography().extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
            (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
            assert uri == CLIENT_ID

    openssl = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()
    sampler.serve(given, {"openssl": openssl}, take)


if __name__ == "__main__":
    main()
