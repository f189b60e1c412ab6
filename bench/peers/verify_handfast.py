# SPDX-License-Identifier: Apache-2.0
"""Peer: one `Verifier.verify` of a client's chain, from DER to a SPIFFE ID."""

from __future__ import annotations

from bench.peers import sampler
from bench.pki import CLIENT_ID, TRUST_DOMAIN, chain_der
from handfast import TrustBundle, Verifier, openssl_version
from handfast.authorize import any_in


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    chain = chain_der(given.pki, "client")
    bundle = TrustBundle.from_der(TRUST_DOMAIN, (given.pki / "root.der").read_bytes())
    verifier = Verifier(bundle, authorize=any_in(TRUST_DOMAIN), purpose="client")

    def take(clock: sampler.Clock) -> None:
        for _ in clock.laps():
            peer = verifier.verify(chain)
            assert str(peer.spiffe_id) == CLIENT_ID

    sampler.serve(given, {"openssl": openssl_version().running}, take)


if __name__ == "__main__":
    main()
