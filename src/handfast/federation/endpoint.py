# SPDX-License-Identifier: Apache-2.0
"""Bundle endpoints: where a trust domain publishes its bundle, and how it is trusted.

A relationship is three values that somebody configures, and none of them is ever
inferred from another or from what an endpoint says (FED-13): the trust domain's name,
the URL, and the profile. The profile says what the endpoint's TLS is verified by, and
there is no falling back from one to the other (FED-55).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handfast import _settings
from handfast.federation.url import EndpointUrl
from handfast.ids import SpiffeId, TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handfast.bundle import TrustBundle

__all__ = ["BundleEndpoint", "HttpsSpiffe", "HttpsWeb", "IpNetwork"]

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class HttpsWeb:
    """The profile ``https_web``: the endpoint is verified by its host name.

    Attributes:
        roots: DER certificates of whom to trust; None takes the system's.
    """

    roots: tuple[bytes, ...] | None = None

    @property
    def name(self) -> Literal["https_web"]:
        """The profile's name in the standard."""
        return "https_web"


@dataclass(frozen=True, slots=True)
class HttpsSpiffe:
    """The profile ``https_spiffe``: the endpoint shows an SVID of exactly one ID.

    Attributes:
        endpoint_id: The endpoint's SPIFFE ID.
        bundle: What its SVID is verified by. Of a self-serving endpoint this is the
            first bundle, until one was fetched; of another one it is the bundle of the
            ID's trust domain, or None when a manager has that from elsewhere.
    """

    endpoint_id: SpiffeId
    bundle: TrustBundle | None = None

    @property
    def name(self) -> Literal["https_spiffe"]:
        """The profile's name in the standard."""
        return "https_spiffe"


@dataclass(frozen=True, slots=True)
class BundleEndpoint:
    """A federation relationship: whose bundle, from where, verified how.

    Make one with `https_web` or `https_spiffe`.

    Attributes:
        trust_domain: Whose bundle it is; never taken from what is fetched.
        url: Where every refresh begins.
        profile: `HttpsWeb` or `HttpsSpiffe`.
        allow_networks: Networks that may be connected to although they are local: an
            endpoint, or a redirect of it, else never leads to loopback or link-local
            addresses, and a redirect to another host never to private ones.

    Example:
        >>> endpoint = BundleEndpoint.https_web(
        ...     "partner.example", "https://bundles.partner.example/"
        ... )
        >>> endpoint.profile.name, str(endpoint.url)
        ('https_web', 'https://bundles.partner.example/')
    """

    trust_domain: TrustDomain
    url: EndpointUrl
    profile: HttpsWeb | HttpsSpiffe
    allow_networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def https_web(
        cls,
        trust_domain: TrustDomain | str,
        url: EndpointUrl | str,
        *,
        roots: Sequence[bytes] | bytes | str | None = None,
        allow_networks: Iterable[IpNetwork | str] = (),
    ) -> BundleEndpoint:
        """An endpoint with a certificate of the public web.

        Args:
            trust_domain: Whose bundle it is.
            url: Where it is.
            roots: Whom to trust instead of the system's roots: DER, or one PEM text.
            allow_networks: Local networks that it may be in.

        Raises:
            ConfigError: The URL, a root or a network is not one.
            InvalidId: The trust domain's name is not one.
        """
        anchors = None if roots is None else tuple(_settings.as_roots(roots))
        return cls(
            _domain(trust_domain), _url(url), HttpsWeb(anchors), _nets(allow_networks)
        )

    @classmethod
    def https_spiffe(
        cls,
        trust_domain: TrustDomain | str,
        url: EndpointUrl | str,
        *,
        endpoint_id: SpiffeId | str,
        bundle: TrustBundle | None = None,
        allow_networks: Iterable[IpNetwork | str] = (),
    ) -> BundleEndpoint:
        """An endpoint that shows an X.509-SVID.

        Args:
            trust_domain: Whose bundle it is.
            url: Where it is; the host name is not verified.
            endpoint_id: The endpoint's SPIFFE ID, exactly.
            bundle: What it is verified by at first, of the ID's trust domain, and from
                somewhere safe. A self-serving endpoint needs it.
            allow_networks: Local networks that it may be in.

        Raises:
            ConfigError: The URL or a network is not one, or the bundle is another trust
                domain's than the ID, or it is missing.
            InvalidId: The ID or the trust domain's name is not one.
        """
        domain = _domain(trust_domain)
        if not isinstance(endpoint_id, SpiffeId):
            endpoint_id = SpiffeId.parse(endpoint_id)
        own = endpoint_id.trust_domain
        if bundle is not None and bundle.trust_domain != own:
            _settings.refuse(
                f"bundle= of {own}, the endpoint's trust domain", bundle.trust_domain
            )
        if bundle is None and own == domain:
            _settings.refuse(
                "bundle=, the first one: the endpoint serves its own trust domain",
                "none",
            )
        profile = HttpsSpiffe(endpoint_id, bundle)
        return cls(domain, _url(url), profile, _nets(allow_networks))

    @property
    def is_self_serving(self) -> bool:
        """Whether the endpoint is verified by the very bundle that it serves."""
        return (
            isinstance(self.profile, HttpsSpiffe)
            and self.profile.endpoint_id.trust_domain == self.trust_domain
        )


def _domain(value: TrustDomain | str) -> TrustDomain:
    return value if isinstance(value, TrustDomain) else TrustDomain.parse(value)


def _url(value: EndpointUrl | str) -> EndpointUrl:
    return value if isinstance(value, EndpointUrl) else EndpointUrl.parse(value)


def _nets(networks: Iterable[IpNetwork | str]) -> tuple[IpNetwork, ...]:
    if isinstance(networks, str):
        _settings.refuse("allow_networks= as several networks", repr(networks))
    found: list[IpNetwork] = []
    for network in networks:
        try:
            net = ipaddress.ip_network(network)
        except ValueError:
            net = None
        # A zone says nothing about what is in a network.
        if net is None or "%" in str(net):
            _settings.refuse("a network, such as 10.1.0.0/16 or ::1/128", repr(network))
        found.append(net)
    return tuple(found)
