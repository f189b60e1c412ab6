# SPDX-License-Identifier: Apache-2.0
"""One fetch: connect, verify, ask, follow redirects, read the document.

Invariants (F1):
    1. Each fetch begins at the configured URL; where a redirect led is forgotten when
       it ends, whatever its status promised (FED-33, FED-34, FED-52).
    2. Each hop is verified as the profile has it: a web server by the hop's own host
       name, a SPIFFE server by the same ID and bundle (FED-32, FED-51).
    3. Each hop's host is resolved once and judged: see `addresses`.
    4. Nothing of the environment is looked at: there are no proxies.
    5. The document is for the trust domain of the configuration (F3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

import trio

from handfast import _settings
from handfast.bundle_document import BundleDocument
from handfast.bundle_json import DOCUMENT_MAX
from handfast.errors import ConfigError, FederationError, Reason, detail_for
from handfast.federation import addresses
from handfast.federation.endpoint import HttpsSpiffe
from handfast.federation.exchange import Answer, get
from handfast.text import escape

if TYPE_CHECKING:
    from handfast.bundle import TrustBundle
    from handfast.federation.endpoint import BundleEndpoint, HttpsWeb
    from handfast.federation.url import EndpointUrl
    from handfast.names import DnsName, IpAddress
    from handfast.peer import VerifiedPeer

__all__ = ["Fetched", "Hop", "Secure", "Secured", "fetch_bundle"]

#: Redirects of one fetch.
REDIRECTS_MAX: Final = 3
#: Seconds for one fetch, all of it.
TIMEOUT: Final = 30.0

_OK: Final = 200
# All of them lead elsewhere once: none is remembered.
_REDIRECTS: Final = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Secured:
    """A stream over TLS, and whom its other end was verified as."""

    stream: trio.abc.Stream
    peer: VerifiedPeer


class Secure(Protocol):
    """Shakes hands with an endpoint: `handfast.net.secure_endpoint` is the one.

    This package is below the one that does TLS over trio, so it is given to it.
    """

    async def __call__(
        self,
        transport: trio.SocketStream,
        host: DnsName | IpAddress,
        profile: HttpsWeb | HttpsSpiffe,
        /,
    ) -> Secured:
        """Verify the server as the profile has it; of `HttpsSpiffe` by its bundle."""
        ...


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a fetch, for the log.

    Attributes:
        url: What was asked for.
        address: Where it was connected to.
        server: Whom the server was verified as: its SPIFFE ID, or its host name.
        certificate: SHA-256 of the server's certificates, in hexadecimal.
        status: HTTP's number.
    """

    url: EndpointUrl
    address: str
    server: str
    certificate: str
    status: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought.

    Attributes:
        document: The trust domain's bundle document.
        body: The same as it came.
        hops: The requests that were made, the configured URL first.
    """

    document: BundleDocument
    body: bytes = field(repr=False)
    hops: tuple[Hop, ...]

    @property
    def bundle(self) -> TrustBundle:
        """Its X.509 authorities."""
        return self.document.x509


async def fetch_bundle(
    endpoint: BundleEndpoint,
    *,
    secure: Secure,
    trusted: TrustBundle | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - a total, over all redirects
) -> Fetched:
    """Fetch a trust domain's bundle once.

    Args:
        endpoint: Whose, from where, verified how.
        secure: Does the TLS: `handfast.net.secure_endpoint`.
        trusted: The newest bundle of the endpoint's trust domain, for `https_spiffe`;
            None takes the endpoint's own, which is the first one (FED-48).
        timeout: Seconds for all of it.

    Cancellation: connections are closed, nothing is kept.

    Raises:
        FederationError: The endpoint cannot be reached, leads where it may not, or
            answers something else.
        VerificationError: The endpoint is not who it has to be.
        InvalidBundle: What it serves is no bundle document, or one with an authority
            that cannot be used.
        HandfastError: Anything else that the handshake raises.
    """
    fetch = _Fetch(endpoint, secure, _profile(endpoint, trusted))
    with trio.move_on_after(timeout):
        return await fetch.run()
    detail = detail_for(
        Reason.FEDERATION_TIMEOUT,
        expected=f"a bundle in {timeout:g} seconds",
        seen=f"none from {fetch.url}",
    )
    raise FederationError(detail)


def _profile(
    endpoint: BundleEndpoint, trusted: TrustBundle | None
) -> HttpsWeb | HttpsSpiffe:
    profile = endpoint.profile
    if not isinstance(profile, HttpsSpiffe):
        return profile
    own, bundle = profile.endpoint_id.trust_domain, trusted or profile.bundle
    if bundle is None or bundle.trust_domain != own:
        detail = detail_for(
            Reason.FEDERATION_NO_BUNDLE,
            expected=f"a bundle of {own}",
            seen="none" if bundle is None else f"one of {bundle.trust_domain}",
        )
        raise FederationError(detail)
    return HttpsSpiffe(profile.endpoint_id, bundle)


class _Fetch:
    """One way from the configured URL to a document."""

    def __init__(
        self, endpoint: BundleEndpoint, secure: Secure, profile: HttpsWeb | HttpsSpiffe
    ) -> None:
        self._endpoint = endpoint
        self._secure = secure
        self._profile = profile
        self._hops: list[Hop] = []
        self.url = endpoint.url

    async def run(self) -> Fetched:
        while True:
            answer = await self._ask()
            if answer.status == _OK:
                break
            self.url = self._next(answer)
        domain = self._endpoint.trust_domain
        document = BundleDocument.from_json(domain, answer.body)
        _settings.need_usable(document.x509)
        return Fetched(document, answer.body, tuple(self._hops))

    async def _ask(self) -> Answer:
        # Who runs the configured host may move it about on itself.
        redirected = self.url.host != self._endpoint.url.host
        transport, address = await addresses.connect(
            self.url, self._endpoint.allow_networks, redirected=redirected
        )
        try:
            secured = await self._secure(transport, self.url.host, self._profile)
        except OSError as error:
            # The peer is gone again, before there was a stream that could tell it.
            detail = detail_for(Reason.FEDERATION_UNREACHABLE, seen=f"{error}")
            raise FederationError(detail) from error
        try:
            answer = await get(secured.stream, self.url, limit=DOCUMENT_MAX)
        finally:
            # All is there, or nothing is wanted any more: nobody is waited for.
            await trio.aclose_forcefully(secured.stream)
        peer = secured.peer
        self._hops.append(
            Hop(
                self.url,
                address,
                str(peer.spiffe_id or self.url.host),
                peer.chain_digest.hex(),
                answer.status,
            )
        )
        return answer

    def _next(self, answer: Answer) -> EndpointUrl:
        if answer.status not in _REDIRECTS:
            _refuse(Reason.FEDERATION_RESPONSE, "status 200", f"{answer.status}")
        if answer.location is None:
            _refuse(Reason.FEDERATION_REDIRECT, "one Location", "none, or several")
        try:
            url = self.url.join(answer.location)
        except ConfigError as error:
            raise FederationError(
                detail_for(
                    Reason.FEDERATION_REDIRECT,
                    expected=error.expected,
                    seen=error.seen,
                )
            ) from error
        if any(hop.url == url for hop in self._hops):
            _refuse(Reason.FEDERATION_REDIRECT, "a way without loops", f"{url} again")
        if len(self._hops) > REDIRECTS_MAX:
            _refuse(
                Reason.FEDERATION_REDIRECT,
                f"at most {REDIRECTS_MAX} redirects",
                f"one more, to {url}",
            )
        return url


def _refuse(reason: Reason, expected: str, seen: str) -> NoReturn:
    raise FederationError(detail_for(reason, expected=expected, seen=escape(seen)))
