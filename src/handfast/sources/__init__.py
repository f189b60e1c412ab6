# SPDX-License-Identifier: Apache-2.0
"""Where identities come from: each source gives one coherent snapshot at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast._later import load_later
from handfast.crls import RevocationLists
from handfast.sources.ageing import Urgency
from handfast.sources.base import Source, SourceSnapshot
from handfast.sources.bearer import bearer_token, grpc_metadata, http_header
from handfast.sources.files import FileSource
from handfast.sources.files_books import FileSourceStatistics
from handfast.sources.health import SourceHealth, SourceState, SourceStatistics
from handfast.sources.static import StaticSource

if TYPE_CHECKING:
    from handfast.sources.workload_api import WorkloadApiSource
    from handfast.sources.workload_api_books import (
        StreamStatistics,
        WorkloadApiSourceStatistics,
    )
    from handfast.sources.workload_api_pace import Backoff

__all__ = [
    "Backoff",
    "FileSource",
    "FileSourceStatistics",
    "RevocationLists",
    "Source",
    "SourceHealth",
    "SourceSnapshot",
    "SourceState",
    "SourceStatistics",
    "StaticSource",
    "StreamStatistics",
    "Urgency",
    "WorkloadApiSource",
    "WorkloadApiSourceStatistics",
    "bearer_token",
    "grpc_metadata",
    "http_header",
]

# Imported when they are used first: they need trio, h2 and protobuf.
_LATER = {
    "Backoff": "handfast.sources.workload_api_pace",
    "StreamStatistics": "handfast.sources.workload_api_books",
    "WorkloadApiSource": "handfast.sources.workload_api",
    "WorkloadApiSourceStatistics": "handfast.sources.workload_api_books",
}


__getattr__ = load_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
