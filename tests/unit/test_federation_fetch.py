# SPDX-License-Identifier: Apache-2.0
"""Fetching a bundle once: over real TLS on loopback, from friendly and hostile servers.

Threat rows F1 (where an endpoint may lead), F2 (what it may send) and F3 (whose bundle
it is), and the client's rules of the federation checklist.
"""

from __future__ import annotations

import pytest
import trio
from tests.support.bundle_server import (
    ENDPOINT_ID,
    LOOPBACK,
    PARTNER,
    Web,
    endpoint_of,
    http,
    redirect,
    spiffe_endpoint,
    svid_context,
)
from tests.support.federation_fetching import DOCUMENT, GOOD, Names, fetch, refusal
from tests.support.net_world import authority, trio_test

from handfast import (
    FederationError,
    Reason,
    VerificationError,
)
from handfast.authority import Authority
from handfast.federation import BundleEndpoint


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@trio_test
async def test_a_web_endpoint_is_verified_by_its_name(web: Web) -> None:
    """FED-10, FED-29: by name and roots, and FED-20: it needs no more than that."""
    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        fetched = await fetch(web.endpoint(served))
        assert fetched.bundle == authority(PARTNER).bundle
        assert fetched.body == DOCUMENT
        [hop] = fetched.hops
        assert (hop.server, hop.address, hop.status) == ("localhost", "127.0.0.1", 200)
        [request] = served.requests
        assert request.startswith(b"GET / HTTP/1.1\r\n")
        assert b"Accept-Encoding: identity\r\n" in request


@trio_test
async def test_a_web_endpoint_of_another_name_is_refused(web: Web) -> None:
    """FED-29: RFC 6125, the certificate names the host of the URL."""
    async with endpoint_of(web.context("other.example"), {"/": GOOD}) as served:
        error = await refusal(web.endpoint(served))
        assert error.reason is Reason.NAME_MISMATCH
        assert not served.requests


@trio_test
async def test_a_web_endpoint_of_an_unknown_issuer_is_refused(web: Web) -> None:
    """FED-29: a trusted issuer, and nobody else."""
    async with endpoint_of(Web().context(), {"/": GOOD}) as served:
        assert isinstance(await refusal(web.endpoint(served)), VerificationError)
        assert not served.requests


@trio_test
async def test_a_spiffe_endpoint_is_verified_by_its_id() -> None:
    """FED-10, FED-40, FED-41, FED-47: the ID that was configured, by the first bundle.

    FED-44: no client certificate is shown where none is asked for.
    """
    svid = authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        fetched = await fetch(spiffe_endpoint(served))
        assert fetched.bundle == authority(PARTNER).bundle
        assert fetched.hops[0].server == ENDPOINT_ID
        assert served.client_certificates == [None]


@trio_test
async def test_a_spiffe_endpoint_with_another_id_is_refused() -> None:
    """FED-47: exactly the configured ID; another one of the trust domain is not it."""
    svid = authority(PARTNER).issue(f"{ENDPOINT_ID}/other")
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        error = await refusal(spiffe_endpoint(served))
        assert error.reason is Reason.NOT_AUTHORIZED
        assert not served.requests


@trio_test
async def test_a_spiffe_endpoint_of_another_authority_is_refused() -> None:
    """FED-47: a valid X509-SVID, by the bundle of its trust domain."""
    svid = Authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        assert isinstance(await refusal(spiffe_endpoint(served)), VerificationError)
        assert not served.requests


@trio_test
async def test_the_newest_bundle_takes_the_place_of_the_first() -> None:
    """FED-48: what was fetched last verifies the endpoint, the first one no more."""
    new = Authority(PARTNER)
    async with endpoint_of(svid_context(new.issue(ENDPOINT_ID)), {"/": GOOD}) as served:
        endpoint = spiffe_endpoint(served)
        assert isinstance(await refusal(endpoint), VerificationError)
        fetched = await fetch(endpoint, trusted=new.bundle)
        assert fetched.hops[0].server == ENDPOINT_ID
    old = authority(PARTNER).issue(ENDPOINT_ID)
    async with endpoint_of(svid_context(old), {"/": GOOD}) as served:
        error = await refusal(spiffe_endpoint(served), trusted=new.bundle)
        assert isinstance(error, VerificationError)


@trio_test
async def test_an_endpoint_in_another_trust_domain_is_verified_by_that_ones() -> None:
    """FED-42, FED-49: its trust domain's bundle is another one than the one it serves.

    FED-60: neither can stand in for the other.
    """
    host = authority("host.example").issue("spiffe://host.example/bundles")
    async with endpoint_of(svid_context(host), {"/": GOOD}) as served:
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            served.url(),
            endpoint_id="spiffe://host.example/bundles",
            allow_networks=LOOPBACK,
        )
        error = await refusal(endpoint)
        assert error.reason is Reason.FEDERATION_NO_BUNDLE
        error = await refusal(endpoint, trusted=authority(PARTNER).bundle)
        assert error.reason is Reason.FEDERATION_NO_BUNDLE
        trusted = authority("host.example").bundle
        fetched = await fetch(endpoint, trusted=trusted)
        assert fetched.bundle.trust_domain.name == PARTNER


@trio_test
async def test_a_profile_never_falls_back_to_the_other(web: Web) -> None:
    """FED-55: an SVID is nothing to a web client, nor a web certificate to SPIFFE."""
    svid = authority(PARTNER).issue(ENDPOINT_ID, dns_names=["localhost"])
    async with endpoint_of(svid_context(svid), {"/": GOOD}) as served:
        assert isinstance(await refusal(web.endpoint(served)), VerificationError)
    async with endpoint_of(web.context(), {"/": GOOD}) as served:
        assert isinstance(await refusal(spiffe_endpoint(served)), VerificationError)


@trio_test
async def test_the_trust_domain_is_that_of_the_configuration(web: Web) -> None:
    """F3, FED-30, FED-50: what a document or its certificates say changes nothing."""
    stranger = authority("evil.example").bundle.to_json()
    async with endpoint_of(web.context(), {"/": http(stranger)}) as served:
        fetched = await fetch(web.endpoint(served))
        assert fetched.bundle.trust_domain.name == PARTNER


# ---- redirects ----


@trio_test
async def test_redirects_are_followed_and_forgotten(web: Web) -> None:
    """F1, FED-31, FED-33, FED-34: 301 and 308 are followed, and not remembered."""
    answers = {"/": redirect("/moved", "301 Moved Permanently"), "/moved": GOOD}
    async with endpoint_of(web.context(), answers) as served:
        for _ in range(2):
            fetched = await fetch(web.endpoint(served))
            assert [hop.status for hop in fetched.hops] == [301, 200]
        assert served.paths == ["/", "/moved"] * 2
        served.answers["/"] = GOOD
        await fetch(web.endpoint(served))
        assert served.paths[-1] == "/"


@trio_test
async def test_three_redirects_are_followed_and_a_fourth_is_not(web: Web) -> None:
    """F1: a limit on the way."""
    answers = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(1, 4)}
    async with endpoint_of(web.context(), {**answers, "/4": GOOD}) as served:
        assert len((await fetch(web.endpoint(served, "/1"))).hops) == 4
        served.answers["/4"] = redirect("/5")
        served.answers["/5"] = GOOD
        error = await refusal(web.endpoint(served, "/1"))
        assert error.reason is Reason.FEDERATION_REDIRECT
        assert served.paths[-1] == "/4"


@trio_test
async def test_a_loop_is_recognised(web: Web) -> None:
    """F1: loops."""
    answers = {"/": redirect("/b"), "/b": redirect("/")}
    async with endpoint_of(web.context(), answers) as served:
        error = await refusal(web.endpoint(served))
        assert error.reason is Reason.FEDERATION_REDIRECT
        assert "again" in error.seen
        assert served.paths == ["/", "/b"]


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/",
        "file:///etc/passwd",
        "//user@localhost/",
        "https://user:pw@localhost/",
        "https://:@localhost/",
        "ftp://localhost/",
        "https://localhost:99999/",
        "https://local host/",
        "https:///nowhere",
        "/with\\backslash",
        "https://[::1/",
        "/caf\xe9",
    ],
)
def test_redirects_to_what_no_endpoint_may_be_are_refused(
    web: Web, target: str
) -> None:
    """F1, FED-15, FED-16, FED-31: a redirect's target is judged as a configured URL."""

    async def run() -> None:
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + target.encode("latin-1")
        answers = {"/": answer + b"\r\nContent-Length: 0\r\n\r\n"}
        async with endpoint_of(web.context(), answers) as served:
            error = await refusal(web.endpoint(served))
            assert error.reason is Reason.FEDERATION_REDIRECT
            assert isinstance(error, FederationError)
            assert served.paths == ["/"]

    trio.run(run)


@trio_test
async def test_a_redirect_without_one_location_is_refused(web: Web) -> None:
    """F1: two readings, or none."""
    two = http(b"", "302 Found", "Location: /a", "Location: /b")
    async with endpoint_of(
        web.context(), {"/": two, "/none": http(b"", "302 Found"), "/a": GOOD}
    ) as served:
        for path in ("/", "/none"):
            error = await refusal(web.endpoint(served, path))
            assert error.reason is Reason.FEDERATION_REDIRECT


@trio_test
async def test_another_host_is_verified_by_its_own_name(web: Web) -> None:
    """F1, FED-32: the same checks on the target, for the target's name."""
    names = {"a.example": ["127.0.0.1"], "b.example": ["127.0.0.1"]}
    trio.socket.set_custom_hostname_resolver(Names(names))
    async with (
        endpoint_of(web.context("b.example"), {"/": GOOD}) as right,
        endpoint_of(web.context("c.example"), {"/": GOOD}) as wrong,
        endpoint_of(web.context("a.example"), {}) as served,
    ):
        served.answers["/"] = redirect(right.url("/", "b.example"))
        fetched = await fetch(web.endpoint(served, host="a.example"))
        assert [hop.server for hop in fetched.hops] == ["a.example", "b.example"]
        served.answers["/"] = redirect(wrong.url("/", "b.example"))
        error = await refusal(web.endpoint(served, host="a.example"))
        assert error.reason is Reason.NAME_MISMATCH


@trio_test
async def test_a_spiffe_redirect_keeps_the_id() -> None:
    """F1, FED-51, FED-52: the same SPIFFE ID, wherever it leads; not remembered."""
    same = svid_context(authority(PARTNER).issue(ENDPOINT_ID))
    other = svid_context(authority(PARTNER).issue(f"{ENDPOINT_ID}-2"))
    async with (
        endpoint_of(same, {"/": GOOD}) as right,
        endpoint_of(other, {"/": GOOD}) as wrong,
        endpoint_of(same, {}) as served,
    ):
        served.answers["/"] = redirect(right.url(), "308 Permanent Redirect")
        for _ in range(2):
            assert len((await fetch(spiffe_endpoint(served))).hops) == 2
        assert served.paths == ["/", "/"]
        served.answers["/"] = redirect(wrong.url())
        error = await refusal(spiffe_endpoint(served))
        assert error.reason is Reason.NOT_AUTHORIZED
        assert not wrong.requests
