# SPDX-License-Identifier: Apache-2.0
"""Join tokens: what lets another host's agent in, once.

A token is a secret of 32 bytes, and a key pair follows from it. The authority keeps the
public half, in a certificate: a little trust domain of its own, whose only authority
the token is. The agent signs itself an SVID in that trust domain, and proves by mutual
TLS that it has the token. So the token is sent nowhere, a stolen state file holds
none, and nothing secret is ever compared.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding

from handfast.authority.profile import leaf_builder, signing_builder
from handfast.authority.signer import Signer, sign
from handfast.authority.validity import BACKDATE
from handfast.errors import ConfigError, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.keys import PrivateKey
from handfast.svid import X509Svid

__all__ = ["JOIN_DOMAINS", "JoinToken"]

#: Below this name, which nobody else can have (RFC 6761), each token has its domain.
JOIN_DOMAINS: Final = "join.handfast.invalid"
_PREFIX: Final = "hfjoin1."
_SECRET_BYTES: Final = 32
_INFO: Final = b"handfast join token 1"
# As many bits more than the order has that the remainder is even enough.
_SEED_BYTES: Final = 48
_ORDER_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SVID_TTL: Final = timedelta(minutes=10)


class JoinToken:
    """One token. Its text is the secret: neither repr nor errors show it.

    Example:
        >>> token = JoinToken.generate()
        >>> JoinToken.parse(token.text).id == token.id
        True
        >>> token
        <JoinToken ...>
    """

    __slots__ = ("_key", "id", "text", "trust_domain")

    def __init__(self, secret: bytes) -> None:
        encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")
        self.text = _PREFIX + encoded
        seed = HKDF(hashes.SHA256(), _SEED_BYTES, None, _INFO).derive(secret)
        scalar = int.from_bytes(seed, "big") % (_ORDER_P256 - 1) + 1
        self._key = PrivateKey(ec.derive_private_key(scalar, ec.SECP256R1()))
        self.id = hashlib.sha256(self._key.public_der).hexdigest()[:32]
        self.trust_domain = self.domain_of(self.id)

    @classmethod
    def generate(cls) -> JoinToken:
        """Make a new one."""
        return cls(secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> JoinToken:
        """Read the text of one.

        Raises:
            ConfigError: it is none.
        """
        encoded = text.strip().removeprefix(_PREFIX)
        if encoded == text.strip() or not encoded.isascii():
            _refuse(f"it does not begin with {_PREFIX}")
        try:
            secret = base64.b64decode(encoded + "=", b"-_", validate=True)
        except (binascii.Error, ValueError):
            _refuse("it was cut off, or changed")
        token = cls(secret) if len(secret) == _SECRET_BYTES else None
        if token is None or token.text != text.strip():
            _refuse("it was cut off, or changed")
        return token

    @staticmethod
    def domain_of(token_id: str) -> TrustDomain:
        """Name the trust domain of a token."""
        return TrustDomain.parse(f"{token_id}.{JOIN_DOMAINS}")

    def authority(self, valid: tuple[datetime, datetime]) -> Signer:
        """Make the authority of the token's trust domain: the same for who has it."""
        builder = signing_builder(self.trust_domain, self._key, valid, path_length=0)
        return Signer(certificate=sign(builder, self._key), key=self._key)

    def svid(self, now: datetime) -> X509Svid:
        """Make an SVID that proves that one has the token."""
        valid = (now.replace(microsecond=0) - BACKDATE, now + _SVID_TTL)
        key = PrivateKey.generate("p256")
        spiffe_id = SpiffeId.parse(f"spiffe://{self.trust_domain}/agent")
        issuer = self.authority(valid)
        leaf = sign(leaf_builder(spiffe_id, key, valid, issuer=issuer), issuer.key)
        return X509Svid(chain=(leaf.public_bytes(Encoding.DER),), key=key)

    def __repr__(self) -> str:
        return f"<JoinToken {self.id}>"


def _refuse(seen: str) -> NoReturn:
    hint = "take the whole line that `handfast authority token` printed"
    detail = detail_for(
        Reason.CONFIG_INVALID, expected="a join token", seen=seen, hint=hint
    )
    raise ConfigError(detail)
