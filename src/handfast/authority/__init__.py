# SPDX-License-Identifier: Apache-2.0
"""An embedded SPIFFE authority: a trust domain of one's own in a few lines.

For a first start, for tests and for small teams. It keeps everything in memory.
"""

from __future__ import annotations

from handfast.authority.ca import Authority
from handfast.authority.signer import Signer

__all__ = ["Authority", "Signer"]
