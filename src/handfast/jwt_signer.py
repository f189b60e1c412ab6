# SPDX-License-Identifier: Apache-2.0
"""Sign JWT-SVIDs: what an authority does, and tests do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from handfast.bundle_set import as_trust_domain
from handfast.errors import ConfigError, InvalidId, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.jwk import key_id, public_key_of
from handfast.jwt_algorithms import algorithms_for, default_algorithm
from handfast.jwt_bundle import JwtBundle
from handfast.jwt_claims import audiences
from handfast.jwt_svid import JwtSvid
from handfast.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from handfast.jwk import JwtKey
    from handfast.keys import KeyType

__all__ = ["JWT_TTL", "JwtSigner"]

#: How long a token is valid: it is a bearer token, so as short as the standard advises.
JWT_TTL: Final = timedelta(minutes=5)
_OURS: Final = frozenset({"sub", "aud", "exp", "iat", "nbf"})


def _refuse(expected: str, seen: str) -> ConfigError:
    return ConfigError(detail_for(Reason.BAD_ARGUMENT, expected=expected, seen=seen))


class JwtSigner:
    """Signs the tokens of one trust domain, and of no other, with one key.

    May be used by several threads at once.

    Args:
        trust_domain: Whose tokens they are.
        key: On P-256, P-384 or P-521, or RSA.
        algorithm: What to sign with; what fits the key (ES256 for P-256, RS256 for
            RSA) when left out.

    Raises:
        ConfigError: The key, or the algorithm with this key, is for no JWT-SVID.

    Example:
        >>> signer = JwtSigner.generate("a.example")
        >>> svid = signer.sign("spiffe://a.example/web", "shop")
        >>> svid.audience
        ('shop',)
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
            raise _refuse("a key on P-256, P-384 or P-521, or RSA", f"{key.kind}")
        if algorithm is not None and algorithm not in algorithms_for(public):
            expected = " or ".join(algorithms_for(public))
            raise _refuse(f"{expected} with a {key.kind} key", repr(algorithm))
        self._trust_domain = as_trust_domain(trust_domain)
        self._key = key
        self._signing = key.load()
        self._public = public
        self._algorithm = algorithm or default_algorithm(public)
        self._kid = key_id(public)

    @classmethod
    def generate(
        cls, trust_domain: TrustDomain | str, key_type: KeyType = "p256"
    ) -> JwtSigner:
        """Make a new key, and a signer with it.

        Raises:
            ConfigError: There is no such type, or it is for no JWT-SVID.
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

    @property
    def bundle(self) -> JwtBundle:
        """A bundle with its key alone."""
        return JwtBundle(self._trust_domain, {self._kid: self._public})

    def sign(  # noqa: PLR0913 - named options
        self,
        spiffe_id: SpiffeId | str,
        audience: str | Sequence[str],
        *,
        ttl: timedelta = JWT_TTL,
        now: datetime | None = None,
        claims: Mapping[str, object] | None = None,
        hint: str = "",
    ) -> JwtSvid:
        """Sign a token.

        Args:
            spiffe_id: Of a workload in this trust domain.
            audience: Whom it is for. One name is best: each who is shown a token for
                several could use it with the others.
            ttl: How long it is valid, in whole seconds.
            now: An aware time; the system's clock when left out.
            claims: More to say, beside what is said here anyway.
            hint: What the identity is for.

        Raises:
            InvalidId: It is not a SPIFFE ID, or one without a path.
            ConfigError: Another trust domain's ID (``foreign_trust_domain``), no
                audience, a time to live of less than a second, or a claim that is ours
                to make or cannot be written.
        """
        if not isinstance(spiffe_id, SpiffeId):
            spiffe_id = SpiffeId.parse(spiffe_id)
        self._check(spiffe_id)
        if ttl < timedelta(seconds=1):
            raise _refuse("a second or longer", str(ttl))
        more = dict(claims or {})
        if taken := sorted(_OURS & more.keys()):
            raise _refuse("claims beside sub, aud, exp, iat and nbf", taken[0])
        begin = int((now or datetime.now(UTC)).timestamp())
        content: dict[str, object] = {
            **more,
            "sub": str(spiffe_id),
            # A list always, as SPIRE writes it; readers have to take both.
            "aud": list(audiences(audience)),
            "iat": begin,
            "exp": begin + int(ttl.total_seconds()),
        }
        return JwtSvid.read_unverified(self._signed(content), hint=hint)

    def _check(self, spiffe_id: SpiffeId) -> None:
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

    def _signed(self, content: Mapping[str, object]) -> str:
        # Only here: `import handfast` loads no JWT library.
        from jwt import PyJWS  # noqa: PLC0415

        try:
            text = json.dumps(content, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise _refuse("claims that JSON can say", type(error).__name__) from error
        return PyJWS().encode(
            text.encode("ascii"),
            self._signing,
            algorithm=self._algorithm,
            headers={"kid": self._kid, "typ": "JWT"},
        )

    def __repr__(self) -> str:
        return f"<JwtSigner {self._trust_domain} {self._algorithm} {self._kid}>"
