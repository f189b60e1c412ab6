# SPDX-License-Identifier: Apache-2.0
"""IDs of other meshes, as their own public documentation writes them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from handfast import ConfigError, InvalidId, SpiffeId, TrustDomain
from handfast.meshes import (
    AppMeshName,
    CiliumComponent,
    CiliumIdentity,
    ConsulAgent,
    ConsulMeshGateway,
    ConsulServer,
    ConsulService,
    ConsulWorkloadIdentity,
    KubernetesServiceAccount,
    LinkerdServiceAccount,
    MeshIdentity,
    SpireAgent,
    SpireServer,
    SpireTemplate,
    recognise,
)

NODE = "default/7341eacf-763d-4396-a455-8db3e3323c68"

# Each with where it was published.
PUBLISHED: list[tuple[str, type[MeshIdentity], dict[str, str]]] = [
    (  # Istio, Security concepts: spiffe://<trust domain>/ns/<namespace>/sa/<account>
        "spiffe://cluster.local/ns/default/sa/sleep",
        KubernetesServiceAccount,
        {"namespace": "default", "service_account": "sleep"},
    ),
    (  # SPIRE, Kubernetes quickstart
        "spiffe://example.org/ns/default/sa/default",
        KubernetesServiceAccount,
        {"namespace": "default", "service_account": "default"},
    ),
    (  # Cilium, "Mutual Authentication": the SPIRE agent's alias
        "spiffe://spiffe.cilium/ns/cilium-spire/sa/spire-agent",
        KubernetesServiceAccount,
        {"namespace": "cilium-spire", "service_account": "spire-agent"},
    ),
    (  # Google Cloud Service Mesh: a workload identity pool as trust domain
        "spiffe://my-project.svc.id.goog/ns/shop/sa/web.frontend",
        KubernetesServiceAccount,
        {"namespace": "shop", "service_account": "web.frontend"},
    ),
    (  # hashicorp/consul, agent/connect/uri_test.go, as are the next seven
        "spiffe://1234.consul/ns/default/dc/dc01/svc/web",
        ConsulService,
        {"namespace": "default", "datacenter": "dc01", "service": "web"},
    ),
    (
        "spiffe://1234.consul/ap/bizdev/ns/default/dc/dc01/svc/web",
        ConsulService,
        {"partition": "bizdev", "datacenter": "dc01", "service": "web"},
    ),
    (
        "spiffe://1234.consul/agent/client/dc/dc1/id/uuid",
        ConsulAgent,
        {"partition": "default", "datacenter": "dc1", "node": "uuid"},
    ),
    (
        "spiffe://1234.consul/ap/bizdev/agent/client/dc/dc1/id/uuid",
        ConsulAgent,
        {"partition": "bizdev", "datacenter": "dc1", "node": "uuid"},
    ),
    (
        "spiffe://1234.consul/agent/server/dc/dc1",
        ConsulServer,
        {"datacenter": "dc1"},
    ),
    (
        "spiffe://1234.consul/gateway/mesh/dc/dc1",
        ConsulMeshGateway,
        {"partition": "default", "datacenter": "dc1"},
    ),
    (
        "spiffe://1234.consul/ap/bizdev/gateway/mesh/dc/dc1",
        ConsulMeshGateway,
        {"partition": "bizdev", "datacenter": "dc1"},
    ),
    (  # hashicorp/consul, agent/connect/uri_workload_identity.go
        "spiffe://1234.consul/ap/default/ns/default/identity/web",
        ConsulWorkloadIdentity,
        {"partition": "default", "namespace": "default", "identity": "web"},
    ),
    (  # cilium/cilium, log of its agent: spiffe://spiffe.cilium/identity/<number>
        "spiffe://spiffe.cilium/identity/35152",
        CiliumIdentity,
        {"identity": "35152"},
    ),
    (  # Cilium's design document of mutual authentication
        "spiffe://spiffe.cilium/cilium-operator",
        CiliumComponent,
        {"component": "cilium-operator"},
    ),
    (  # Cilium, "Mutual Authentication": `spire-server agent list`
        f"spiffe://spiffe.cilium/spire/agent/k8s_psat/{NODE}",
        SpireAgent,
        {"attestor": "k8s_psat", "node": NODE},
    ),
    (  # SPIRE, doc/plugin_agent_nodeattestor_x509pop.md
        "spiffe://example.org/spire/agent/x509pop/1f6d2a",
        SpireAgent,
        {"attestor": "x509pop", "node": "1f6d2a"},
    ),
    ("spiffe://example.org/spire/server", SpireServer, {}),
]

NOT_OF_ANY_SHAPE = """
/ns/shop/sa/Web
/ns/shop/sa/-web
/ns/Shop/sa/web
/ns/shop.eu/sa/web
/ns/shop/sa/web/extra
/ns/shop/sa
/x/ns/shop/sa/web
/ns/default/dc/dc.1/svc/web
/ap/default/ns/default/dc/dc1/svc/web
/ap/default/gateway/mesh/dc/dc1
/ns/default/dc/dc1/svc/web/subset/v1
/ap/bizdev/agent/server/dc/dc1
/agent/node-1
/gateway/ingress/dc/dc1
/identity/007
/identity/4294967296
/identity/99999999999999999999
/identity/-1
/identity/1.0
/cilium-agents
/spire/agent
/spire/agent/join_token
/spire/server/x
/spire
/web
/workload/web
""".split()


def where(case: Any) -> str:
    return str(case) if isinstance(case, str) else ""


@pytest.mark.parametrize(("text", "shape", "fields"), PUBLISHED, ids=where)
def test_published_ids_are_taken_apart_and_put_together(
    text: str, shape: type[MeshIdentity], fields: dict[str, str]
) -> None:
    spiffe_id = SpiffeId.parse(text)
    [found] = recognise(text)
    assert found == shape.parse(spiffe_id)
    assert type(found) is shape
    assert {name: getattr(found, name) for name in fields} == fields
    assert found.trust_domain == spiffe_id.trust_domain
    assert found.spiffe_id == spiffe_id


@pytest.mark.parametrize("path", NOT_OF_ANY_SHAPE)
def test_what_fits_no_shape_gives_none(path: str) -> None:
    assert recognise(f"spiffe://a.example{path}") == ()


def test_a_path_less_id_is_of_no_shape() -> None:
    assert recognise("spiffe://1234.consul") == ()


def test_app_mesh_is_only_looked_for_when_asked() -> None:
    """Every ID of one segment fits, so it says nothing of who wrote it."""
    text = "spiffe://howto-k8s-mtls-sds-based.aws/colorblue"
    found = AppMeshName.parse(text)
    assert found is not None
    assert (found.name, str(found.spiffe_id)) == ("colorblue", text)
    assert recognise(text) == ()
    assert AppMeshName.parse("spiffe://a.example/ns/colorblue") is None


@pytest.mark.parametrize(
    "text",
    [
        "http://cluster.local/ns/default/sa/web",
        "spiffe://cluster.local/ns/default/sa/web/",
        "spiffe://cluster.local/ns//sa/web",
        "spiffe://1234.consul/ns/foo%2Fbar/dc/dc1/svc/web",
    ],
)
def test_what_is_no_spiffe_id_is_refused_before(text: str) -> None:
    """Consul may escape by '%'; SPIFFE has no such thing (I3)."""
    with pytest.raises(InvalidId):
        recognise(text)


def test_what_is_constructed_is_valid_and_stays_so() -> None:
    domain = TrustDomain("cluster.local")
    web = KubernetesServiceAccount(
        trust_domain=domain, namespace="shop", service_account="web"
    )
    assert web.principal == "cluster.local/ns/shop/sa/web"
    with pytest.raises(FrozenInstanceError):
        web.namespace = "other"  # type: ignore[misc]
    for wrong in ("", "Shop", "shop/sa/x", "..", "a" * 64):
        with pytest.raises(InvalidId):
            KubernetesServiceAccount(
                trust_domain=domain, namespace=wrong, service_account="web"
            )
    with pytest.raises(InvalidId):
        SpireAgent(trust_domain=domain, attestor="x509pop", node="a/../b")
    with pytest.raises(InvalidId):
        CiliumComponent(trust_domain=domain, component="cilium")
    with pytest.raises(InvalidId):
        CiliumIdentity(trust_domain=domain, identity="\u0661")  # a digit, not ASCII


# Linkerd, "Authorization policy", and cases of linkerd2-proxy's own documentation.
LINKERD = {
    "web.emojivoto.serviceaccount.identity.linkerd.cluster.local": (
        "web",
        "emojivoto",
        "linkerd",
        "cluster.local",
    ),
    "foo.ns1.serviceaccount.identity.linkerd.cluster.local": (
        "foo",
        "ns1",
        "linkerd",
        "cluster.local",
    ),
    "a.b.shop.serviceaccount.identity.l5d.example": (
        "a.b",
        "shop",
        "l5d",
        "example",
    ),
}


@pytest.mark.parametrize("name", LINKERD)
def test_names_of_linkerd_are_taken_apart_and_put_together(name: str) -> None:
    found = LinkerdServiceAccount.parse(name)
    assert found is not None
    assert found.dns_name == name
    assert (
        found.service_account,
        found.namespace,
        found.control_plane,
        found.identity_domain,
    ) == LINKERD[name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "web.shop.svc.cluster.local",
        "shop.serviceaccount.identity.linkerd.cluster.local",
        "serviceaccount.identity.linkerd.cluster.local",
        "web.shop.serviceaccount.identity.linkerd",
        "web.shop.serviceaccount.identity",
        "WEB.shop.serviceaccount.identity.linkerd.cluster.local",
        "*.shop.serviceaccount.identity.linkerd.cluster.local",
        "web.shop.serviceaccount.identity.linkerd.cluster.local.",
        "web.shop.serviceaccount.identity.x.y.serviceaccount.identity.linkerd.local",
        "a." * 120 + "web.shop.serviceaccount.identity.linkerd.cluster.local",
    ],
)
def test_what_is_no_name_of_linkerd_or_could_be_two_gives_none(name: str) -> None:
    assert LinkerdServiceAccount.parse(name) is None


DEFAULT = (
    "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}"
    "/sa/{{ .PodSpec.ServiceAccountName }}"
)


def test_spires_default_template_reads_what_it_writes() -> None:
    template = SpireTemplate(DEFAULT)
    fields = {"PodMeta.Namespace": "shop", "PodSpec.ServiceAccountName": "web"}
    made = template.make("a.example", fields)
    assert str(made) == "spiffe://a.example/ns/shop/sa/web"
    assert template.match(made) == fields


def test_a_template_may_fix_the_trust_domain_and_cut_blanks() -> None:
    template = SpireTemplate("spiffe://a.example/c-{{- .ClusterName -}}-x")
    assert template.match("spiffe://a.example/c-eu-x") == {"ClusterName": "eu"}
    assert template.match("spiffe://b.example/c-eu-x") is None
    assert template.match("spiffe://a.example/c--x") is None
    assert template.match("spiffe://a.example/c-x") is None
    assert template.match("spiffe://a.example/c-eu-x/more") is None


@pytest.mark.parametrize(
    "text",
    [
        "/ns/{{ .PodMeta.Namespace }}",
        "spiffe://{{ .TrustDomain }}",
        "spiffe://{{ .ClusterName }}/x",
        "spiffe://a.example/{{ .PodMeta.Namespace }}{{ .PodMeta.Name }}",
        "spiffe://a.example/{{ .PodMeta.Namespace }}-{{ .PodMeta.Name }}",
        "spiffe://a.example/{{ .PodMeta.Name }}/{{ .PodMeta.Name }}",
        'spiffe://a.example/{{ index .PodMeta.Labels "app" }}',
        "spiffe://a.example/{{ .PodMeta.Labels.app }}",
        "spiffe://a.example/{{ .PodMeta.Name | lower }}",
        "spiffe://a.example/{{ .TrustDomain }}",
        "spiffe://a.example/x//y",
        "spiffe://a.example/x/",
        "spiffe://a.example/{{ .PodMeta.Name }",
    ],
)
def test_a_template_without_a_sure_way_back_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        SpireTemplate(text)


def test_a_template_makes_nothing_of_fields_that_are_not_there() -> None:
    template = SpireTemplate(DEFAULT)
    for wrong in ({}, {"PodMeta.Namespace": "a/b", "PodSpec.ServiceAccountName": "x"}):
        with pytest.raises(ConfigError):
            template.make("a.example", wrong)


def test_nothing_of_it_needs_trio() -> None:
    code = "import sys, handfast.meshes; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
