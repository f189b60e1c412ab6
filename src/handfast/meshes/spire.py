# SPDX-License-Identifier: Apache-2.0
"""SPIRE's own IDs: its servers and agents. Workloads never get one below ``/spire``.

Sources: SPIRE's documentation of its node attestors,
``doc/plugin_agent_nodeattestor_*``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handfast.meshes.shape import SEGMENT, MeshIdentity, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SpireAgent", "SpireServer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpireAgent(MeshIdentity):
    """``/spire/agent/<attestor>/<what it attested>``.

    Attributes:
        attestor: ``k8s_psat``, ``x509pop``, ``join_token`` and others.
        node: What follows: ``<cluster>/<node uid>``, a fingerprint, a token. With
            ``agent_path_template`` operators shape it as they like, so it is not taken
            apart. A join token in it was used up when the agent joined.

    Example:
        >>> agent = SpireAgent.parse(
        ...     "spiffe://example.org/spire/agent/k8s_psat/demo/6b1c2d"
        ... )
        >>> agent.attestor, agent.node
        ('k8s_psat', 'demo/6b1c2d')
    """

    _rules: ClassVar[Mapping[str, Rule]] = {"attestor": SEGMENT}

    attestor: str
    node: str

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/spire/agent/{self.attestor}/{self.node}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case ("spire", "agent", attestor, *node) if node:
                return {"attestor": attestor, "node": "/".join(node)}
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpireServer(MeshIdentity):
    """``/spire/server``."""

    @property
    def path(self) -> str:
        """The path of its ID."""
        return "/spire/server"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        return {} if segments == ("spire", "server") else None
