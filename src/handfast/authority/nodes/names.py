# SPDX-License-Identifier: Apache-2.0
"""The SPIFFE IDs that an authority and its agents have themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from handfast.errors import ConfigError, Reason, detail_for
from handfast.ids import SpiffeId

if TYPE_CHECKING:
    from handfast.ids import TrustDomain

__all__ = ["authority_id", "is_node_id", "node_id"]

_AUTHORITY: Final = "/handfast/authority"
_AGENTS: Final = "/handfast/agent/"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def authority_id(trust_domain: TrustDomain) -> SpiffeId:
    """Say what the authority calls itself where agents connect."""
    return SpiffeId.parse(f"spiffe://{trust_domain}{_AUTHORITY}")


def node_id(trust_domain: TrustDomain, name: str) -> SpiffeId:
    """Say what the agent of a host is called.

    Raises:
        ConfigError: it cannot be a name.

    Example:
        >>> from handfast import TrustDomain
        >>> str(node_id(TrustDomain.parse("a.example"), "db-7"))
        'spiffe://a.example/handfast/agent/db-7'
    """
    if not _NAME.fullmatch(name):
        detail = detail_for(
            Reason.CONFIG_INVALID,
            expected="a host's name of letters, digits, '.', '-' and '_'",
            seen=ascii(name),
        )
        raise ConfigError(detail)
    return SpiffeId.parse(f"spiffe://{trust_domain}{_AGENTS}{name}")


def is_node_id(spiffe_id: SpiffeId, trust_domain: TrustDomain) -> bool:
    """Say whether it is an agent's."""
    if spiffe_id.trust_domain != trust_domain:
        return False
    name = spiffe_id.path.removeprefix(_AGENTS)
    return name != spiffe_id.path and bool(_NAME.fullmatch(name))
