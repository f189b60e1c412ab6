# SPDX-License-Identifier: Apache-2.0
"""Messages as an agent sends them, honest ones and others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from handfast import PrivateKey, TrustBundle, X509Svid
from handfast.authority import Authority, Signer
from handfast.workload_api.proto import (
    X509SVID,
    X509BundlesResponse,
    X509SVIDResponse,
)

OWN = "a.example"
OTHER = "b.example"
WEB = "spiffe://a.example/web"
API = "spiffe://a.example/api"
# They are made once a run, and none may end during the longest.
DAY = timedelta(days=1)


_KEYS: dict[bytes, PrivateKey] = {}
_authority = cache(partial(Authority, intermediate=True))


def authority(trust_domain: str = OWN) -> Authority:
    """Return the authority of a trust domain: one for all tests of a run."""
    return _authority(trust_domain)


@cache
def _svid(spiffe_id: str, number: int) -> X509Svid:
    del number
    domain = spiffe_id.removeprefix("spiffe://").partition("/")[0]
    made = authority(domain).issue(spiffe_id, ttl=DAY)
    _KEYS[made.chain[0]] = made.key
    return made


def svid(spiffe_id: str = WEB, number: int = 0) -> X509Svid:
    """Return an SVID; other numbers are renewed ones."""
    return _svid(spiffe_id, number)


def der(bundle: TrustBundle) -> bytes:
    """Write a bundle as the Workload API does."""
    return b"".join(bundle.x509_authorities)


def part(
    identity: X509Svid | None = None,
    *,
    hint: str = "",
    bundle: TrustBundle | None = None,
) -> X509SVID:
    """Put one identity into a message."""
    it = identity or svid()
    trusted = bundle or authority(it.spiffe_id.trust_domain.name).bundle
    return X509SVID(
        spiffe_id=str(it.spiffe_id),
        x509_svid=b"".join(it.chain),
        x509_svid_key=it.key.der,
        bundle=der(trusted),
        hint=hint,
    )


def svids(
    *parts: X509SVID,
    federated: Sequence[TrustBundle] = (),
    crl: Sequence[bytes] = (),
) -> X509SVIDResponse:
    """Make what ``FetchX509SVID`` sends; one honest identity when none is given."""
    return X509SVIDResponse(
        svids=list(parts) or [part()],
        crl=list(crl),
        federated_bundles=_by_id(federated),
    )


def bundles(*given: TrustBundle, crl: Sequence[bytes] = ()) -> X509BundlesResponse:
    """Make what ``FetchX509Bundles`` sends."""
    return X509BundlesResponse(crl=list(crl), bundles=_by_id(given))


def _by_id(given: Sequence[TrustBundle]) -> dict[str, bytes]:
    return {str(it.trust_domain.id): der(it) for it in given}


def crl(signer: Signer, *revoked: X509Svid, days: int = 7) -> bytes:
    """Sign a revocation list."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(now - timedelta(days=1))
        .next_update(now + timedelta(days=days))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                signer.certificate.extensions.get_extension_for_class(
                    x509.SubjectKeyIdentifier
                ).value
            ),
            critical=False,
        )
    )
    for identity in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(identity.leaf.serial_number)
            .revocation_date(now - timedelta(hours=1))
            .build()
        )
    signed = builder.sign(signer.key.load(), hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def svid_key(identity: X509Svid) -> PrivateKey:
    """Return the key that an SVID of ours was made with."""
    return _KEYS[identity.chain[0]]


def fresh(spiffe_id: str, now: Callable[[], datetime]) -> X509Svid:
    """Issue an SVID at another time, by the same authority's root."""
    authority_then = Authority.__new__(Authority)
    authority_then.__dict__.update(authority().__dict__, _now=now)
    return authority_then.issue(spiffe_id)
