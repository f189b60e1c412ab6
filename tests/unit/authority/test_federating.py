# SPDX-License-Identifier: Apache-2.0
"""Authorities that federate: one serves its bundle, workloads of the other get it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.authority_state import QUICK, Process, entry
from tests.support.net_world import trio_test
from tests.support.nodes_world import NODE, document

from handfast import (
    ConfigError,
    FederationError,
    JwtSvid,
    Reason,
    TrustDomain,
    Verifier,
    authorize,
)
from handfast.authority.nodes.caller import NodeCaller
from handfast.authority.nodes.names import authority_id
from handfast.authority.nodes.proto import WATCH, WatchRequest
from handfast.authority.service import AuthorityService
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState
from handfast.cli.authority.federation import Federation
from handfast.federation import BundleEndpoint, read_endpoints
from handfast.workload_api.methods import Call

OURS, PARTNER = TrustDomain("a.example"), TrustDomain("partner.example")
LOOPBACK = ["127.0.0.0/8"]


@asynccontextmanager
async def authority(
    folder: Path, domain: TrustDomain, *endpoints: BundleEndpoint, serve: bool = True
) -> AsyncGenerator[tuple[AuthorityService, dict[str, str]], None]:
    """Run an authority around a test, as the command line does."""
    settings = AuthoritySettings(trust_domain=domain, **QUICK)
    federation = Federation(
        host="127.0.0.1", port=0 if serve else None, web=None, endpoints=endpoints
    )
    with AuthorityState.open(folder, settings=settings) as state:
        service = AuthorityService(state)
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            yield service, await federation.start(folder, state, service, nursery)
            nursery.cancel_scope.cancel()


def partner_at(facts: dict[str, str], service: AuthorityService) -> BundleEndpoint:
    """What is told to us of the partner, by people."""
    return BundleEndpoint.https_spiffe(
        PARTNER,
        f"https://127.0.0.1:{facts['bundle_port']}/",
        endpoint_id=facts["bundle_endpoint_id"],
        bundle=document(service).x509,
        allow_networks=LOOPBACK,
    )


def federating(service: AuthorityService) -> None:
    """Have an entry whose workloads talk with the partner's."""
    service._state.registry.add(
        entry(
            "spiffe://a.example/web",
            "unix:uid:1000",
            federates_with=frozenset({PARTNER}),
        )
    )


async def until_known(service: AuthorityService, *domains: TrustDomain) -> None:
    """Wait until these, and only these, are federated with."""
    while service.federated.trust_domains != domains:
        await trio.testing.wait_all_tasks_blocked(cushion=0.02)


@trio_test
async def test_workloads_get_the_bundles_that_were_fetched(tmp_path: Path) -> None:
    """FED-10, FED-14, FED-43, FED-60: X.509 and JWT, each under its trust domain."""
    async with authority(tmp_path / "b", PARTNER) as (theirs, facts):
        assert facts["bundle_endpoint_id"] == str(authority_id(PARTNER))
        theirs._state.registry.add(entry("spiffe://partner.example/api"))
        endpoint = partner_at(facts, theirs)
        async with authority(tmp_path / "a", OURS, endpoint, serve=False) as (
            ours,
            nothing,
        ):
            assert nothing == {}
            federating(ours)
            await until_known(ours, PARTNER)
            context = await ours.issuer.x509_context(Process())
            assert context.bundles.own.trust_domain == OURS
            bundles = context.bundles.federated
            assert [it.trust_domain for it in bundles] == [PARTNER]
            peer = await theirs.issuer.x509_context(Process())
            Verifier(bundles, authorize=authorize.any_in(PARTNER)).verify(
                peer.svids[0].chain
            )
            [token] = await theirs.issuer.jwt_svids(Process(), ["shop"])
            jwt_bundles = await ours.issuer.jwt_bundles(Process())
            svid = JwtSvid.parse(token.token, jwt_bundles, "shop")
            assert svid.spiffe_id.trust_domain == PARTNER


@trio_test
async def test_other_hosts_are_told_of_a_bundle_when_it_was_fetched(
    tmp_path: Path,
) -> None:
    """FED-14: an agent that waits is woken, and not only when it looks again."""
    async with authority(tmp_path / "b", PARTNER) as (theirs, facts):
        endpoint = partner_at(facts, theirs)
        async with authority(tmp_path / "a", OURS, endpoint, serve=False) as (ours, _):
            ours.nodes.use_token(ours.nodes.make_token(NODE).trust_domain)
            ours._state.registry.add(
                entry(
                    "spiffe://a.example/db",
                    node=NODE,
                    federates_with=frozenset({PARTNER}),
                )
            )
            caller = NodeCaller(spiffe_id=NODE, serial="1")
            call = Call(caller=caller, method=WATCH, metadata={})
            watch: Any = ours.node_service.methods[WATCH]
            with trio.fail_after(30):  # half of the time after which it looks again
                async with aclosing(watch.handler(call, WatchRequest())) as told:
                    while PARTNER.name not in (await anext(told)).federated:
                        pass


@trio_test
async def test_a_relationship_that_ended_is_forgotten(tmp_path: Path) -> None:
    """FED-54: also by the authority's own state, and only what was fetched."""
    async with authority(tmp_path / "b", PARTNER) as (theirs, facts):
        endpoint = partner_at(facts, theirs)
        by_hand = document(theirs)
        async with authority(tmp_path / "a", OURS, endpoint) as (ours, _):
            await until_known(ours, PARTNER)
    other = TrustDomain("other.example")
    written = dataclasses.replace(
        by_hand,
        trust_domain=other,
        x509=dataclasses.replace(by_hand.x509, trust_domain=other),
        jwt=dataclasses.replace(by_hand.jwt, trust_domain=other),
    )
    async with authority(tmp_path / "a", OURS) as (ours, _):
        ours.federated.put(other, written.to_json())
        await until_known(ours, other)
    async with authority(tmp_path / "a", OURS) as (ours, _):
        await until_known(ours, other)


@trio_test
async def test_our_own_bundle_is_never_fetched_from_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FED-09, F3: whoever could replace it could speak for everybody of ours."""
    async with authority(tmp_path / "b", PARTNER) as (theirs, facts):
        endpoint = dataclasses.replace(partner_at(facts, theirs), trust_domain=OURS)
        before = document(theirs)
        async with authority(tmp_path / "a", OURS, endpoint) as (ours, _):
            while "not handed on" not in caplog.text:
                await trio.testing.wait_all_tasks_blocked(cushion=0.02)
            assert ours.federated.trust_domains == ()
            assert document(ours).x509 != before.x509


# ---- the file ----

GOOD = """
[[federate]]
trust_domain = "partner.example"
url = "https://bundles.partner.example/"
profile = "https_web"
roots = "roots.pem"

[[federate]]
trust_domain = "other.example"
url = "https://10.0.0.7:8443/"
profile = "https_spiffe"
endpoint_id = "spiffe://third.example/handfast/authority"
bundle = "third.pem"
allow_networks = ["10.0.0.0/24"]

[[federate]]
trust_domain = "fourth.example"
url = "https://10.0.0.8:8443/"
profile = "https_spiffe"
endpoint_id = "spiffe://other.example/bundles"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from tests.support.net_world import authority as made  # noqa: PLC0415

    (tmp_path / "roots.pem").write_bytes(made("partner.example").bundle.to_pem())
    (tmp_path / "third.pem").write_bytes(made("third.example").bundle.to_pem())
    return tmp_path


def read(folder: Path, text: str) -> tuple[BundleEndpoint, ...]:
    file = folder / "federate.toml"
    file.write_text(text)
    return read_endpoints(file)


def test_a_file_says_all_three_values(folder: Path) -> None:
    """FED-13: paths are the file's own neighbours."""
    web, spiffe, fourth = read(folder, GOOD)
    assert (web.trust_domain, web.profile.name) == (PARTNER, "https_web")
    profile: Any = spiffe.profile
    assert profile.bundle.trust_domain.name == "third.example"
    assert [str(it) for it in spiffe.allow_networks] == ["10.0.0.0/24"]
    assert fourth.profile.bundle is None  # type: ignore[union-attr]
    assert read(folder, "") == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('profile = "https_web"', ""),
        ('profile = "https_web"', 'profile = "web"'),
        ('profile = "https_web"', 'profile = ["https_web"]'),
        ('url = "https://bundles.partner.example/"', ""),
        ('url = "https://bundles.partner.example/"', 'url = "http://a.example/"'),
        ('url = "https://bundles.partner.example/"', "url = 7"),
        ('trust_domain = "partner.example"', ""),
        ('roots = "roots.pem"', 'endpoint_id = "spiffe://a.example/b"'),
        ('roots = "roots.pem"', "typo = true"),
        ('roots = "roots.pem"', 'allow_networks = "10.0.0.0/8"'),
        ('roots = "roots.pem"', "allow_networks = [7]"),
        ("[[federate]]", "[federate]"),
        (GOOD, "federate = [1]"),
        (GOOD, "federate = 1"),
        ("[[federate]]", "typo = 1\n[[federate]]"),
        (GOOD, "[[federates]]"),
        ("[[federate]]", "[[federate"),
        ('trust_domain = "fourth.example"', 'trust_domain = "other.example"\nx = 1'),
    ],
)
def test_what_a_file_leaves_open_is_refused(folder: Path, old: str, new: str) -> None:
    """FED-13, FED-15: nothing is inferred, nothing is passed over."""
    with pytest.raises((ConfigError, FederationError)) as caught:
        read(folder, GOOD.replace(old, new, 1))
    assert caught.value.reason in {Reason.CONFIG_INVALID, Reason.FEDERATION_URL}


@pytest.mark.parametrize("form", ["json", "der"])
def test_a_bundle_may_have_any_form(folder: Path, form: str) -> None:
    """FED-41: the SPIFFE format, and others."""
    from tests.support.net_world import authority as made  # noqa: PLC0415

    bundle = made("third.example").bundle
    data = bundle.to_json() if form == "json" else b"".join(bundle.x509_authorities)
    (folder / "third.pem").write_bytes(data)
    profile: Any = read(folder, GOOD)[1].profile
    assert profile.bundle == bundle


def test_a_file_that_is_missing_is_told(folder: Path) -> None:
    with pytest.raises(OSError, match="third"):
        read(folder, GOOD.replace("third.pem", "third-missing.pem"))
