# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: the bundle of the subject's trust domain, and the key that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final

from tests.conformance.spiffe_limbo.case import Case
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_world import (
    DOCUMENT,
    Key,
    b64,
    document,
    jwk,
    jwt_case,
    signer,
    token,
)
from tests.conformance.spiffe_limbo.world import DOMAIN, WEB, A

from handfast import TrustBundle

__all__ = ["cases"]

_THREE: Final = ("a.example", "b.example", "a.example.b.example")
_GOOD: Final = signer()
_OTHER: Final = signer(kid="other")
_NO_KEY: Final = JwtReason.KEY


def _domains() -> Iterator[Case]:
    """Each signer, each subject: keys of one name, of their own names, one key."""
    for title in ("same-kid", "own-kid", "same-key"):
        keys: dict[str, Key] = {}
        for domain in _THREE:
            made = signer(domain=_THREE[0] if title == "same-key" else domain)
            keys[domain] = replace(made, kid=domain if title == "own-kid" else "key")
        documents = {domain: document(jwk(key)) for domain, key in keys.items()}
        for by, named in product(_THREE, _THREE):
            uri = f"spiffe://{named}/web"
            wrong = JwtReason.KEY if title == "own-kid" else JwtReason.SIGNATURE
            good = by == named or title == "same-key"
            yield jwt_case(
                f"jwt-trust-domain::{title}-{by}-signs-{named}",
                "JWT-26 FED-60 C5 ID-22",
                token(keys[by], sub=uri),
                uri if good else wrong,
                documents=documents,
            )
    elsewhere = "spiffe://c.example/web"
    yield jwt_case(
        "jwt-trust-domain::no-bundle",
        "JWT-26",
        token(sub=elsewhere),
        JwtReason.TRUST_DOMAIN,
    )
    yield jwt_case(
        "jwt-trust-domain::no-bundles-at-all",
        "JWT-26",
        token(),
        JwtReason.TRUST_DOMAIN,
        documents={},
    )
    for name in ("a.example.", "A.example", "aexample", "evil.a.example"):
        yield jwt_case(
            f"jwt-trust-domain::bundle-of-{name}",
            "JWT-26 I7",
            token(),
            JwtReason.TRUST_DOMAIN,
            documents={name: DOCUMENT},
        )


def _uses() -> Iterator[Case]:
    """Which entries of a document are keys for tokens."""
    x509 = json.loads(TrustBundle.from_der(DOMAIN, [A.der]).to_json())["keys"][0]
    authority = Key("authority", A.issuer.key)
    # None: an entry of ours that is damaged, which costs the document.
    answers = {True: WEB, False: _NO_KEY, None: JwtReason.BUNDLE}
    rows: tuple[tuple[str, str, str, bool | None], ...] = (
        ("one", "JWT-22", document(jwk(_GOOD)), True),
        ("among-others", "JWT-24", document(x509, jwk(_OTHER), jwk(_GOOD)), True),
        ("with-x5c", "JWT-22", document(jwk(_GOOD, x5c=x509["x5c"])), True),
        ("with-unknown-member", "BUN-14", document(jwk(_GOOD, n0=1)), True),
        ("no-keys", "JWT-25 BUN-11 BUN-13", document(), False),
        ("x509-svid-only", "JWT-24 JWT-25", document(x509), False),
        (
            "kid-only-for-another-use",
            "JWT-24",
            document(jwk(_GOOD, use="x509-svid")),
            False,
        ),
        *(
            (
                f"use-{use!r}",
                "JWT-22 JWT-24 BUN-18",
                document(jwk(_GOOD, use=use)),
                False,
            )
            for use in ("wit-svid", "sig", "JWT-SVID", "jwt-svid ", "", None, 7)
        ),
        ("use-absent", "JWT-24 BUN-18", document(jwk(_GOOD, use=...)), False),
        ("kty-absent", "BUN-15 BUN-16", document(jwk(_GOOD, kty=...)), False),
        ("kty-unknown", "BUN-12 BUN-16", document(jwk(_GOOD, kty="AKP")), False),
        ("kty-lower-case", "BUN-16", document(jwk(_GOOD, kty="ec")), False),
        ("curve-unknown", "BUN-16", document(jwk(_GOOD, crv="P-999")), False),
        ("curve-of-another", "JWT-17", document(jwk(_GOOD, crv="P-384")), None),
        (
            "point-off-the-curve",
            "JWT-17 C10",
            document(jwk(_GOOD, y=b64(bytes(32)))),
            None,
        ),
        ("point-without-y", "JWT-17", document(jwk(_GOOD, y=...)), None),
        ("unknown-beside-good", "BUN-12", document({"kty": "AKP"}, jwk(_GOOD)), True),
        (
            "useless-beside-good",
            "BUN-18",
            document(jwk(_OTHER, use="sig"), jwk(_GOOD)),
            True,
        ),
    )
    for name, rules, text, good in rows:
        yield jwt_case(
            f"jwt-bundle::{name}",
            rules,
            token(),
            answers[good],
            documents={DOMAIN: text},
        )
    yield jwt_case(
        "jwt-bundle::signed-by-the-x509-authority",
        "JWT-24 WAPI-40",
        token(authority),
        _NO_KEY,
        documents={DOMAIN: document(x509 | {"kid": "authority"})},
    )
    for name, text in {
        "not-json": "{",
        "no-keys-member": "{}",
        "keys-null": '{"keys": null}',
    }.items():
        yield jwt_case(
            f"jwt-bundle::{name}",
            "BUN-01 BUN-10",
            token(),
            JwtReason.BUNDLE,
            documents={DOMAIN: text},
        )


def _names() -> Iterator[Case]:
    """Finding the key by its name."""
    both = {DOMAIN: document(jwk(_OTHER), jwk(_GOOD))}
    for name, kid in {
        "unknown": "nobody",
        "empty": "",
        "upper-case": _GOOD.kid.upper(),
        "space-behind": _GOOD.kid + " ",
        "nul-behind": _GOOD.kid + "\0",
        "shorter": _GOOD.kid[:-1],
        "path": f"../{_GOOD.kid}",
    }.items():
        yield jwt_case(
            f"jwt-kid::{name}",
            "JWT-17 J1",
            token(head={"kid": kid}),
            _NO_KEY,
            documents=both,
        )
    for name, odd in {"null": None, "number": 7, "list": [_GOOD.kid]}.items():
        yield jwt_case(
            f"jwt-kid::{name}",
            "JWT-07 J1",
            token(head={"kid": odd}),
            _NO_KEY,
            documents=both,
            # Not a text: it could be passed over like an unknown header.
            policy="handfast-strict",
        )
    yield jwt_case(
        "jwt-kid::of-another-key",
        "JWT-17",
        token(head={"kid": _OTHER.kid}),
        JwtReason.SIGNATURE,
        documents=both,
    )
    bare = token(head={"kid": ...})
    one_fits = {DOMAIN: document(jwk(signer("p384")), jwk(_GOOD))}
    for name, documents, reason in (
        ("absent-one-key-fits", one_fits, None),
        ("absent-two-keys-fit", both, _NO_KEY),
        ("absent-no-key-fits", {DOMAIN: document(jwk(signer("p384")))}, _NO_KEY),
    ):
        # Every library wants a kid; the standard does not (spiffe/spiffe#358).
        yield jwt_case(
            f"jwt-kid::{name}",
            "JWT-07",
            bare,
            reason or WEB,
            documents=documents,
            policy="must" if name == "absent-no-key-fits" else "handfast-strict",
        )
    twin = replace(_OTHER, kid=_GOOD.kid)
    for name, entries in {
        "twice-first-is-right": (jwk(_GOOD), jwk(twin)),
        "twice-last-is-right": (jwk(twin), jwk(_GOOD)),
    }.items():
        yield jwt_case(
            f"jwt-kid::{name}",
            "JWT-23 F2",
            token(),
            JwtReason.BUNDLE,
            documents={DOMAIN: document(*entries)},
            policy="handfast-strict",
        )
    nameless = document(jwk(_GOOD, kid=...))
    for name, text in (("token-with-name", token()), ("token-without-name", bare)):
        yield jwt_case(
            f"jwt-kid::absent-in-the-bundle-{name}",
            "JWT-23",
            text,
            JwtReason.BUNDLE,
            documents={DOMAIN: nameless},
            policy="must" if text != bare else "handfast-strict",
        )


def _declared() -> Iterator[Case]:
    """What an entry says its key is for, and how strong it is."""
    rsa, weak = signer("rsa2048"), signer("rsa1024")
    yield jwt_case(
        "jwt-bundle::alg-fits",
        "JWT-17",
        token(rsa, "RS256"),
        documents={DOMAIN: document(jwk(rsa, alg="RS256"))},
    )
    yield jwt_case(
        "jwt-bundle::alg-is-another",
        "JWT-17 J1",
        token(rsa, "PS256"),
        _NO_KEY,
        documents={DOMAIN: document(jwk(rsa, alg="RS256"))},
        policy="handfast-strict",
    )
    yield jwt_case(
        "jwt-bundle::rsa-1024",
        "JWT-17 C10",
        token(weak, "RS256"),
        _NO_KEY,
        documents={DOMAIN: document(jwk(weak))},
    )
    secret = {"kty": "oct", "use": "jwt-svid", "kid": "s", "k": b64(bytes(32))}
    yield jwt_case(
        "jwt-bundle::symmetric-key",
        "BUN-16 J1",
        token(replace(_GOOD, kid="s")),
        _NO_KEY,
        documents={DOMAIN: document(secret)},
    )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _domains()
    yield from _uses()
    yield from _names()
    yield from _declared()
