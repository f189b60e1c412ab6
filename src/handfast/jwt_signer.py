# SPDX-License-Identifier: Apache-2.0
"""Sign JWT-SVIDs: what an authority does, and tests do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from handfast.jws_signer import JwsSigner, bad_argument
from handfast.jwt_bundle import JwtBundle
from handfast.jwt_claims import audiences
from handfast.jwt_svid import JwtSvid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from handfast.ids import SpiffeId

__all__ = ["JWT_TTL", "JwtSigner"]

#: How long a token is valid: it is a bearer token, so as short as the standard advises.
JWT_TTL: Final = timedelta(minutes=5)
_OURS: Final = frozenset({"sub", "aud", "exp", "iat", "nbf"})


class JwtSigner(JwsSigner):
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
        subject = self._subject(spiffe_id)
        if ttl < timedelta(seconds=1):
            raise bad_argument("a second or longer", str(ttl))
        more = dict(claims or {})
        if taken := sorted(_OURS & more.keys()):
            raise bad_argument("claims beside sub, aud, exp, iat and nbf", taken[0])
        begin = int((now or datetime.now(UTC)).timestamp())
        content: dict[str, object] = {
            **more,
            "sub": str(subject),
            # A list always, as SPIRE writes it; readers have to take both.
            "aud": list(audiences(audience)),
            "iat": begin,
            "exp": begin + int(ttl.total_seconds()),
        }
        return JwtSvid.read_unverified(self._signed(content, "JWT"), hint=hint)
