# SPDX-License-Identifier: Apache-2.0
"""Service accounts of Kubernetes: the shape that most meshes there agree on.

Sources: Istio, "Security" (identity); SPIRE Controller Manager and the hardened Helm
charts, default ``spiffeIDTemplate``; cert-manager, "csi-driver-spiffe"; Cilium's
ztunnel mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handfast.meshes.shape import DNS_LABEL, DNS_SUBDOMAIN, MeshIdentity, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KubernetesServiceAccount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesServiceAccount(MeshIdentity):
    """``/ns/<namespace>/sa/<service account>``.

    Attributes:
        namespace: Where the pod runs.
        service_account: What it runs as.

    Example:
        >>> web = KubernetesServiceAccount.parse(
        ...     "spiffe://cluster.local/ns/shop/sa/web"
        ... )
        >>> web.principal
        'cluster.local/ns/shop/sa/web'
    """

    _rules: ClassVar[Mapping[str, Rule]] = {
        "namespace": DNS_LABEL,
        "service_account": DNS_SUBDOMAIN,
    }

    namespace: str
    service_account: str

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/ns/{self.namespace}/sa/{self.service_account}"

    @property
    def principal(self) -> str:
        """How Istio's AuthorizationPolicy documents write it: without ``spiffe://``."""
        return f"{self.trust_domain}{self.path}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case ("ns", namespace, "sa", account):
                return {"namespace": namespace, "service_account": account}
            case _:
                return None
