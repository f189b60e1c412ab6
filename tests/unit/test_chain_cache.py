# SPDX-License-Identifier: Apache-2.0
"""The verified-chain cache as Python sees it, in `Verifier` and in handshakes."""

from __future__ import annotations

import datetime as dt
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import pki, workloads

from handfast import (
    ChainCache,
    ConfigError,
    Connection,
    NotAuthorized,
    PeerError,
    Reason,
    StaticSource,
    TlsConfig,
    VerificationError,
    Verifier,
    _ffi,
    authorize,
)
from handfast.testing import connection_pair, handshake_in_memory

ROOT = pki.root()
LEAF = pki.leaf(ROOT)
BUNDLE = ROOT.bundle("a.example")


@pytest.fixture
def cache() -> ChainCache:
    return ChainCache(max_entries=100)


@pytest.fixture
def monotonic() -> Iterator[Any]:
    """Set the clock of ages, which then stands still."""
    yield _ffi.fix_monotonic_clock
    _ffi.reset_monotonic_clock()


def test_a_known_chain_is_recalled(cache: ChainCache) -> None:
    """P3: the second answer comes from the cache and is the first one."""
    verifier = Verifier(BUNDLE, cache=cache)
    first = verifier.verify(LEAF.chain)
    again = verifier.verify(LEAF.chain)
    assert (first.spiffe_id, first.chain) == (again.spiffe_id, tuple(LEAF.chain))
    assert (first.not_before, first.not_after) == (again.not_before, again.not_after)
    statistics = cache.statistics()
    assert (statistics.hits, statistics.misses, statistics.inserts) == (1, 1, 1)
    assert statistics.entries == 1
    assert 0 < statistics.bytes < statistics.max_bytes
    assert repr(cache) == "<ChainCache 1/100 entries, 1 hits>"


def test_verifiers_share_a_cache_and_new_ones_profit(cache: ChainCache) -> None:
    """The content of the bundle is in the key, not the object."""
    Verifier(BUNDLE, cache=cache).verify(LEAF.chain)
    other = pki.Issued(ROOT.certificate, ROOT.key).bundle("a.example")
    Verifier([other], cache=cache).verify(LEAF.chain)
    assert cache.statistics().hits == 1


def test_without_a_cache_nothing_is_remembered() -> None:
    before = ChainCache.shared().statistics()
    verifier = Verifier(BUNDLE, cache=None)
    assert verifier.verify(LEAF.chain).chain == verifier.verify(LEAF.chain).chain
    assert ChainCache.shared().statistics() == before


def test_the_shared_cache_is_the_default() -> None:
    fresh = pki.leaf(ROOT)
    shared = ChainCache.shared()
    before = shared.statistics().hits
    Verifier(BUNDLE).verify(fresh.chain)
    Verifier(BUNDLE, cache="shared").verify(fresh.chain)
    Verifier(BUNDLE, cache=ChainCache.shared()).verify(fresh.chain)
    assert shared.statistics().hits == before + 2


def test_clearing_forgets_everything(cache: ChainCache) -> None:
    verifier = Verifier(BUNDLE, cache=cache)
    empty = cache.statistics().bytes
    verifier.verify(LEAF.chain)
    assert cache.statistics().bytes > empty
    cache.clear()
    assert (cache.statistics().entries, cache.statistics().bytes) == (0, empty)
    verifier.verify(LEAF.chain)
    assert cache.statistics().hits == 0


def test_an_entry_is_believed_for_its_age_only(monotonic: Any) -> None:
    """C2: by a clock that nobody sets."""
    cache = ChainCache(max_age=60)
    verifier = Verifier(BUNDLE, cache=cache)
    for age, hits in ((0, 0), (59, 1), (60, 1), (61, 2)):
        monotonic(1000 + age)
        verifier.verify(LEAF.chain)
        assert cache.statistics().hits == hits, age
    assert cache.statistics().expired == 1


def test_a_verifier_of_another_time_has_its_own_answer(cache: ChainCache) -> None:
    """C2, P3: the window is compared with the time of the verdict, whichever it is."""
    Verifier(BUNDLE, cache=cache).verify(LEAF.chain)
    inside = LEAF.certificate.not_valid_after_utc - dt.timedelta(seconds=1)
    recalled = Verifier(BUNDLE, cache=cache, at=inside).verify(LEAF.chain)
    assert recalled.verified_at == inside
    assert recalled == Verifier(BUNDLE, cache=None, at=inside).verify(LEAF.chain)
    assert cache.statistics().hits == 1
    for moment, reason in (
        (LEAF.certificate.not_valid_after_utc, Reason.CERTIFICATE_EXPIRED),
        (
            LEAF.certificate.not_valid_before_utc - dt.timedelta(seconds=1),
            Reason.CERTIFICATE_NOT_YET_VALID,
        ),
    ):
        with pytest.raises(VerificationError) as refused:
            Verifier(BUNDLE, cache=cache, at=moment).verify(LEAF.chain)
        assert refused.value.reason is reason


def test_a_known_peer_is_authorized_each_time(cache: ChainCache) -> None:
    """P3: authorization runs at every hit, and who is refused is not remembered."""
    Verifier(BUNDLE, cache=cache).verify(LEAF.chain)
    strict = Verifier(
        BUNDLE, cache=cache, authorize=authorize.exactly("spiffe://a.example/other")
    )
    for _ in range(3):
        with pytest.raises(NotAuthorized) as refused:
            strict.verify(LEAF.chain)
        assert refused.value.claimed_id == "spiffe://a.example/web"
    assert (cache.statistics().entries, cache.statistics().hits) == (1, 0)


def test_refusals_are_not_remembered(cache: ChainCache) -> None:
    """C8: failures are never cached."""
    stranger = pki.leaf(pki.root())
    verifier = Verifier(BUNDLE, cache=cache)
    for chain in ([stranger.der], [], [LEAF.der + b"\0"], [LEAF.der[:-1]], [ROOT.der]):
        for _ in range(2):
            with pytest.raises(VerificationError):
                verifier.verify(chain)
    assert (cache.statistics().inserts, cache.statistics().hits) == (0, 0)


def test_a_full_cache_makes_room(cache: ChainCache) -> None:
    small = ChainCache(max_entries=2)
    verifier = Verifier(BUNDLE, cache=small)
    leaves = [pki.leaf(ROOT) for _ in range(5)]
    for leaf in leaves:
        verifier.verify(leaf.chain)
    assert (small.statistics().entries, small.statistics().evictions) == (2, 3)
    verifier.verify(leaves[4].chain)
    assert small.statistics().hits == 1


@pytest.mark.parametrize(
    "limits",
    [
        {"max_entries": 0},
        {"max_entries": 2**31},
        {"max_entries": 1.5},
        {"max_entries": True},
        {"max_bytes": -1},
        {"max_bytes": 100},
        {"max_age": 0},
        {"max_age": "1h"},
    ],
)
def test_limits_without_sense_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValueError)):
        ChainCache(**limits)


@pytest.mark.parametrize("wrong", ["mine", True, 7, ChainCache])
def test_what_is_no_cache_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        Verifier(BUNDLE, cache=wrong)
    with pytest.raises(ConfigError):
        workloads.server(cache=wrong)


def test_the_engine_gets_its_cache_back() -> None:
    gc.collect()
    before = _ffi.live_handles()["chain_cache"]
    cache = ChainCache()
    verifier = Verifier(BUNDLE, cache=cache)
    assert _ffi.live_handles()["chain_cache"] == before + 1
    del cache
    gc.collect()
    # The verifier holds its own reference, in the engine.
    assert verifier.verify(LEAF.chain).chain == verifier.verify(LEAF.chain).chain
    assert _ffi.live_handles()["chain_cache"] == before


def test_threads_do_not_mix_up_peers(cache: ChainCache) -> None:
    """A10: records go through shared blocks; each thread gets its own peer."""
    verifier = Verifier(BUNDLE, cache=cache)
    leaves = {
        f"spiffe://a.example/{n}": pki.leaf(ROOT, f"spiffe://a.example/{n}").chain
        for n in range(8)
    }
    wrong: list[str] = []

    def ask(uri: str) -> None:
        for _ in range(400):
            peer = verifier.verify(leaves[uri])
            if str(peer.spiffe_id) != uri or list(peer.chain) != leaves[uri]:
                wrong.append(uri)

    threads = [threading.Thread(target=ask, args=(uri,)) for uri in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.statistics().hits >= 8 * 400 - 8 * 8


# ---- handshakes ----


def both(cache: ChainCache) -> tuple[TlsConfig, TlsConfig]:
    return workloads.client(cache=cache), workloads.server(cache=cache)


def test_handshakes_recall_on_both_sides(cache: ChainCache) -> None:
    """P3: each side judges the other's chain once."""
    client, server = both(cache)
    first = connection_pair(client, server)
    again = connection_pair(client, server)
    assert (cache.statistics().hits, cache.statistics().entries) == (2, 2)
    for one, other in zip(first, again, strict=True):
        assert one.peer.spiffe_id == other.peer.spiffe_id
        assert one.peer.chain_digest == other.peer.chain_digest
        assert one.peer.not_after == other.peer.not_after


def test_a_rotation_of_equal_content_ends_no_hit(cache: ChainCache) -> None:
    """C3, P5: a new snapshot, a new engine configuration, the same answers."""
    source = workloads.source(workloads.SERVER)
    server = workloads.server(source, cache=cache)
    client = workloads.client(cache=cache)
    connection_pair(client, server)
    before = server.current()
    source.update(bundles=workloads.authority().bundle("a.example"))
    connection_pair(client, server)
    assert server.current() is not before
    assert cache.statistics().hits == 2
    # A new identity of ours changes nothing about what we know of the peer.
    source.update(svid=pki.leaf(workloads.authority(), workloads.SERVER).svid())
    connection_pair(client, server)
    assert cache.statistics().hits == 3


def test_a_removed_authority_ends_hits_at_once(cache: ChainCache) -> None:
    """C3, P5: and put back, its peers are known as before."""
    old, new = workloads.authority().bundle("a.example"), pki.root().bundle("a.example")
    identity = pki.leaf(workloads.authority(), workloads.SERVER).svid()
    source = StaticSource(identity, old)
    client, server = (
        workloads.client(cache=cache),
        workloads.server(source, cache=cache),
    )
    connection_pair(client, server)
    source.update(bundles=new)
    ends = Connection(client), Connection(server)
    with pytest.raises(PeerError) as refused:
        handshake_in_memory(*ends)
    assert refused.value.reason is Reason.UNKNOWN_AUTHORITY
    source.update(bundles=old)
    before = cache.statistics().hits
    connection_pair(client, server)
    assert cache.statistics().hits == before + 2


def test_the_newest_bundle_has_the_last_word_over_the_cache(cache: ChainCache) -> None:
    """P5, C4: a verdict of the old bundle is entered after the new one went live."""
    identity = pki.leaf(workloads.authority(), workloads.SERVER).svid()
    source = StaticSource(identity, workloads.authority().bundle("a.example"))
    client, server = (
        workloads.client(cache=cache),
        workloads.server(source, cache=cache),
    )
    connection_pair(client, server)
    ends = Connection(client), Connection(server)
    ends[0].handshake()
    source.update(bundles=pki.root().bundle("a.example"))
    with pytest.raises(PeerError) as refused:
        handshake_in_memory(*ends)
    assert refused.value.reason is Reason.UNKNOWN_AUTHORITY
