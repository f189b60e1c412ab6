# SPDX-License-Identifier: Apache-2.0
"""Judging general RFC 5280 chains outside of a handshake.

:class:`ChainVerifier` judges the certificates of the public web, and client
certificates without SPIFFE. It judges in C without the GIL, may be shared by threads,
and raises when the answer is no: it never returns False.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from handfast import _ffi, _settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handfast.names import DnsName, IpAddress
    from handfast.peer import VerifiedPeer

__all__ = ["ChainVerifier"]

_WEB_PURPOSES = {"server": 2, "client": 1}
# A chain has at most eight certificates: the leaf and seven between it and the root.
_DEPTH_MAX = 7


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
        crls: Certificate revocation lists: DER, or one PEM text. They are read and
            indexed once, here; nothing is fetched, ever. None asks no list.
        crl_policy: `"required"`: every certificate below the root must be covered by
            lists of its issuer that are in date. `"if_available"`: a certificate that
            none of `crls` speaks of passes; one whose issuer's list is out of date or
            not signed by the issuer does not. A listed certificate is refused under
            both.

    Raises:
        ConfigError: an argument is not valid, or this system has no roots.
        InvalidBundle: a root cannot be used.
        InvalidCrl: a list cannot be used: it is malformed, has no number or no
            nextUpdate, has critical parts that are not understood, or is a delta or
            indirect list.
    """

    __slots__ = ("_at", "_name", "_native", "_purpose")

    def __init__(  # noqa: PLR0913 - keywords, each one a question
        self,
        roots: Sequence[bytes] | bytes | str | None,
        *,
        purpose: Literal["server", "client"],
        expected_name: DnsName | IpAddress | None,
        at: datetime | None = None,
        max_depth: int = _DEPTH_MAX,
        crls: Sequence[bytes] | bytes | str | None = None,
        crl_policy: Literal["required", "if_available"] = "required",
    ) -> None:
        self._at = _ffi.to_seconds(_settings.need_moment(at))
        self._name = _settings.as_name(expected_name)
        self._purpose = _settings.one_of("purpose=", purpose, _WEB_PURPOSES)
        if not 0 <= max_depth <= _DEPTH_MAX:
            _settings.refuse(f"max_depth= from 0 to {_DEPTH_MAX}", max_depth)
        self._native = _settings.web_verifier(roots, max_depth, crls, crl_policy)

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
