# SPDX-License-Identifier: Apache-2.0
"""Workloads with identities, and configurations for both ends of a connection."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.support import pki

from handfast import StaticSource, TlsConfig, authorize
from handfast.authorize import Authorizer

CLIENT = "spiffe://a.example/client"
SERVER = "spiffe://a.example/server"


@cache
def authority(domain: str = "a.example") -> pki.Issued:
    """One root a trust domain for all tests that need no special one."""
    return pki.root(domain)


def source(uri: str, *, ca: pki.Issued | None = None, **knobs: Any) -> StaticSource:
    """An identity in a.example, which trusts a.example."""
    issued = pki.leaf(ca or authority(), uri, **knobs)
    return StaticSource(issued.svid(), authority().bundle("a.example"))


def client(
    identity: StaticSource | None = None,
    *,
    who: Authorizer | None = None,
    **settings: Any,
) -> TlsConfig:
    """A client's configuration."""
    who = authorize.any_in("a.example") if who is None else who
    return TlsConfig.client(identity or source(CLIENT), authorize=who, **settings)


def server(
    identity: StaticSource | None = None,
    *,
    who: Authorizer | None = None,
    **settings: Any,
) -> TlsConfig:
    """A server's configuration."""
    who = authorize.any_in("a.example") if who is None else who
    return TlsConfig.server(identity or source(SERVER), authorize=who, **settings)
