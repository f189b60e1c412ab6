# SPDX-License-Identifier: Apache-2.0
"""What is known of other trust domains: of one, and of all of them at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from handfast.bundle import TrustBundleSet
from handfast.bundle_document import REFRESH_DEFAULT
from handfast.jwt_bundle import JwtBundleSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handfast.bundle_document import BundleDocument
    from handfast.ids import TrustDomain

__all__ = ["Federated", "Known", "interval_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The latest bundle document of a trust domain.

    Attributes:
        document: The document; its trust domain goes where it goes (FED-14).
        body: What was fetched, as it came.
        url: Where it was fetched from; empty for one that was put in by hand.
        fetched_at: When; of the same one again, when it came last.
    """

    document: BundleDocument
    body: bytes = field(repr=False)
    url: str
    fetched_at: datetime

    @property
    def is_override(self) -> bool:
        """Whether it was put in by hand."""
        return not self.url


@dataclass(frozen=True)
class Federated:
    """The newest documents of all relationships, as they were together at one moment.

    Attributes:
        generation: Grows with each change; the same number means the same content.
        documents: By trust domain; nothing is ever merged (FED-09).
        overrides: Whose document was put in by hand (FED-08).
    """

    generation: int = 0
    documents: Mapping[TrustDomain, BundleDocument] = field(
        default_factory=lambda: MappingProxyType({})
    )
    overrides: frozenset[TrustDomain] = frozenset()

    @cached_property
    def bundles(self) -> TrustBundleSet:
        """What X.509-SVIDs of other trust domains are verified by."""
        return TrustBundleSet(document.x509 for document in self.documents.values())

    @cached_property
    def jwt_bundles(self) -> JwtBundleSet:
        """What JWT-SVIDs of other trust domains are verified by."""
        return JwtBundleSet(document.jwt for document in self.documents.values())


def interval_of(document: BundleDocument | None, least: float, most: float) -> float:
    """Seconds until the next poll: the publisher's hint, between our own limits.

    Example:
        >>> interval_of(None, 60, 86400), interval_of(None, 600, 86400)
        (300, 600)
    """
    hint = REFRESH_DEFAULT if document is None else document.refresh_after
    return min(max(hint, least), most)
