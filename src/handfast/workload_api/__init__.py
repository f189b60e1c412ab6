# SPDX-License-Identifier: Apache-2.0
"""The SPIFFE Workload API: messages, gRPC over HTTP/2, a client and a server."""

from __future__ import annotations

from handfast.workload_api import proto
from handfast.workload_api.channel import Channel, open_channel
from handfast.workload_api.endpoint import Endpoint
from handfast.workload_api.identities import (
    IdentityIssuer,
    Watch,
    X509Bundles,
    X509Context,
)
from handfast.workload_api.limits import ClientLimits, ServerLimits
from handfast.workload_api.methods import (
    Call,
    Conversation,
    Method,
    ServerStream,
    Unary,
)
from handfast.workload_api.service import (
    PROFILES,
    Profile,
    ServiceLimits,
    serve_workload_api,
    service_methods,
)
from handfast.workload_api.serving import ServerStatistics, serve_calls
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

__all__ = [
    "PROFILES",
    "Call",
    "Channel",
    "ClientLimits",
    "Conversation",
    "Endpoint",
    "IdentityIssuer",
    "Method",
    "PermissionDenied",
    "Profile",
    "RpcError",
    "ServerLimits",
    "ServerStatistics",
    "ServerStream",
    "ServiceLimits",
    "StatusCode",
    "Unary",
    "Watch",
    "X509Bundles",
    "X509Context",
    "open_channel",
    "proto",
    "serve_calls",
    "serve_workload_api",
    "service_methods",
]
