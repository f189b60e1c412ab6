# SPDX-License-Identifier: Apache-2.0
"""IDs of Cilium's mutual authentication: numbers of its security identities.

Sources: Cilium, "Mutual Authentication", and cilium/cilium ``operator/auth/spire``. The
trust domain is ``spiffe.cilium`` unless it is set otherwise, and is not insisted on. In
ztunnel mode Cilium writes service accounts, as Istio does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from handfast.errors import InvalidId, Reason, detail_for
from handfast.meshes.shape import MeshIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CiliumComponent", "CiliumIdentity"]

_NUMBER_MAX: Final = 2**32 - 1
_COMPONENTS: Final = ("cilium-agent", "cilium-operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class CiliumIdentity(MeshIdentity):
    """``/identity/<number>``.

    Attributes:
        identity: The number of a Cilium identity, as `cilium identity list` shows it.
            Which labels it stands for, only the cluster knows.

    Example:
        >>> CiliumIdentity.parse("spiffe://spiffe.cilium/identity/17947").number
        17947
    """

    identity: str

    def __post_init__(self) -> None:
        digits = self.identity.isascii() and self.identity.isdigit()
        plain = digits and (self.identity == "0" or self.identity[0] != "0")
        if not plain or len(self.identity) > 10 or int(self.identity) > _NUMBER_MAX:  # noqa: PLR2004 - ten digits are enough for 32 bits
            detail = detail_for(
                Reason.ID_PATH_CHARACTER,
                expected="a number of 32 bits, in decimal",
                seen="something else",
            )
            raise InvalidId(detail)
        MeshIdentity.__post_init__(self)

    @property
    def number(self) -> int:
        """The identity, as a number."""
        return int(self.identity)

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/identity/{self.identity}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case ("identity", number):
                return {"identity": number}
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CiliumComponent(MeshIdentity):
    """``/cilium-agent`` or ``/cilium-operator``.

    Attributes:
        component: Which of the two.
    """

    component: str

    def __post_init__(self) -> None:
        if self.component not in _COMPONENTS:
            detail = detail_for(
                Reason.ID_PATH_CHARACTER,
                expected=" or ".join(_COMPONENTS),
                seen="something else",
            )
            raise InvalidId(detail)

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/{self.component}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case (component,):
                return {"component": component}
            case _:
                return None
