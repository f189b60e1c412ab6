# SPDX-License-Identifier: Apache-2.0
"""How a relationship is configured, which URLs it may have, and where they may lead."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bundle_server import ENDPOINT_ID, PARTNER
from tests.support.net_world import authority

from handfast import ConfigError, InvalidId, Reason, TrustDomain
from handfast.federation import BundleEndpoint, EndpointUrl
from handfast.federation.addresses import why_not


@pytest.mark.parametrize(
    ("text", "authority_text", "target"),
    [
        ("https://a.example", "a.example", "/"),
        ("https://a.example/", "a.example", "/"),
        ("HTTPS://A.Example:8443/B?c=d&e", "a.example:8443", "/B?c=d&e"),
        ("https://a.example:443/x#part", "a.example", "/x"),
        ("https://a.example?q", "a.example", "/?q"),
        ("https://a.example/x?", "a.example", "/x?"),
        ("https://192.0.2.1/%41", "192.0.2.1", "/%41"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]:8443", "/"),
        ("https://[2001:db8::1]/", "[2001:db8::1]", "/"),
    ],
)
def test_urls_are_taken_apart(text: str, authority_text: str, target: str) -> None:
    """FED-15, FED-17: https; port, path and query are free."""
    url = EndpointUrl.parse(text)
    assert (url.authority, url.target) == (authority_text, target)
    assert EndpointUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "//a.example/",
        "http://a.example/",
        "file:///etc/passwd",
        "https:a.example",
        "https:/a.example",
        "https://",
        "https:///path",
        "https://user@a.example/",
        "https://user:secret@a.example/",
        "https://@a.example/",
        "https://a.example:0/",
        "https://a.example:/",
        "https://a.example:65536/",
        "https://a.example:-1/",
        "https://a.example:80a/",
        "https://a_b!/",
        "https://a.example\\@b.example/",
        "https://a.example /",
        "https://a.example/\n",
        "\thttps://a.example/",
        "https://a.example/%4",
        "https://a.example/[x",
        "https://a.example/?]",
        "https://a.example/%zz",
        "https://ä.example/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[a.example]/",
        "https://[fe80::1%eth0]/",
        "https://[fe80::1%25eth0]/",
        "https://a.example/" + "a" * 2048,
    ],
)
def test_urls_with_two_readings_or_another_scheme_are_refused(text: str) -> None:
    """FED-15, FED-16, F1: refused where they are configured."""
    with pytest.raises(ConfigError) as caught:
        EndpointUrl.parse(text)
    assert caught.value.reason is Reason.FEDERATION_URL


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        EndpointUrl.parse("https://user:secret@a.example/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("g", "/b/c/g"),
        ("./g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("?", "/b/c/d;p?"),
        ("g?y", "/b/c/g?y"),
        ("g?", "/b/c/g?"),
        ("#s", "/b/c/d;p?q"),
        ("g#s", "/b/c/g"),
        ("g?y#s", "/b/c/g?y"),
        (";x", "/b/c/;x"),
        (";", "/b/c/;"),
        (".", "/b/c/"),
        ("./", "/b/c/"),
        ("..", "/b/"),
        ("../g", "/b/g"),
        ("../..", "/"),
        ("../../g", "/g"),
        ("../../../../g", "/g"),
        ("/./g", "/g"),
        ("/../g", "/g"),
        ("/..//g", "//g"),
        ("g.", "/b/c/g."),
        ("..g", "/b/c/..g"),
        ("./g/.", "/b/c/g/"),
        ("g/../h", "/b/c/h"),
        ("g//../h", "/b/c/g/h"),
        ("g?y/../x", "/b/c/g?y/../x"),
        ("./1x:y", "/b/c/1x:y"),
    ],
)
def test_a_location_is_resolved_as_the_standard_says(
    location: str, target: str
) -> None:
    """F1: RFC 3986, sections 5.2 and 5.4, on every Python in the same way."""
    base = EndpointUrl.parse("https://a.example:8443/b/c/d;p?q")
    assert str(base.join(location)) == f"https://a.example:8443{target}"


@pytest.mark.parametrize("location", ["1x:y", ":", ":443/x", "https:g", "https:/g"])
def test_a_location_that_looks_like_something_else_is_refused(location: str) -> None:
    """F1: a path to one reader, a scheme or a port to another."""
    with pytest.raises(ConfigError):
        EndpointUrl.parse("https://a.example/b/c").join(location)


@given(st.text(max_size=60))
def test_any_location_is_resolved_or_refused(location: str) -> None:
    """F1: whatever a server writes, the result is https without a user, or none."""
    base = EndpointUrl.parse("https://a.example/x")
    try:
        url = base.join(location)
    except ConfigError:
        return
    assert EndpointUrl.parse(str(url)) == url
    assert "@" not in url.authority


@given(
    st.lists(
        st.sampled_from(
            [
                "https:",
                "http:",
                "//",
                "/",
                "..",
                "b.example",
                "@",
                ":",
                "?",
                "#",
                "[",
                "]",
            ]
        ),
        max_size=8,
    )
)
def test_any_pieces_of_a_url_are_resolved_or_refused(pieces: list[str]) -> None:
    """F1: the same, where the interesting ones are more likely."""
    base = EndpointUrl.parse("https://a.example/x/y")
    try:
        url = base.join("".join(pieces))
    except ConfigError:
        return
    seen = urlsplit(str(url))
    assert (seen.scheme, seen.hostname) == ("https", str(url.host))
    assert (seen.username, seen.fragment) == (None, "")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "this host"),
        ("127.255.255.254", "this host"),
        ("::1", "this host"),
        ("0.0.0.0", "this host"),  # noqa: S104 - not bound to
        ("::", "this host"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("100.100.100.200", "a cloud's metadata service"),
        ("fd00:ec2::254", "a cloud's metadata service"),
        ("fd20:ce::254", "a cloud's metadata service"),
        ("192.0.0.192", "a cloud's metadata service"),
        ("168.63.129.16", "a cloud's metadata service"),
        ("64:ff9b::a83f:8110", "a cloud's metadata service"),
        ("::ffff:127.0.0.1", "this host"),
        ("::ffff:169.254.169.254", "link-local"),
        ("2002:7f00:1::", "this host"),
        ("64:ff9b::7f00:1", "this host"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2001:0:7f00:1::", "this host"),
        ("10.0.0.1", None),
        ("192.168.1.1", None),
        ("fd12::1", None),
        ("192.0.2.1", None),
        ("2001:4860:4860::8888", None),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::808:808", None),
    ],
)
def test_addresses_that_only_this_host_reaches_are_known(
    address: str, kind: str | None
) -> None:
    """F1: also when they are packed up in IPv6."""
    assert why_not(address, ()) == kind


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd12::1"]
)
def test_a_redirect_does_not_lead_into_a_private_network(address: str) -> None:
    """F1: a stranger's redirect is not ours to follow inwards, unless we said so."""
    assert why_not(address, (), redirected=True) == "private"
    endpoint = BundleEndpoint.https_web(
        PARTNER, "https://a.example/", allow_networks=[address]
    )
    assert why_not(address, endpoint.allow_networks, redirected=True) is None


def test_what_is_configured_is_allowed() -> None:
    """F1: a network by name, and none beside it."""
    allowed = BundleEndpoint.https_web(
        PARTNER, "https://a.example/", allow_networks=["127.0.0.0/8", "::1/128"]
    ).allow_networks
    assert why_not("127.0.0.1", allowed) is None
    assert why_not("::ffff:127.0.0.1", allowed) is None
    assert why_not("::1", allowed) is None
    assert why_not("169.254.0.1", allowed) == "link-local"


@pytest.mark.parametrize("networks", ["127.0.0.0/8", ["127.0.0.1/8"], ["localhost"]])
def test_networks_that_are_none_are_refused(networks: str | list[str]) -> None:
    with pytest.raises(ConfigError):
        BundleEndpoint.https_web(PARTNER, "https://a.example/", allow_networks=networks)


def test_all_three_values_are_configured() -> None:
    """FED-13, FED-30, FED-50: trust domain, URL and profile, each by itself."""
    web = BundleEndpoint.https_web("b.example", "https://a.example/")
    assert web.trust_domain == TrustDomain.parse("b.example")
    assert web.profile.name == "https_web"
    assert not web.is_self_serving
    spiffe = BundleEndpoint.https_spiffe(
        "b.example",
        "https://a.example/",
        endpoint_id="spiffe://c.example/bundles",
    )
    assert spiffe.trust_domain == TrustDomain.parse("b.example")
    assert spiffe.profile.name == "https_spiffe"
    assert not spiffe.is_self_serving


def test_a_trust_domain_is_a_name_and_nothing_else() -> None:
    """FED-13: not guessed from a URL or an ID."""
    with pytest.raises(InvalidId):
        BundleEndpoint.https_web("https://a.example/", "https://a.example/")


def test_a_self_serving_endpoint_needs_its_first_bundle() -> None:
    """FED-40, FED-41: in the format of a SPIFFE bundle, from somewhere safe."""
    with pytest.raises(ConfigError):
        BundleEndpoint.https_spiffe(
            PARTNER, "https://a.example/", endpoint_id=ENDPOINT_ID
        )
    endpoint = BundleEndpoint.https_spiffe(
        PARTNER,
        "https://a.example/",
        endpoint_id=ENDPOINT_ID,
        bundle=authority(PARTNER).bundle,
    )
    assert endpoint.is_self_serving


def test_a_bundle_of_another_trust_domain_than_the_id_is_refused() -> None:
    """FED-42: the endpoint's own trust domain, not the one that it serves."""
    with pytest.raises(ConfigError):
        BundleEndpoint.https_spiffe(
            PARTNER,
            "https://a.example/",
            endpoint_id="spiffe://host.example/bundles",
            bundle=authority(PARTNER).bundle,
        )
