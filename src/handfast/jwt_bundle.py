# SPDX-License-Identifier: Apache-2.0
"""The keys that the JWT-SVIDs of a trust domain are signed with, and sets of them.

Not the same type as the bundles of certificates, on purpose: the standard forbids to
judge one kind of SVID by the authorities of the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast.bundle_json import (
    KEYS_MAX,
    read_frame,
    refuse,
    write_frame,
    write_json,
)
from handfast.bundle_jwt_entries import (
    PLAIN_USES,
    read_jwt_entries,
    write_jwt_entries,
)
from handfast.bundle_set import BundleSet, as_trust_domain
from handfast.ids import TrustDomain
from handfast.jwk import JwtKey
from handfast.jwt_algorithms import fits
from handfast.keys import key_type_of
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JwtBundle", "JwtBundleSet", "JwtKey"]


def _no_algorithms() -> Mapping[str, str]:
    return {}


def _no_keys() -> Mapping[str, JwtKey]:
    return {}


def _check_key(kid: str, key: object) -> None:
    if not kid:
        refuse("a kid for each key", "an empty one")
    if not isinstance(key, JwtKey) or key_type_of(key) is None:
        seen = f"another kind under '{escape(kid, limit=64)}'"
        refuse("keys on P-256, P-384 or P-521, or RSA of 2,048 to 8,192 bits", seen)


def _digest(
    trust_domain: TrustDomain, keys: Mapping[str, JwtKey], algorithms: Mapping[str, str]
) -> bytes:
    """SHA-256 over all that decides what a key verifies, each part with its length."""
    parts = [trust_domain.name.encode("ascii")]
    for kid, key in sorted(keys.items()):
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        name = kid.encode("utf-8", "surrogatepass")
        parts += [name, spki, algorithms.get(kid, "").encode("ascii")]
    lengthened = (len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(b"".join(lengthened)).digest()


@dataclass(frozen=True, slots=True, repr=False)
class JwtBundle:
    """The JWT authorities of one trust domain: public keys by ``kid``.

    An empty bundle is legal and trusts nobody.

    Attributes:
        trust_domain: Whose keys these are.
        keys: `cryptography`'s public keys, RSA or EC; read-only.
        algorithms: What some of them are for alone, by ``kid``; read-only.
        digest: SHA-256 over the content, in any order.

    Example:
        >>> from handfast.jwt_signer import JwtSigner
        >>> signer = JwtSigner.generate("a.example")
        >>> bundle = signer.bundle
        >>> JwtBundle.from_json("a.example", bundle.to_json()) == bundle
        True
    """

    trust_domain: TrustDomain
    keys: Mapping[str, JwtKey] = field(default_factory=_no_keys, hash=False)
    algorithms: Mapping[str, str] = field(default_factory=_no_algorithms, hash=False)
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        if len(self.keys) > KEYS_MAX:
            refuse(f"at most {KEYS_MAX} keys", f"{len(self.keys)}")
        for kid, key in self.keys.items():
            _check_key(kid, key)
        for kid, algorithm in self.algorithms.items():
            if kid not in self.keys or not fits(algorithm, self.keys[kid]):
                seen = f"another under '{escape(kid, limit=64)}'"
                refuse("algorithms that fit the keys", seen)
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        object.__setattr__(self, "algorithms", MappingProxyType(dict(self.algorithms)))
        digest = _digest(self.trust_domain, self.keys, self.algorithms)
        object.__setattr__(self, "digest", digest)

    @classmethod
    def from_json(cls, trust_domain: TrustDomain | str, data: bytes | str) -> JwtBundle:
        """Read the ``jwt-svid`` entries of a SPIFFE bundle document.

        Raises:
            InvalidBundle: It is not such a document; nothing of it was taken.
        """
        keys, algorithms = read_jwt_entries(read_frame(data))
        return cls(as_trust_domain(trust_domain), keys, algorithms)

    @classmethod
    def from_jwks(cls, trust_domain: TrustDomain | str, data: bytes | str) -> JwtBundle:
        """Read a plain JWK Set with nothing but keys for tokens.

        That is what the Workload API sends: entries there need not say what they are
        for. Those that say something else are passed over.

        Raises:
            InvalidBundle: It is not such a set; nothing of it was taken.
        """
        keys, algorithms = read_jwt_entries(read_frame(data), PLAIN_USES)
        return cls(as_trust_domain(trust_domain), keys, algorithms)

    def to_json(self) -> bytes:
        """Write a SPIFFE bundle document, the same bytes for the same bundle."""
        entries = write_jwt_entries(self.keys, self.algorithms)
        return write_json(write_frame(entries, None, None))

    def to_jwks(self) -> bytes:
        """Write a plain JWK Set, as the Workload API sends it: without ``use``."""
        entries = write_jwt_entries(self.keys, self.algorithms, use=None)
        return write_json(write_frame(entries, None, None))

    @property
    def is_empty(self) -> bool:
        """Whether it trusts nobody."""
        return not self.keys

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, kid: object) -> bool:
        return kid in self.keys

    def __repr__(self) -> str:
        return f"<JwtBundle {self.trust_domain}: {len(self)} keys>"


class JwtBundleSet(BundleSet[JwtBundle]):
    """JWT bundles side by side, one a trust domain; immutable.

    Example:
        >>> own = JwtBundle(TrustDomain("a.example"))
        >>> JwtBundleSet([own])["a.example"].is_empty
        True
    """

    __slots__ = ()
