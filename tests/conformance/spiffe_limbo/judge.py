# SPDX-License-Identifier: Apache-2.0
"""How handfast answers a case. Any other implementation would have a file like this."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from handfast import HandfastError, SpiffeId, TrustBundle, Verifier

__all__ = ["NO_READER", "answer"]

#: Kinds of cases that handfast has no reader for yet: skipped, and never passed.
NO_READER = frozenset({"bundle-map", "jwt"})

Json = dict[str, Any]


def _der(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text, validate=True) for text in texts]


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
    found = [base64.b64encode(der).decode("ascii") for der in bundle.x509_authorities]
    return {"verdict": "accept", "authorities": found}


_KINDS = {
    "chain": _chain,
    "spiffe-id": _spiffe_id,
    "bundle-document": _bundle_document,
}


def answer(case: Json) -> Json:
    """Judge a case (with its certificates in it): a verdict, and an ID or a reason."""
    if case["kind"] in NO_READER:
        return {"verdict": "skip"}
    try:
        return _KINDS[case["kind"]](case["input"])
    except HandfastError as error:
        return {"verdict": "reject", "reason": error.reason.value}
