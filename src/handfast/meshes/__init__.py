# SPDX-License-Identifier: Apache-2.0
"""The SPIFFE IDs of other meshes, taken apart: namespace, service account, service.

Each class is one shape. ``parse`` gives its fields, or None when an ID is not exactly
of that shape: nothing is guessed, nothing is mended. Every class writes its ID back
(``spiffe_id``), and a round trip changes no byte.

A shape does not say who wrote an ID. ``/ns/shop/sa/web`` is written by Istio, by
SPIRE's Controller Manager, by cert-manager's csi-driver-spiffe and by Cilium (ztunnel):
they mean the same by it, a service account of Kubernetes. Which *cluster* it is, only
the trust domain can tell. And none of this authenticates anybody: parse the ID of a
peer that was verified.

Example:
    >>> from handfast import SpiffeId
    >>> from handfast.meshes import ConsulService, KubernetesServiceAccount, recognise
    >>> web = SpiffeId.parse("spiffe://cluster.local/ns/shop/sa/web")
    >>> account = KubernetesServiceAccount.parse(web)
    >>> account.namespace, account.service_account
    ('shop', 'web')
    >>> ConsulService.parse(web) is None
    True
    >>> [type(it).__name__ for it in recognise(web)]
    ['KubernetesServiceAccount']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.meshes.app_mesh import AppMeshName
from handfast.meshes.cilium import CiliumComponent, CiliumIdentity
from handfast.meshes.consul import (
    ConsulAgent,
    ConsulMeshGateway,
    ConsulServer,
    ConsulService,
    ConsulWorkloadIdentity,
)
from handfast.meshes.kubernetes import KubernetesServiceAccount
from handfast.meshes.linkerd import LinkerdServiceAccount
from handfast.meshes.shape import MeshIdentity
from handfast.meshes.spire import SpireAgent, SpireServer
from handfast.meshes.template import SpireTemplate

if TYPE_CHECKING:
    from handfast.ids import SpiffeId

__all__ = [
    "AppMeshName",
    "CiliumComponent",
    "CiliumIdentity",
    "ConsulAgent",
    "ConsulMeshGateway",
    "ConsulServer",
    "ConsulService",
    "ConsulWorkloadIdentity",
    "KubernetesServiceAccount",
    "LinkerdServiceAccount",
    "MeshIdentity",
    "SpireAgent",
    "SpireServer",
    "SpireTemplate",
    "recognise",
]

# AppMeshName is left out: every ID of one segment would be one.
_SHAPES: tuple[type[MeshIdentity], ...] = (
    KubernetesServiceAccount,
    ConsulService,
    ConsulWorkloadIdentity,
    ConsulAgent,
    ConsulServer,
    ConsulMeshGateway,
    CiliumIdentity,
    CiliumComponent,
    SpireAgent,
    SpireServer,
)


def recognise(spiffe_id: SpiffeId | str) -> tuple[MeshIdentity, ...]:
    """Every shape that an ID has; none, for most IDs that people make up.

    The shapes exclude each other today. Whoever relies on there being one should check
    the length: a later version may know more shapes.

    Raises:
        InvalidId: it is not a SPIFFE ID.
    """
    found = (shape.parse(spiffe_id) for shape in _SHAPES)
    return tuple(identity for identity in found if identity is not None)
