# SPDX-License-Identifier: Apache-2.0
"""What a bundle endpoint answers to one request: no I/O, and nobody is asked who he is.

The newest bundle is asked for at every request, so a key is out as soon as it is in the
bundle (FED-02 is for whoever signs with it). We never redirect (FED-27, FED-28, FED-46
have nothing to apply to).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handfast.bundle import TrustBundle
    from handfast.bundle_document import BundleDocument

__all__ = ["Numbered", "Publisher", "Reply", "answer"]

#: Gives the newest bundle, at once.
Publisher = Callable[[], "BundleDocument | TrustBundle"]

_METHODS: Final = (b"GET", b"HEAD")
# A cache on the way may keep it, and has to ask whether it is still the newest one.
_COMMON: Final = (
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `failure` is why there is no bundle in it."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    failure: Exception | None = None


class Numbered:
    """Gives the bundles of a publisher that sets no sequence numbers such numbers.

    They grow with every change (BUN-04, BUN-05), and over restarts as long as the clock
    does not go back: they begin at the seconds since 1970.

    Example:
        >>> from handfast.authority import Authority
        >>> publish = Numbered(lambda: Authority("a.example").bundle, now=lambda: 5.0)
        >>> publish().sequence, publish().sequence
        (5, 6)
    """

    def __init__(
        self, publisher: Publisher, *, now: Callable[[], float] = time.time
    ) -> None:
        self._publisher = publisher
        self._now = now
        self._last: BundleDocument | TrustBundle | None = None

    def __call__(self) -> BundleDocument | TrustBundle:
        """Return the newest bundle, with its own number if it has one."""
        bundle, last = self._publisher(), self._last
        if bundle.sequence is not None:
            return bundle
        if last is not None and replace(last, sequence=None) == bundle:
            return last
        least = 0 if last is None or last.sequence is None else last.sequence + 1
        self._last = replace(bundle, sequence=max(least, int(self._now())))
        return self._last


def _path(target: bytes) -> str:
    """The path of a request's target, which a proxy may have written in full."""
    text = target.decode("latin-1")
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return parts.path or "/"


def _fits(tag: str, asked: Sequence[bytes]) -> bool:
    """Whether If-None-Match names our entity tag; the comparison is the weak one."""
    tags = {
        each.strip().removeprefix(b"W/")
        for value in asked
        for each in value.split(b",")
    }
    return b"*" in tags or tag.encode() in tags


def _reply(status: int, *headers: tuple[str, str], body: bytes = b"") -> Reply:
    length = () if status == 304 else (("Content-Length", str(len(body))),)  # noqa: PLR2004
    return Reply(status, (*headers, *_COMMON, *length), body)


def refusal(status: int) -> Reply:
    """Answer what cannot be understood; nothing of it is repeated."""
    return _reply(status)


def answer(
    publishers: Mapping[str, Publisher],
    method: bytes,
    target: bytes,
    none_match: Sequence[bytes] = (),
) -> Reply:
    """Answer a request (FED-24, FED-45).

    Args:
        publishers: The bundles by path, exactly.
        method: The request's.
        target: The request's.
        none_match: The values of If-None-Match.
    """
    publisher = publishers.get(_path(target))
    if publisher is None:
        return _reply(404)
    if method not in _METHODS:
        return _reply(405, ("Allow", "GET, HEAD"))
    try:
        body = publisher().to_json()
    except HandfastError as error:
        reply = _reply(503, ("Retry-After", "60"))
        return replace(reply, failure=error)
    except Exception as error:  # noqa: BLE001 - a publisher's bug ends a request only
        return replace(_reply(500), failure=error)
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    if _fits(tag, none_match):
        return _reply(304, ("ETag", tag))
    kind = ("Content-Type", "application/json")
    reply = _reply(200, kind, ("ETag", tag), body=body)
    return reply if method == b"GET" else replace(reply, body=b"")
