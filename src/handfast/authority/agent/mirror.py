# SPDX-License-Identifier: Apache-2.0
"""What an authority has told an agent: entries of its node, bundles, revocations.

It has the shape of the authority's own parts, as far as `EntryIssuer` asks them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509

from handfast.authority.entries import Entry
from handfast.authority.matching import EntryIndex
from handfast.authority.nodes import proto
from handfast.bundle import TrustBundleSet
from handfast.bundle_document import BundleDocument
from handfast.errors import HandfastError, InvalidBundle, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.sources.own_chain import end_of_chain
from handfast.strict_json import read_object

if TYPE_CHECKING:
    from handfast.authority.selectors import Selector
    from handfast.bundle import TrustBundle
    from handfast.jwt_bundle import JwtBundle
    from handfast.svid import X509Svid

__all__ = ["Mirror"]


class _Registry:
    def __init__(self, node: SpiffeId) -> None:
        self._node = node
        self._index = EntryIndex(())

    def take(self, entries: Iterable[Entry]) -> None:
        self._index = EntryIndex(entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self._index.entries

    def entries_for(self, selectors: frozenset[Selector]) -> tuple[Entry, ...]:
        return self._index.entries_for(selectors, node=self._node)

    def wants_hash(self, selectors: frozenset[Selector]) -> bool:
        return self._index.wants_hash(selectors, node=self._node)


class _Signers:
    """What is known of the authority's own trust domain."""

    def __init__(self, document: BundleDocument) -> None:
        self.document = document
        self.sequence = 0

    def take(self, document: BundleDocument) -> None:
        self.sequence += document != self.document
        self.document = document

    @property
    def bundle(self) -> TrustBundle:
        return self.document.x509

    @property
    def jwt_bundle(self) -> JwtBundle:
        return self.document.jwt

    def verifies(self, svid: X509Svid, now: datetime) -> bool:
        """Whether a peer who has this bundle accepts an SVID.

        Whether it has begun is not asked: our clock may be behind the authority's.
        """
        try:
            at = max(now, svid.not_before)
            end_of_chain(svid, TrustBundleSet([self.bundle]), at)
        except HandfastError:
            return False
        return True


class _Federated:
    def __init__(self) -> None:
        self._known: dict[TrustDomain, BundleDocument] = {}
        self.number = 0

    def take(self, known: dict[TrustDomain, BundleDocument]) -> None:
        self.number += known != self._known
        self._known = known

    def x509(self, trust_domains: Iterable[TrustDomain]) -> list[TrustBundle]:
        return [one.x509 for one in self._of(trust_domains)]

    def jwt(self, trust_domains: Iterable[TrustDomain]) -> list[JwtBundle]:
        return [one.jwt for one in self._of(trust_domains) if not one.jwt.is_empty]

    def _of(self, trust_domains: Iterable[TrustDomain]) -> list[BundleDocument]:
        return [self._known[it] for it in sorted(set(trust_domains) & set(self._known))]


class _Crls:
    def __init__(self) -> None:
        self.ders: tuple[bytes, ...] = ()
        self.number = 0

    def take(self, ders: tuple[bytes, ...]) -> None:
        self.number += ders != self.ders
        self.ders = ders

    @property
    def serials(self) -> set[str]:
        """Everything that stands on them; nothing of lists that cannot be read."""
        return {serial for der in self.ders for serial in _serials(der)}


def _serials(der: bytes) -> list[str]:
    try:
        return [f"{it.serial_number:x}" for it in x509.load_der_x509_crl(der)]
    except ValueError:
        return []


class Mirror:
    """Holds what was told last; before anything was, no entries.

    Args:
        node: Whose entries they are.
        bundle: What is known of the trust domain before.

    Attributes:
        signer: Which intermediate signs at the authority; empty if it does not say.
        is_told: Whether the authority has said anything yet.
    """

    def __init__(self, node: SpiffeId, bundle: BundleDocument) -> None:
        self._node = node
        self._domain = node.trust_domain
        self.registry = _Registry(node)
        self.signers = _Signers(bundle)
        self.federated = _Federated()
        self.crls = _Crls()
        self.signer = ""
        self.is_told = False

    def take(self, told: proto.WatchResponse) -> None:
        """Take over a message as a whole, or on an error nothing of it.

        Raises:
            HandfastError, ValueError: it is none of ours.
        """
        entries = [
            Entry.from_facts(read_object(text.encode("utf-8"))) for text in told.entries
        ]
        for entry in entries:
            if entry.node != self._node:
                raise ValueError(f"an entry of {entry.node}")
        bundle = BundleDocument.from_json(self._domain, told.bundle)
        known = {
            (domain := TrustDomain.parse(name)): BundleDocument.from_json(domain, text)
            for name, text in told.federated.items()
        }
        if self._domain in known:
            detail = detail_for(Reason.BUNDLE_DUPLICATE, seen=str(self._domain))
            raise InvalidBundle(detail)
        self.registry.take(entries)
        self.signers.take(bundle)
        self.federated.take(known)
        self.crls.take(tuple(told.crls))
        self.signer = told.signer
        self.is_told = True

    def forget(self) -> None:
        """Know no entries any more: the authority refuses this node."""
        self.registry.take(())
        self.is_told = True
