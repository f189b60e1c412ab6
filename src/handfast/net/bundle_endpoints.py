# SPDX-License-Identifier: Apache-2.0
"""Our TLS for bundle endpoints: what :mod:`handfast.federation` talks over.

A bundle endpoint authenticates nobody (FED-23, FED-44), and whoever fetches a bundle
may have no identity yet. The engine has no SPIFFE client without an SVID, so the client
gets one that was made for the occasion, in a trust domain of nobody: it is shown only
to a server that breaks the rule and asks, and tells it nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handfast import authorize
from handfast.authority import Authority
from handfast.federation.endpoint import HttpsSpiffe
from handfast.federation.fetch import Secured
from handfast.names import IpAddress
from handfast.net.open import shake_hands_over
from handfast.sources import StaticSource
from handfast.tls import TlsConfig

if TYPE_CHECKING:
    import trio

    from handfast.federation.endpoint import HttpsWeb
    from handfast.names import DnsName

__all__ = ["secure_endpoint"]

_HANDSHAKE_TIMEOUT: Final = 10.0
# A name that no one can have (RFC 2606).
_NOBODY: Final = "nobody.invalid"
_ALPN: Final = ("http/1.1",)


def _config(profile: HttpsWeb | HttpsSpiffe) -> TlsConfig:
    # The servers are asked for no more than Mozilla's "intermediate" (FED-12).
    if not isinstance(profile, HttpsSpiffe):
        return TlsConfig.web_client(roots=profile.roots, alpn=_ALPN, min_version="1.2")
    nobody = Authority(_NOBODY).issue(f"spiffe://{_NOBODY}/bundle-client")
    bundles = () if profile.bundle is None else (profile.bundle,)
    return TlsConfig.client(
        StaticSource(nobody, bundles),
        authorize=authorize.exactly(profile.endpoint_id),
        alpn=_ALPN,
        min_version="1.2",
        cache=None,
        sessions=None,
    )


async def secure_endpoint(
    transport: trio.SocketStream,
    host: DnsName | IpAddress,
    profile: HttpsWeb | HttpsSpiffe,
) -> Secured:
    """Shake hands with a bundle endpoint, for `fetch_bundle` and `FederationManager`.

    Args:
        transport: A connection to it, which is the result's from now on.
        host: Its name: what a web server's certificate is for, and SNI.
        profile: What it is verified by.

    Cancellation: the connection is closed.

    Raises:
        VerificationError: It is not who it has to be.
        HandfastError: Anything else that a handshake raises.
    """
    # SNI has no addresses, and only a web server is verified by one.
    nameless = isinstance(profile, HttpsSpiffe) and isinstance(host, IpAddress)
    stream = await shake_hands_over(
        transport,
        _config(profile),
        server_hostname=None if nameless else host,
        session_key=None,
        handshake_timeout=_HANDSHAKE_TIMEOUT,
        lifetime=None,
    )
    return Secured(stream, stream.peer)
