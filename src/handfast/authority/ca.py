# SPDX-License-Identifier: Apache-2.0
"""The authority of one trust domain, in memory."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding

from handfast._clock import utc_now
from handfast.authority.profile import leaf_builder, signing_builder
from handfast.authority.signer import Signer, sign
from handfast.authority.validity import positive, window
from handfast.bundle import TrustBundle
from handfast.errors import ConfigError, InvalidId, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.keys import PrivateKey
from handfast.names import DnsName
from handfast.svid import X509Svid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handfast.keys import KeyType

__all__ = ["Authority"]

SVID_TTL: Final = timedelta(hours=1)
INTERMEDIATE_TTL: Final = timedelta(days=30)
ROOT_TTL: Final = timedelta(days=3650)


class Authority:
    """Issues the SVIDs of one trust domain, and of no other.

    May be used by several threads at once.

    Args:
        trust_domain: Whose authority it is.
        intermediate: Sign with an intermediate under the root, which is renewed when
            half of its life is over, instead of with the root itself.
        key_type: Of the authority's keys, and of SVIDs unless said otherwise.
        svid_ttl: How long SVIDs are valid.
        now: The clock, for tests: gives aware times.

    Raises:
        InvalidId: The trust domain's name is not one.

    Example:
        >>> authority = Authority("prod.example.com")
        >>> svid = authority.issue("spiffe://prod.example.com/web")
        >>> svid.spiffe_id.path
        '/web'
        >>> len(authority.bundle)
        1
    """

    def __init__(
        self,
        trust_domain: TrustDomain | str,
        *,
        intermediate: bool = False,
        key_type: KeyType = "p256",
        svid_ttl: timedelta = SVID_TTL,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if not isinstance(trust_domain, TrustDomain):
            trust_domain = TrustDomain.parse(trust_domain)
        self._trust_domain = trust_domain
        self._key_type: KeyType = key_type
        self._svid_ttl = positive(svid_ttl)
        self._now = now
        self._lock = threading.Lock()
        key = PrivateKey.generate(key_type)
        builder = signing_builder(
            trust_domain,
            key,
            self._window(ROOT_TTL),
            path_length=1 if intermediate else 0,
        )
        self._root = Signer(certificate=sign(builder, key), key=key)
        self._bundle = TrustBundle.from_der(trust_domain, [self._root.der])
        self._signer = self._make_intermediate() if intermediate else self._root

    @property
    def trust_domain(self) -> TrustDomain:
        """Whose authority it is."""
        return self._trust_domain

    @property
    def bundle(self) -> TrustBundle:
        """What others need to verify its SVIDs: the root."""
        return self._bundle

    @property
    def root(self) -> Signer:
        """The root with its key: whoever has it is the trust domain."""
        return self._root

    @property
    def signer(self) -> Signer:
        """What SVIDs are signed with now: the intermediate, or the root."""
        with self._lock:
            signer = self._signer
            if signer is self._root:
                return signer
            begin = signer.certificate.not_valid_before_utc
            if self._now() - begin > (signer.not_after - begin) / 2:
                self._signer = signer = self._make_intermediate()
            return signer

    def issue(
        self,
        spiffe_id: SpiffeId | str,
        *,
        ttl: timedelta | None = None,
        dns_names: Iterable[str] = (),
        key_type: KeyType | None = None,
    ) -> X509Svid:
        """Make a key and an SVID for it.

        Args:
            spiffe_id: Of a workload in this trust domain.
            ttl: How long it is valid; never longer than its issuer.
            dns_names: Host names beside the ID, for peers that compare those.
            key_type: Of its key; the authority's when left out.

        Raises:
            InvalidId: It is not a SPIFFE ID, or one without a path.
            ConfigError: Another trust domain's ID (``foreign_trust_domain``), a host
                name that is not one, or a time to live that is not positive.
        """
        if not isinstance(spiffe_id, SpiffeId):
            spiffe_id = SpiffeId.parse(spiffe_id)
        self._check(spiffe_id)
        signer = self.signer
        key = PrivateKey.generate(key_type or self._key_type)
        builder = leaf_builder(
            spiffe_id,
            key,
            self._window(positive(ttl or self._svid_ttl), signer),
            issuer=signer,
            dns_names=[DnsName(name) for name in dns_names],
        )
        leaf = sign(builder, signer.key).public_bytes(Encoding.DER)
        return X509Svid(chain=(leaf, *signer.intermediates), key=key)

    def _check(self, spiffe_id: SpiffeId) -> None:
        if spiffe_id.trust_domain != self._trust_domain:
            detail = detail_for(
                Reason.FOREIGN_TRUST_DOMAIN,
                expected=f"an ID in {self._trust_domain}",
                seen=str(spiffe_id),
            )
            raise ConfigError(detail)
        if not spiffe_id.path:
            # The path-less ID is the authority's own.
            detail = detail_for(Reason.SVID_NO_PATH, seen=str(spiffe_id))
            raise InvalidId(detail)

    def _window(
        self, ttl: timedelta, issuer: Signer | None = None
    ) -> tuple[datetime, datetime]:
        return window(self._now(), ttl, issuer)

    def _make_intermediate(self) -> Signer:
        key = PrivateKey.generate(self._key_type)
        builder = signing_builder(
            self._trust_domain,
            key,
            self._window(INTERMEDIATE_TTL, self._root),
            path_length=0,
            issuer=self._root,
        )
        certificate = sign(builder, self._root.key)
        der = certificate.public_bytes(Encoding.DER)
        return Signer(certificate=certificate, key=key, intermediates=(der,))

    def __repr__(self) -> str:
        return f"<Authority {self._trust_domain}>"
