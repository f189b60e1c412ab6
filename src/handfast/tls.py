# SPDX-License-Identifier: Apache-2.0
"""TLS without I/O: configurations and connections, for any event loop or none."""

from __future__ import annotations

from handfast._connection import Connection
from handfast._ffi import Want
from handfast._tls_config import TlsConfig

__all__ = ["Connection", "TlsConfig", "Want"]
