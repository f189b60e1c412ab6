# SPDX-License-Identifier: Apache-2.0
"""The keys that the JWT-SVIDs of a trust domain are signed with, and sets of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handfast.bundle_jwt_entries import JWT_USE
from handfast.bundle_set import BundleSet
from handfast.jwk import JwtKey
from handfast.key_bundle import KeyBundle

__all__ = ["JwtBundle", "JwtBundleSet", "JwtKey"]


@dataclass(frozen=True, slots=True, repr=False)
class JwtBundle(KeyBundle):
    """The JWT authorities of one trust domain: public keys by ``kid``.

    An empty bundle is legal and trusts nobody.

    Attributes:
        trust_domain: Whose keys these are.
        keys: `cryptography`'s public keys, RSA or EC; read-only.
        algorithms: What some of them are for alone, by ``kid``; read-only.
        digest: SHA-256 over the content, in any order.

    Example:
        >>> from handfast.jwt_signer import JwtSigner
        >>> bundle = JwtSigner.generate("a.example").bundle
        >>> JwtBundle.from_json("a.example", bundle.to_json()) == bundle
        True
    """

    USE: ClassVar[str] = JWT_USE
    UNIQUE_AMONG: ClassVar[tuple[str, ...]] = (JWT_USE,)


class JwtBundleSet(BundleSet[JwtBundle]):
    """JWT bundles side by side, one a trust domain; immutable.

    Example:
        >>> from handfast.ids import TrustDomain
        >>> own = JwtBundle(TrustDomain("a.example"))
        >>> JwtBundleSet([own])["a.example"].is_empty
        True
    """

    __slots__ = ()
