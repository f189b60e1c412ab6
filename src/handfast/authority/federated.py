# SPDX-License-Identifier: Apache-2.0
"""Bundles of other trust domains, as the authority gives them to workloads.

They come from a person (`handfast authority bundle set`) or from a federation client,
and are kept as the documents that they came as. They are never merged with our own or
with each other, and one with a lower sequence number takes no other's place, unless a
person says so: then it counts until the next one is fetched (FED-08).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from handfast import _settings
from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.refusal import refuse
from handfast.bundle import TrustBundle
from handfast.bundle_document import BundleDocument
from handfast.ids import TrustDomain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handfast.authority.database import Database
    from handfast.jwt_bundle import JwtBundle

__all__ = ["FederatedBundles"]


class FederatedBundles:
    """The documents of other trust domains.

    Args:
        database: The state.
        own: Our trust domain, of which none is taken.
        now: The clock.
    """

    def __init__(
        self,
        database: Database,
        own: TrustDomain,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._own = own
        self._now = now
        self._known: dict[TrustDomain, BundleDocument] = {}
        self._by_hand: frozenset[TrustDomain] = frozenset()
        self.number = 0
        self.reload()

    def reload(self) -> None:
        """Read them again; `number` changes when one of them has."""
        rows = self._database.rows(
            "SELECT trust_domain, document, by_hand FROM federated"
        )
        found = {
            (domain := TrustDomain(name)): BundleDocument.from_json(domain, document)
            for name, document, _ in rows
        }
        self.number += found != self._known
        self._known = found
        self._by_hand = frozenset(
            TrustDomain(name) for name, _, by_hand in rows if by_hand
        )

    @property
    def trust_domains(self) -> tuple[TrustDomain, ...]:
        """Whose bundles there are, in order."""
        return tuple(sorted(self._known))

    def x509(self, trust_domains: Iterable[TrustDomain]) -> list[TrustBundle]:
        """The X.509 bundles of those of these that are known, in order."""
        return [one.x509 for one in self.documents(trust_domains)]

    def jwt(self, trust_domains: Iterable[TrustDomain]) -> list[JwtBundle]:
        """The JWT bundles of those of these that are known and have keys, in order."""
        return [
            one.jwt for one in self.documents(trust_domains) if not one.jwt.is_empty
        ]

    def documents(self, trust_domains: Iterable[TrustDomain]) -> list[BundleDocument]:
        """The documents of those of these that are known, in order."""
        return [
            self._known[one] for one in sorted(set(trust_domains) & set(self._known))
        ]

    @property
    def overrides(self) -> list[BundleDocument]:
        """The documents that a person has put in against the order, in order."""
        return self.documents(self._by_hand)

    def put(
        self, trust_domain: TrustDomain, document: bytes, *, override: bool = False
    ) -> None:
        """Take a document in the place of what was there.

        Args:
            trust_domain: Whose it is.
            document: The SPIFFE bundle document.
            override: A person wants it whatever its number is: the way out when its
                publisher has lost its numbers. One without a number is followed by
                any other.

        Raises:
            InvalidBundle: It is no bundle document, or older than what is there.
            ConfigError: It is our own trust domain's.
        """
        if trust_domain == self._own:
            # Whoever could replace our own bundle could speak for everybody in it.
            refuse("another trust domain's bundle", f"our own, {trust_domain}")
        new = BundleDocument.from_json(trust_domain, document)
        # Workloads would refuse all that they are told, for the sake of this one.
        _settings.need_usable(new.x509)
        with self._database.transaction() as run:
            row = run(
                "SELECT document, by_hand FROM federated WHERE trust_domain = ?",
                (trust_domain.name,),
            ).fetchone()
            if row is not None:
                old = BundleDocument.from_json(trust_domain, row[0])
                if (old, bool(row[1])) == (new, override):
                    return  # as it is already: nothing to tell
                if not override:
                    # No step back: whoever can answer for the endpoint once could
                    # bring an authority back that was removed for a reason.
                    new.check_replaces(old)
            run(
                "INSERT OR REPLACE INTO federated"
                " (trust_domain, document, changed_at, by_hand) VALUES (?, ?, ?, ?)",
                (trust_domain.name, document, self._now().timestamp(), int(override)),
            )
            audit(
                run,
                AuditRow(
                    at=self._now(),
                    event="federated_bundle_set",
                    details={
                        "trust_domain": trust_domain.name,
                        "override": override,
                        "sequence": new.sequence,
                        "x509_authorities": len(new.x509),
                        "jwt_keys": len(new.jwt),
                    },
                ),
            )
        self.reload()

    def remove(self, trust_domain: TrustDomain) -> None:
        """Forget a trust domain (FED-54).

        Raises:
            ConfigError: It is not known.
        """
        with self._database.transaction() as run:
            gone = run(
                "DELETE FROM federated WHERE trust_domain = ?", (trust_domain.name,)
            )
            if not gone.rowcount:
                refuse("a federated trust domain", trust_domain.name)
            details = {"trust_domain": trust_domain.name}
            row = AuditRow(
                at=self._now(), event="federated_bundle_removed", details=details
            )
            audit(run, row)
        self.reload()
