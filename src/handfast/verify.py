# SPDX-License-Identifier: Apache-2.0
"""Judging X.509-SVID chains outside of a handshake.

:class:`Verifier` judges each by the bundle of the trust domain in its own SPIFFE ID and
by no other (P1). It judges in C without the GIL, may be shared by threads, and raises
when the answer is no: it never returns False. Chains without SPIFFE are for
:class:`~handfast.chain_verifier.ChainVerifier`.

Example:
    >>> from handfast import Verifier
    >>> from handfast.authority import Authority
    >>> authority = Authority("prod.example.com")
    >>> svid = authority.issue("spiffe://prod.example.com/web")
    >>> peer = Verifier(authority.bundle).verify(svid.chain)
    >>> str(peer.spiffe_id)
    'spiffe://prod.example.com/web'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from handfast import _ffi, _settings
from handfast._batch import BatchRun
from handfast.authorize import anyone
from handfast.chain_cache import as_native

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from handfast._batch import Progress
    from handfast._chunks import Chains
    from handfast.authorize import Authorizer
    from handfast.batch import BatchResult
    from handfast.bundle import TrustBundle, TrustBundleSet
    from handfast.chain_cache import ChainCache
    from handfast.crls import RevocationLists
    from handfast.peer import VerifiedPeer

__all__ = ["Verifier"]

_ANYONE = anyone()


class Verifier:
    """Judges X.509-SVID chains.

    Args:
        bundles: Whom to trust, by trust domain. One bundle, several, or a set.
        authorize: Who of those who are authentic is let in. The default is everybody:
            here the question is usually only whether a chain is good. A `TlsConfig`
            has no such default.
        at: Judge at this time (aware), instead of now.
        rules: `"strict"`, or `"compatible"` for issuers that leave out what the
            standard lets them leave out. Each MUST of the standard holds in both.
        purpose: What the certificate will be used for, against its extended key usage:
            `"client"`, `"server"`, or `"either"`, which wants both.
        cache: Where chains that were found good are remembered: the process's shared
            cache, one of your own, or None to verify each chain anew. The answer is
            the same in all three (P3).
        crls: Revocation lists by trust domain, such as a snapshot's; each is asked
            about chains of its own trust domain and no other. None asks none.
        crl_policy: With `crls`, as for `ChainVerifier`: `"required"` refuses a chain
            with a certificate below its authority of which no list speaks.

    Raises:
        ConfigError: an argument is not valid.
        InvalidBundle: an authority cannot be used, or a trust domain comes twice.
        InvalidCrl: a list cannot be used.
    """

    __slots__ = ("_at", "_native", "_purpose")

    def __init__(  # noqa: PLR0913 - keywords, each one a question
        self,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle],
        *,
        authorize: Authorizer = _ANYONE,
        at: datetime | None = None,
        rules: Literal["strict", "compatible"] = "strict",
        purpose: Literal["either", "client", "server"] = "either",
        cache: ChainCache | Literal["shared"] | None = "shared",
        crls: RevocationLists | None = None,
        crl_policy: Literal["required", "if_available"] = "required",
    ) -> None:
        self._at = _ffi.to_seconds(_settings.need_moment(at))
        self._purpose = _settings.one_of("purpose=", purpose, _settings.PURPOSES)
        self._native = _settings.spiffe_verifier(
            _settings.as_bundle_set(bundles),
            _ffi.NativePolicy(_settings.need_authorizer(authorize).program()),
            _settings.one_of("rules=", rules, _settings.RULES),
            as_native(cache),
            None if crls is None else _settings.need_lists(crls),
            _settings.one_of("crl_policy=", crl_policy, _settings.CRL_POLICIES),
        )

    def verify(self, chain_der: Sequence[bytes]) -> VerifiedPeer:
        """Judge a chain as a peer would present it.

        Args:
            chain_der: DER certificates, leaf first; intermediates in any order.

        Returns:
            Who it is, and how long that holds.

        Raises:
            VerificationError: it is not good; `.reason` says which rule, `.depth` and
                `.certificate` which certificate. `.claimed_id` is not verified.
            NotAuthorized: it is good, and `authorize` does not let it in.
        """
        return self._native.verify(
            _settings.as_chain(chain_der), self._at, self._purpose
        )

    def verify_many(
        self,
        chains: Chains,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
        lanes: bool = True,
    ) -> BatchResult:
        """Judge very many chains, on all cores, without the GIL.

        Each gets the verdict that :meth:`verify` would give it, all at one time. The
        chain cache takes no part. Ctrl-C stops between two pieces of some thousand
        chains, and leaves nothing behind.

        Args:
            chains: An iterable, of which only a piece is in memory at a time; each
                chain is `bytes` (DER certificates back to back, leaf first) or a
                sequence of DER certificates. Or a :class:`ChainBuffer`, or an Arrow
                column of binary, large_binary or lists of them, from any library:
                these are not copied. A null is a chain without certificates.
            threads: How many verify at once, this one among them; None for one a
                processor.
            progress: Called after each piece with how many chains are judged, and how
                many there are, or None when that is not known. What it raises stops the
                batch.
            lanes: Check eight signatures at a time where the machine can. False is
                slower, and there to compare.

        Returns:
            The verdicts, in the order of the chains. It never raises for a bad chain.

        Raises:
            ConfigError: an argument is not valid, or what is among the chains is none:
                neither bytes nor a sequence of them.
        """
        run = self._begin_batch(chains, threads, lanes=lanes)
        while run.step():
            if progress is not None:
                progress(run.done, run.total)
        return run.result()

    def _begin_batch(
        self, chains: Chains, threads: int | None, *, lanes: bool
    ) -> BatchRun:
        """Set a batch up: for verify_many, and for handfast.net's."""
        return BatchRun(
            verifier=self._native,
            at=self._at,
            purpose=self._purpose,
            chains=chains,
            threads=threads,
            lanes=lanes,
        )
