# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle serve``: a bundle endpoint from files that others renew."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import trio

from handfast import (
    BundleDocument,
    SourceSnapshot,
    TrustBundleSet,
    TrustDomain,
    X509Svid,
)
from handfast.cli.identity import FILE, read_bundle, read_svid
from handfast.cli.output import emit, notes
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


def _read(text: str, domain: TrustDomain | None) -> BundleDocument:
    """Read ``[trust-domain=]file``; of a bundle document its JWT keys, too."""
    bundle = read_bundle(text, domain)
    data = _file(text).read_bytes()
    if data.lstrip().startswith(b"{"):
        return BundleDocument.from_json(bundle.trust_domain, data)
    return BundleDocument.of(bundle)


def _file(text: str) -> Path:
    return Path(text.partition("=")[2] or text)


def _publisher(text: str, domain: TrustDomain | None, hint: int) -> Publisher:
    newest = Rereading((_file(text),), lambda: _read(text, domain))

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


async def _serve(
    service: BundleService,
    serve: Callable[..., Awaitable[object]],
    paths: list[str],
    host: str | None,
    profile: str,
    *,
    as_json: bool,
) -> None:
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        if as_json:
            facts = {"port": port, "host": host, "profile": profile, "paths": paths}
            emit({"event": "listening", **facts})
        else:
            notes.print(f"{profile} on port {port}: {' '.join(paths)}")
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
@click.option("--cert", type=FILE, required=True, help="The chain that is shown.")
@click.option("--key", type=FILE, required=True, help="Its private key.")
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
    cert: Path,
    key: Path,
    bundles: tuple[str, ...],
    trust_domain: str | None,
    refresh_hint: int,
    as_json: bool,
) -> None:
    """Serve trust bundles to other trust domains. Nobody is asked who he is."""
    publishers = _publishers(bundles, trust_domain, refresh_hint)
    service = BundleService(publishers)
    web = profile == "https_web"
    identity = WebFiles(cert, key) if web else _SvidFiles(cert, key)
    serve = partial(serve_bundle_endpoint, service, port, identity, host=host)
    paths = sorted(publishers)
    trio.run(partial(_serve, service, serve, paths, host, profile, as_json=as_json))
