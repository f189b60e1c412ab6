# SPDX-License-Identifier: Apache-2.0
"""SVIDs and revocation lists: `Verifier`, batches, the chain cache, handshakes."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
from typing import Any

import pytest
from cryptography import x509
from tests.support import pki, workloads
from tests.support.revoking import HOUR, Chain, crl, lists, openssl_accepts

from handfast import (
    ChainCache,
    ConfigError,
    InvalidCrl,
    Reason,
    RevocationLists,
    StaticSource,
    TlsConfig,
    TrustBundle,
    TrustDomain,
    VerificationError,
    Verifier,
    _ffi,
    authorize,
)

A, B = TrustDomain("a.example"), TrustDomain("b.example")
DELTA = (x509.DeltaCRLIndicator(3), True)


@pytest.fixture(scope="module")
def world() -> Chain:
    return Chain()


def forms(leaf: pki.Issued) -> list[list[bytes]]:
    """One chain in several ways that all mean the same: enough to fill the lanes."""
    chain, top = leaf.chain, leaf.above[-1].der
    more = [[], [top], [chain[1]], [top, chain[1]], [chain[1], top], [top, top]]
    return [[*chain, *some] for some in more] + [[chain[0], top, *chain[1:]]]


def refusal(verifier: Verifier, leaf: pki.Issued) -> VerificationError:
    """One by one and in a batch (C9), by each way, and a second time: one answer."""
    with pytest.raises(VerificationError) as caught:
        verifier.verify(leaf.chain)
    for lanes in (True, False):
        batch = verifier.verify_many(forms(leaf), lanes=lanes)
        assert {item.reason for item in batch} == {caught.value.reason}
    with pytest.raises(VerificationError) as again:
        verifier.verify(leaf.chain)
    assert again.value.reason is caught.value.reason
    return caught.value


def accepts(verifier: Verifier, leaf: pki.Issued) -> bool:
    alone = verifier.verify(leaf.chain)
    assert verifier.verify(leaf.chain) == alone
    for lanes in (True, False):
        assert all(item.ok for item in verifier.verify_many(forms(leaf), lanes=lanes))
    return True


# ---- what a verifier says ----


@pytest.mark.parametrize("policy", ["required", "if_available"])
def test_a_revoked_certificate_of_the_chain_is_refused(
    world: Chain, policy: Any
) -> None:
    """WAPI-47, C9: the leaf, and an intermediate; whom no list names is accepted."""
    root, middle, leaf = world.root, world.middle, world.leaf
    other = pki.leaf(middle, "spiffe://a.example/other")
    for crls, depth in (
        ((crl(root), crl(middle, leaf)), 0),
        ((crl(root, middle), crl(middle)), 1),
    ):
        verifier = Verifier(world.bundle, crls=lists(*crls), crl_policy=policy)
        error = refusal(verifier, leaf)
        assert (error.reason, error.depth) == (Reason.CERTIFICATE_REVOKED, depth)
        assert "2025-03-04" in error.detail.seen
        assert error.certificate == leaf.chain[depth]
        if depth == 0:
            assert accepts(verifier, other)
        else:
            assert refusal(verifier, other).reason is Reason.CERTIFICATE_REVOKED
    good = Verifier(world.bundle, crls=lists(*world.good), crl_policy=policy)
    assert accepts(good, leaf)


def test_nobody_asks_unless_told(world: Chain) -> None:
    """WAPI-47: a list enforces nothing by being there."""
    assert accepts(Verifier(world.bundle), world.leaf)
    revoked = lists(crl(world.root), crl(world.middle, world.leaf))
    source = StaticSource(
        workloads.source(workloads.SERVER).snapshot().svid, world.bundle, crls=revoked
    )
    server = TlsConfig.server(source, authorize=authorize.any_in("a.example"))
    assert server.current().verifier is not None


def test_what_no_list_speaks_of_is_a_matter_of_policy(world: Chain) -> None:
    """WAPI-47: required lists that are not there are a refusal, and the default."""
    for crls, depth in ((RevocationLists(), 0), (lists(crl(world.middle)), 1)):
        error = refusal(Verifier(world.bundle, crls=crls), world.leaf)
        assert (error.reason, error.depth) == (Reason.CRL_MISSING, depth)
        lax = Verifier(world.bundle, crls=crls, crl_policy="if_available")
        assert accepts(lax, world.leaf)


@pytest.mark.parametrize("policy", ["required", "if_available"])
def test_an_old_list_does_not_count_but_still_revokes(
    world: Chain, policy: Any
) -> None:
    """WAPI-47: past nextUpdate nobody knows; who was on it stays revoked."""
    old = pki.now() - dt.timedelta(seconds=90)
    stale = lists(crl(world.root), crl(world.middle, until=old))
    error = refusal(Verifier(world.bundle, crls=stale, crl_policy=policy), world.leaf)
    assert error.reason is Reason.CRL_EXPIRED
    revoking = lists(crl(world.root, until=old), crl(world.middle, world.leaf))
    error = refusal(
        Verifier(world.bundle, crls=revoking, crl_policy=policy), world.leaf
    )
    assert (error.reason, error.depth) == (Reason.CERTIFICATE_REVOKED, 0)


def test_being_revoked_is_told_before_anything_else(world: Chain) -> None:
    """The leaf's list is old, its issuer is revoked: that is what there is to tell."""
    old = pki.now() - dt.timedelta(seconds=90)
    crls = lists(crl(world.root, world.middle), crl(world.middle, until=old))
    error = refusal(Verifier(world.bundle, crls=crls), world.leaf)
    assert (error.reason, error.depth) == (Reason.CERTIFICATE_REVOKED, 1)


def test_a_list_of_another_trust_domain_does_nothing() -> None:
    """WAPI-47, P1: neither revokes nor covers nor spoils, in the same names."""
    a = Chain("a.example", subject="a root")
    b = Chain("b.example", subject="a root")
    bundles = [a.bundle, b.bundle]
    of_b = (crl(b.root, b.middle), crl(b.middle, a.leaf, b.leaf))
    crls = RevocationLists({A: a.good, B: of_b})
    verifier = Verifier(bundles, crls=crls)
    assert accepts(verifier, a.leaf)
    assert refusal(verifier, b.leaf).reason is Reason.CERTIFICATE_REVOKED
    # And where they are all there is, they are none of a's.
    verifier = Verifier(bundles, crls=RevocationLists({B: of_b}))
    assert refusal(verifier, a.leaf).reason is Reason.CRL_MISSING
    # Even in a's own name: what a stranger signed is no word of a's issuers.
    crls = RevocationLists({A: (*a.good, *of_b)})
    assert accepts(Verifier(bundles, crls=crls), a.leaf)
    crls = RevocationLists({A: of_b})
    assert refusal(Verifier(bundles, crls=crls), a.leaf).reason is Reason.CRL_UNTRUSTED


def test_a_list_of_nobody_known_counts_for_who_shows_its_signer(world: Chain) -> None:
    """WAPI-47: a peer's intermediate is not ours; its list is not lost for that."""
    a, b = Chain("a.example"), Chain("b.example")
    crls = RevocationLists.sort(
        [crl(a.root), crl(a.middle, a.leaf), crl(b.root), crl(b.middle)],
        {name: it.bundle.x509_authorities for name, it in ((A, a), (B, b))},
    )
    assert (crls.put_aside, len(crls.unclaimed)) == (2, 2)
    verifier = Verifier([a.bundle, b.bundle], crls=crls)
    assert refusal(verifier, a.leaf).reason is Reason.CERTIFICATE_REVOKED
    assert accepts(verifier, b.leaf)
    # One that the engine does not read takes nothing from the others.
    of_both = [crl(a.middle, a.leaf, extra=DELTA), *crls.unclaimed, b"garbage"]
    mixed = RevocationLists({A: [crl(a.root)]}, unclaimed=of_both)
    verifier = Verifier(a.bundle, crls=mixed)
    assert refusal(verifier, a.leaf).reason is Reason.CERTIFICATE_REVOKED
    junk = RevocationLists(unclaimed=[b"garbage"])
    assert refusal(Verifier(a.bundle, crls=junk), a.leaf).reason is Reason.CRL_MISSING
    # Forged, it is nothing at all: not a word of the issuer's that does not count.
    forged = RevocationLists.sort(
        [crl(a.root), crl(a.middle, a.leaf, key=b.middle.key)],
        {A: a.bundle.x509_authorities},
    )
    lax = Verifier(a.bundle, crls=forged, crl_policy="if_available")
    assert accepts(lax, a.leaf)
    strict = Verifier(a.bundle, crls=forged)
    assert refusal(strict, a.leaf).reason is Reason.CRL_MISSING


def test_who_is_on_a_path_that_was_not_revoked_is_accepted(world: Chain) -> None:
    """A CA with two certificates: one of them was taken back."""
    again = pki.intermediate(world.root, private_key=world.middle.key)
    crls = lists(crl(world.root, world.middle), crl(world.middle))
    verifier = Verifier(world.bundle, crls=crls)
    chain = [world.leaf.der, world.middle.der, again.der]
    for order in (chain, [chain[0], chain[2], chain[1]]):
        assert verifier.verify(order).path_length == 3
    batch = verifier.verify_many([chain, world.leaf.chain])
    assert [item.ok for item in batch] == [True, False]


def test_what_is_accepted_openssl_accepts(world: Chain) -> None:
    """P2, for lists of SVIDs: claimed or not, by the strict path or the general one."""
    root, middle, leaf = world.root, world.middle, world.leaf
    old = pki.now() - HOUR / 2
    of_middle: list[list[bytes]] = [
        [],
        [crl(middle)],
        [crl(middle, leaf)],
        [crl(middle, until=old)],
        [crl(middle, key=root.key)],
    ]
    of_root: list[list[bytes]] = [
        [],
        [crl(root)],
        [crl(root, middle)],
        [crl(root, leaf)],
    ]
    accepted = 0
    for left, right, ours in itertools.product(of_middle, of_root, (True, False)):
        some = left + right
        crls = lists(*some) if ours else RevocationLists(unclaimed=some)
        verifier = Verifier(world.bundle, crls=crls, cache=None, purpose="client")
        try:
            verifier.verify(leaf.chain)
        except VerificationError:
            continue
        accepted += 1
        assert openssl_accepts(root, middle, leaf, some)
    assert accepted == 4, "one of the intermediate's, two of the root's, in both hands"


# ---- what is not a list ----


def test_lists_that_cannot_be_used_are_refused_when_they_are_given(
    world: Chain,
) -> None:
    for bad in (b"garbage", crl(world.middle, extra=DELTA)):
        with pytest.raises(InvalidCrl):
            Verifier(world.bundle, crls=lists(crl(world.root), bad))
    for wrong in ([crl(world.root)], {A: [crl(world.root)]}, b"x"):
        with pytest.raises(ConfigError, match="crls="):
            Verifier(world.bundle, crls=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="crl_policy="):
        Verifier(world.bundle, crls=lists(), crl_policy="hard")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="crl_policy="):
        workloads.server(crl_policy="hard")


# ---- what is remembered ----


def test_a_remembered_verdict_ends_with_the_lists_it_rests_on(world: Chain) -> None:
    """C3: lists replaced, with one policy or the other, or none; and back again."""
    cache = ChainCache()
    root, middle, leaf = world.root, world.middle, world.leaf

    def verify(crls: RevocationLists | None, **how: Any) -> Any:
        return Verifier(world.bundle, cache=cache, crls=crls, **how).verify(leaf.chain)

    good, revoked = lists(*world.good), lists(crl(root), crl(middle, leaf))
    unclaimed = lists(crl(root), unclaimed=[crl(middle, leaf)])
    for _ in range(2):
        verify(None)
        verify(good)
        verify(good, crl_policy="if_available")
        verify(RevocationLists(), crl_policy="if_available")
        for crls in (revoked, unclaimed):
            for policy in ("required", "if_available"):
                with pytest.raises(VerificationError) as caught:
                    verify(crls, crl_policy=policy)
                assert caught.value.reason is Reason.CERTIFICATE_REVOKED
        with pytest.raises(VerificationError):
            verify(RevocationLists())
    assert (cache.statistics().entries, cache.statistics().hits) == (4, 4)
    # The same content in other objects is the same question.
    verify(lists(*world.good))
    assert cache.statistics().hits == 5


@pytest.mark.usefixtures("engine_now")
def test_a_remembered_verdict_ends_with_the_date_of_a_list(
    world: Chain, engine_now: dt.datetime
) -> None:
    """C2, C3: to the second, of every list that was asked."""
    until = engine_now + dt.timedelta(seconds=60)
    of_middle = crl(world.middle, until=until)
    for crls in (
        lists(crl(world.root), of_middle),
        lists(crl(world.root), unclaimed=[of_middle]),
    ):
        cache = ChainCache()
        verifier = Verifier(world.bundle, cache=cache, crls=crls)
        _ffi.fix_clock(int(engine_now.timestamp()))
        verifier.verify(world.leaf.chain)
        _ffi.fix_clock(int(until.timestamp()) - 1)
        verifier.verify(world.leaf.chain)
        assert cache.statistics().hits == 1
        _ffi.fix_clock(int(until.timestamp()))
        with pytest.raises(VerificationError) as caught:
            verifier.verify(world.leaf.chain)
        assert caught.value.reason is Reason.CRL_EXPIRED


# ---- what they cost ----


def test_equal_lists_are_read_once_and_given_back() -> None:
    """A snapshot comes with every renewal, its lists are megabytes and the same."""
    world = Chain()
    gc.collect()  # what earlier tests left in tracebacks
    before = _ffi.live_handles()
    first = Verifier(world.bundle, crls=lists(*world.good))
    held = _ffi.live_handles()
    assert held["crl_set"] == before["crl_set"] + 1
    second = Verifier(world.bundle, crls=lists(*[bytes(it) for it in world.good]))
    assert _ffi.live_handles()["crl_set"] == held["crl_set"]
    assert accepts(first, world.leaf)
    assert accepts(second, world.leaf)
    del first, second
    assert _ffi.live_handles() == before


def test_lists_are_read_once_by_whoever_is_made_with_them(
    world: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged and used in one go; and not at all by who asks none."""
    read: list[int] = []

    class Counted(_ffi.NativeCrlSet):
        def __init__(self, crls: Any) -> None:
            read.append(len(crls))
            super().__init__(crls)

    monkeypatch.setattr(_ffi, "NativeCrlSet", Counted)
    whole = [*world.good, crl(world.middle)]  # new: nobody has read them
    Verifier(world.bundle, crls=lists(*whole))
    everybody = authorize.any_in("a.example")
    TlsConfig.one_way_client(
        world.bundle, authorize=everybody, crls=lists(*whole), crl_policy="required"
    )
    source = StaticSource(
        workloads.source(workloads.SERVER).snapshot().svid,
        world.bundle,
        crls=lists(*whole),
    )
    TlsConfig.server(source, authorize=everybody, crl_policy="required")
    assert read == [3, 3, 3]
    TlsConfig.server(source, authorize=everybody)
    assert read == [3, 3, 3]


def test_an_empty_bundle_stays_empty(world: Chain) -> None:
    """Lists make nobody trusted."""
    empty = TrustBundle.from_der("a.example", ())
    verifier = Verifier(empty, crls=lists(*world.good))
    assert refusal(verifier, world.leaf).reason is Reason.EMPTY_BUNDLE
