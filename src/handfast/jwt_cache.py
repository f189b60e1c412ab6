# SPDX-License-Identifier: Apache-2.0
"""Tokens whose signature was found to hold, so that it is not verified at every call.

What is remembered is one fact: this token, to the byte, was signed by a key of this
trust domain's bundle of this content. Times and audience are judged again at every
hit, so that an answer with the cache is the answer without it. An entry ends when the
token does, and with it every change of the bundle; refusals are never remembered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handfast.errors import ConfigError, Reason, detail_for

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final

    from handfast.ids import TrustDomain
    from handfast.jwt_bundle import JwtBundle, JwtBundleSet
    from handfast.jwt_claims import Claims

__all__ = ["TOKENS_MAX", "TokenCache", "TokenCacheStatistics", "TokenKey"]

#: Tokens that a cache keeps unless told otherwise: with 1 KiB each, 4 MiB and more.
TOKENS_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What was asked: all of the token, and everything of the question but the time.

    A hash would not do: the whole token is compared, so that nobody can make one that
    is taken for another.
    """

    token: str = field(repr=False)
    audience: tuple[str, ...]
    tolerate_headers: bool


@dataclass(frozen=True, slots=True)
class TokenCacheStatistics:
    """Counters since the cache was made, and what it holds now."""

    hits: int
    misses: int
    evicted: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Entry:
    trust_domain: TrustDomain
    digest: bytes
    claims: Claims


class TokenCache:
    """Remembers verified tokens, the least recently used gives way; thread-safe.

    The tokens themselves stay in memory for as long as they are remembered.

    Args:
        max_tokens: How many.

    Raises:
        ConfigError: Less than one.
    """

    __slots__ = ("_entries", "_evicted", "_hits", "_lock", "_max", "_misses")

    def __init__(self, max_tokens: int = TOKENS_MAX) -> None:
        if max_tokens < 1:
            raise ConfigError(
                detail_for(
                    Reason.BAD_ARGUMENT,
                    expected="one token or more",
                    seen=f"{max_tokens}",
                )
            )
        self._max = max_tokens
        self._entries: OrderedDict[TokenKey, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = self._evicted = 0

    def get(self, key: TokenKey, bundles: JwtBundleSet, at: datetime) -> Claims | None:
        """The claims of a token that was verified under the bundle that is live now.

        None when it was not, when the bundle's content is another since, and from the
        token's end on.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._is_good(entry, bundles, at):
                self._entries.move_to_end(key)
                self._hits += 1
                return entry.claims
            if entry is not None:
                del self._entries[key]
            self._misses += 1
            return None

    @staticmethod
    def _is_good(entry: _Entry, bundles: JwtBundleSet, at: datetime) -> bool:
        bundle = bundles.get(entry.trust_domain)
        if bundle is None or bundle.digest != entry.digest:
            return False
        return at < entry.claims.expires_at

    def put(
        self, key: TokenKey, bundle: JwtBundle, claims: Claims, at: datetime
    ) -> None:
        """Remember that a token's signature holds, unless its time is over anyway."""
        if at >= claims.expires_at:
            return
        with self._lock:
            self._entries[key] = _Entry(bundle.trust_domain, bundle.digest, claims)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max:
                self._entries.popitem(last=False)
                self._evicted += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def statistics(self) -> TokenCacheStatistics:
        """Count what was asked and what is there."""
        with self._lock:
            return TokenCacheStatistics(
                self._hits, self._misses, self._evicted, len(self._entries)
            )
