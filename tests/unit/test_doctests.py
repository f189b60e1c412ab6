# SPDX-License-Identifier: Apache-2.0
"""The examples in the documentation of the values run, and say what they print."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "handfast.authority.ca",
    "handfast.authority.durations",
    "handfast.authority.entries",
    "handfast.authority.selectors",
    "handfast.authorize",
    "handfast.batch",
    "handfast.bundle",
    "handfast.bundle_document",
    "handfast.bundle_map",
    "handfast.chain_buffer",
    "handfast.der",
    "handfast.errors",
    "handfast.ids",
    "handfast.jwk",
    "handfast.jwt_bundle",
    "handfast.jwt_signer",
    "handfast.jwt_svid",
    "handfast.keys",
    "handfast.meshes",
    "handfast.meshes.app_mesh",
    "handfast.meshes.cilium",
    "handfast.meshes.consul",
    "handfast.meshes.kubernetes",
    "handfast.meshes.linkerd",
    "handfast.meshes.spire",
    "handfast.meshes.template",
    "handfast.names",
    "handfast.pem",
    "handfast.sources.files",
    "handfast.sources.health",
    "handfast.sources.static",
    "handfast.wit_signer",
    "handfast.sources.bearer",
    "handfast.sources.workload_api",
    "handfast.testing.catalogue",
    "handfast.testing.clock",
    "handfast.testing.der",
    "handfast.testing.forge",
    "handfast.testing.workload_api",
    "handfast.text",
    "handfast.workload_api.client_wire",
    "handfast.workload_api.endpoint",
    "handfast.workload_api.messages",
    "handfast.workload_api.rates",
    "handfast.workload_api.status",
    "handfast.workload_api.timeouts",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0
