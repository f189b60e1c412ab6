# SPDX-License-Identifier: Apache-2.0
"""Templates of the SPIRE Controller Manager, read backwards: from the ID to the fields.

Source: spiffe/spire-controller-manager, ``docs/clusterspiffeid-crd.md``. A template is
a small program in Go; what is understood here is the part in which the way back is
unambiguous: each segment is plain text with at most one field in it. All else
(functions, pipelines, labels, two fields in one segment) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from handfast.errors import ConfigError, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.meshes.shape import DNS_LABEL, DNS_SUBDOMAIN, SEGMENT, Rule
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SpireTemplate"]

#: What SPIRE's templates may name, and what that may be.
_KNOWN: Final[Mapping[str, Rule]] = {
    "ClusterName": SEGMENT,
    "ClusterDomain": DNS_SUBDOMAIN,
    "PodMeta.Name": DNS_SUBDOMAIN,
    "PodMeta.Namespace": DNS_LABEL,
    "PodMeta.UID": SEGMENT,
    "PodSpec.NodeName": DNS_SUBDOMAIN,
    "PodSpec.ServiceAccountName": DNS_SUBDOMAIN,
    "NodeMeta.Name": DNS_SUBDOMAIN,
    "NodeMeta.UID": SEGMENT,
}
_TRUST_DOMAIN: Final = "TrustDomain"
_HOLE = re.compile(r"\{\{-?\s*\.([A-Za-z.]+)\s*-?\}\}")
_HEAD: Final = "spiffe://"


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment: text, a field, text."""

    before: str
    name: str | None = None
    after: str = ""

    def read(self, segment: str) -> str | None:
        """The field's value; None when the segment does not fit."""
        if self.name is None:
            return "" if segment == self.before else None
        end = len(segment) - len(self.after)
        if not (segment.startswith(self.before) and segment.endswith(self.after)):
            return None
        value = segment[len(self.before) : end] if end >= len(self.before) else ""
        return value if _KNOWN[self.name].allows(value) else None


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(
        Reason.CONFIG_INVALID, expected=expected, seen=f"'{escape(seen)}'"
    )
    raise ConfigError(detail)


def _part(segment: str) -> _Part:
    holes = list(_HOLE.finditer(segment))
    if len(holes) > 1:
        _refuse("at most one field in a segment", segment)
    if not holes:
        if not SEGMENT.allows(segment):
            _refuse(
                "plain text, or one field such as {{ .PodMeta.Namespace }}", segment
            )
        return _Part(segment)
    [hole] = holes
    before, after = segment[: hole.start()], segment[hole.end() :]
    for text in (before, after):
        if text and not SEGMENT.allows(text):
            _refuse("plain text around a field", segment)
    if hole[1] not in _KNOWN:
        _refuse(f"one of {', '.join(_KNOWN)}", hole[1])
    return _Part(before, hole[1], after)


@dataclass(frozen=True, slots=True)
class SpireTemplate:
    """A ``spiffeIDTemplate`` of SPIRE's Controller Manager.

    Attributes:
        text: The template, as the ClusterSPIFFEID resource has it.

    Raises:
        ConfigError: it is none, or there is no sure way back from its IDs.

    Example:
        >>> template = SpireTemplate(
        ...     "spiffe://{{ .TrustDomain }}/region/eu/ns/{{ .PodMeta.Namespace }}"
        ...     "/pod-{{ .PodMeta.Name }}"
        ... )
        >>> template.match("spiffe://a.example/region/eu/ns/shop/pod-web-0")
        {'PodMeta.Namespace': 'shop', 'PodMeta.Name': 'web-0'}
        >>> template.match("spiffe://a.example/region/us/ns/shop/pod-web-0") is None
        True
    """

    text: str
    _parts: tuple[_Part, ...] = field(init=False, repr=False, compare=False)
    _trust_domain: TrustDomain | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.text.startswith(_HEAD):
            _refuse(f"a template that begins with {_HEAD}", self.text)
        name, *segments = self.text.removeprefix(_HEAD).split("/")
        hole = _HOLE.fullmatch(name)
        if hole is not None and hole[1] != _TRUST_DOMAIN:
            _refuse("{{ .TrustDomain }} or a name", name)
        domain = None if hole is not None else TrustDomain.parse(name)
        parts = tuple(_part(segment) for segment in segments)
        names = [part.name for part in parts if part.name is not None]
        if not segments:
            _refuse("a path", self.text)
        if len(set(names)) != len(names):
            _refuse("each field once", self.text)
        object.__setattr__(self, "_trust_domain", domain)
        object.__setattr__(self, "_parts", parts)

    def match(self, spiffe_id: SpiffeId | str) -> dict[str, str] | None:
        """Read the fields out of an ID; None when the template does not make it.

        Raises:
            InvalidId: it is not a SPIFFE ID.
        """
        whole = (
            spiffe_id if isinstance(spiffe_id, SpiffeId) else SpiffeId.parse(spiffe_id)
        )
        if self._trust_domain not in {None, whole.trust_domain}:
            return None
        if len(whole.segments) != len(self._parts):
            return None
        found: dict[str, str] = {}
        for part, segment in zip(self._parts, whole.segments, strict=True):
            value = part.read(segment)
            if value is None:
                return None
            if part.name is not None:
                found[part.name] = value
        return found

    def make(
        self, trust_domain: TrustDomain | str, fields: Mapping[str, str]
    ) -> SpiffeId:
        """Make the ID that SPIRE would make of these fields.

        Raises:
            InvalidId: that is no SPIFFE ID.
            ConfigError: a field is missing, or is not what such a field may be.
        """
        segments: list[str] = []
        for part in self._parts:
            value = "" if part.name is None else fields.get(part.name, "")
            if part.name is not None and not _KNOWN[part.name].allows(value):
                _refuse(f"{part.name} to be {_KNOWN[part.name].words}", value)
            segments.append(f"{part.before}{value}{part.after}")
        if not isinstance(trust_domain, TrustDomain):
            trust_domain = TrustDomain.parse(trust_domain)
        return SpiffeId.from_segments(self._trust_domain or trust_domain, *segments)
