# SPDX-License-Identifier: Apache-2.0
"""P3: with a cache and without, the answer is one.

A machine that asks the same questions of verifiers with a cache and without, about
chains good and bad, while bundles and revocation lists are replaced, clocks jump and
the cache is cleared.
The world is small on purpose: the same questions come again, and near misses of them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support import pki
from tests.support.revoking import crl

from handfast import (
    ChainCache,
    PeerError,
    RevocationLists,
    TrustBundle,
    TrustBundleSet,
    TrustDomain,
    VerifiedPeer,
    Verifier,
    _ffi,
    authorize,
)

NOW = dt.datetime(2030, 6, 1, 12, tzinfo=dt.UTC)
HOUR = pki.HOUR
AGE = 1000


def window(start: int, end: int) -> dict[str, Any]:
    return {"not_before": NOW + start * HOUR, "not_after": NOW + end * HOUR}


# Two roots of one name and key, of different times; one of another trust domain; each
# with an intermediate of one name and key as well.
KEYS = [pki.key("p256", number) for number in range(10, 14)]
EARLY = pki.root(private_key=KEYS[0], **window(-20, 2))
LATE = pki.root(private_key=KEYS[0], **window(1, 20))
OTHER = pki.root("b.example", private_key=KEYS[1], **window(-20, 20))
MIDDLES = [
    pki.intermediate(EARLY, private_key=KEYS[2], **window(-20, 3)),
    pki.intermediate(LATE, private_key=KEYS[2], **window(-1, 20)),
    pki.intermediate(OTHER, private_key=KEYS[2], **window(-20, 20)),
]
LEAVES = [
    pki.leaf(MIDDLES[0], **window(-10, 10)),
    pki.leaf(MIDDLES[0], "spiffe://a.example/db", **window(-1, 1)),
    pki.leaf(MIDDLES[0], "spiffe://b.example/web", **window(-10, 10)),
    pki.leaf(EARLY, eku=[pki.SERVER_AUTH], **window(-10, 10)),
    pki.leaf(EARLY, usage=None, **window(-10, 10)),
    pki.leaf(OTHER, "spiffe://a.example/web", **window(-10, 10)),
    pki.leaf(OTHER, "spiffe://b.example/db", **window(-10, 10)),
]
A_BUNDLES = [[EARLY], [LATE], [EARLY, LATE], [LATE, EARLY], [OTHER], []]
B_BUNDLES = [None, [OTHER], [EARLY], []]
POLICIES = [
    authorize.anyone(),
    authorize.any_in("a.example"),
    authorize.exactly("spiffe://a.example/web"),
    authorize.any_in("b.example") | authorize.exactly("spiffe://a.example/db"),
]


def dates(start: int, end: int) -> dict[str, Any]:
    return {"since": NOW + start * HOUR, "until": NOW + end * HOUR}


# Of the root's and the intermediate's; some end while their certificates go on.
LISTS = [
    crl(EARLY, **dates(-15, 15)),
    crl(EARLY, MIDDLES[0], **dates(-15, 15)),
    crl(EARLY, LEAVES[3], **dates(-1, 1)),
    crl(MIDDLES[0], **dates(-15, 15)),
    crl(MIDDLES[0], **dates(-1, 2)),
    crl(MIDDLES[0], LEAVES[1], **dates(-15, 15)),
    crl(MIDDLES[0], key=KEYS[3], **dates(-15, 15)),
    crl(OTHER, LEAVES[6], **dates(-15, 15)),
]
SOME = st.lists(st.sampled_from(LISTS), max_size=4, unique=True)
ASKING = st.sampled_from([None, "if_available", "if_available", "required"])

ABOVE = st.lists(st.sampled_from([*MIDDLES, EARLY, OTHER]), max_size=3)


def moment(hours: int, seconds: int) -> dt.datetime:
    return NOW + dt.timedelta(hours=hours, seconds=seconds)


MOMENTS = st.builds(
    moment,
    st.sampled_from([0, 0, 0, -21, -10, -1, 1, 2, 3, 10, 19]),
    st.sampled_from([-1, 0, 1]),
)


def bundle(trust_domain: str, roots: list[pki.Issued]) -> TrustBundle:
    return TrustBundle.from_der(trust_domain, [root.der for root in roots])


def verdict(verifier: Verifier, chain: list[bytes]) -> Any:
    """All that there is to know of an answer."""
    try:
        peer = verifier.verify(chain)
    except PeerError as error:
        detail = error.detail
        return (
            type(error),
            detail.reason,
            detail.depth,
            detail.claimed_id,
            detail.expected,
            detail.seen,
            detail.skew,
        )
    assert isinstance(peer, VerifiedPeer)
    return peer


class CachedIsUncached(RuleBasedStateMachine):
    """Verifiers with one cache, beside verifiers without."""

    def __init__(self) -> None:
        super().__init__()
        self.monotonic = 0
        _ffi.fix_monotonic_clock(0)
        self.cache = ChainCache(max_entries=20, max_age=AGE)
        self.seen: list[list[bytes]] = []
        self.trusted = TrustBundleSet([])
        self.lists = RevocationLists()

    @initialize()
    def start(self) -> None:
        self.rotate(A_BUNDLES[2], B_BUNDLES[1])

    @rule(ours=st.sampled_from(A_BUNDLES), theirs=st.sampled_from(B_BUNDLES))
    def rotate(self, ours: list[pki.Issued], theirs: list[pki.Issued] | None) -> None:
        """Replace the bundles: an authority goes, or comes back."""
        both = [bundle("a.example", ours)]
        if theirs is not None:
            both.append(bundle("b.example", theirs))
        self.trusted = TrustBundleSet(both)

    @rule(ours=SOME, theirs=SOME, nobodys=SOME)
    def publish(
        self, ours: list[bytes], theirs: list[bytes], nobodys: list[bytes]
    ) -> None:
        """Replace the lists: good ones and others, in the right hands and in others."""
        self.lists = RevocationLists(
            {TrustDomain("a.example"): ours, TrustDomain("b.example"): theirs},
            unclaimed=nobodys,
        )

    @rule(
        leaf=st.sampled_from(LEAVES),
        above=ABOVE,
        at=MOMENTS,
        policy=st.sampled_from(POLICIES),
        rules=st.sampled_from(["strict", "strict", "compatible"]),
        purpose=st.sampled_from(["either", "client", "server"]),
        asking=ASKING,
        again=st.integers(1, 3),
    )
    def ask(
        self, leaf: pki.Issued, above: list[pki.Issued], again: int, **how: Any
    ) -> None:
        """Ask once or more: the later answers are the cache's if it has one."""
        chain = [leaf.der, *(issuer.der for issuer in above)]
        self.seen.append(chain)
        for _ in range(again):
            self.compare(chain, **how)

    @rule(data=st.data(), at=MOMENTS, asking=ASKING)
    def ask_about_what_is_known(
        self, data: st.DataObject, at: dt.datetime, asking: str | None
    ) -> None:
        """The same chain at another time, under whatever the bundles are now."""
        if self.seen:
            chain = data.draw(st.sampled_from(self.seen))
            self.compare(
                chain,
                at=at,
                policy=POLICIES[0],
                rules="strict",
                purpose="server",
                asking=asking,
            )

    @rule(data=st.data())
    def ask_about_a_changed_chain(self, data: st.DataObject) -> None:
        """One bit of a chain that is known: never the known answer."""
        if self.seen:
            chain = list(data.draw(st.sampled_from(self.seen)))
            place = data.draw(st.integers(0, len(chain) - 1))
            bent = bytearray(chain[place])
            bit = data.draw(st.integers(0, 8 * len(bent) - 1))
            bent[bit // 8] ^= 1 << bit % 8
            chain[place] = bytes(bent)
            self.compare(
                chain, at=NOW, policy=POLICIES[0], rules="strict", purpose="server"
            )

    @rule(seconds=st.sampled_from([1, AGE // 2, AGE]))
    def grow_older(self, seconds: int) -> None:
        self.monotonic += seconds
        _ffi.fix_monotonic_clock(self.monotonic)

    @rule()
    def clear(self) -> None:
        self.cache.clear()

    @invariant()
    def it_stays_within_its_limit(self) -> None:
        assert self.cache.statistics().entries <= 20

    def compare(
        self,
        chain: list[bytes],
        *,
        at: dt.datetime,
        policy: Any,
        rules: Any,
        purpose: Any,
        asking: str | None = None,
    ) -> None:
        how: dict[str, Any] = {
            "at": at,
            "authorize": policy,
            "rules": rules,
            "purpose": purpose,
        }
        if asking is not None:
            how |= {"crls": self.lists, "crl_policy": asking}
        cached = Verifier(self.trusted, cache=self.cache, **how)
        uncached = Verifier(self.trusted, cache=None, **how)
        assert verdict(cached, chain) == verdict(uncached, chain)

    def teardown(self) -> None:
        _ffi.reset_monotonic_clock()


TestCachedIsUncached = CachedIsUncached.TestCase
TestCachedIsUncached.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)


def test_the_world_has_answers_of_all_kinds() -> None:
    """The machine would prove nothing in a world where everything is refused."""
    bundles = TrustBundleSet(
        [bundle("a.example", A_BUNDLES[2]), bundle("b.example", [OTHER])]
    )
    chain = [LEAVES[0].der, *(middle.der for middle in MIDDLES)]
    answers: dict[int, Any] = {}
    cache = ChainCache(max_entries=20)
    for hours in (0, 1, 2):
        verifier = Verifier(bundles, at=NOW + hours * HOUR, cache=cache)
        answers[hours] = verdict(verifier, chain)
        assert answers[hours] == verdict(verifier, chain)
    # Another path at another time, so another window: each is remembered for itself.
    assert answers[0].not_after != answers[2].not_after
    assert cache.statistics().hits == 3


def test_the_world_has_lists_of_all_kinds() -> None:
    """Nor in one whose lists refuse everybody, or nobody."""
    bundles = [bundle("a.example", [EARLY])]
    chain = [LEAVES[0].der, MIDDLES[0].der]
    found: set[Any] = set()
    for one in LISTS:
        crls = RevocationLists({TrustDomain("a.example"): [one]})
        verifier = Verifier(bundles, at=NOW, crls=crls, crl_policy="if_available")
        answer = verdict(verifier, chain)
        found.add(answer[1] if isinstance(answer, tuple) else "accepted")
    assert found == {"accepted", "certificate_revoked", "crl_untrusted"}
