# SPDX-License-Identifier: Apache-2.0
"""What shapes of IDs have in common: fields, the rules for them, and the way back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from handfast.errors import InvalidId, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DNS_LABEL", "DNS_SUBDOMAIN", "SEGMENT", "WORD", "MeshIdentity", "Rule"]

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field may be.

    Attributes:
        words: For the message.
        pattern: The whole of it.
        longest: How many characters.
    """

    words: str
    pattern: re.Pattern[str]
    longest: int

    def allows(self, value: str) -> bool:
        """Whether a value is one."""
        return len(value) <= self.longest and self.pattern.fullmatch(value) is not None


#: A namespace of Kubernetes (RFC 1123).
DNS_LABEL: Final = Rule("a DNS label", re.compile(_LABEL), 63)
#: Other names of Kubernetes, service accounts for one.
DNS_SUBDOMAIN: Final = Rule(
    "a DNS subdomain", re.compile(rf"{_LABEL}(?:\.{_LABEL})*"), 253
)
#: A name of HashiCorp's: datacenters, namespaces, partitions.
WORD: Final = Rule("letters, digits, '-' and '_'", re.compile(r"[A-Za-z0-9_-]+"), 128)
#: Whatever a segment of a SPIFFE ID may be.
SEGMENT: Final = Rule("one segment of a path", re.compile(r"[A-Za-z0-9._-]+"), 2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshIdentity:
    """An ID of a known shape. What is constructed is valid, as is its ID.

    Attributes:
        trust_domain: Whose it is.
    """

    #: Fields, in the order of the path, with the rule for each.
    _rules: ClassVar[Mapping[str, Rule]] = {}

    trust_domain: TrustDomain

    def __post_init__(self) -> None:
        for name, rule in self._rules.items():
            value = getattr(self, name)
            if not rule.allows(value):
                detail = detail_for(
                    Reason.ID_PATH_CHARACTER,
                    expected=f"{name} to be {rule.words}",
                    seen=f"'{escape(value)}'",
                )
                raise InvalidId(detail)
        # Dots alone are no segment, and all of it together may be too long.
        SpiffeId(self.trust_domain, self.path)

    @property
    def path(self) -> str:
        """The path of its ID."""
        raise NotImplementedError

    @property
    def spiffe_id(self) -> SpiffeId:
        """The ID as a whole."""
        return SpiffeId(self.trust_domain, self.path)

    @classmethod
    def _fields(cls, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        """Take the segments of a path apart; None when they are of another shape."""
        raise NotImplementedError

    @classmethod
    def parse(cls, spiffe_id: SpiffeId | str) -> Self | None:
        """Take an ID apart; None when it is not exactly of this shape.

        Raises:
            InvalidId: it is not a SPIFFE ID.
        """
        whole = (
            spiffe_id if isinstance(spiffe_id, SpiffeId) else SpiffeId.parse(spiffe_id)
        )
        fields = cls._fields(whole.segments)
        if fields is None:
            return None
        try:
            found = cls(trust_domain=whole.trust_domain, **fields)
        except InvalidId:
            return None
        # What it would write is what was read, or it is not of this shape.
        return found if found.spiffe_id == whole else None
