# SPDX-License-Identifier: Apache-2.0
"""The border to the C engine: the only package that holds C data.

Three rules keep it safe. Each C object has exactly one owner here, a handle made by
``ffi.gc`` whose destructor gives the engine's reference back. No function of the engine
calls into Python, so no Python exception can change a verdict (threat C12). Every
failure is turned into an exception at once, from the calling thread's own record.
"""

from __future__ import annotations

from handfast._ffi.acceptor import (
    MOST_SOCKETS,
    MOST_WORKERS,
    NO_SOCKET,
    Accepted,
    NativeAcceptor,
    Outcome,
    has_acceptor,
)
from handfast._ffi.cache import (
    CACHE_AGE,
    CACHE_BYTES,
    CACHE_ENTRIES,
    NativeChainCache,
    fix_monotonic_clock,
    reset_monotonic_clock,
)
from handfast._ffi.conn import Conn
from handfast._ffi.crl import (
    CRL_IF_AVAILABLE,
    CRL_REQUIRED,
    NativeCrlBook,
    NativeCrlSet,
)
from handfast._ffi.failure import error_table, last_error, raise_for
from handfast._ffi.lanes import (
    Lane,
    agree_x25519,
    allow_lanes,
    check_signature,
    wants_lanes,
)
from handfast._ffi.library import (
    HANDLE_KINDS,
    OpenSslVersion,
    clock_now,
    fix_clock,
    live_handles,
    openssl_version,
    reset_clock,
)
from handfast._ffi.parse import (
    check_certificate,
    check_spiffe_id,
    check_trust_domain,
    fold_spiffe_id,
    split_der,
)
from handfast._ffi.ports import (
    CLIENT_HELLO_BYTES_MAX,
    PROXY_HEADER_MAX,
    ProxyHeader,
    read_proxy_header,
    read_server_name,
)
from handfast._ffi.sessions import (
    SESSION_AGE,
    SESSION_AGE_MAX,
    SESSION_ENTRIES,
    SESSION_ENTRIES_MAX,
    NativeSessionStore,
)
from handfast._ffi.snapshots import (
    NativeBundle,
    NativeBundleSet,
    NativeConfig,
    NativePolicy,
    NativeSvid,
)
from handfast._ffi.tickets import (
    TICKET_PREVIOUS_MAX,
    TICKET_SECRET_SIZE,
    NativeTicketKeys,
)
from handfast._ffi.tickets import Ring as TicketRing
from handfast._ffi.verifier import NOW, NativeVerifier, to_seconds
from handfast._ffi.want import Want

__all__ = [
    "CACHE_AGE",
    "CACHE_BYTES",
    "CACHE_ENTRIES",
    "CLIENT_HELLO_BYTES_MAX",
    "CRL_IF_AVAILABLE",
    "CRL_REQUIRED",
    "HANDLE_KINDS",
    "MOST_SOCKETS",
    "MOST_WORKERS",
    "NOW",
    "NO_SOCKET",
    "PROXY_HEADER_MAX",
    "SESSION_AGE",
    "SESSION_AGE_MAX",
    "SESSION_ENTRIES",
    "SESSION_ENTRIES_MAX",
    "TICKET_PREVIOUS_MAX",
    "TICKET_SECRET_SIZE",
    "Accepted",
    "Conn",
    "Lane",
    "NativeAcceptor",
    "NativeBundle",
    "NativeBundleSet",
    "NativeChainCache",
    "NativeConfig",
    "NativeCrlBook",
    "NativeCrlSet",
    "NativePolicy",
    "NativeSessionStore",
    "NativeSvid",
    "NativeTicketKeys",
    "NativeVerifier",
    "OpenSslVersion",
    "Outcome",
    "ProxyHeader",
    "TicketRing",
    "Want",
    "agree_x25519",
    "allow_lanes",
    "check_certificate",
    "check_signature",
    "check_spiffe_id",
    "check_trust_domain",
    "clock_now",
    "error_table",
    "fix_clock",
    "fix_monotonic_clock",
    "fold_spiffe_id",
    "has_acceptor",
    "last_error",
    "live_handles",
    "openssl_version",
    "raise_for",
    "read_proxy_header",
    "read_server_name",
    "reset_clock",
    "reset_monotonic_clock",
    "split_der",
    "to_seconds",
    "wants_lanes",
]
