# SPDX-License-Identifier: Apache-2.0
"""A key that signs tokens: what signers of every kind have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self

from handfast.bundle_set import as_trust_domain
from handfast.errors import ConfigError, InvalidId, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.jwk import key_id, public_key_of
from handfast.jwt_algorithms import algorithms_for, default_algorithm
from handfast.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handfast.jwk import JwtKey
    from handfast.keys import KeyType, SigningKey

__all__ = ["JwsSigner", "bad_argument", "sign_jws"]


def bad_argument(expected: str, seen: str) -> ConfigError:
    """The error for a value that cannot be signed with, or at all."""
    return ConfigError(detail_for(Reason.BAD_ARGUMENT, expected=expected, seen=seen))


def sign_jws(
    header: Mapping[str, str],
    content: Mapping[str, object],
    key: SigningKey,
    algorithm: str,
) -> str:
    """Sign JSON as a compact JWS.

    Raises:
        ConfigError: It is not something that JSON can say.
    """
    # Only here: `import handfast` loads no JWT library.
    from jwt import PyJWS  # noqa: PLC0415

    try:
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise bad_argument("claims that JSON can say", type(error).__name__) from error
    return PyJWS().encode(
        text.encode("ascii"), key, algorithm=algorithm, headers=dict(header)
    )


class JwsSigner:
    """Signs the tokens of one trust domain, and of no other, with one key.

    May be used by several threads at once.

    Args:
        trust_domain: Whose tokens they are.
        key: On P-256, P-384 or P-521, or RSA.
        algorithm: What to sign with; what fits the key (ES256 for P-256, RS256 for
            RSA) when left out.

    Raises:
        ConfigError: The key, or the algorithm with this key, is for no token.
    """

    def __init__(
        self,
        trust_domain: TrustDomain | str,
        key: PrivateKey,
        *,
        algorithm: str | None = None,
    ) -> None:
        public = public_key_of(key.public_der)
        if public is None:
            raise bad_argument("a key on P-256, P-384 or P-521, or RSA", f"{key.kind}")
        if algorithm is not None and algorithm not in algorithms_for(public):
            expected = " or ".join(algorithms_for(public))
            raise bad_argument(f"{expected} with a {key.kind} key", repr(algorithm))
        self._trust_domain = as_trust_domain(trust_domain)
        self._key = key
        # Read once: it takes as long as a signature.
        self._signing = key.load()
        self._public = public
        self._algorithm = algorithm or default_algorithm(public)
        self._kid = key_id(public)

    @classmethod
    def generate(
        cls, trust_domain: TrustDomain | str, key_type: KeyType = "p256"
    ) -> Self:
        """Make a new key, and a signer with it.

        Raises:
            ConfigError: There is no such type, or it is for no token.
        """
        return cls(trust_domain, PrivateKey.generate(key_type))

    @property
    def trust_domain(self) -> TrustDomain:
        """Whose tokens it signs."""
        return self._trust_domain

    @property
    def key(self) -> PrivateKey:
        """The private key: whoever has it can be anybody in the trust domain."""
        return self._key

    @property
    def key_id(self) -> str:
        """The ``kid`` of its tokens: the key's RFC 7638 thumbprint."""
        return self._kid

    @property
    def public_key(self) -> JwtKey:
        """What verifies its tokens."""
        return self._public

    @property
    def algorithm(self) -> str:
        """What it signs with."""
        return self._algorithm

    def _subject(self, spiffe_id: SpiffeId | str) -> SpiffeId:
        """Refuse an ID that is not of a workload here."""
        if not isinstance(spiffe_id, SpiffeId):
            spiffe_id = SpiffeId.parse(spiffe_id)
        if spiffe_id.trust_domain != self._trust_domain:
            raise ConfigError(
                detail_for(
                    Reason.FOREIGN_TRUST_DOMAIN,
                    expected=f"an ID in {self._trust_domain}",
                    seen=str(spiffe_id),
                )
            )
        if not spiffe_id.path:
            raise InvalidId(detail_for(Reason.SVID_NO_PATH, seen=str(spiffe_id)))
        return spiffe_id

    def _signed(self, content: Mapping[str, object], kind: str) -> str:
        header = {"kid": self._kid, "typ": kind}
        return sign_jws(header, content, self._signing, self._algorithm)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} {self._trust_domain} {self._algorithm} {self._kid}>"
