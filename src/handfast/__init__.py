# SPDX-License-Identifier: Apache-2.0
"""SPIFFE mutual TLS whose hot path is native.

What every program needs is here. Streams and listeners for trio are in
:mod:`handfast.net`, an authority to begin with in :mod:`handfast.authority`, and fakes
for tests in :mod:`handfast.testing`. Nothing here imports trio.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from handfast import authorize
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
from handfast.svid import X509Svid

if TYPE_CHECKING:
    from handfast._ffi import openssl_version
    from handfast.sources import StaticSource
    from handfast.tls import Connection, TlsConfig
    from handfast.verify import ChainVerifier, Verifier

__all__ = [
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
    "PeerAlert",
    "PeerError",
    "PeerIncompatible",
    "PeerMisbehaved",
    "PrivateKey",
    "Reason",
    "SourceError",
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

_NATIVE = {
    "ChainVerifier": "handfast.verify",
    "Connection": "handfast.tls",
    "StaticSource": "handfast.sources",
    "TlsConfig": "handfast.tls",
    "Verifier": "handfast.verify",
    "openssl_version": "handfast._ffi",
}


def __getattr__(name: str) -> object:
    if name not in _NATIVE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_NATIVE[name]), name)
