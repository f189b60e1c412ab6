# SPDX-License-Identifier: Apache-2.0
"""How handfast answers a case. Any other implementation would have a file like this."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason

from handfast import (
    BundleMap,
    HandfastError,
    JwtBundle,
    JwtBundleSet,
    JwtSvid,
    Reason,
    SpiffeId,
    TrustBundle,
    Verifier,
)

__all__ = ["answer"]

Json = dict[str, Any]

#: The suite's name for each of handfast's reasons.
_JWT_REASONS = {
    Reason.JWT_MALFORMED: JwtReason.FORMAT,
    Reason.JWT_TOO_LARGE: JwtReason.TOO_LARGE,
    Reason.JWT_HEADER: JwtReason.HEADER,
    Reason.JWT_ALGORITHM: JwtReason.ALGORITHM,
    Reason.JWT_TYPE: JwtReason.TYPE,
    Reason.JWT_SUBJECT: JwtReason.SUBJECT,
    Reason.UNKNOWN_TRUST_DOMAIN: JwtReason.TRUST_DOMAIN,
    # A document under a name that is none is no document of any trust domain.
    Reason.ID_UPPER_CASE: JwtReason.TRUST_DOMAIN,
    Reason.EMPTY_BUNDLE: JwtReason.KEY,
    Reason.JWT_KEY_ID: JwtReason.KEY,
    Reason.JWT_UNKNOWN_KEY: JwtReason.KEY,
    Reason.JWT_KEY_MISMATCH: JwtReason.KEY,
    Reason.JWT_BAD_SIGNATURE: JwtReason.SIGNATURE,
    Reason.JWT_NO_AUDIENCE: JwtReason.AUDIENCE,
    Reason.JWT_OTHER_AUDIENCE: JwtReason.AUDIENCE,
    # A validator without a name of its own is a mistake of its owner.
    Reason.BAD_ARGUMENT: JwtReason.AUDIENCE,
    Reason.JWT_NO_EXPIRY: JwtReason.EXPIRY,
    Reason.JWT_EXPIRED: JwtReason.EXPIRED,
    Reason.JWT_NOT_YET_VALID: JwtReason.NOT_YET_VALID,
    Reason.JWT_CLAIM: JwtReason.CLAIM,
    Reason.BUNDLE_INVALID: JwtReason.BUNDLE,
}


def _der(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text, validate=True) for text in texts]


def _base64(ders: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(der).decode("ascii") for der in ders]


def _chain(given: Json) -> Json:
    bundles = [
        TrustBundle.from_der(domain, _der(certificates))
        for domain, certificates in given["bundles"].items()
    ]
    verifier = Verifier(
        bundles,
        at=datetime.fromisoformat(given["time"]),
        purpose=given["purpose"],
        rules=given["profile"],
    )
    peer = verifier.verify(_der(given["chain"]))
    return {"verdict": "accept", "spiffe_id": str(peer.spiffe_id)}


def _spiffe_id(given: Json) -> Json:
    return {"verdict": "accept", "spiffe_id": str(SpiffeId.parse(given["text"]))}


def _bundle_document(given: Json) -> Json:
    bundle = TrustBundle.from_json(given["trust_domain"], given["document"])
    return {"verdict": "accept", "authorities": _base64(bundle.x509_authorities)}


def _bundle_map(given: Json) -> Json:
    found = {
        one.trust_domain.name: _base64(one.x509_authorities)
        for one in BundleMap.from_json(given["document"]).x509
    }
    return {"verdict": "accept", "trust_domains": found}


def _jwt(given: Json) -> Json:
    bundles = JwtBundleSet(
        JwtBundle.from_json(domain, document)
        for domain, document in given["documents"].items()
    )
    svid = JwtSvid.parse(
        given["token"],
        bundles,
        given["audience"],
        at=datetime.fromisoformat(given["time"]),
        # The suite judges to the second.
        leeway=timedelta(0),
    )
    return {"verdict": "accept", "spiffe_id": str(svid.spiffe_id)}


_KINDS = {
    "chain": _chain,
    "spiffe-id": _spiffe_id,
    "bundle-document": _bundle_document,
    "bundle-map": _bundle_map,
    "jwt": _jwt,
}


def answer(case: Json) -> Json:
    """Judge a case (with its certificates in it): a verdict, and an ID or a reason."""
    try:
        return _KINDS[case["kind"]](case["input"])
    except HandfastError as error:
        reason: Reason | JwtReason = error.reason
        if case["kind"] == "jwt":
            reason = _JWT_REASONS[error.reason]
        return {"verdict": "reject", "reason": reason.value}
