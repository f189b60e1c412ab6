# SPDX-License-Identifier: Apache-2.0
"""Carry JWT-SVIDs in HTTP headers and gRPC metadata, and take them out again.

Only over a channel that nobody else reads: the token alone lets its bearer in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from handfast.errors import Reason, VerificationError, detail_for

if TYPE_CHECKING:
    from handfast.jwt_svid import JwtSvid

__all__ = ["bearer_token", "grpc_metadata", "http_header"]

# RFC 6750: the scheme (in any case, RFC 9110), one space or more, one token68.
_BEARER: Final = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")
_VALUE_MAX: Final = 64 * 1024


def http_header(svid: JwtSvid) -> tuple[str, str]:
    """Make the header that shows a token to an HTTP server (JWT-20)."""
    return "Authorization", svid.authorization


def grpc_metadata(svid: JwtSvid) -> tuple[tuple[str, str], ...]:
    """Make the metadata that shows a token to a gRPC server (JWT-21).

    As grpcio's ``metadata=`` takes it; gRPC writes names in lower case.
    """
    return (("authorization", svid.authorization),)


def bearer_token(value: str | bytes) -> str:
    """Take the token out of the value of an ``Authorization`` header or metadata.

    Nothing of it is verified.

    Raises:
        VerificationError: it is not one bearer token and nothing else.

    Example:
        >>> bearer_token("Bearer aaa.bbb.ccc")
        'aaa.bbb.ccc'
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    found = _BEARER.fullmatch(text) if len(text) <= _VALUE_MAX else None
    if found is None:
        detail = detail_for(
            Reason.JWT_MALFORMED,
            expected="'Bearer', a space and a token",
            # Not what was there: it may be a good token with a slip beside it.
            seen=f"{len(text)} characters of something else",
        )
        raise VerificationError(detail)
    return found[1]
