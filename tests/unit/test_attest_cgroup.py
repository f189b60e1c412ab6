# SPDX-License-Identifier: Apache-2.0
"""Containers, pods and units by the cgroups of a process; what is no evidence (W1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.authority.attest.cgroup import cgroup_selectors
from handfast.authority.attest.known import need_attestable

ID = "0123456789abcdef" * 4
OTHER = "f" * 64
POD = "6d0f1c9a-2b3c-4d5e-8f90-a1b2c3d4e5f6"
SLICED = POD.replace("-", "_")
BURST = f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICED}.slice"


def selectors(text: str) -> list[str]:
    # Entries may ask for whatever is found.
    return sorted(str(need_attestable(it)) for it in cgroup_selectors(text)[0])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/system.slice/web.service", ["systemd:id:web.service"]),
        ("/system.slice/db@main.service/worker", ["systemd:id:db@main.service"]),
        ("/system.slice/system-db.slice/db@1.service", ["systemd:id:db@1.service"]),
        ("/init.scope", ["systemd:id:init.scope"]),
        ("/user.slice/user-1.slice/session-3.scope", ["systemd:id:session-3.scope"]),
        (
            f"/system.slice/docker-{ID}.scope",
            [
                f"container:id:{ID}",
                f"docker:container_id:{ID}",
                f"systemd:id:docker-{ID}.scope",
            ],
        ),
        (f"/docker/{ID}", [f"container:id:{ID}", f"docker:container_id:{ID}"]),
        (
            f"/machine.slice/libpod-{ID}.scope/container",
            [
                f"container:id:{ID}",
                f"podman:container_id:{ID}",
                f"systemd:id:libpod-{ID}.scope",
            ],
        ),
        (
            f"/libpod_parent/libpod-{ID}",
            [f"container:id:{ID}", f"podman:container_id:{ID}"],
        ),
        (
            f"/{BURST}/cri-containerd-{ID}.scope",
            [
                f"container:id:{ID}",
                f"containerd:container_id:{ID}",
                f"k8s:pod-uid:{POD}",
                f"systemd:id:cri-containerd-{ID}.scope",
            ],
        ),
        (
            f"/kubepods.slice/kubepods-pod{SLICED}.slice/crio-{ID}.scope",
            [
                f"container:id:{ID}",
                f"crio:container_id:{ID}",
                f"k8s:pod-uid:{POD}",
                f"systemd:id:crio-{ID}.scope",
            ],
        ),
        (
            f"/kubepods/besteffort/pod{POD}/{ID}",
            [f"container:id:{ID}", f"k8s:pod-uid:{POD}"],
        ),
        (
            f"/kubepods/pod{POD}/crio-{ID}",
            [f"container:id:{ID}", f"k8s:pod-uid:{POD}"],
        ),
        (f"/kubepods/burstable/pod{POD}", [f"k8s:pod-uid:{POD}"]),
        # A container's own containers are its own affair: the outer one counts.
        (
            f"/docker/{ID}/docker/{OTHER}",
            [f"container:id:{ID}", f"docker:container_id:{ID}"],
        ),
        (
            f"/kubepods/pod{POD}/{ID}/kubepods/pod{POD[::-1]}/{OTHER}",
            [f"container:id:{ID}", f"k8s:pod-uid:{POD}"],
        ),
    ],
)
def test_each_form_gives_its_facts(path: str, expected: list[str]) -> None:
    assert selectors(f"0::{path}\n") == expected
    # Version 1 has a line a hierarchy, and its own for systemd.
    first = f"12:pids:{path}\n4:cpu,cpuacct:{path}\n1:name=systemd:{path}\n0::/\n"
    assert selectors(first) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "docker",
        f"docker/{ID}",
        f"/docker/{ID[:63]}",
        f"/docker/{ID.upper()}",
        f"/docker/{ID}0",
        f"/other/docker/{ID}",
        f"/{ID}",
        # Out of our cgroup namespace: where it is is not said.
        f"/../docker/{ID}",
        f"/../../system.slice/docker-{ID}.scope",
        f"/kubepods/guaranteed/pod{POD}/{ID}",
        f"/kubepods/pod{POD[:-1]}/{ID}",
    ],
)
def test_what_is_not_of_that_form_is_no_evidence(path: str) -> None:
    assert selectors(f"0::{path}\n") == []


@pytest.mark.parametrize(
    "below",
    [
        f"docker-{ID}.scope",
        f"app.slice/docker-{ID}.scope",
        f"user.slice/libpod-{ID}.scope/container",
        f"{BURST}/cri-containerd-{ID}.scope",
        "app.slice/web.service",
    ],
)
def test_what_a_user_names_below_its_own_manager_is_no_evidence(below: str) -> None:
    """W1: a delegated cgroup is its owner's to name: a forged container or unit."""
    path = f"/user.slice/user-1000.slice/user@1000.service/{below}"
    assert selectors(f"0::{path}") == ["systemd:id:user@1000.service"]


def test_a_service_that_makes_cgroups_makes_no_containers() -> None:
    """W1: below a service its own names begin."""
    path = f"/system.slice/web.service/docker/{ID}"
    assert selectors(f"0::{path}") == ["systemd:id:web.service"]


@pytest.mark.parametrize(
    "text",
    [
        f"2:cpu:/docker/{ID}\n1:pids:/docker/{OTHER}\n",
        # Somebody has one hierarchy for himself, and names a container in it.
        f"2:cpu:/docker/{ID}\n1:name=systemd:/user.slice/user-7.slice/session-1.scope\n",
        f"2:cpu:/docker/{ID}\n1:pids:/user.slice\n",
        f"2:cpu:/{BURST}/cri-containerd-{ID}.scope\n1:pids:/system.slice\n",
    ],
)
def test_hierarchies_that_disagree_name_no_container(text: str) -> None:
    """W1: one of them is not the runtime's."""
    found, missing = cgroup_selectors(text)
    assert not [it for it in found if it.type != "systemd"]
    assert "disagree" in missing["container:id"]


@pytest.mark.parametrize("end", list("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
@pytest.mark.parametrize("own", [f"/docker/{ID}", f"/kubepods/pod{POD}/{ID}", "/made"])
def test_a_line_ends_where_the_kernel_ends_it(own: str, end: str) -> None:
    """W1: who may make a cgroup, as in a container, names no line of the text."""
    named = f"0::{own}/x{end}0::/system.slice/victim.service\n"
    assert not [it for it in selectors(named) if it.startswith("systemd")]
    assert selectors(named) == selectors(f"0::{own}/x\n")


def test_hierarchies_that_are_used_less_deeply_agree() -> None:
    text = f"3:misc:/\n2:cpu:/system.slice\n1:pids:/system.slice/docker-{ID}.scope\n"
    expected = [f"container:id:{ID}", f"docker:container_id:{ID}"]
    assert selectors(text) == expected


def test_only_systemds_own_hierarchy_names_a_unit() -> None:
    """W1: and it must be one."""
    assert selectors("2:cpu:/system.slice/a.service\n") == []
    text = "1:name=systemd:/system.slice/a.service\n2:cpu:/system.slice/b.service\n"
    assert selectors(text) == ["systemd:id:a.service"]
    text = "1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n"
    found, missing = cgroup_selectors(text)
    assert not found
    assert "disagree" in missing["systemd:id"]


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    cgroup_selectors(text)


@given(st.text(st.characters(exclude_characters="/\n"), min_size=1))
def test_no_name_of_a_user_passes_for_a_container(name: str) -> None:
    text = f"0::/user.slice/user-7.slice/user@7.service/{name}/docker-{ID}.scope"
    assert selectors(text) == ["systemd:id:user@7.service"]
