# SPDX-License-Identifier: Apache-2.0
"""Where a command takes its identity from: an agent, a directory, single files."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from handfast import (
    FileSource,
    Source,
    SourceSnapshot,
    StaticSource,
    WorkloadApiSource,
    X509Svid,
)
from handfast.cli.identity import FILE, read_bundles, read_svid
from handfast.workload_api.endpoint import ENVIRONMENT_VARIABLE

Command = Callable[..., Any]

#: Where the standard says that the agent's address stands.
ENDPOINT = ENVIRONMENT_VARIABLE

_OPTIONS = (
    click.option(
        "--endpoint",
        metavar="URI",
        help=f"The agent's Workload API, unix:… or tcp:…; without any of these: "
        f"{ENDPOINT}.",
    ),
    click.option(
        "--hint",
        metavar="TEXT",
        help="With an agent that has several identities for us: the one for this.",
    ),
    click.option("--files", type=FILE, metavar="DIR", help="A directory of files."),
    click.option("--cert", type=FILE, help="Our chain (PEM or DER)."),
    click.option("--key", type=FILE, help="Its private key."),
    click.option(
        "--bundle",
        "bundles",
        multiple=True,
        metavar="[TRUST-DOMAIN=]FILE",
        help="With --cert: authorities of a trust domain: PEM, DER or a SPIFFE bundle "
        "document. Repeat it for federated trust domains.",
    ),
    click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=10.0,
        show_default=True,
        help="Seconds to wait for an identity.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the options said."""

    endpoint: str | None = None
    hint: str | None = None
    files: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    bundles: Sequence[str] = ()
    wait: float = 10.0

    def check(self) -> Identity:
        """Settle on one way, and only one.

        Raises:
            click.UsageError: there is none, there are two, or one is not complete.
        """
        by_hand = bool(self.cert or self.key or self.bundles)
        if (self.endpoint is not None) + (self.files is not None) + by_hand > 1:
            raise click.UsageError(
                "one identity: --endpoint, or --files, or --cert with --key and "
                "--bundle"
            )
        if by_hand and not (self.cert and self.key and self.bundles):
            raise click.UsageError("--cert, --key and --bundle go together")
        if self.hint is not None and (by_hand or self.files is not None):
            raise click.UsageError("--hint is for agents: files hold one identity")
        if by_hand or self.files is not None or self.endpoint is not None:
            return self
        endpoint = os.environ.get(ENDPOINT)
        if not endpoint:
            raise click.UsageError(
                f"say who we are: --endpoint or {ENDPOINT}, --files, or --cert with "
                "--key and --bundle"
            )
        return replace(self, endpoint=endpoint)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Source, None]:
        """Open the source and wait until it has an identity.

        Raises:
            SourceError: it has none in time.
        """
        if self.cert is not None and self.key is not None:
            svid = read_svid(self.cert, self.key)
            bundles = read_bundles(self.bundles, svid.spiffe_id.trust_domain)
            yield StaticSource(svid, bundles)
        elif self.files is not None:
            async with FileSource(self.files) as files:
                await files.wait_ready(self.wait)
                yield files
        else:
            async with WorkloadApiSource(self.endpoint, hint=self.hint) as agent:
                await agent.wait_ready(self.wait)
                yield agent


class OtherIdentity:
    """Another SVID beside a source: whom it trusts is what the source trusts."""

    def __init__(self, svid: X509Svid, source: Source) -> None:
        self._svid = svid
        self._source = source

    def snapshot(self) -> SourceSnapshot:
        """Return the source's snapshot with this SVID in it."""
        return replace(self._source.snapshot(), svid=self._svid, svids=())


def source_options(command: Command) -> Command:
    """Add --endpoint and its like, --files, --cert and its like; as `identity`."""

    @wraps(command)
    def packed(
        *args: Any,
        endpoint: str | None,
        hint: str | None,
        files: Path | None,
        cert: Path | None,
        key: Path | None,
        bundles: tuple[str, ...],
        wait: float,
        **rest: Any,
    ) -> Any:
        identity = Identity(
            endpoint=endpoint,
            hint=hint,
            files=files,
            cert=cert,
            key=key,
            bundles=bundles,
            wait=wait,
        )
        return command(*args, identity=identity.check(), **rest)

    for option in reversed(_OPTIONS):
        packed = option(packed)
    return packed
