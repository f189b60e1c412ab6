# SPDX-License-Identifier: Apache-2.0
"""An authority that is known by nothing but the fingerprint of its root.

The authority shows its root after its chain where agents connect. A first connection
is made that trusts nobody: it fails, as it has to, and leaves what was shown. What has
the fingerprint there is the root, whoever sent it; everything else is thrown away. The
connection that matters is a second one, by mutual TLS under that root.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from handfast.authority.nodes.fingerprint import fingerprint_of, read_fingerprint
from handfast.authority.nodes.names import authority_id
from handfast.authorize import exactly
from handfast.bundle import TrustBundle
from handfast.certificates import read_certificate, uri_names
from handfast.errors import InvalidBundle, Reason, VerificationError, detail_for
from handfast.net.stream import MtlsStream
from handfast.text import escape
from handfast.tls import TlsConfig

if TYPE_CHECKING:
    from handfast.ids import TrustDomain

__all__ = ["find_authority"]

_ALPN: Final = ["h2"]
_WITHIN: Final = 30.0


async def find_authority(
    address: tuple[str, int], trust_domain: TrustDomain, fingerprint: str
) -> TrustBundle:
    """Fetch the root that has a fingerprint from where agents connect.

    Nothing but the fingerprint is believed; who answers is proved by what is done with
    the result.

    Args:
        address: Host and port of the authority.
        trust_domain: Whose root it is from now on.
        fingerprint: SHA-256 of its certificate, brought by a way that is trusted.

    Cancellation: the connection is closed.

    Raises:
        ConfigError: The fingerprint is none.
        VerificationError: Nothing with this fingerprint is shown there.
        InvalidBundle: It is no root, or another trust domain's.
        HandfastError: Another failure of the handshake, such as no TLS.
        OSError, trio.TooSlowError: There is no connection, or no answer.
    """
    wanted = read_fingerprint(fingerprint)
    shown = await _shown_at(address, trust_domain)
    for certificate in shown:
        if fingerprint_of(certificate) == wanted:
            _need_ours(certificate, trust_domain)
            return TrustBundle.from_der(trust_domain, [certificate])
    detail = detail_for(
        Reason.UNKNOWN_AUTHORITY,
        expected=f"a root with the fingerprint {wanted}",
        seen=f"{len(shown)} certificates with others",
        hint="compare it with `handfast authority status --json` on the authority's"
        " host: its root may have changed, or somebody else answers",
    )
    raise VerificationError(detail)


def _need_ours(certificate: bytes, trust_domain: TrustDomain) -> None:
    """See that a root is not another trust domain's: a root need not say, but may."""
    names = uri_names(read_certificate(certificate))
    if names and names != [str(trust_domain.id)]:
        detail = detail_for(
            Reason.FOREIGN_TRUST_DOMAIN,
            expected=f"a root of {trust_domain}",
            seen=escape(", ".join(names), limit=200),
        )
        raise InvalidBundle(detail)


async def _shown_at(
    address: tuple[str, int], trust_domain: TrustDomain
) -> tuple[bytes, ...]:
    """Return what an unverified server shows."""
    nobody = TlsConfig.one_way_client(
        TrustBundle(trust_domain),
        authorize=exactly(authority_id(trust_domain)),
        alpn=_ALPN,
        cache=None,
    )
    with trio.fail_after(_WITHIN):
        transport = await trio.open_tcp_stream(*address)
        stream = MtlsStream(transport, nobody)
        try:
            with suppress(VerificationError):
                await stream.do_handshake()
            return stream.connection.presented_chain
        finally:
            await trio.aclose_forcefully(stream)
