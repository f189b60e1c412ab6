# SPDX-License-Identifier: Apache-2.0
"""A chain case by one way of the engine: the strict path alone, or OpenSSL alone."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from tests.support.ways import Way, judge

from handfast import InvalidBundle, TrustBundle, Verifier
from handfast._settings import PURPOSES

__all__ = ["by_way"]


def _der(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


def by_way(given: dict[str, Any], way: Way) -> bool:
    """Whether the chain is accepted."""
    chain, bundles = _der(given["chain"]), given["bundles"].items()
    try:
        trusted = [TrustBundle.from_der(domain, _der(one)) for domain, one in bundles]
        verifier = Verifier(trusted, rules=given["profile"])
    except InvalidBundle:
        return False
    at = int(datetime.fromisoformat(given["time"]).timestamp())
    return judge(verifier, chain, way, at, PURPOSES[given["purpose"]]).accepted
