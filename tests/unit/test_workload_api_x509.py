# SPDX-License-Identifier: Apache-2.0
"""X.509 messages of the Workload API are taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.support import agent_messages as agent
from tests.support.agent_messages import API, OTHER, OWN, WEB, part, svid, svids

from handfast import (
    Reason,
    SourceError,
    TrustBundle,
    VerificationError,
    Verifier,
)
from handfast.authority import Authority
from handfast.sources.workload_api_x509 import HINT_MAX, X509Reader, X509Update
from handfast.testing import FakeClock
from handfast.workload_api.proto import X509SVIDResponse


def read(message: X509SVIDResponse, now: datetime | None = None) -> X509Update:
    return X509Reader(FakeClock(now)).read_svids(message)


def refused(message: X509SVIDResponse) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(message)
    assert caught.value.reason is Reason.SOURCE_INVALID
    return caught.value


def test_an_honest_message_is_understood() -> None:
    """WAPI-64: the order is kept, and the first is the default."""
    message = svids(part(svid(WEB), hint="out"), part(svid(API)))
    update = read(message)
    assert [str(it.spiffe_id) for it in update.svids] == [WEB, API]
    assert [it.hint for it in update.svids] == ["out", ""]
    assert update.bundles[OWN] == agent.authority().bundle
    assert len(update.crls) == 0
    assert all(update.ends[it.chain[0]] <= it.not_after for it in update.svids)


# ---- WAPI-39: a part that is missing or wrong spoils the message ----


@pytest.mark.parametrize("name", ["spiffe_id", "x509_svid", "x509_svid_key", "bundle"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_mandatory_field_that_is_empty_spoils_the_message(
    name: str, place: int
) -> None:
    """WAPI-39: of the first identity, and of another one."""
    message = svids(part(svid(WEB)), part(svid(API)))
    setattr(message.svids[place], name, type(getattr(message.svids[0], name))())
    assert f"identity {place + 1} with its {name}" in refused(message).expected


def test_no_identity_at_all_is_no_answer() -> None:
    """WAPI-39, WAPI-41: PermissionDenied withdraws identities, not silence."""
    message = svids()
    del message.svids[:]
    assert "1 to 100 identities" in refused(message).expected


def _id_of_another(message: X509SVIDResponse) -> None:
    message.svids[0].spiffe_id = API


def _id_in_upper_case(message: X509SVIDResponse) -> None:
    message.svids[0].spiffe_id = WEB.upper()


def _key_of_another(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid_key = svid(API).key.der


def _garbage_key(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid_key = b"\x30\x03\x02\x01\x00"


def _garbage_chain(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid = b"\x00" * 100


def _cut_chain(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid = message.svids[0].x509_svid[:-1]


def _pem_chain(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid = svid().to_pem_chain()


def _chain_without_its_intermediate(message: X509SVIDResponse) -> None:
    message.svids[0].x509_svid = svid().chain[0]


def _bundle_of_another(message: X509SVIDResponse) -> None:
    message.svids[0].bundle = agent.der(agent.authority(OTHER).bundle)


def _bundle_of_an_impostor(message: X509SVIDResponse) -> None:
    message.svids[0].bundle = agent.der(Authority(OWN).bundle)


def _garbage_bundle(message: X509SVIDResponse) -> None:
    message.svids[0].bundle = b"\xff" * 40


def _leaf_as_bundle(message: X509SVIDResponse) -> None:
    message.svids[0].bundle = svid().chain[0]


def _long_hint(message: X509SVIDResponse) -> None:
    message.svids[0].hint = "x" * (HINT_MAX + 1)


def _megabyte_hint(message: X509SVIDResponse) -> None:
    message.svids[0].hint = "\N{SNOWMAN}" * 1_000_000


def _garbage_federated(message: X509SVIDResponse) -> None:
    message.federated_bundles[f"spiffe://{OTHER}"] = b"garbage"


def _federated_by_a_bare_name(message: X509SVIDResponse) -> None:
    message.federated_bundles[OTHER] = agent.der(agent.authority(OTHER).bundle)


def _federated_by_a_workload(message: X509SVIDResponse) -> None:
    bundle = agent.der(agent.authority(OTHER).bundle)
    message.federated_bundles[f"spiffe://{OTHER}/web"] = bundle


def _too_many_identities(message: X509SVIDResponse) -> None:
    message.svids.extend([message.svids[0]] * 101)


def _too_many_bundles(message: X509SVIDResponse) -> None:
    for it in range(1001):
        message.federated_bundles[f"spiffe://d{it}.example"] = b""


def _too_many_lists(message: X509SVIDResponse) -> None:
    message.crl.extend([b"\x30\x00"] * 1001)


def _huge_list(message: X509SVIDResponse) -> None:
    message.crl.append(bytes(16 * 1024 * 1024))


@pytest.mark.parametrize(
    "spoil",
    [
        _id_of_another,
        _id_in_upper_case,
        _key_of_another,
        _garbage_key,
        _garbage_chain,
        _cut_chain,
        _pem_chain,
        _chain_without_its_intermediate,
        _bundle_of_another,
        _bundle_of_an_impostor,
        _garbage_bundle,
        _leaf_as_bundle,
        _long_hint,
        _megabyte_hint,
        _garbage_federated,
        _federated_by_a_bare_name,
        _federated_by_a_workload,
        _too_many_identities,
        _too_many_bundles,
        _too_many_lists,
        _huge_list,
    ],
    ids=lambda it: it.__name__.strip("_"),
)
def test_a_part_that_is_wrong_spoils_the_message(
    spoil: Callable[[X509SVIDResponse], None],
) -> None:
    """W4, P8: key and chain fit, ids agree, the chain verifies; sizes are bounded."""
    message = svids(part(svid(WEB)), part(svid(API)))
    spoil(message)
    error = refused(message)
    assert error.expected
    assert error.seen
    assert len(str(error)) < 1000
    assert str(error).isascii()


def test_an_svid_that_has_expired_spoils_the_message() -> None:
    """W4, W5: an agent that lost its clock does not replace what is still good."""
    with pytest.raises(SourceError) as caught:
        read(svids(), svid(WEB).not_after + timedelta(hours=1))
    assert "certificate_expired" in caught.value.seen


def test_an_svid_that_begins_in_a_moment_is_taken() -> None:
    read(svids(), svid(WEB).not_before - timedelta(minutes=5))


# ---- bundles ----


def test_federated_bundles_stand_beside_the_own_one() -> None:
    other = agent.authority(OTHER).bundle
    update = read(svids(federated=[other]))
    assert {it.trust_domain.name for it in update.bundles} == {OWN, OTHER}


def test_a_federated_bundle_never_takes_the_place_of_the_own_one() -> None:
    """W4: an entry of our own trust domain among the federated ones is not used."""
    update = read(svids(federated=[Authority(OWN).bundle]))
    assert update.bundles[OWN] == agent.authority().bundle


def test_what_the_next_message_does_not_have_is_gone() -> None:
    """WAPI-36, WAPI-37: bundles, lists and hints are not kept from before."""
    reader = X509Reader(FakeClock())
    other = agent.authority(OTHER).bundle
    lists = [agent.crl(agent.authority().root)]
    first = reader.read_svids(
        svids(part(hint="in"), part(svid(API)), federated=[other], crl=lists)
    )
    assert (len(first.svids), len(first.bundles), len(first.crls)) == (2, 2, 1)
    second = reader.read_svids(svids(part()))
    assert [it.hint for it in second.svids] == [""]
    assert (len(second.bundles), len(second.crls)) == (1, 0)


def test_two_bundles_of_one_trust_domain_spoil_the_message() -> None:
    """W4: two readings of whom to trust, so none is taken."""
    both = TrustBundle.from_der(
        OWN, [agent.authority().root.der, Authority(OWN).root.der]
    )
    message = svids(part(svid(WEB)), part(svid(API), bundle=both))
    assert "one bundle a trust domain" in refused(message).expected


def test_bundles_in_another_order_are_the_same() -> None:
    more = Authority(OWN).root.der
    there = TrustBundle.from_der(OWN, [agent.authority().root.der, more])
    back = TrustBundle.from_der(OWN, [more, agent.authority().root.der])
    read(svids(part(svid(WEB), bundle=there), part(svid(API), bundle=back)))


def test_identities_of_two_trust_domains_bring_a_bundle_each() -> None:
    message = svids(part(svid(WEB)), part(svid(f"spiffe://{OTHER}/web")))
    update = read(message)
    assert {it.trust_domain.name for it in update.bundles} == {OWN, OTHER}


def test_a_peer_is_judged_by_the_bundle_of_its_own_trust_domain() -> None:
    """WAPI-27, P1: without its bundle it is nobody."""
    update = read(svids())
    stranger = svid(f"spiffe://{OTHER}/web")
    with pytest.raises(VerificationError):
        Verifier(update.bundles).verify(stranger.chain)
    federated = read(svids(federated=[agent.authority(OTHER).bundle]))
    Verifier(federated.bundles).verify(stranger.chain)


def test_an_empty_federated_bundle_trusts_nobody() -> None:
    message = svids()
    message.federated_bundles[f"spiffe://{OTHER}"] = b""
    assert read(message).bundles[OTHER].is_empty


# ---- hints ----


def test_the_first_of_two_equal_hints_wins() -> None:
    """WAPI-49."""
    message = svids(part(svid(WEB), hint="x"), part(svid(API), hint="x"))
    assert [str(it.spiffe_id) for it in read(message).svids] == [WEB]


def test_identities_without_a_hint_do_not_compete() -> None:
    message = svids(part(svid(WEB)), part(svid(API)))
    assert len(read(message).svids) == 2


def test_the_longest_hint_is_taken() -> None:
    assert len(read(svids(part(hint="x" * HINT_MAX))).svids[0].hint) == HINT_MAX


# ---- bundles alone ----


def test_bundles_alone_are_understood() -> None:
    message = agent.bundles(agent.authority().bundle, agent.authority(OTHER).bundle)
    update = X509Reader(FakeClock()).read_bundles(message)
    assert update.svids == ()
    assert {it.trust_domain.name for it in update.bundles} == {OWN, OTHER}


def test_bundles_that_are_not_there_any_more_are_gone() -> None:
    """WAPI-53, WAPI-37."""
    reader = X509Reader(FakeClock())
    own, other = agent.authority().bundle, agent.authority(OTHER).bundle
    reader.read_bundles(agent.bundles(own, other))
    assert len(reader.read_bundles(agent.bundles(own)).bundles) == 1


def test_authorities_that_the_engine_refuses_spoil_the_message() -> None:
    """W4: met here once, and not by each connection (a finding of the fuzzer)."""
    ecdsa = bytes.fromhex("06082a8648ce3d0403")  # ...02 with SHA-256, 03 with SHA-384
    before, found, after = agent.authority(OTHER).root.der.rpartition(ecdsa + b"\x02")
    assert found
    two = TrustBundle.from_der(OTHER, before + ecdsa + b"\x03" + after)
    own = agent.authority().bundle
    with pytest.raises(SourceError) as caught:
        X509Reader(FakeClock()).read_bundles(agent.bundles(own, two))
    assert caught.value.reason is Reason.SOURCE_INVALID
    with pytest.raises(SourceError) as caught:
        read(svids(federated=[two]))
    assert caught.value.reason is Reason.SOURCE_INVALID


def test_no_bundle_at_all_is_no_answer() -> None:
    """WAPI-39, WAPI-52: the own trust domain's is always there."""
    with pytest.raises(SourceError) as caught:
        X509Reader(FakeClock()).read_bundles(agent.bundles())
    assert caught.value.reason is Reason.SOURCE_INVALID


def test_what_comes_again_is_not_decoded_again() -> None:
    reader = X509Reader(FakeClock())
    message = svids(federated=[agent.authority(OTHER).bundle])
    first, second = reader.read_svids(message), reader.read_svids(message)
    assert first.svids[0] is second.svids[0]
    assert first.bundles[OTHER] is second.bundles[OTHER]
    assert first.content() == second.content()
