# SPDX-License-Identifier: Apache-2.0
"""The SPIFFE Workload API: messages, gRPC over HTTP/2, a client and a server."""

from __future__ import annotations

from handfast.workload_api import proto
from handfast.workload_api.channel import Channel, open_channel
from handfast.workload_api.endpoint import Endpoint
from handfast.workload_api.limits import ClientLimits, ServerLimits
from handfast.workload_api.methods import (
    Call,
    Conversation,
    Method,
    ServerStream,
    Unary,
)
from handfast.workload_api.serving import ServerStatistics, serve_calls
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

__all__ = [
    "Call",
    "Channel",
    "ClientLimits",
    "Conversation",
    "Endpoint",
    "Method",
    "PermissionDenied",
    "RpcError",
    "ServerLimits",
    "ServerStatistics",
    "ServerStream",
    "StatusCode",
    "Unary",
    "open_channel",
    "proto",
    "serve_calls",
]
