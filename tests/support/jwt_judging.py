# SPDX-License-Identifier: Apache-2.0
"""Ask `JwtSvid.parse` about a token, and look at what every refusal shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import tokens
from tests.support.tokens import NOW

from handfast import JwtSvid, Reason, VerificationError


def parse(token: str, audience: Any = "shop", **options: Any) -> JwtSvid:
    known = options.pop("bundles", tokens.bundles())
    return JwtSvid.parse(token, known, audience, **{"at": NOW} | options)


def is_taken(token: str, **options: Any) -> bool:
    return parse(token, **options).token == token


def refused(token: str, audience: Any = "shop", **options: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        parse(token, audience, **options)
    error = caught.value
    assert str(error).isprintable()
    secret = token.rpartition(".")[2]
    assert len(secret) < 20 or secret not in str(error) + repr(error) + repr(
        error.detail
    )
    return error


def reason_of(token: str, audience: Any = "shop", **options: Any) -> Reason:
    return refused(token, audience, **options).reason
