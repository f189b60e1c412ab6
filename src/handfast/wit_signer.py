# SPDX-License-Identifier: Apache-2.0
"""Sign WIT-SVIDs, and as a workload the proofs that go with them (incubating)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from handfast.jwk import b64url_encode, jwk_members, public_key_of
from handfast.jws_signer import JwsSigner, bad_argument, sign_jws
from handfast.jwt_algorithms import default_algorithm
from handfast.jwt_claims import audiences
from handfast.wit_bundle import WitBundle
from handfast.wit_proof import PROOF_LIFETIME_MAX, token_hash
from handfast.wit_svid import WitSvid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from handfast.ids import SpiffeId
    from handfast.keys import PrivateKey

__all__ = ["PROOF_TTL", "WIT_TTL", "WitSigner", "present"]

#: How long a WIT-SVID is valid: as an X.509-SVID, since it is useless without its key.
WIT_TTL: Final = timedelta(hours=1)
#: How long a proof is: enough for one request.
PROOF_TTL: Final = timedelta(seconds=30)


def _ends(ttl: timedelta, now: datetime | None, longest: timedelta) -> tuple[int, int]:
    if not timedelta(seconds=1) <= ttl <= longest:
        raise bad_argument(f"a second or longer, at most {longest}", str(ttl))
    begin = int((now or datetime.now(UTC)).timestamp())
    return begin, begin + int(ttl.total_seconds())


class WitSigner(JwsSigner):
    """Signs the WIT-SVIDs of one trust domain, and of no other, with one key.

    Example:
        >>> from handfast import PrivateKey
        >>> from handfast.wit_svid import WitBundleSet
        >>> authority, workload = WitSigner.generate("a.example"), PrivateKey.generate()
        >>> svid = authority.sign("spiffe://a.example/web", workload)
        >>> headers = present(svid, workload, "shop")
        >>> WitSvid.verify(
        ...     headers["Workload-Identity-Token"],
        ...     headers["Workload-Proof-Token"],
        ...     WitBundleSet([authority.bundle]),
        ...     "shop",
        ... ).spiffe_id.path
        '/web'
    """

    @property
    def bundle(self) -> WitBundle:
        """A bundle with its key alone."""
        return WitBundle(self._trust_domain, {self._kid: self._public})

    def sign(
        self,
        spiffe_id: SpiffeId | str,
        key: PrivateKey,
        *,
        ttl: timedelta = WIT_TTL,
        now: datetime | None = None,
        hint: str = "",
    ) -> WitSvid:
        """Bind a workload's identity to its key.

        Args:
            spiffe_id: Of a workload in this trust domain.
            key: The workload's; only its public half is used.
            ttl: How long it is valid, in whole seconds, a day at most.
            now: An aware time; the system's clock when left out.
            hint: What the identity is for.

        Raises:
            InvalidId: It is not a SPIFFE ID, or one without a path.
            ConfigError: Another trust domain's ID, a key that no token can be bound
                to, or a time to live out of range.
        """
        subject = self._subject(spiffe_id)
        public = public_key_of(key.public_der)
        if public is None:
            raise bad_argument("a key on P-256, P-384 or P-521, or RSA", f"{key.kind}")
        begin, end = _ends(ttl, now, timedelta(days=1))
        jwk = {**jwk_members(public), "alg": default_algorithm(public)}
        content: dict[str, object] = {
            "sub": str(subject),
            "cnf": {"jwk": jwk},
            "jti": b64url_encode(secrets.token_bytes(16)),
            "iat": begin,
            "nbf": begin,
            "exp": end,
        }
        token = self._signed(content, "wit+jwt")
        return WitSvid.read_unverified(token, hint=hint)


def present(  # noqa: PLR0913 - named options
    svid: WitSvid,
    key: PrivateKey,
    audience: str | Sequence[str],
    *,
    ttl: timedelta = PROOF_TTL,
    now: datetime | None = None,
    access_token: str | None = None,
    transaction_token: str | None = None,
) -> dict[str, str]:
    """The two HTTP headers that present a WIT-SVID in one request.

    Over a secure channel only, and never in ``Authorization``: who reads both can use
    them until the proof ends.

    Args:
        svid: Our own.
        key: The private key that it is bound to.
        audience: Whom the request goes to.
        ttl: How long the proof is valid, in whole seconds, five minutes at most.
        now: An aware time; the system's clock when left out.
        access_token: The OAuth access token that goes along, if any.
        transaction_token: The transaction token that does, if any.

    Raises:
        ConfigError: It is bound to another key, no audience, or a time out of range.
    """
    confirmation = svid.confirmation
    if public_key_of(key.public_der) != confirmation.key:
        raise bad_argument("the key that the WIT-SVID is bound to", "another")
    _, end = _ends(ttl, now, PROOF_LIFETIME_MAX)
    names = audiences(audience)
    content: dict[str, object] = {
        "aud": names[0] if len(names) == 1 else list(names),
        "exp": end,
        "jti": b64url_encode(secrets.token_bytes(16)),
        "wth": token_hash(svid.token),
    }
    for name, token in (("ath", access_token), ("tth", transaction_token)):
        if token is not None:
            content[name] = token_hash(token)
    proof = sign_jws({"typ": "wpt+jwt"}, content, key.load(), confirmation.algorithm)
    return {"Workload-Identity-Token": svid.token, "Workload-Proof-Token": proof}
