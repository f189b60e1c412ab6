# SPDX-License-Identifier: Apache-2.0
"""Linkerd's identities: DNS names of service accounts, not SPIFFE IDs.

Sources: Linkerd, "Automatic mTLS", "Authorization policy" and "ExternalWorkload".
Certificates of pods have a DNS name alone, so that no SPIFFE stack can authenticate
them. Workloads outside of the cluster have SPIFFE IDs of any path, as in
``spiffe://root.linkerd.cluster.local/external-workload``: only their trust domain says
whose they are, and there is nothing to take apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.errors import InvalidId, Reason, detail_for
from handfast.meshes.shape import DNS_LABEL, DNS_SUBDOMAIN
from handfast.text import escape

__all__ = ["LinkerdServiceAccount"]

_MARK: Final = ("serviceaccount", "identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkerdServiceAccount:
    """``<account>.<namespace>.serviceaccount.identity.<control plane>.<domain>``.

    Attributes:
        service_account: What the pod runs as.
        namespace: Where it runs.
        control_plane: The namespace of Linkerd's own control plane.
        identity_domain: Linkerd's identity trust domain, ``cluster.local`` for one.

    Example:
        >>> web = LinkerdServiceAccount.parse(
        ...     "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
        ... )
        >>> web.namespace, web.service_account, web.control_plane
        ('emojivoto', 'web', 'linkerd')
    """

    service_account: str
    namespace: str
    control_plane: str
    identity_domain: str

    def __post_init__(self) -> None:
        for name, rule in (
            ("service_account", DNS_SUBDOMAIN),
            ("namespace", DNS_LABEL),
            ("control_plane", DNS_LABEL),
            ("identity_domain", DNS_SUBDOMAIN),
        ):
            value: str = getattr(self, name)
            if not rule.allows(value):
                expected, seen = f"{name} to be {rule.words}", f"'{escape(value)}'"
                raise InvalidId(
                    detail_for(Reason.NAME_INVALID, expected=expected, seen=seen)
                )
        if _marks(self.dns_name.split(".")) != 1 or not DNS_SUBDOMAIN.allows(
            self.dns_name
        ):
            expected = f"'{'.'.join(_MARK)}' once, in at most 253 characters"
            raise InvalidId(
                detail_for(
                    Reason.NAME_INVALID, expected=expected, seen=escape(self.dns_name)
                )
            )

    @property
    def dns_name(self) -> str:
        """The name as a whole."""
        return ".".join(
            (
                self.service_account,
                self.namespace,
                *_MARK,
                self.control_plane,
                self.identity_domain,
            )
        )

    @classmethod
    def parse(cls, dns_name: str) -> LinkerdServiceAccount | None:
        """Take a name apart; None when it is not exactly of this shape.

        A service account may have dots in its name, a namespace has none. A name in
        which ``serviceaccount.identity`` comes twice has two readings, and is refused.
        """
        labels = dns_name.split(".")
        at = next(
            (at for at in range(len(labels)) if tuple(labels[at : at + 2]) == _MARK),
            None,
        )
        if at is None:
            return None
        *account, namespace = labels[:at] or [""]
        control_plane, *domain = labels[at + 2 :] or [""]
        try:
            return cls(
                service_account=".".join(account),
                namespace=namespace,
                control_plane=control_plane,
                identity_domain=".".join(domain),
            )
        except InvalidId:
            return None


def _marks(labels: list[str]) -> int:
    return sum(tuple(labels[at : at + 2]) == _MARK for at in range(len(labels)))
