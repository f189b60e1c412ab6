# SPDX-License-Identifier: Apache-2.0
"""IDs as the documentation of AWS App Mesh has them.

Sources: AWS, "Using mTLS with SPIFFE/SPIRE in AWS App Mesh on Amazon EKS", and the
walkthrough ``howto-k8s-mtls-sds-based``: ``spiffe://howto-k8s-mtls-sds-based.aws/front``.
App Mesh takes whatever SPIRE registers; one segment is all that its examples have in
common. Every ID of one segment fits, which is why `recognise` never names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handfast.meshes.shape import SEGMENT, MeshIdentity, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AppMeshName"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppMeshName(MeshIdentity):
    """``/<name>``.

    Attributes:
        name: What the registration entry calls the workload behind a virtual node.

    Example:
        >>> AppMeshName.parse("spiffe://howto-k8s-mtls-sds-based.aws/front").name
        'front'
    """

    _rules: ClassVar[Mapping[str, Rule]] = {"name": SEGMENT}

    name: str

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/{self.name}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case (name,):
                return {"name": name}
            case _:
                return None
