# SPDX-License-Identifier: Apache-2.0
"""Revocation lists that a source gave, kept by the trust domain that signed them.

The Workload API sends lists without saying whose they are (WAPI-47). Here each list is
kept for the trust domain one of whose certificates signed it, so that a list of one
trust domain never says anything about another's SVIDs, even where both call their
authorities by the same name. A list that nobody known signed is put aside and counted.
Lists are enforced by whoever asks: :meth:`RevocationLists.check`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from handfast.chain_verifier import ChainVerifier
from handfast.errors import Reason, VerificationError, detail_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handfast.bundle import TrustBundleSet
    from handfast.ids import TrustDomain
    from handfast.peer import VerifiedPeer

__all__ = ["NO_LISTS", "RevocationLists"]

_Signers = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class RevocationLists:
    """Revocation lists by trust domain; immutable.

    Args:
        by_trust_domain: DER lists, by the trust domain that signed them.
        put_aside: How many lists could not be read, or were signed by nobody known.
    """

    __slots__ = ("_lists", "_put_aside", "_verifiers")

    def __init__(
        self,
        by_trust_domain: Mapping[TrustDomain, Iterable[bytes]] | None = None,
        *,
        put_aside: int = 0,
    ) -> None:
        lists = {name: tuple(crls) for name, crls in (by_trust_domain or {}).items()}
        self._lists = MappingProxyType({name: it for name, it in lists.items() if it})
        self._put_aside = put_aside
        # Made when first asked for: reading a long list takes a while.
        self._verifiers: dict[tuple[object, ...], ChainVerifier] = {}

    @classmethod
    def sort(
        cls, crls: Iterable[bytes], signers: Mapping[TrustDomain, Iterable[bytes]]
    ) -> RevocationLists:
        """Find out whose each list is.

        Args:
            crls: DER lists, from whoever sent them.
            signers: DER certificates of each trust domain that may sign lists.
        """
        known: dict[bytes, list[tuple[TrustDomain, x509.Certificate]]] = {}
        for name, certificates in signers.items():
            for der in certificates:
                signer = x509.load_der_x509_certificate(der)
                subject = signer.subject.public_bytes()
                known.setdefault(subject, []).append((name, signer))
        found: dict[TrustDomain, list[bytes]] = {}
        put_aside = 0
        for der in dict.fromkeys(crls):
            owners = _owners(der, known)
            put_aside += not owners
            for owner in owners:
                found.setdefault(owner, []).append(der)
        return cls(found, put_aside=put_aside)

    @property
    def put_aside(self) -> int:
        """How many lists are not used: unreadable, or signed by nobody known."""
        return self._put_aside

    @property
    def trust_domains(self) -> frozenset[TrustDomain]:
        """Which trust domains have lists here."""
        return frozenset(self._lists)

    def get(self, trust_domain: TrustDomain) -> tuple[bytes, ...]:
        """The lists that this trust domain signed; none when there are none."""
        return self._lists.get(trust_domain, ())

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RevocationLists):
            return NotImplemented
        return (self._lists, self._put_aside) == (other._lists, other._put_aside)

    def __hash__(self) -> int:
        return hash((frozenset(self._lists.items()), self._put_aside))

    def __repr__(self) -> str:
        names = ", ".join(f"{name} ({len(it)})" for name, it in self._lists.items())
        return f"<RevocationLists {names or 'none'}, {self._put_aside} put aside>"

    def check(
        self,
        peer: VerifiedPeer,
        bundles: TrustBundleSet,
        *,
        crl_policy: Literal["required", "if_available"] = "required",
        purpose: Literal["client", "server"] = "client",
    ) -> None:
        """Refuse a peer whose chain has a revoked certificate.

        The lists of the peer's own trust domain are asked and no other's. What a list
        must be like to count is said in :class:`ChainVerifier`.

        Args:
            peer: Who was verified already.
            bundles: Whom to trust: the snapshot's that these lists came with.
            crl_policy: As for :class:`ChainVerifier`. A trust domain without lists is
                refused under `"required"` and passes under `"if_available"`.
            purpose: What the peer's certificate is used for.

        Raises:
            VerificationError: it is revoked, or the lists cannot say that it is not.
            InvalidCrl: a list of this trust domain is of a kind that cannot be used.
        """
        domain = None if peer.spiffe_id is None else peer.spiffe_id.trust_domain
        bundle = None if domain is None else bundles.get(domain)
        if domain is None or bundle is None or domain not in self._lists:
            if crl_policy == "if_available" and bundle is not None:
                return
            raise VerificationError(
                detail_for(
                    Reason.CRL_MISSING,
                    expected="a revocation list of the peer's own trust domain",
                    seen=f"none of {domain}",
                    certificate=peer.chain[0],
                )
            )
        key = (domain, bundle.digest, crl_policy, purpose)
        verifier = self._verifiers.get(key)
        if verifier is None:
            verifier = self._verifiers[key] = ChainVerifier(
                bundle.x509_authorities,
                purpose=purpose,
                expected_name=None,
                crls=self._lists[domain],
                crl_policy=crl_policy,
            )
        verifier.verify(peer.chain)


def _owners(
    der: bytes, known: Mapping[bytes, list[tuple[TrustDomain, x509.Certificate]]]
) -> list[TrustDomain]:
    """Say whose certificate signed a list: usually one, or nobody's."""
    try:
        crl = x509.load_der_x509_crl(der)
        candidates = known.get(crl.issuer.public_bytes(), [])
    except (ValueError, TypeError):
        return []
    owners = [name for name, signer in candidates if _signed(crl, signer)]
    return list(dict.fromkeys(owners))


def _signed(crl: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    try:
        key = signer.public_key()
        return isinstance(key, _Signers) and crl.is_signature_valid(key)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False


#: What a source without lists has.
NO_LISTS: Final = RevocationLists()
