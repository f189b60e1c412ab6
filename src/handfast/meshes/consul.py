# SPDX-License-Identifier: Apache-2.0
"""IDs of HashiCorp Consul: services, agents, servers, mesh gateways.

Source: hashicorp/consul, ``agent/connect/uri_*.go`` and its tests (facts only), and its
documentation of Connect certificates. The trust domain is ``<cluster id>.consul``.

The partition ``default`` is never written, so an ID with ``/ap/default/`` is not of
these shapes (but for workload identities, which always have it). Consul may escape
characters by ``%``; that makes no SPIFFE ID, and is refused before it comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from handfast.meshes.shape import SEGMENT, WORD, MeshIdentity, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ConsulAgent",
    "ConsulMeshGateway",
    "ConsulServer",
    "ConsulService",
    "ConsulWorkloadIdentity",
]

_DEFAULT: Final = "default"


def _split(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Take the partition off the front, where one is written."""
    match segments:
        case ("ap", partition, *rest):
            return partition, tuple(rest)
        case _:
            return _DEFAULT, segments


def _join(partition: str, rest: str) -> str:
    return rest if partition == _DEFAULT else f"/ap/{partition}{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulService(MeshIdentity):
    """``[/ap/<partition>]/ns/<namespace>/dc/<datacenter>/svc/<service>``.

    Attributes:
        namespace: Of the service; ``default`` in the community edition.
        datacenter: Where it runs.
        service: Its name.
        partition: Its admin partition.

    Example:
        >>> web = ConsulService.parse(
        ...     "spiffe://1234.consul/ns/default/dc/dc01/svc/web"
        ... )
        >>> web.datacenter, web.service, web.partition
        ('dc01', 'web', 'default')
    """

    _rules: ClassVar[Mapping[str, Rule]] = {
        "partition": WORD,
        "namespace": WORD,
        "datacenter": WORD,
        "service": SEGMENT,
    }

    namespace: str
    datacenter: str
    service: str
    partition: str = _DEFAULT

    @property
    def path(self) -> str:
        """The path of its ID."""
        rest = f"/ns/{self.namespace}/dc/{self.datacenter}/svc/{self.service}"
        return _join(self.partition, rest)

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match _split(segments):
            case (partition, ("ns", namespace, "dc", datacenter, "svc", service)):
                return {
                    "partition": partition,
                    "namespace": namespace,
                    "datacenter": datacenter,
                    "service": service,
                }
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulWorkloadIdentity(MeshIdentity):
    """``/ap/<partition>/ns/<namespace>/identity/<identity>``.

    Attributes:
        partition: Its admin partition, always written.
        namespace: Its namespace.
        identity: Its name.
    """

    _rules: ClassVar[Mapping[str, Rule]] = {
        "partition": WORD,
        "namespace": WORD,
        "identity": SEGMENT,
    }

    partition: str
    namespace: str
    identity: str

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/ap/{self.partition}/ns/{self.namespace}/identity/{self.identity}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case ("ap", partition, "ns", namespace, "identity", identity):
                return {
                    "partition": partition,
                    "namespace": namespace,
                    "identity": identity,
                }
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulAgent(MeshIdentity):
    """``[/ap/<partition>]/agent/client/dc/<datacenter>/id/<node>``.

    Attributes:
        datacenter: Where it runs.
        node: The agent's node, by name or number.
        partition: Its admin partition.
    """

    _rules: ClassVar[Mapping[str, Rule]] = {
        "partition": WORD,
        "datacenter": WORD,
        "node": SEGMENT,
    }

    datacenter: str
    node: str
    partition: str = _DEFAULT

    @property
    def path(self) -> str:
        """The path of its ID."""
        rest = f"/agent/client/dc/{self.datacenter}/id/{self.node}"
        return _join(self.partition, rest)

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match _split(segments):
            case (partition, ("agent", "client", "dc", datacenter, "id", node)):
                return {"partition": partition, "datacenter": datacenter, "node": node}
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulServer(MeshIdentity):
    """``/agent/server/dc/<datacenter>``: any of its servers.

    Attributes:
        datacenter: Which servers.
    """

    _rules: ClassVar[Mapping[str, Rule]] = {"datacenter": WORD}

    datacenter: str

    @property
    def path(self) -> str:
        """The path of its ID."""
        return f"/agent/server/dc/{self.datacenter}"

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match segments:
            case ("agent", "server", "dc", datacenter):
                return {"datacenter": datacenter}
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulMeshGateway(MeshIdentity):
    """``[/ap/<partition>]/gateway/mesh/dc/<datacenter>``.

    Attributes:
        datacenter: Whose gateway.
        partition: Its admin partition.
    """

    _rules: ClassVar[Mapping[str, Rule]] = {"partition": WORD, "datacenter": WORD}

    datacenter: str
    partition: str = _DEFAULT

    @property
    def path(self) -> str:
        """The path of its ID."""
        return _join(self.partition, f"/gateway/mesh/dc/{self.datacenter}")

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        match _split(segments):
            case (partition, ("gateway", "mesh", "dc", datacenter)):
                return {"partition": partition, "datacenter": datacenter}
            case _:
                return None
