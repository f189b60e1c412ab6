# SPDX-License-Identifier: Apache-2.0
"""Bundles side by side, one a trust domain: what sets of both kinds have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from handfast.errors import InvalidBundle, Reason, detail_for
from handfast.ids import TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BundleSet", "as_trust_domain"]


class _Bundle(Protocol):
    """What a bundle has, whatever its authorities are."""

    @property
    def trust_domain(self) -> TrustDomain: ...

    def __len__(self) -> int: ...


B = TypeVar("B", bound=_Bundle)


def as_trust_domain(value: TrustDomain | str) -> TrustDomain:
    """Take a trust domain, or its name."""
    return value if isinstance(value, TrustDomain) else TrustDomain.parse(value)


class BundleSet(Generic[B]):
    """Bundles of one kind; immutable.

    The kinds have a class each, so that nobody judges a certificate by the keys of
    tokens or the other way round.
    """

    __slots__ = ("_bundles",)

    def __init__(self, bundles: Iterable[B] = ()) -> None:
        """Collect bundles.

        Raises:
            InvalidBundle: Two are for the same trust domain: nothing is ever merged.
        """
        found: dict[TrustDomain, B] = {}
        for bundle in bundles:
            if bundle.trust_domain in found:
                seen = f"{bundle.trust_domain} twice"
                raise InvalidBundle(detail_for(Reason.BUNDLE_DUPLICATE, seen=seen))
            found[bundle.trust_domain] = bundle
        self._bundles = found

    def get(self, trust_domain: TrustDomain | str) -> B | None:
        """The bundle of exactly this trust domain, or None."""
        return self._bundles.get(as_trust_domain(trust_domain))

    def with_bundle(self, bundle: B) -> Self:
        """A set in which this bundle takes the place of its trust domain's."""
        return type(self)((self._bundles | {bundle.trust_domain: bundle}).values())

    def without(self, trust_domain: TrustDomain | str) -> Self:
        """A set that knows nothing of a trust domain."""
        gone = as_trust_domain(trust_domain)
        return type(self)(
            bundle for name, bundle in self._bundles.items() if name != gone
        )

    def __getitem__(self, trust_domain: TrustDomain | str) -> B:
        return self._bundles[as_trust_domain(trust_domain)]

    def __contains__(self, trust_domain: object) -> bool:
        if isinstance(trust_domain, str):
            return self.get(trust_domain) is not None
        return trust_domain in self._bundles

    def __iter__(self) -> Iterator[B]:
        return iter(self._bundles.values())

    def __len__(self) -> int:
        return len(self._bundles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._bundles == other._bundles

    def __hash__(self) -> int:
        return hash(frozenset(self._bundles.values()))

    def __repr__(self) -> str:
        names = ", ".join(f"{bundle.trust_domain} ({len(bundle)})" for bundle in self)
        return f"<{type(self).__name__} {names or 'empty'}>"
