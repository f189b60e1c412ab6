# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs and trust domains: construct means validate.

The rules are those of the SPIFFE-ID standard, byte for byte and without any
normalisation; where the standard can be read in two ways (upper case in a trust
domain) the strict reading holds here and
:meth:`SpiffeId.parse_lenient` is for what people type. The C engine has a parser of
its own with the same answers; property tests hold the two together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from handfast.errors import InvalidId, Reason, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

__all__ = ["ID_MAX", "TRUST_DOMAIN_MAX", "SpiffeId", "TrustDomain"]

#: Bytes of a SPIFFE ID, scheme included.
ID_MAX: Final = 2048
#: Bytes of a trust domain name.
TRUST_DOMAIN_MAX: Final = 255

_SCHEME: Final = "spiffe://"
_NAME = re.compile(r"[a-z0-9._-]*")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]*")
_NAME_RULE: Final = "a-z, 0-9, '.', '-' and '_'"
_SEGMENT_RULE: Final = "segments of letters, digits, '.', '-' and '_'"
# Only A-Z: str.lower() would turn KELVIN SIGN (U+212A) into an honest k.
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_ANYWHERE = {
    "?": Reason.ID_QUERY,
    "#": Reason.ID_FRAGMENT,
    "%": Reason.ID_PERCENT_ENCODING,
}


def _refuse(reason: Reason, expected: str = "", seen: str = "") -> NoReturn:
    raise InvalidId(detail_for(reason, expected=expected, seen=seen))


def _byte_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _check_name(name: str) -> None:
    end = _NAME.match(name).end()  # type: ignore[union-attr]  # matches always
    if end == len(name):
        if not name:
            _refuse(Reason.ID_NO_TRUST_DOMAIN)
        if end > TRUST_DOMAIN_MAX:
            _refuse(
                Reason.ID_TRUST_DOMAIN_TOO_LONG, "at most 255 bytes", f"{end} bytes"
            )
        return
    character = name[end]
    reason = _ANYWHERE.get(character, Reason.ID_TRUST_DOMAIN_CHARACTER)
    if name.startswith(_SCHEME):
        _refuse(reason, "a bare trust domain name", "a whole SPIFFE ID")
    if "A" <= character <= "Z":
        reason = Reason.ID_UPPER_CASE
    elif character in "@:":
        # What stands before an '@', a colon included, is user information.
        authority = name[end:].partition("/")[0]
        reason = Reason.ID_USERINFO if "@" in authority else Reason.ID_PORT
    seen = f"'{escape(character)}' at byte {end} of the trust domain name"
    _refuse(reason, _NAME_RULE, seen)


def _check_path(path: str) -> None:
    if path and not path.startswith("/"):
        seen = f"'{escape(path[0])}'"
        _refuse(Reason.ID_PATH_CHARACTER, "a path that begins with '/'", seen)
    at = 0
    while at < len(path):
        start = at + 1
        at = _SEGMENT.match(path, start).end()  # type: ignore[union-attr]
        if at < len(path) and path[at] != "/":
            seen = f"'{escape(path[at])}' at byte {at} of the path"
            reason = _ANYWHERE.get(path[at], Reason.ID_PATH_CHARACTER)
            _refuse(reason, _SEGMENT_RULE, seen)
        segment = path[start:at]
        if not segment:
            last = start == len(path)
            _refuse(Reason.ID_TRAILING_SLASH if last else Reason.ID_EMPTY_SEGMENT)
        if segment in {".", ".."}:
            _refuse(Reason.ID_DOT_SEGMENT, "", f"'{segment}' at byte {start}")


def _need_text(value: object) -> None:
    if not isinstance(value, str):
        kind = type(value).__name__
        raise TypeError(f"a SPIFFE ID is read from str, not from {kind}")


@dataclass(frozen=True, slots=True, order=True, repr=False)
class TrustDomain:
    """The name of a trust domain: ``prod.example.com``.

    Two names that differ in any byte are two trust domains, always. Any name of the
    right characters is one, whether or not DNS would like it.

    Example:
        >>> TrustDomain("prod.example.com").id
        SpiffeId('spiffe://prod.example.com')
    """

    name: str

    def __post_init__(self) -> None:
        _need_text(self.name)
        _check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> TrustDomain:
        """Read a bare name, without ``spiffe://``.

        Raises:
            InvalidId: It is not one; the reason says why.
        """
        return cls(text)

    @property
    def id(self) -> SpiffeId:
        """The SPIFFE ID of the trust domain itself, which its authorities carry."""
        return SpiffeId(self)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"TrustDomain({self.name!r})"


@dataclass(frozen=True, slots=True, order=True, repr=False)
class SpiffeId:
    """Who a workload is: ``spiffe://trust-domain/path``.

    Hashable, ordered, and equal only when every byte is.

    Attributes:
        trust_domain: Whose authorities speak for this ID.
        path: Empty, or ``/`` and segments.

    Example:
        >>> web = SpiffeId.parse("spiffe://prod.example.com/ns/shop/sa/web")
        >>> web.trust_domain
        TrustDomain('prod.example.com')
        >>> web.segments
        ('ns', 'shop', 'sa', 'web')
    """

    trust_domain: TrustDomain
    path: str = ""

    def __post_init__(self) -> None:
        _need_text(self.path)
        _check_path(self.path)
        length = len(_SCHEME) + len(self.trust_domain.name) + len(self.path)
        if length > ID_MAX:
            _refuse(Reason.ID_TOO_LONG, f"at most {ID_MAX} bytes", f"{length} bytes")

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        """Read an ID strictly: what is not exactly one is refused, never mended.

        Raises:
            InvalidId: It is not one; the reason says why.
        """
        _need_text(text)
        if not text:
            _refuse(Reason.ID_EMPTY)
        length = _byte_length(text)
        if length > ID_MAX:
            _refuse(Reason.ID_TOO_LONG, f"at most {ID_MAX} bytes", f"{length} bytes")
        if not text.startswith(_SCHEME):
            seen = f"'{escape(text, limit=16)}'"
            _refuse(Reason.ID_SCHEME, f"'{_SCHEME}' at the beginning", seen)
        name, slash, path = text[len(_SCHEME) :].partition("/")
        return cls(TrustDomain(name), slash + path)

    @classmethod
    def parse_lenient(cls, text: str) -> SpiffeId:
        """Read what a person typed: ASCII upper case in scheme and name is folded.

        The path keeps its case, since two workloads may differ in nothing else.
        Never use this on what a peer sent.

        Raises:
            InvalidId: It is not one, even so.

        Example:
            >>> str(SpiffeId.parse_lenient("SPIFFE://Prod.Example.com/Web"))
            'spiffe://prod.example.com/Web'
        """
        _need_text(text)
        head = text.split("/", 3)[:3]
        end = sum(map(len, head)) + len(head) - 1
        return cls.parse(text[:end].translate(_TO_LOWER) + text[end:])

    @classmethod
    def from_segments(cls, trust_domain: TrustDomain, *segments: str) -> SpiffeId:
        """Join segments to an ID; none of them can smuggle in another.

        Raises:
            InvalidId: A segment is not one: empty, a dot, or with a slash in it.

        Example:
            >>> str(SpiffeId.from_segments(TrustDomain("a.example"), "ns", "shop"))
            'spiffe://a.example/ns/shop'
        """
        for segment in segments:
            _need_text(segment)
            if "/" in segment:
                seen = f"'/' in '{escape(segment)}'"
                _refuse(Reason.ID_PATH_CHARACTER, _SEGMENT_RULE, seen)
        return cls(trust_domain, "".join(f"/{segment}" for segment in segments))

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments; none for the trust domain's own ID."""
        return tuple(self.path.split("/")[1:])

    def is_member_of(self, trust_domain: TrustDomain) -> bool:
        """Whether this ID is in that trust domain, and in no other."""
        return self.trust_domain == trust_domain

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain.name}{self.path}"

    def __repr__(self) -> str:
        return f"SpiffeId({str(self)!r})"
