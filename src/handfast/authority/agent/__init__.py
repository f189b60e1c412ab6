# SPDX-License-Identifier: Apache-2.0
"""The agent of another host: attests there, and gives what its authority signs."""

from __future__ import annotations

from handfast.authority.agent.agent import Dial, NodeAgent, join
from handfast.authority.agent.identity import NodeIdentity, NodeSource

__all__ = ["Dial", "NodeAgent", "NodeIdentity", "NodeSource", "join"]
