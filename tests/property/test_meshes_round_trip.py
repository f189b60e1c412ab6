# SPDX-License-Identifier: Apache-2.0
"""Shapes of IDs: what is taken apart is put together again, or is none."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from handfast import InvalidId, SpiffeId, TrustDomain
from handfast.meshes import (
    AppMeshName,
    KubernetesServiceAccount,
    LinkerdServiceAccount,
    SpireTemplate,
    recognise,
)

# Words of the shapes themselves, whole and nearly so, among others.
WORDS = (
    "ns sa ap dc svc id agent client server gateway mesh identity spire default shop "
    "web cilium-agent cilium-operator k8s_psat 1 007 4294967295 4294967296 a.b Web -x "
    "x- . .."
).split()
SEGMENTS = st.sampled_from(WORDS) | st.text("ab.-_A0", min_size=1, max_size=8)
ANY = st.lists(SEGMENTS, max_size=9)
# The shapes with '*' for a field, and perhaps a segment too many or too few.
NEARLY = st.sampled_from(
    [
        "ns * sa *",
        "ns * dc * svc *",
        "ap * ns * dc * svc *",
        "ap * ns * identity *",
        "agent client dc * id *",
        "ap * agent client dc * id *",
        "agent server dc *",
        "gateway mesh dc *",
        "ap * gateway mesh dc *",
        "identity *",
        "*",
        "spire agent * *",
        "spire agent * * *",
        "spire server",
    ]
).flatmap(
    lambda shape: st.tuples(
        *(SEGMENTS if word == "*" else st.just(word) for word in shape.split())
    )
)
CUT = st.tuples(NEARLY, st.integers(-1, 1)).map(
    lambda it: [*it[0], "more"] if it[1] > 0 else list(it[0])[: it[1] or None]
)
PATHS = st.one_of(ANY, CUT).map(lambda it: "".join(f"/{word}" for word in it))
LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(".".join)

# A second opinion, as one would write it by hand: which paths are which shape.
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_WORD = r"[A-Za-z0-9_-]+"
_PARTITION = rf"(/ap/(?!default/){_WORD})?"
BY_HAND = {
    "KubernetesServiceAccount": rf"/ns/{_LABEL}/sa/{_LABEL}(\.{_LABEL})*",
    "ConsulService": rf"{_PARTITION}/ns/{_WORD}/dc/{_WORD}/svc/[^/]+",
    "ConsulWorkloadIdentity": rf"/ap/{_WORD}/ns/{_WORD}/identity/[^/]+",
    "ConsulAgent": rf"{_PARTITION}/agent/client/dc/{_WORD}/id/[^/]+",
    "ConsulServer": rf"/agent/server/dc/{_WORD}",
    "ConsulMeshGateway": rf"{_PARTITION}/gateway/mesh/dc/{_WORD}",
    "CiliumIdentity": r"/identity/(0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4[01][0-9]{8}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])",  # noqa: E501 - a number of 32 bits
    "CiliumComponent": r"/cilium-(agent|operator)",
    "SpireAgent": r"/spire/agent/[^/]+(/[^/]+)+",
    "SpireServer": r"/spire/server",
}


@settings(max_examples=1000)
@given(path=PATHS)
def test_any_id_comes_back_as_it_was_or_has_no_shape(path: str) -> None:
    try:
        spiffe_id = SpiffeId.parse(f"spiffe://a.example{path}")
    except InvalidId:
        return
    found = recognise(spiffe_id)
    assert [type(it).__name__ for it in found] == [
        name for name, rule in BY_HAND.items() if re.fullmatch(rule, path)
    ]
    for identity in found:
        assert identity.spiffe_id == spiffe_id
        assert type(identity).parse(identity.spiffe_id) == identity
    simple = AppMeshName.parse(spiffe_id)
    assert (simple is not None) == (len(spiffe_id.segments) == 1)


@given(namespace=LABELS, account=NAMES)
def test_service_accounts_come_back_from_an_id_a_template_and_linkerd(
    namespace: str, account: str
) -> None:
    domain = TrustDomain("cluster.local")
    made = KubernetesServiceAccount(
        trust_domain=domain, namespace=namespace, service_account=account
    )
    assert KubernetesServiceAccount.parse(made.spiffe_id) == made
    template = SpireTemplate(
        "spiffe://{{.TrustDomain}}/ns/{{.PodMeta.Namespace}}"
        "/sa/{{.PodSpec.ServiceAccountName}}"
    )
    fields = template.match(made.spiffe_id)
    assert fields == {
        "PodMeta.Namespace": namespace,
        "PodSpec.ServiceAccountName": account,
    }
    assert template.make(domain, fields) == made.spiffe_id
    linkerd = LinkerdServiceAccount(
        service_account=account,
        namespace=namespace,
        control_plane="linkerd",
        identity_domain="cluster.local",
    )
    assert LinkerdServiceAccount.parse(linkerd.dns_name) == linkerd


@settings(max_examples=500)
@given(
    labels=st.lists(
        LABELS | st.sampled_from(["serviceaccount", "identity", "*", ""]), max_size=9
    )
)
def test_any_name_of_linkerd_comes_back_as_it_was_or_is_none(labels: list[str]) -> None:
    name = ".".join(labels)
    found = LinkerdServiceAccount.parse(name)
    assert found is None or found.dns_name == name
