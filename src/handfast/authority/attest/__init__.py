# SPDX-License-Identifier: Apache-2.0
"""Who calls: attestation of local processes.

What is proved, by what, and what is not: docs/explanation/attestation.md.
"""

from __future__ import annotations

from handfast.authority.attest.attestor import Attestor, attest
from handfast.authority.attest.caller import Caller
from handfast.authority.selectors import Selector
from handfast.errors import AttestationRefused

__all__ = ["AttestationRefused", "Attestor", "Caller", "Selector", "attest"]
