# SPDX-License-Identifier: Apache-2.0
"""Keys, bundle documents and tokens for the JWT-SVID cases."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.conformance.spiffe_limbo.case import Case, Policy
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import DOMAIN, NOW, WEB

from handfast.testing.sign import AnyKey

__all__ = [
    "AUDIENCE",
    "CURVES",
    "DOCUMENT",
    "KINDS",
    "SECONDS",
    "Key",
    "b64",
    "compact",
]
__all__ += ["document", "jwk", "jwt_case", "payload", "signature", "signer", "token"]

#: Who judges: the audience that every good token is for.
AUDIENCE: Final = "spiffe://b.example/api"
#: The moment at which tokens are judged, in seconds.
SECONDS: Final = int(NOW.timestamp())
#: Which kind of key each algorithm wants.
KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "rsa2048"),
    "ES256": "p256",
    "ES384": "p384",
    "ES512": "p521",
}
CURVES: Final = {
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
    "secp256k1": "secp256k1",
}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key and its name in the bundle."""

    kid: str
    own: AnyKey


def signer(kind: str = "p256", domain: str = DOMAIN, kid: str | None = None) -> Key:
    """The key of a trust domain, of that kind."""
    return Key(kid or f"{kind}-key", key(f"jwt {domain} {kid or ''}", kind))


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk(of: Key, **members: Any) -> Json:
    """A key's entry in a bundle document, with members changed; ... drops one."""
    public = of.own.public_key()
    entry: Json = {"kid": of.kid, "use": "jwt-svid"}
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        entry |= {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        point, size = public.public_numbers(), (public.key_size + 7) // 8
        entry |= {"kty": "EC", "crv": CURVES[public.curve.name]}
        entry |= {"x": _number(point.x, size), "y": _number(point.y, size)}
    else:
        entry |= {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
    return {n: v for n, v in (entry | members).items() if v is not ...}


def document(*entries: Json, **members: Any) -> str:
    """A bundle document."""
    return json.dumps({"keys": list(entries), **members})


def signature(of: Key, algorithm: str, data: bytes) -> bytes:
    """Sign as an algorithm says, if the key can; as the key can, if not."""
    chosen = _HASHES.get(algorithm[2:5], hashes.SHA256())
    if isinstance(of.own, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(of.own.sign(data, ec.ECDSA(chosen)))
        size = (of.own.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(of.own, rsa.RSAPrivateKey):
        mask: Any = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            mask = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return of.own.sign(data, mask, chosen)
    return of.own.sign(data)


def payload(**claims: Any) -> Json:
    """The claims of a good token, with some changed; ... drops one."""
    good: Json = {"sub": WEB, "aud": [AUDIENCE], "exp": SECONDS + 300}
    good |= {"iat": SECONDS - 10}
    return {n: v for n, v in (good | claims).items() if v is not ...}


def compact(
    header: bytes, body: bytes, of: Key, algorithm: str = "ES256", more: str = ""
) -> str:
    """Three parts, of bytes that need not be JSON; `more` is put behind the header."""
    signed = f"{b64(header)}{more}.{b64(body)}"
    return f"{signed}.{b64(signature(of, algorithm, signed.encode()))}"


def token(
    of: Key | None = None,
    algorithm: Any = "ES256",
    head: Json | None = None,
    **claims: Any,
) -> str:
    """A token; `head` changes its header and `claims` its payload."""
    chosen = of or signer()
    good: Json = {"alg": algorithm, "kid": chosen.kid, "typ": "JWT"}
    header = {n: v for n, v in (good | (head or {})).items() if v is not ...}
    # What is no algorithm at all still gets a signature that would hold.
    used = str(algorithm) if str(algorithm) in KINDS else "ES256"
    return compact(
        json.dumps(header).encode(),
        json.dumps(payload(**claims)).encode(),
        chosen,
        used,
    )


#: What a validator trusts in most cases: one key of each kind that may sign.
DOCUMENT: Final = document(*(jwk(signer(k)) for k in ("p256", "p384", "rsa2048")))


def jwt_case(
    name: str,
    rules: str,
    given: str,
    answer: str | JwtReason = WEB,
    *,
    what: str = "",
    documents: Mapping[str, str] | None = None,
    audience: tuple[str, ...] = (AUDIENCE,),
    at: datetime = NOW,
    policy: Policy = "must",
) -> Case:
    """A token to be judged by bundle documents; by a.example's when none are given."""
    asked = {
        "documents": {DOMAIN: DOCUMENT} if documents is None else dict(documents),
        "token": given,
        "audience": list(audience),
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    told = what or name.split("::")[1].replace("-", " ")
    return Case(name, "jwt", tuple(rules.split()), told, policy, asked, answer)
