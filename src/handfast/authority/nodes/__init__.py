# SPDX-License-Identifier: Apache-2.0
"""Other hosts: join tokens, nodes, and what the authority answers their agents."""

from __future__ import annotations

from handfast.authority.nodes.caller import NodeCaller
from handfast.authority.nodes.join_token import JOIN_DOMAINS, JoinToken
from handfast.authority.nodes.names import authority_id, is_node_id, node_id
from handfast.authority.nodes.presence import NodeDoor, shown_root
from handfast.authority.nodes.registered import JOIN_TTL, Node, Nodes
from handfast.authority.nodes.service import NodeService

__all__ = [
    "JOIN_DOMAINS",
    "JOIN_TTL",
    "JoinToken",
    "Node",
    "NodeCaller",
    "NodeDoor",
    "NodeService",
    "Nodes",
    "authority_id",
    "is_node_id",
    "node_id",
    "shown_root",
]
