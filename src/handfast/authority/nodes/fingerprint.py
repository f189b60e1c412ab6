# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of roots: enough to know an authority by, and short enough to say."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from handfast.authority.refusal import refuse
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

__all__ = ["fingerprint_of", "read_fingerprint"]

_PREFIX: Final = "sha256:"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def fingerprint_of(certificate: bytes) -> str:
    """Say the fingerprint of a certificate: ``sha256:`` and SHA-256 of its DER.

    Example:
        >>> fingerprint_of(b"")[:20]
        'sha256:e3b0c44298fc1'
    """
    return _PREFIX + hashlib.sha256(certificate).hexdigest()


def read_fingerprint(text: str) -> str:
    """Read one, as people and other tools write them: in capitals, with colons.

    Only SHA-256, and only all of it: a part is found by trying.

    Raises:
        ConfigError: It is none.

    Example:
        >>> read_fingerprint("SHA256:" + ":".join(["AB"] * 32))[:15]
        'sha256:abababab'
    """
    digest = text.strip().lower().removeprefix(_PREFIX).replace(":", "")
    if not _DIGEST.fullmatch(digest):
        hint = "take what `handfast authority token` printed, or `openssl x509 -sha256"
        refuse(
            "a fingerprint: sha256: and 64 hexadecimal digits",
            escape(text, limit=80),
            f"{hint} -fingerprint` of the root",
        )
    return _PREFIX + digest
