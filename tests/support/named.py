# SPDX-License-Identifier: Apache-2.0
"""A port with two identities, told apart by server name, and who calls there."""

from __future__ import annotations

from typing import Any

from tests.support.net_world import client_config, server_config, source

from handfast import TlsConfig, authorize
from handfast.net import ServerNames

PAY = "spiffe://a.example/pay"
SHOP = "spiffe://a.example/shop"


def config_of(spiffe_id: str, **settings: Any) -> TlsConfig:
    return server_config(source=source(spiffe_id), **settings)


def anybody(**settings: Any) -> TlsConfig:
    """Make a client that takes any server of its trust domain."""
    return client_config(authorize=authorize.any_in("a.example"), **settings)


def names(**settings: Any) -> ServerNames:
    return ServerNames(
        {"pay.example.com": config_of(PAY), "*.shop.example": config_of(SHOP)},
        **settings,
    )
