# SPDX-License-Identifier: Apache-2.0
"""Revocation lists of several trust domains, each for its own.

The Workload API sends lists without saying whose they are (WAPI-47). Here each list is
kept for the trust domain one of whose certificates signed it, so that a list of one
trust domain never says anything about another's SVIDs, even where both call their
authorities by the same name. Of what is left, the intermediates of peers may have
signed some: those lists count for whoever shows such an intermediate, and for nobody
else. They are enforced where `crl_policy=` asks for it: by `Verifier` and `TlsConfig`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from handfast.errors import InvalidCrl, Reason, detail_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handfast.ids import TrustDomain

__all__ = ["NO_LISTS", "RevocationLists"]

#: Signatures that are tried to find out whose some lists are: seconds of work.
_TRIES_MAX: Final = 20_000

_Signers = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class RevocationLists:
    """Revocation lists by trust domain; immutable.

    Args:
        by_trust_domain: DER lists, by the trust domain that signed them.
        put_aside: How many lists could not be read, or were signed by nobody known.
        unclaimed: Those of them that could be read: good for a chain that has their
            signer in it.
    """

    __slots__ = ("_lists", "_put_aside", "_unclaimed")

    def __init__(
        self,
        by_trust_domain: Mapping[TrustDomain, Iterable[bytes]] | None = None,
        *,
        put_aside: int = 0,
        unclaimed: Iterable[bytes] = (),
    ) -> None:
        lists = {name: tuple(crls) for name, crls in (by_trust_domain or {}).items()}
        self._lists = MappingProxyType({name: it for name, it in lists.items() if it})
        self._put_aside = put_aside
        self._unclaimed = tuple(unclaimed)

    @classmethod
    def sort(
        cls, crls: Iterable[bytes], signers: Mapping[TrustDomain, Iterable[bytes]]
    ) -> RevocationLists:
        """Find out whose each list is.

        Args:
            crls: DER lists, from whoever sent them.
            signers: DER certificates of each trust domain that may sign lists.

        Raises:
            InvalidCrl: Too many certificates are of the names that signed these.
        """
        known: dict[bytes, list[tuple[TrustDomain, x509.Certificate]]] = {}
        for name, certificates in signers.items():
            for der in certificates:
                signer = x509.load_der_x509_certificate(der)
                subject = signer.subject.public_bytes()
                known.setdefault(subject, []).append((name, signer))
        found: dict[TrustDomain, list[bytes]] = {}
        put_aside = 0
        unclaimed: list[bytes] = []
        read = {der: _read(der) for der in crls}
        _check_work(read.values(), known)
        for der, crl in read.items():
            owners = () if crl is None else _owners(crl, known)
            put_aside += not owners
            if crl is not None and not owners:
                unclaimed.append(der)
            for owner in owners:
                found.setdefault(owner, []).append(der)
        return cls(found, put_aside=put_aside, unclaimed=unclaimed)

    @property
    def put_aside(self) -> int:
        """How many lists are of no trust domain: unreadable, or of nobody known."""
        return self._put_aside

    @property
    def unclaimed(self) -> tuple[bytes, ...]:
        """Lists of nobody known: they count where a peer shows their signer."""
        return self._unclaimed

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
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return frozenset(self._lists.items()), self._put_aside, self._unclaimed

    def __repr__(self) -> str:
        names = ", ".join(f"{name} ({len(it)})" for name, it in self._lists.items())
        return f"<RevocationLists {names or 'none'}, {self._put_aside} put aside>"


def _read(der: bytes) -> x509.CertificateRevocationList | None:
    try:
        crl = x509.load_der_x509_crl(der)
        crl.issuer.public_bytes()
    except (ValueError, TypeError, Warning):  # as of certificates
        return None
    return crl


def _check_work(
    crls: Iterable[x509.CertificateRevocationList | None],
    known: Mapping[bytes, list[tuple[TrustDomain, x509.Certificate]]],
) -> None:
    # Each is tried with everybody of its signer's name, and names can be anybody's.
    tries = sum(
        len(known.get(it.issuer.public_bytes(), ())) for it in crls if it is not None
    )
    if tries > _TRIES_MAX:
        expected = f"lists and signers of one name of which {_TRIES_MAX} pairs fit"
        detail = detail_for(Reason.LIMIT, expected=expected, seen=f"{tries}")
        raise InvalidCrl(detail)


def _owners(
    crl: x509.CertificateRevocationList,
    known: Mapping[bytes, list[tuple[TrustDomain, x509.Certificate]]],
) -> list[TrustDomain]:
    """Say whose certificate signed a list: usually one, or nobody's."""
    candidates = known.get(crl.issuer.public_bytes(), [])
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
