# SPDX-License-Identifier: Apache-2.0
"""Where one chain ends and the next begins in a row of certificates.

A certificate that does not say that it is a CA begins a chain; those that do belong to
the chain before them. Only basic constraints are looked at; whether they are right is
for the verifier to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from handfast import Reason
from handfast.cli.verify_batch_read import Found

#: A chain's certificates, leaf first, or why there is none.
FoundChain: TypeAlias = list[bytes] | Reason

# More than the engine takes: what follows cannot change the verdict, nor fill memory.
_KEPT: Final = 16

_BOOLEAN, _OCTET_STRING, _OID, _SEQUENCE, _EXTENSIONS = 0x01, 0x04, 0x06, 0x30, 0xA3
_BASIC_CONSTRAINTS: Final = b"\x55\x1d\x13"
_LONG_FORM: Final = 0x80
# What every CA has somewhere in it. That it is there proves nothing: it may be a name.
_CA: Final = re.compile(
    rb"\x06\x03\x55\x1d\x13(?:\x01\x01.)?\x04.\x30.\x01\x01[^\x00]", re.DOTALL
)


def split_chains(certificates: Iterable[Found]) -> Iterator[FoundChain]:
    """Group certificates into chains. What is broken begins a chain, too."""
    current: FoundChain | None = None
    for found in certificates:
        if not isinstance(found, Reason) and current is not None and says_ca(found):
            if isinstance(current, list) and len(current) < _KEPT:
                current.append(found)
            continue
        if current is not None:
            yield current
        current = found if isinstance(found, Reason) else [found]
    if current is not None:
        yield current


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Read a header: tag, where the content begins, where it ends."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length >= _LONG_FORM:
        digits = length - _LONG_FORM
        length = int.from_bytes(data[start : start + digits], "big")
        start += digits
    end = start + length
    if end > len(data):
        raise IndexError(end)
    return tag, start, end


def _children(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    while start < end:
        child = _element(data, start)
        yield child
        start = child[2]


def says_ca(der: bytes) -> bool:
    """Whether basic constraints say CA; False as well when it cannot be read."""
    # Most are leaves, and few CAs come very often: only these are taken apart, once.
    return _CA.search(der) is not None and _reads_as_ca(der)


@lru_cache(maxsize=64)
def _reads_as_ca(der: bytes) -> bool:
    try:
        _, start, _ = _element(der, 0)
        _, start, end = _element(der, start)  # what is signed
        for tag, inner, stop in _children(der, start, end):
            if tag == _EXTENSIONS:
                _, inner, stop = _element(der, inner)  # noqa: PLW2901 - one level down
                return any(
                    _is_ca_extension(der, *extension[1:])
                    for extension in _children(der, inner, stop)
                )
    except IndexError:
        pass
    return False


def _is_ca_extension(der: bytes, start: int, end: int) -> bool:
    parts = list(_children(der, start, end))
    if len(parts) < 2:  # noqa: PLR2004 - a name and a value
        return False
    tag, start, end = parts[0]
    if tag != _OID or der[start:end] != _BASIC_CONSTRAINTS:
        return False
    tag, start, _ = parts[-1]
    if tag != _OCTET_STRING:
        return False
    tag, start, end = _element(der, start)
    first = next(_children(der, start, end), None)
    if tag != _SEQUENCE or first is None or first[0] != _BOOLEAN:
        return False
    return any(der[first[1] : first[2]])
