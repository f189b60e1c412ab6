# SPDX-License-Identifier: Apache-2.0
"""Where identities come from: each source gives one coherent snapshot at a time."""

from __future__ import annotations

from handfast.sources.base import Source, SourceSnapshot
from handfast.sources.files import FileSource
from handfast.sources.files_books import FileSourceStatistics
from handfast.sources.health import SourceHealth, SourceState
from handfast.sources.static import StaticSource

__all__ = [
    "FileSource",
    "FileSourceStatistics",
    "Source",
    "SourceHealth",
    "SourceSnapshot",
    "SourceState",
    "StaticSource",
]
