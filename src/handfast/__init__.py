# SPDX-License-Identifier: Apache-2.0
"""SPIFFE mutual TLS whose hot path is native.

What every program needs is here. Streams and listeners for trio are in
:mod:`handfast.net`, an authority to begin with in :mod:`handfast.authority`, and fakes
for tests in :mod:`handfast.testing`. Nothing here imports trio.
"""

from __future__ import annotations

from handfast import authorize
from handfast._ffi import OpenSslVersion, openssl_version
from handfast.authority import Authority
from handfast.authorize import Authorizer
from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.errors import (
    Category,
    ConfigError,
    ConnectionClosed,
    ErrorDetail,
    HandfastError,
    HandshakeTimeout,
    InternalError,
    InvalidBundle,
    InvalidCertificate,
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
from handfast.sources import Source, SourceSnapshot, StaticSource
from handfast.svid import X509Svid
from handfast.tls import Connection, TlsConfig
from handfast.verify import ChainVerifier, Verifier

__all__ = [
    "Authority",
    "Authorizer",
    "Category",
    "ChainVerifier",
    "ConfigError",
    "Connection",
    "ConnectionClosed",
    "DnsName",
    "ErrorDetail",
    "HandfastError",
    "HandshakeTimeout",
    "InternalError",
    "InvalidBundle",
    "InvalidCertificate",
    "InvalidId",
    "IpAddress",
    "NotAuthorized",
    "OpenSslVersion",
    "PeerAlert",
    "PeerError",
    "PeerIncompatible",
    "PeerMisbehaved",
    "PrivateKey",
    "Reason",
    "Source",
    "SourceError",
    "SourceSnapshot",
    "SpiffeId",
    "StaticSource",
    "TlsConfig",
    "TransportError",
    "Truncated",
    "TrustBundle",
    "TrustBundleSet",
    "TrustDomain",
    "UsageError",
    "VerificationError",
    "VerifiedPeer",
    "Verifier",
    "X509Svid",
    "authorize",
    "openssl_version",
]
