# SPDX-License-Identifier: Apache-2.0
"""SPIFFE mutual TLS whose hot path is native.

What every program needs is here; more of it is in :mod:`handfast.net`,
:mod:`handfast.authority` and, with fakes for tests, :mod:`handfast.testing`. The names
that need trio (``open_mtls_stream``, ``serve_mtls`` and their like) import it when they
are used first: other event loops and plain scripts never load it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast import authorize
from handfast._ffi import OpenSslVersion, openssl_version
from handfast._later import load_later
from handfast.authority import Authority
from handfast.authorize import Authorizer
from handfast.batch import BatchItem, BatchResult, BatchSummary
from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.chain_buffer import ChainBuffer
from handfast.chain_cache import ChainCache, ChainCacheStatistics
from handfast.chain_verifier import ChainVerifier
from handfast.crls import RevocationLists
from handfast.errors import (
    Category,
    ConfigError,
    ConnectionClosed,
    ConnectionEnded,
    ErrorDetail,
    FederationError,
    HandfastError,
    HandshakeTimeout,
    InternalError,
    InvalidBundle,
    InvalidCertificate,
    InvalidCrl,
    InvalidId,
    NotAuthorized,
    PeerAlert,
    PeerError,
    PeerIncompatible,
    PeerMisbehaved,
    Reason,
    SourceError,
    TransportError,
    Truncated,
    UsageError,
    VerificationError,
)
from handfast.ids import SpiffeId, TrustDomain
from handfast.keys import PrivateKey
from handfast.names import DnsName, IpAddress
from handfast.peer import VerifiedPeer
from handfast.session_store import SessionStatistics, SessionStore
from handfast.sources import (
    FileSource,
    Source,
    SourceHealth,
    SourceSnapshot,
    SourceState,
    StaticSource,
)
from handfast.svid import X509Svid
from handfast.tickets import TicketKeys, TicketSecrets, TicketStatistics
from handfast.tls import Connection, TlsConfig
from handfast.verify import Verifier
from handfast.web_certificate import WebCertificate

if TYPE_CHECKING:
    from handfast.bundle_document import BundleDocument
    from handfast.bundle_map import BundleMap
    from handfast.jwt_bundle import JwtBundle, JwtBundleSet
    from handfast.jwt_cache import TokenCache
    from handfast.jwt_signer import JwtSigner
    from handfast.jwt_svid import JwtSvid
    from handfast.net import (
        ConnectionPool,
        Lifetime,
        MtlsListener,
        MtlsStream,
        open_mtls_listeners,
        open_mtls_stream,
        serve_mtls,
        verify_many_async,
    )
    from handfast.sources.workload_api import WorkloadApiSource

__all__ = [
    "Authority",
    "Authorizer",
    "BatchItem",
    "BatchResult",
    "BatchSummary",
    "BundleDocument",
    "BundleMap",
    "Category",
    "ChainBuffer",
    "ChainCache",
    "ChainCacheStatistics",
    "ChainVerifier",
    "ConfigError",
    "Connection",
    "ConnectionClosed",
    "ConnectionEnded",
    "ConnectionPool",
    "DnsName",
    "ErrorDetail",
    "FederationError",
    "FileSource",
    "HandfastError",
    "HandshakeTimeout",
    "InternalError",
    "InvalidBundle",
    "InvalidCertificate",
    "InvalidCrl",
    "InvalidId",
    "IpAddress",
    "JwtBundle",
    "JwtBundleSet",
    "JwtSigner",
    "JwtSvid",
    "Lifetime",
    "MtlsListener",
    "MtlsStream",
    "NotAuthorized",
    "OpenSslVersion",
    "PeerAlert",
    "PeerError",
    "PeerIncompatible",
    "PeerMisbehaved",
    "PrivateKey",
    "Reason",
    "RevocationLists",
    "SessionStatistics",
    "SessionStore",
    "Source",
    "SourceError",
    "SourceHealth",
    "SourceSnapshot",
    "SourceState",
    "SpiffeId",
    "StaticSource",
    "TicketKeys",
    "TicketSecrets",
    "TicketStatistics",
    "TlsConfig",
    "TokenCache",
    "TransportError",
    "Truncated",
    "TrustBundle",
    "TrustBundleSet",
    "TrustDomain",
    "UsageError",
    "VerificationError",
    "VerifiedPeer",
    "Verifier",
    "WebCertificate",
    "WorkloadApiSource",
    "X509Svid",
    "authorize",
    "open_mtls_listeners",
    "open_mtls_stream",
    "openssl_version",
    "serve_mtls",
    "verify_many_async",
]

# What is imported when it is used first, and from where: names that need trio, or what
# only some programs need.
_LATER = {
    "BundleDocument": "handfast.bundle_document",
    "BundleMap": "handfast.bundle_map",
    "ConnectionPool": "handfast.net",
    "JwtBundle": "handfast.jwt_bundle",
    "JwtBundleSet": "handfast.jwt_bundle",
    "JwtSigner": "handfast.jwt_signer",
    "JwtSvid": "handfast.jwt_svid",
    "Lifetime": "handfast.net",
    "MtlsListener": "handfast.net",
    "MtlsStream": "handfast.net",
    "TokenCache": "handfast.jwt_cache",
    "WorkloadApiSource": "handfast.sources.workload_api",
    "open_mtls_listeners": "handfast.net",
    "open_mtls_stream": "handfast.net",
    "serve_mtls": "handfast.net",
    "verify_many_async": "handfast.net",
}


__getattr__ = load_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
