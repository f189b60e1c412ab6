# SPDX-License-Identifier: Apache-2.0
"""Registration entries: which process gets which identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handfast.authority.refusal import refuse
from handfast.authority.selectors import Selector
from handfast.ids import SpiffeId, TrustDomain
from handfast.names import DnsName
from handfast.strict_json import is_list
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

__all__ = ["HINT_MAX", "Entry"]

#: Bytes of a hint (Workload API, section 8).
HINT_MAX: Final = 1024
#: Of an entry; more than that nobody can review.
_SELECTORS_MAX: Final = 64
_DNS_NAMES_MAX: Final = 64
_DOMAINS_MAX: Final = 256
_NOTES_MAX: Final = 4096
_SHORTEST: Final = timedelta(seconds=1)
# No timedelta is as long, by any rounding.
_SECONDS_END: Final = 86_000_000_000_000


def _at_most(what: str, count: int, limit: int) -> None:
    if count > limit:
        refuse(f"at most {limit} {what}", str(count))


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name, "")
    if not isinstance(value, str):
        refuse(f"{name} as a text", type(value).__name__)
    return value


def _texts(facts: Mapping[str, Any], name: str) -> list[str]:
    value = facts.get(name, [])
    if not is_list(value):
        refuse(f"{name} as a list", type(value).__name__)
    texts = [one for one in value if isinstance(one, str)]
    if len(texts) != len(value):
        refuse(f"{name} as texts", "others among them")
    return texts


def _span(facts: Mapping[str, Any], name: str) -> timedelta | None:
    value = facts.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 < value < _SECONDS_END:
        refuse(f"{name} as a number of seconds", "something else")
    return timedelta(seconds=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who gets a SPIFFE ID, and what its documents say.

    A process gets it when *all* selectors are among what attestation found of it.

    Attributes:
        spiffe_id: The identity; with a path.
        selectors: One or more facts.
        x509_ttl: How long X.509-SVIDs live; None for the authority's default.
        jwt_ttl: How long JWT-SVIDs live; None for the default.
        hint: What the identity is for; told to the workload.
        dns_names: Host names beside the ID, for peers that compare those.
        federates_with: Trust domains whose bundles the workload gets.
        notes: For people.
        node: The ID of another host's agent: only processes that it attested. None:
            only processes of the authority's own host.
        id: A name of it that stays as long as who gets what does.

    Example:
        >>> entry = Entry(
        ...     spiffe_id=SpiffeId.parse("spiffe://a.example/web"),
        ...     selectors=frozenset({Selector.parse("unix:uid:1000")}),
        ... )
        >>> entry.matches({Selector.parse("unix:uid:1000")})
        True
    """

    spiffe_id: SpiffeId
    selectors: frozenset[Selector]
    x509_ttl: timedelta | None = None
    jwt_ttl: timedelta | None = None
    hint: str = ""
    dns_names: tuple[str, ...] = ()
    federates_with: frozenset[TrustDomain] = frozenset()
    notes: str = ""
    node: SpiffeId | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        domain = self.spiffe_id.trust_domain
        if not self.spiffe_id.path:
            refuse("a workload's ID, with a path", str(self.spiffe_id))
        if not self.selectors:
            # It would match every process there is.
            refuse("one selector or more", "none", "say who gets the identity")
        _at_most("selectors", len(self.selectors), _SELECTORS_MAX)
        for ttl in (self.x509_ttl, self.jwt_ttl):
            if ttl is not None and ttl < _SHORTEST:
                refuse("a time to live of a second or more", str(ttl))
        hint = self.hint.encode("utf-8", "surrogatepass")  # refused below, then
        _at_most("bytes of hint", len(hint), HINT_MAX)
        if not (self.hint.isprintable() and self.notes.replace("\n", "").isprintable()):
            refuse("printable characters in hint and notes", escape(self.hint))
        _at_most("characters of notes", len(self.notes), _NOTES_MAX)
        _at_most("DNS names", len(self.dns_names), _DNS_NAMES_MAX)
        names = tuple(DnsName(name).name for name in self.dns_names)
        object.__setattr__(self, "dns_names", tuple(dict.fromkeys(names)))
        _at_most("federated trust domains", len(self.federates_with), _DOMAINS_MAX)
        if domain in self.federates_with:
            refuse("other trust domains in federates_with", str(domain))
        if self.node is not None and not self.node.is_member_of(domain):
            refuse(f"a node of {domain}", str(self.node))
        parts = [str(self.spiffe_id), str(self.node or "")]
        parts += sorted(map(str, self.selectors))
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        object.__setattr__(self, "id", digest[:16])

    def matches(self, selectors: frozenset[Selector] | set[Selector]) -> bool:
        """Whether a process of which all this is known gets the identity."""
        return self.selectors <= selectors

    def to_facts(self) -> dict[str, Any]:
        """Say it as JSON can; what is at its default is left out."""
        facts: dict[str, Any] = {
            "spiffe_id": str(self.spiffe_id),
            "selectors": sorted(map(str, self.selectors)),
            "x509_ttl": self.x509_ttl and self.x509_ttl.total_seconds(),
            "jwt_ttl": self.jwt_ttl and self.jwt_ttl.total_seconds(),
            "hint": self.hint,
            "dns_names": list(self.dns_names),
            "federates_with": sorted(map(str, self.federates_with)),
            "notes": self.notes,
            "node": self.node and str(self.node),
        }
        return {name: value for name, value in facts.items() if value}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Entry:
        """Read what :meth:`to_facts` said.

        Raises:
            ConfigError: It is something else.
            InvalidId: So is an ID in it.
        """
        return cls(
            spiffe_id=SpiffeId.parse(_text(facts, "spiffe_id")),
            selectors=frozenset(map(Selector.parse, _texts(facts, "selectors"))),
            x509_ttl=_span(facts, "x509_ttl"),
            jwt_ttl=_span(facts, "jwt_ttl"),
            hint=_text(facts, "hint"),
            dns_names=tuple(_texts(facts, "dns_names")),
            federates_with=frozenset(map(TrustDomain, _texts(facts, "federates_with"))),
            notes=_text(facts, "notes"),
            node=SpiffeId.parse(_text(facts, "node")) if "node" in facts else None,
        )

    def to_text(self) -> str:
        """The same for the database: the same text for the same entry."""
        return json.dumps(self.to_facts(), sort_keys=True, separators=(",", ":"))
