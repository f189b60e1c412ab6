# SPDX-License-Identifier: Apache-2.0
"""The verified-chain cache: chains that were found good are not verified again.

Most peers come back with the chain that they showed before. Its signatures need not be
verified again as long as nothing that the verdict rested on has changed. What the cache
says is what a new verification would say (P3): the key is a SHA-256 of every presented
certificate, the trust domain, the content of its bundle, the rules, the purpose and the
policy; validity is compared with the clock at each hit, and `authorize` runs at each
hit. Refusals are never remembered. That a peer holds its private key is proved anew in
every handshake.

Every `Verifier` and `TlsConfig` uses one cache of the process, the shared one, unless
it is given another one, or None for none. See :doc:`/explanation/chain-cache`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handfast import _ffi, _settings

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ChainCache", "ChainCacheStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCacheStatistics:
    """What a cache did so far, and what it holds now.

    Attributes:
        hits: Verdicts that were given from the cache.
        misses: Look-ups that found nothing; a verification followed.
        inserts: Verdicts that were entered.
        evictions: Entries that made room for others.
        expired: Entries that were found but not used: too old, or not for that time.
            They are among the misses.
        entries: Entries now.
        bytes: Memory now.
        max_entries: Entries at most, within both limits.
        max_bytes: Memory at most.
    """

    hits: int
    misses: int
    inserts: int
    evictions: int
    expired: int
    entries: int
    bytes: int
    max_entries: int
    max_bytes: int


class ChainCache:
    """A cache of verdicts, for any number of verifiers, configurations and threads.

    It may be shared between verifiers of any kind: nothing that one of them entered
    answers a question of another one that is not the same in every part. When it is
    full, the trust domain with the most entries gives up its least lately used one, so
    that none can push out the others. A child after `os.fork` starts with it empty.

    Args:
        max_entries: Chains to remember at most.
        max_bytes: Memory to take at most; it is taken as the cache fills.
        max_age: Seconds for which an entry is believed, by a clock that nobody sets.

    Raises:
        ConfigError: a limit is not a positive number, or leaves no room for an entry.

    Example:
        >>> from handfast import ChainCache, Verifier
        >>> from handfast.authority import Authority
        >>> authority = Authority("prod.example.com")
        >>> svid = authority.issue("spiffe://prod.example.com/web")
        >>> cache = ChainCache(max_entries=1000)
        >>> verifier = Verifier(authority.bundle, cache=cache)
        >>> verifier.verify(svid.chain) == verifier.verify(svid.chain)
        True
        >>> cache.statistics().hits
        1
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        *,
        max_entries: int = _ffi.CACHE_ENTRIES,
        max_bytes: int = _ffi.CACHE_BYTES,
        max_age: int = _ffi.CACHE_AGE,
    ) -> None:
        self._native = _ffi.NativeChainCache.create(
            _settings.need_count("max_entries=", max_entries, 2**31 - 1),
            _settings.need_count("max_bytes=", max_bytes, 2**63 - 1),
            _settings.need_count("max_age=", max_age, 2**31 - 1),
        )

    @classmethod
    def shared(cls) -> Self:
        """Return the one that is used where no other is given."""
        cache = cls.__new__(cls)
        cache._native = _ffi.NativeChainCache.shared()  # noqa: SLF001 - its own
        return cache

    @property
    def native(self) -> _ffi.NativeChainCache:
        """The engine's cache: for handfast's own modules."""
        return self._native

    def clear(self) -> None:
        """Forget everything; verifications that go on meanwhile are not disturbed."""
        self._native.clear()

    def statistics(self) -> ChainCacheStatistics:
        """Read the counters; exact when no verification goes on meanwhile."""
        return ChainCacheStatistics(**self._native.statistics())

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<ChainCache {now.entries}/{now.max_entries} entries, {now.hits} hits>"


def as_native(
    cache: ChainCache | Literal["shared"] | None,
) -> _ffi.NativeChainCache | None:
    """Take the `cache=` of a verifier or a configuration."""
    if cache is None:
        return None
    if isinstance(cache, ChainCache):
        return cache.native
    if cache != "shared":
        _settings.refuse(
            "cache= to be a ChainCache, 'shared', or None for none", repr(cache)
        )
    return _ffi.NativeChainCache.shared()
