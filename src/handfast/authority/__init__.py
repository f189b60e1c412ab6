# SPDX-License-Identifier: Apache-2.0
"""An embedded SPIFFE authority: a trust domain of one's own in a few lines.

`Authority` keeps everything in memory: for a first start and for tests. What
`handfast authority run` is made of keeps it on disk and is imported when it is used
first, so that `import handfast` loads neither trio nor a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast._later import load_later
from handfast.authority.ca import Authority
from handfast.authority.signer import Signer

if TYPE_CHECKING:
    from handfast.authority.entries import Entry
    from handfast.authority.issuer import EntryIssuer
    from handfast.authority.registry import Registry
    from handfast.authority.selectors import Selector
    from handfast.authority.service import AuthorityService
    from handfast.authority.settings import AuthoritySettings
    from handfast.authority.state import AuthorityState

__all__ = [
    "Authority",
    "AuthorityService",
    "AuthoritySettings",
    "AuthorityState",
    "Entry",
    "EntryIssuer",
    "Registry",
    "Selector",
    "Signer",
]

_LATER = {
    "AuthorityService": "handfast.authority.service",
    "AuthoritySettings": "handfast.authority.settings",
    "AuthorityState": "handfast.authority.state",
    "Entry": "handfast.authority.entries",
    "EntryIssuer": "handfast.authority.issuer",
    "Registry": "handfast.authority.registry",
    "Selector": "handfast.authority.selectors",
}


__getattr__ = load_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
