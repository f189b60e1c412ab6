# SPDX-License-Identifier: Apache-2.0
"""The keys that the tokens of a trust domain are signed with, by ``kid``.

What bundles for JWT-SVIDs and for WIT-SVIDs have in common. They are different types,
and different from the bundles of certificates, on purpose: the standard forbids to
judge one kind of SVID by the authorities of another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast.bundle_json import (
    KEYS_MAX,
    read_frame,
    refuse,
    write_frame,
    write_json,
)
from handfast.bundle_jwt_entries import read_jwt_entries, write_jwt_entries
from handfast.bundle_set import BundleSet, as_trust_domain
from handfast.errors import Reason
from handfast.ids import TrustDomain
from handfast.jwk import JwtKey
from handfast.jws import Jws, NotAJws
from handfast.jwt_algorithms import fits
from handfast.keys import key_type_of
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from handfast.ids import SpiffeId
    from handfast.strict_json import Json

__all__ = ["KeyBundle", "bundle_for", "key_for"]


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
class KeyBundle:
    """Public keys of one trust domain; see its two kinds.

    Attributes:
        trust_domain: Whose keys these are.
        keys: `cryptography`'s public keys, RSA or EC, by ``kid``; read-only.
        algorithms: What some of them are for alone, by ``kid``; read-only.
        digest: SHA-256 over the content, in any order.
    """

    #: What ``use`` says of an entry of this kind.
    USE: ClassVar[str]
    #: Among which uses no ``kid`` may be twice.
    UNIQUE_AMONG: ClassVar[tuple[str, ...]]

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
    def from_json(cls, trust_domain: TrustDomain | str, data: bytes | str) -> Self:
        """Read the entries of this kind of a SPIFFE bundle document.

        Raises:
            InvalidBundle: It is not such a document; nothing of it was taken.
        """
        keys, algorithms = read_jwt_entries(
            read_frame(data), (cls.USE,), cls.UNIQUE_AMONG
        )
        return cls(as_trust_domain(trust_domain), keys, algorithms)

    @classmethod
    def from_jwks(cls, trust_domain: TrustDomain | str, data: bytes | str) -> Self:
        """Read a plain JWK Set with nothing but keys for tokens.

        That is what the Workload API sends: entries there need not say what they are
        for. Those that say something else are passed over.

        Raises:
            InvalidBundle: It is not such a set; nothing of it was taken.
        """
        keys, algorithms = read_jwt_entries(
            read_frame(data), (None, "sig", cls.USE), (None, "sig", cls.USE)
        )
        return cls(as_trust_domain(trust_domain), keys, algorithms)

    def to_json(self) -> bytes:
        """Write a SPIFFE bundle document, the same bytes for the same bundle."""
        return write_json(write_frame(self.entries(), None, None))

    def entries(self) -> list[Json]:
        """The entries of a bundle document."""
        return write_jwt_entries(self.keys, self.algorithms, self.USE)

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
        return f"<{type(self).__name__} {self.trust_domain}: {len(self)} keys>"


B = TypeVar("B", bound=KeyBundle)


def bundle_for(spiffe_id: SpiffeId, bundles: BundleSet[B]) -> B:
    """The bundle that a token is judged by: of its subject's trust domain, no other.

    Raises:
        NotAJws: There is none, or it is empty.
    """
    bundle = bundles.get(spiffe_id.trust_domain)
    if bundle is None:
        known = ", ".join(str(one.trust_domain) for one in list(bundles)[:4])
        raise NotAJws(
            Reason.UNKNOWN_TRUST_DOMAIN,
            f"a bundle of keys of {known}"
            if known
            else "a bundle of keys, and there is none",
            f"{spiffe_id.trust_domain}",
        )
    if bundle.is_empty:
        raise NotAJws(Reason.EMPTY_BUNDLE, seen=f"{spiffe_id.trust_domain}, no key")
    return bundle


def _is_for(algorithm: str, kid: str, bundle: KeyBundle) -> bool:
    only = bundle.algorithms.get(kid, algorithm)
    return only == algorithm and fits(algorithm, bundle.keys[kid])


def key_for(jws: Jws, bundle: KeyBundle) -> JwtKey:
    """The one key of a bundle that may have signed a token.

    Raises:
        NotAJws: No key is the one that it names, or that key is not for its algorithm.
    """
    kid = jws.key_id
    if kid is None:
        fitting = [one for one in bundle.keys if _is_for(jws.algorithm, one, bundle)]
        if len(fitting) != 1:
            expected = f"kid, or one key for {jws.algorithm} in the bundle"
            raise NotAJws(Reason.JWT_KEY_ID, expected, f"{len(fitting)} keys")
        return bundle.keys[fitting[0]]
    if kid not in bundle.keys:
        expected = f"one of {len(bundle)} keys of {bundle.trust_domain}"
        seen = f"'{escape(kid, limit=64)}'"
        raise NotAJws(Reason.JWT_UNKNOWN_KEY, expected, seen)
    if not _is_for(jws.algorithm, kid, bundle):
        expected = f"a key for {jws.algorithm}"
        seen = f"another under '{escape(kid, limit=64)}'"
        raise NotAJws(Reason.JWT_KEY_MISMATCH, expected, seen)
    return bundle.keys[kid]
