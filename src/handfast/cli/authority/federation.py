# SPDX-License-Identifier: Apache-2.0
"""What an authority does with other trust domains: serve its bundle, fetch theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import click
import trio

from handfast import TrustDomain
from handfast.authority.nodes import NodeDoor
from handfast.authority.nodes.names import authority_id
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState
from handfast.cli.authority.options import read_address
from handfast.cli.identity import FILE
from handfast.federation import (
    BundleEndpoint,
    BundleService,
    FederationManager,
    WebFiles,
    follow,
    read_endpoints,
    take_overrides,
)
from handfast.net import secure_endpoint, serve_bundle_endpoint

__all__ = ["Federation", "federation_options"]

Command = Callable[..., Any]

_LOOK_AGAIN = 60.0

_OPTIONS = (
    click.option(
        "--bundle-endpoint",
        metavar="[HOST:]PORT",
        help="Serve our bundle to other trust domains, by https_spiffe.",
    ),
    click.option(
        "--bundle-cert", type=FILE, help="By https_web: a certificate of the web …"
    ),
    click.option("--bundle-key", type=FILE, help="… and its key."),
    click.option("--federate", type=FILE, help="TOML: whose bundles to fetch."),
)


def federation_options(command: Command) -> Command:
    """Add --bundle-endpoint and its like, and --federate."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """What the options said."""

    host: str | None
    port: int | None
    web: WebFiles | None
    endpoints: tuple[BundleEndpoint, ...]

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """Make it of the options, and leave the others.

        Raises:
            click.UsageError: they do not fit together.
            ConfigError: a relationship cannot be used.
        """
        where: str | None = given.pop("bundle_endpoint")
        cert: Path | None = given.pop("bundle_cert")
        key: Path | None = given.pop("bundle_key")
        file: Path | None = given.pop("federate")
        if (cert is None) != (key is None) or (cert is not None and where is None):
            raise click.UsageError(
                "--bundle-cert and --bundle-key go together, with --bundle-endpoint"
            )
        host, port = (
            (None, None) if where is None else read_address(where, "--bundle-endpoint")
        )
        return cls(
            host=host or None,
            port=port,
            web=None if cert is None else WebFiles(cert, key),
            endpoints=() if file is None else read_endpoints(file),
        )

    async def start(
        self,
        folder: Path,
        state: AuthorityState,
        service: AuthorityService,
        nursery: trio.Nursery,
    ) -> dict[str, str]:
        """Start what was asked for; return what is to be announced."""
        facts: dict[str, str] = {}
        if self.port is not None:
            facts = await self._serve(self.port, state, service, nursery)

        def forget(domain: TrustDomain) -> None:
            if domain in service.federated.trust_domains:
                service.federated.remove(domain)
                service.ring()

        manager = FederationManager(
            self.endpoints,
            secure=secure_endpoint,
            state=folder / "federation",
            forget=forget,
        )
        await nursery.start(manager.run)
        nursery.start_soon(follow, manager, service.federated, service.ring)
        nursery.start_soon(
            take_overrides,
            manager,
            service.federated,
            partial(service.issuer.wait_bell, _LOOK_AGAIN),
        )
        return facts

    async def _serve(
        self,
        port: int,
        state: AuthorityState,
        service: AuthorityService,
        nursery: trio.Nursery,
    ) -> dict[str, str]:
        # One-way TLS: of the door only the authority's own SVID plays a part.
        door = NodeDoor(state, service.nodes, service.node_service)
        serve = partial(
            serve_bundle_endpoint,
            BundleService(state.bundle_document),
            port,
            self.web or door,
            host=self.host,
        )
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        number = listeners[0].socket.getsockname()[1]
        if self.web is not None:
            return {"bundle_port": str(number), "bundle_profile": "https_web"}
        return {
            "bundle_port": str(number),
            "bundle_profile": "https_spiffe",
            "bundle_endpoint_id": str(authority_id(state.settings.trust_domain)),
        }
