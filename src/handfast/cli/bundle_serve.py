# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle serve``: a bundle endpoint from files that others renew."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import click
import trio

from handfast import (
    BundleDocument,
    Source,
    SourceSnapshot,
    TrustBundleSet,
    TrustDomain,
    X509Svid,
)
from handfast.bundle_forms import form_of, read_any_bundle
from handfast.cli.certificates import naming
from handfast.cli.identity import FILE, name_and_file, read_svid
from handfast.cli.output import emit, notes
from handfast.cli.sources import ENDPOINT, Identity
from handfast.federation import BundleService, Numbered, Publisher, WebFiles
from handfast.federation.rereading import Rereading
from handfast.net import serve_bundle_endpoint


class _SvidFiles:
    """An SVID in files, as a source; it trusts nobody, as nobody is authenticated."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._newest = Rereading((cert, key), lambda: read_svid(cert, key))
        self._svid: X509Svid | None = None
        self._generation = 0

    def snapshot(self) -> SourceSnapshot:
        """Return what is in the files now."""
        svid = self._newest()
        if svid is not self._svid:
            self._svid = svid
            self._generation += 1
        return SourceSnapshot(
            svid=svid, bundles=TrustBundleSet(), generation=self._generation
        )


def _read(domain: TrustDomain, file: Path) -> BundleDocument:
    """Read a file; of a bundle document its JWT keys, too."""
    data = file.read_bytes()
    with naming(file):
        if form_of(data) == "document":
            return BundleDocument.from_json(domain, data)
        return BundleDocument.of(read_any_bundle(domain, data))


def _publisher(text: str, domain: TrustDomain | None, hint: int) -> Publisher:
    named, file = name_and_file(text, domain)
    newest = Rereading((file,), lambda: _read(named, file))

    def hinted() -> BundleDocument:
        document = newest()
        if document.refresh_hint is not None:
            return document
        return dataclasses.replace(document, refresh_hint=hint)

    return Numbered(hinted)


def _publishers(
    bundles: tuple[str, ...], trust_domain: str | None, hint: int
) -> dict[str, Publisher]:
    """One bundle at the root; several each at its trust domain's name."""
    domain = None if trust_domain is None else TrustDomain.parse(trust_domain)
    found = [_publisher(text, domain, hint) for text in bundles]
    if len(found) == 1:
        return {"/": found[0]}
    named = {f"/{it().trust_domain}": it for it in found}
    if len(named) != len(found):
        raise click.UsageError("--bundle: two of the same trust domain")
    return named


@asynccontextmanager
async def _shown(
    profile: str, identity: Identity
) -> AsyncGenerator[Source | WebFiles, None]:
    """What the endpoint shows, and goes on showing the newest of.

    Raises:
        click.UsageError: The options name none, or one that the profile does not have.
    """
    cert, key = identity.cert, identity.key
    other = identity.files is not None or identity.endpoint is not None
    if (cert is None) != (key is None) or (cert is not None and other):
        raise click.UsageError(
            "one identity: --cert with --key, or --files, or --endpoint"
        )
    if profile == "https_web":
        if cert is None or key is None:
            raise click.UsageError("https_web needs --cert and --key")
        yield WebFiles(cert, key)
    elif cert is not None and key is not None:
        yield _SvidFiles(cert, key)
    else:
        async with identity.check().open() as source:
            yield source


async def _serve(
    service: BundleService,
    identity: Identity,
    paths: list[str],
    host: str | None,
    port: int,
    profile: str,
    *,
    as_json: bool,
) -> None:
    async with _shown(profile, identity) as shown, trio.open_nursery() as nursery:
        serve = partial(serve_bundle_endpoint, service, port, shown, host=host)
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        number = listeners[0].socket.getsockname()[1]
        if as_json:
            facts = {"port": number, "host": host, "profile": profile, "paths": paths}
            emit({"event": "listening", **facts})
        else:
            notes.print(f"{profile} on port {number}: {' '.join(paths)}")
        try:
            await trio.sleep_forever()
        finally:
            if as_json:
                facts = dataclasses.asdict(service.statistics())
                emit({"event": "served", **facts})


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--host", help="Address to listen on; every one without it.")
@click.option(
    "--profile",
    required=True,
    type=click.Choice(["https_web", "https_spiffe"]),
    help="What clients verify: a web certificate, or an SVID.",
)
@click.option("--cert", type=FILE, help="The chain that is shown …")
@click.option("--key", type=FILE, help="… and its private key.")
@click.option(
    "--files", type=FILE, metavar="DIR", help="https_spiffe: a directory of files."
)
@click.option(
    "--endpoint",
    metavar="URI",
    help=f"https_spiffe: the agent's Workload API; without any of these: {ENDPOINT}.",
)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    required=True,
    metavar="[TRUST-DOMAIN=]FILE",
    help="What is served: PEM, DER or a bundle document, read again when it changes. "
    "One is at /, several are at /TRUST-DOMAIN.",
)
@click.option("--trust-domain", metavar="NAME", help="Of a --bundle without a name.")
@click.option(
    "--refresh-hint",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="Seconds, where a document has none.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def command(
    port: int,
    host: str | None,
    profile: str,
    cert: Path | None,
    key: Path | None,
    files: Path | None,
    endpoint: str | None,
    bundles: tuple[str, ...],
    trust_domain: str | None,
    refresh_hint: int,
    as_json: bool,
) -> None:
    """Serve trust bundles to other trust domains. Nobody is asked who he is."""
    publishers = _publishers(bundles, trust_domain, refresh_hint)
    service = BundleService(publishers)
    identity = Identity(cert=cert, key=key, files=files, endpoint=endpoint)
    paths = sorted(publishers)
    serve = partial(_serve, service, identity, paths, host, port, profile)
    trio.run(partial(serve, as_json=as_json))
