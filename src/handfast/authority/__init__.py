# SPDX-License-Identifier: Apache-2.0
"""An embedded SPIFFE authority: a trust domain of one's own in a few lines.

`Authority` keeps everything in memory: for a first start and for tests. What
`handfast authority run` is made of keeps it on disk, for programs that embed it: an
`AuthorityState` in a folder, an `AuthorityService` that runs on it, and
`serve_workloads` for its `issuer`. It is imported when it is used first, so that
`import handfast` loads neither trio nor a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast._later import load_later
from handfast.authority.ca import Authority
from handfast.authority.signer import Signer

if TYPE_CHECKING:
    from handfast.authority.attest import Attestor, Caller
    from handfast.authority.audit import AuditRow, read_audit
    from handfast.authority.distrusting import Distrust, distrust, plan_distrust
    from handfast.authority.entries import Entry
    from handfast.authority.federated import FederatedBundles
    from handfast.authority.issuer import AttestedCaller, EntryIssuer
    from handfast.authority.nodes import Nodes
    from handfast.authority.registry import Registry
    from handfast.authority.revocation import revoke
    from handfast.authority.selectors import Selector
    from handfast.authority.service import AuthorityService
    from handfast.authority.serving import serve_workloads
    from handfast.authority.settings import AuthoritySettings
    from handfast.authority.state import AuthorityState

__all__ = [
    "AttestedCaller",
    "Attestor",
    "AuditRow",
    "Authority",
    "AuthorityService",
    "AuthoritySettings",
    "AuthorityState",
    "Caller",
    "Distrust",
    "Entry",
    "EntryIssuer",
    "FederatedBundles",
    "Nodes",
    "Registry",
    "Selector",
    "Signer",
    "distrust",
    "plan_distrust",
    "read_audit",
    "revoke",
    "serve_workloads",
]

_LATER = {
    "AttestedCaller": "handfast.authority.issuer",
    "Attestor": "handfast.authority.attest",
    "AuditRow": "handfast.authority.audit",
    "AuthorityService": "handfast.authority.service",
    "AuthoritySettings": "handfast.authority.settings",
    "AuthorityState": "handfast.authority.state",
    "Caller": "handfast.authority.attest",
    "Distrust": "handfast.authority.distrusting",
    "Entry": "handfast.authority.entries",
    "EntryIssuer": "handfast.authority.issuer",
    "FederatedBundles": "handfast.authority.federated",
    "Nodes": "handfast.authority.nodes",
    "Registry": "handfast.authority.registry",
    "Selector": "handfast.authority.selectors",
    "distrust": "handfast.authority.distrusting",
    "plan_distrust": "handfast.authority.distrusting",
    "read_audit": "handfast.authority.audit",
    "revoke": "handfast.authority.revocation",
    "serve_workloads": "handfast.authority.serving",
}


__getattr__ = load_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
