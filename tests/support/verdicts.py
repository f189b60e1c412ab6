# SPDX-License-Identifier: Apache-2.0
"""What a Verifier says, with a second opinion on every yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.judges import openssl_accepts
from tests.support.pki import Issued

from handfast import Reason, TrustBundle, VerificationError, Verifier
from handfast.peer import VerifiedPeer


def accepted(
    chain: Sequence[bytes], authority: Issued, *, domain: str = "a.example", **how: Any
) -> VerifiedPeer:
    """Verify, and let OpenSSL alone agree (P2)."""
    peer = Verifier(authority.bundle(domain), **how).verify(chain)
    assert openssl_accepts(chain, [authority], how.get("at")), "OpenSSL would not"
    assert peer.chain == tuple(chain)
    return peer


def refused(
    chain: Sequence[bytes],
    authority: Issued | Sequence[TrustBundle],
    reason: Reason,
    *,
    domain: str = "a.example",
    **how: Any,
) -> VerificationError:
    """Insist on a refusal for this reason and no other."""
    trusted = authority.bundle(domain) if isinstance(authority, Issued) else authority
    with pytest.raises(VerificationError) as caught:
        Verifier(trusted, **how).verify(chain)
    assert caught.value.reason is reason, str(caught.value)
    return caught.value
