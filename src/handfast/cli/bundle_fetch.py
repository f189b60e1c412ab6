# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle fetch``: another trust domain's bundle, once or kept fresh."""

from __future__ import annotations

import hashlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from handfast import BundleDocument, TrustDomain
from handfast._whole_files import replace_file
from handfast.cli.identity import FILE, read_bundle
from handfast.cli.output import emit, notes, shown
from handfast.federation import (
    BundleEndpoint,
    FederationManager,
    Fetched,
    fetch_bundle,
)
from handfast.net import secure_endpoint

# Bundles are public: whoever may read the directory may read them.
_MODE = 0o644


def _endpoint(
    url: str,
    trust_domain: str,
    profile: str,
    endpoint_id: str | None,
    first: str | None,
    roots: Path | None,
    networks: tuple[str, ...],
) -> BundleEndpoint:
    domain = TrustDomain.parse(trust_domain)
    if profile == "https_web":
        if endpoint_id is not None or first is not None:
            raise click.UsageError("--endpoint-id and --bundle are for https_spiffe")
        anchors = None if roots is None else roots.read_bytes()
        return BundleEndpoint.https_web(
            domain, url, roots=anchors, allow_networks=networks
        )
    if endpoint_id is None or roots is not None:
        raise click.UsageError(
            "https_spiffe needs --endpoint-id, and --bundle instead of --roots"
        )
    if first is None:
        raise click.UsageError(
            "https_spiffe needs --bundle, what the endpoint is verified by"
        )
    return BundleEndpoint.https_spiffe(
        domain,
        url,
        endpoint_id=endpoint_id,
        bundle=read_bundle(first, domain),
        allow_networks=networks,
    )


def _facts(document: BundleDocument, body: bytes) -> dict[str, Any]:
    return {
        "trust_domain": document.trust_domain.name,
        "x509_authorities": len(document.x509),
        "jwt_authorities": len(document.jwt),
        "sequence": document.sequence,
        "refresh_hint": document.refresh_hint,
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def _words(document: BundleDocument) -> str:
    return (
        f"{document.trust_domain}: {len(document.x509)} X.509 and "
        f"{len(document.jwt)} JWT authorities, sequence {document.sequence}"
    )


def _tell(fetched: Fetched, *, as_json: bool, output: Path | None) -> None:
    if output is not None:
        replace_file(output, fetched.body, _MODE)
    if as_json:
        hops = [
            {"url": str(it.url), "address": it.address, "server": it.server}
            for it in fetched.hops
        ]
        facts = _facts(fetched.document, fetched.body)
        emit({"event": "fetched", **facts, "hops": hops})
        return
    last = fetched.hops[-1]
    words = _words(fetched.document)
    place = shown(f"{last.url} ({last.server})")
    notes.print(f"[bold green]fetched[/] {words}, from {place}")
    if output is None:
        sys.stdout.buffer.write(fetched.body)
        sys.stdout.flush()


async def _once(
    endpoint: BundleEndpoint, patience: float, *, as_json: bool, output: Path | None
) -> None:
    fetched = await fetch_bundle(endpoint, secure=secure_endpoint, timeout=patience)
    _tell(fetched, as_json=as_json, output=output)


async def _watch(
    endpoint: BundleEndpoint,
    patience: float,
    state: Path | None,
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    manager = FederationManager(
        [endpoint], secure=secure_endpoint, state=state, timeout=patience
    )
    generation = 0
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.run)
        while True:
            generation = await manager.wait_changed(generation)
            for document in manager.current.documents.values():
                body = document.to_json()
                if output is not None:
                    replace_file(output, body, _MODE)
                if as_json:
                    emit({"event": "changed", **_facts(document, body)})
                else:
                    notes.print(f"[bold green]changed[/] {_words(document)}")


@click.command("fetch")
@click.argument("url")
@click.option("--trust-domain", required=True, metavar="NAME", help="Whose bundle.")
@click.option(
    "--profile",
    required=True,
    type=click.Choice(["https_web", "https_spiffe"]),
    help="What the endpoint is verified by.",
)
@click.option("--endpoint-id", metavar="ID", help="https_spiffe: its SPIFFE ID.")
@click.option(
    "--bundle",
    metavar="[TRUST-DOMAIN=]FILE",
    help="https_spiffe: what its SVID is verified by, PEM, DER or a bundle document; "
    "the trust domain's own without a name.",
)
@click.option("--roots", type=FILE, help="https_web: PEM, instead of the system's.")
@click.option(
    "--allow-network",
    "networks",
    multiple=True,
    metavar="NETWORK",
    help="A local network that it may be in, such as 127.0.0.0/8.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds for a fetch, redirects included.",
)
@click.option("--output", type=FILE, help="Write the document here, as a whole.")
@click.option("--watch", is_flag=True, help="Go on, at the pace that it hints.")
@click.option("--state", type=FILE, help="With --watch: keep the latest here.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def command(
    url: str,
    trust_domain: str,
    profile: str,
    endpoint_id: str | None,
    bundle: str | None,
    roots: Path | None,
    networks: tuple[str, ...],
    timeout: float,
    output: Path | None,
    watch: bool,
    state: Path | None,
    as_json: bool,
) -> None:
    """Fetch a trust domain's bundle from its endpoint, and print the document."""
    endpoint = _endpoint(
        url, trust_domain, profile, endpoint_id, bundle, roots, networks
    )
    if watch:
        watching = partial(_watch, endpoint, timeout, state, output, as_json=as_json)
        trio.run(watching)
        return
    if state is not None:
        raise click.UsageError("--state needs --watch: once, nothing is kept")
    trio.run(partial(_once, endpoint, timeout, as_json=as_json, output=output))
