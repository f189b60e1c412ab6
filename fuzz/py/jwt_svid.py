# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: only refusals get out, PyJWT agrees, and no cache changes an answer.

The first byte chooses: the rest is a token; or a payload that is signed here, under a
good header; or header and payload, with a zero byte between them, signed as well.

What an attacker must hold already: nothing for the first kind, a key of a trust domain
that is trusted for the others.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import atheris
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from fuzzing import instrumented

with instrumented():
    from handfast import (
        InvalidCertificate,
        JwtBundleSet,
        JwtSvid,
        TokenCache,
        VerificationError,
    )
    from handfast.ids import TrustDomain
    from handfast.jwk import b64url_encode
    from handfast.jwt_bundle import JwtBundle
    from handfast.jwt_claims import LEEWAY_MAX

KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
BUNDLES = JwtBundleSet([JwtBundle(TrustDomain("a.example"), {"k": KEY.public_key()})])
AT = datetime(2027, 1, 1, tzinfo=UTC)
NONE = timedelta(0)
HEADER = b'{"alg":"ES256","kid":"k","typ":"JWT"}'


def sign(header: bytes, payload: bytes) -> str:
    """Sign whatever it is."""
    signed = f"{b64url_encode(header)}.{b64url_encode(payload)}"
    # Without chance, so that the same input is the same token.
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(KEY.sign(signed.encode(), algorithm))
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{signed}.{b64url_encode(value)}"


def token_of(data: bytes) -> str:
    """The token that an input stands for."""
    kind, rest = data[:1], data[1:]
    if kind == b"P":
        return sign(HEADER, rest)
    if kind == b"H":
        header, _, payload = rest.partition(b"\0")
        return sign(header, payload)
    return rest.decode("utf-8", "surrogateescape")


def answer(
    token: str, cache: TokenCache | None = None, leeway: timedelta = NONE
) -> JwtSvid | str:
    """What handfast says: the SVID, or why not."""
    try:
        return JwtSvid.parse(token, BUNDLES, "shop", at=AT, leeway=leeway, cache=cache)
    except VerificationError as error:
        if not str(error).isprintable():
            raise AssertionError(f"{token!r}: a message with anything in it") from error
        return error.reason


def as_own(token: str) -> JwtSvid | str:
    """What handfast says of a token that an agent gave us."""
    try:
        return JwtSvid.read_unverified(token)
    except InvalidCertificate as error:
        return error.reason


def one_input(data: bytes) -> None:
    """Judge a token in every way, and ask PyJWT about what is accepted."""
    token = token_of(data)
    plain = answer(token)
    cache = TokenCache()
    if answer(token, cache) != plain or answer(token, cache) != plain:
        raise AssertionError(f"{token!r}: another answer with the cache")
    late, own = answer(token, leeway=LEEWAY_MAX), as_own(token)
    if not isinstance(plain, JwtSvid):
        return
    if late != plain or own != plain:
        raise AssertionError(f"{token!r}: good, and refused where less is asked")
    claims = jwt.decode(
        token,
        KEY.public_key(),
        algorithms=["ES256"],
        audience="shop",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    if claims["sub"] != str(plain.spiffe_id) or "shop" not in plain.audience:
        raise AssertionError(f"{token!r}: PyJWT reads something else")
    # Times of ours are whole microseconds: a fraction of one is rounded.
    if not claims.get("nbf", 0) - 1e-6 <= AT.timestamp() < claims["exp"] + 1e-6:
        raise AssertionError(f"{token!r}: not valid at that time")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
