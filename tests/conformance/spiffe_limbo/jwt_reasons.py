# SPDX-License-Identifier: Apache-2.0
"""Why a JWT-SVID is refused: names of the suite, coarser than handfast's own."""

from __future__ import annotations

import enum

__all__ = ["JwtReason"]


class JwtReason(enum.StrEnum):
    """The first thing that is wrong, in the order in which a reader finds it."""

    #: Not three parts of unpadded base64url with JSON objects in the first two.
    FORMAT = "jwt_format"
    #: The header has a member that a JWT-SVID must not have.
    HEADER = "jwt_header"
    #: ``alg`` is none of the nine.
    ALGORITHM = "jwt_algorithm"
    #: ``typ`` is neither JWT nor JOSE.
    TYPE = "jwt_type"
    #: ``sub`` is not a SPIFFE ID.
    SUBJECT = "jwt_subject"
    #: There is no bundle for the subject's trust domain.
    TRUST_DOMAIN = "jwt_trust_domain"
    #: The bundle has no key for it: none of that name, none of that kind, or none.
    KEY = "jwt_key"
    #: The signature does not hold.
    SIGNATURE = "jwt_signature"
    #: ``aud`` is missing or malformed, or the token is for others.
    AUDIENCE = "jwt_audience"
    #: ``exp`` is missing or malformed.
    EXPIRY = "jwt_expiry"
    #: ``exp`` has passed.
    EXPIRED = "jwt_expired"
    #: ``nbf`` has not come.
    NOT_YET_VALID = "jwt_not_yet_valid"
    #: A claim of RFC 7519 that has another type than it must.
    CLAIM = "jwt_claim"
    #: Longer than a reader has to bear.
    TOO_LARGE = "jwt_too_large"
    #: The bundle document cannot be used.
    BUNDLE = "jwt_bundle"
