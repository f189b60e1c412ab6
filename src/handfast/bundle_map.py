# SPDX-License-Identifier: Apache-2.0
"""Bundle maps: the documents of several trust domains in one (section 5.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.bundle import TrustBundleSet
from handfast.bundle_document import BundleDocument
from handfast.bundle_json import (
    HINT_MAX,
    frame_of,
    hint_of,
    read_json,
    refuse,
    write_json,
)
from handfast.bundle_set import BundleSet
from handfast.errors import InvalidId
from handfast.ids import TrustDomain
from handfast.jwt_bundle import JwtBundleSet
from handfast.strict_json import is_object
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from handfast.strict_json import Json

__all__ = ["DOMAINS_MAX", "MAP_MAX", "BundleMap"]

#: Bytes of a map.
MAP_MAX: Final = 16 << 20
#: Trust domains of a map.
DOMAINS_MAX: Final = 1000


def _trust_domain(name: str) -> TrustDomain:
    try:
        return TrustDomain.parse(name)
    except InvalidId as error:
        seen = f"'{escape(name)}': {error.detail.text}"
        refuse("bare trust domain names", seen)


class BundleMap(BundleSet[BundleDocument]):
    """The documents of several trust domains; immutable.

    A map is the whole state of the world: a trust domain that is not in it is not
    trusted. It is taken as a whole or not at all, so one document that cannot be used
    refuses all of them.

    Example:
        >>> from handfast.authority import Authority
        >>> own, other = Authority("a.example").bundle, Authority("b.example").bundle
        >>> known = BundleMap([BundleDocument.of(own), BundleDocument.of(other)])
        >>> BundleMap.from_json(known.to_json())["b.example"].x509 == other
        True
    """

    __slots__ = ("_refresh_hint",)

    def __init__(
        self,
        bundles: Iterable[BundleDocument] = (),
        *,
        refresh_hint: int | None = None,
    ) -> None:
        """Collect documents.

        Args:
            bundles: One a trust domain.
            refresh_hint: Seconds after which to ask for the map again. Hints of the
                documents mean nothing in a map.

        Raises:
            InvalidBundle: Two are for the same trust domain, or the hint is negative.
        """
        super().__init__(bundles)
        if len(self) > DOMAINS_MAX:
            refuse(f"at most {DOMAINS_MAX} trust domains", f"{len(self)}")
        if refresh_hint is not None and not 0 <= refresh_hint <= HINT_MAX:
            refuse(f"a hint from 0 to {HINT_MAX} seconds", f"{refresh_hint}")
        self._refresh_hint = refresh_hint

    @classmethod
    def from_json(cls, data: bytes | str) -> BundleMap:
        """Read a map.

        Raises:
            InvalidBundle: It is none, has a name twice or one that is no trust domain,
                or a document in it cannot be used; nothing of it was taken.
        """
        document = read_json(data, limit=MAP_MAX)
        domains = document.get("trust_domains")
        if not is_object(domains):
            seen = "none" if domains is None else type(domains).__name__
            refuse("an object 'trust_domains'", seen)
        if len(domains) > DOMAINS_MAX:
            refuse(f"at most {DOMAINS_MAX} trust domains", f"{len(domains)}")
        found: list[BundleDocument] = []
        for name, value in domains.items():
            trust_domain = _trust_domain(name)
            if not is_object(value):
                refuse(f"a document of {name}", type(value).__name__)
            found.append(
                BundleDocument.from_frame(trust_domain, frame_of(value)).without_hint()
            )
        return cls(found, refresh_hint=hint_of(document))

    @property
    def refresh_hint(self) -> int | None:
        """Seconds after which to ask for the map again; only a hint."""
        return self._refresh_hint

    @property
    def x509(self) -> TrustBundleSet:
        """The X.509 authorities of all of them, side by side."""
        return TrustBundleSet(document.x509 for document in self)

    @property
    def jwt(self) -> JwtBundleSet:
        """The JWT authorities of all of them, side by side."""
        return JwtBundleSet(document.jwt for document in self)

    def to_json(self) -> bytes:
        """Write the map, trust domains in the order of their names."""
        ordered = sorted(self, key=lambda document: document.trust_domain)
        domains: Json = {
            document.trust_domain.name: document.without_hint().to_object()
            for document in ordered
        }
        made: Json = {"trust_domains": domains}
        if self._refresh_hint is not None:
            made["spiffe_refresh_hint"] = self._refresh_hint
        return write_json(made)
