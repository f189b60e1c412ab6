# SPDX-License-Identifier: Apache-2.0
"""Judging certificate chains outside of a handshake.

:class:`Verifier` judges SVIDs: each by the bundle of the trust domain in its own SPIFFE
ID and by no other (P1). :class:`ChainVerifier` judges the certificates of the public
web, and client certificates without SPIFFE, by RFC 5280. Both judge in C without the
GIL, may be shared by threads, and raise when the answer is no: they never return False.

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
from handfast.authorize import anyone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from handfast.authorize import Authorizer
    from handfast.bundle import TrustBundle, TrustBundleSet
    from handfast.names import DnsName, IpAddress
    from handfast.peer import VerifiedPeer

__all__ = ["ChainVerifier", "Verifier"]

_ANYONE = anyone()
_WEB_PURPOSES = {"server": 2, "client": 1}
# A chain has at most eight certificates: the leaf and seven between it and the root.
_DEPTH_MAX = 7


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

    Raises:
        ConfigError: an argument is not valid.
        InvalidBundle: an authority cannot be used, or a trust domain comes twice.
    """

    __slots__ = ("_at", "_native", "_purpose")

    def __init__(
        self,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle],
        *,
        authorize: Authorizer = _ANYONE,
        at: datetime | None = None,
        rules: Literal["strict", "compatible"] = "strict",
        purpose: Literal["either", "client", "server"] = "either",
    ) -> None:
        self._at = _ffi.to_seconds(_settings.need_moment(at))
        self._purpose = _settings.one_of("purpose=", purpose, _settings.PURPOSES)
        self._native = _ffi.NativeVerifier.spiffe(
            _settings.native_bundles(_settings.as_bundle_set(bundles)),
            _ffi.NativePolicy(_settings.need_authorizer(authorize).program()),
            _settings.one_of("rules=", rules, _settings.RULES),
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
        chain = _settings.as_chain(chain_der)
        return self._native.verify(chain, self._at, self._purpose)


class ChainVerifier:
    """Judges general RFC 5280 chains: web servers, client certificates without SPIFFE.

    Beyond OpenSSL's rules, certificates keep to RFC 5280's profile (key identifiers
    below the root, names that have the form of their kind, no CA as leaf) and those of
    servers to the Baseline Requirements: serverAuth stated, no anyExtendedKeyUsage, a
    common name that does not contradict the alternative names.

    Args:
        roots: Whom to trust: DER certificates, or one PEM text. None takes the
            system's. SPIFFE bundles do not belong here, and are never added.
        purpose: `"server"` or `"client"`: what the certificate's owner is.
        expected_name: The name it must be for. None compares no name: then the answer
            says only that *somebody* was certified.
        at: Judge at this time (aware), instead of now.
        max_depth: Intermediates allowed between leaf and root.

    Raises:
        ConfigError: an argument is not valid, or this system has no roots.
        InvalidBundle: a root cannot be used.
    """

    __slots__ = ("_at", "_name", "_native", "_purpose")

    def __init__(
        self,
        roots: Sequence[bytes] | bytes | str | None,
        *,
        purpose: Literal["server", "client"],
        expected_name: DnsName | IpAddress | None,
        at: datetime | None = None,
        max_depth: int = _DEPTH_MAX,
    ) -> None:
        self._at = _ffi.to_seconds(_settings.need_moment(at))
        self._name = _settings.as_name(expected_name)
        self._purpose = _settings.one_of("purpose=", purpose, _WEB_PURPOSES)
        if not 0 <= max_depth <= _DEPTH_MAX:
            _settings.refuse(f"max_depth= from 0 to {_DEPTH_MAX}", max_depth)
        self._native = _ffi.NativeVerifier.web(_settings.as_roots(roots), max_depth)

    def verify(self, chain_der: Sequence[bytes]) -> VerifiedPeer:
        """Judge a chain.

        Args:
            chain_der: DER certificates, leaf first; intermediates in any order.

        Returns:
            The verdict; its `spiffe_id` is None: no SPIFFE rule was applied.

        Raises:
            VerificationError: it is not good, or for another name.
        """
        chain = _settings.as_chain(chain_der)
        return self._native.verify_web(chain, self._at, self._purpose, self._name)
