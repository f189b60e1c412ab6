# SPDX-License-Identifier: Apache-2.0
"""Where identities come from: each source gives one coherent snapshot at a time."""

from __future__ import annotations

from handfast.sources.base import Source, SourceSnapshot
from handfast.sources.static import StaticSource

__all__ = ["Source", "SourceSnapshot", "StaticSource"]
