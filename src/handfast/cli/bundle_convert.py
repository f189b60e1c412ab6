# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle convert``: PEM, DER, bundle documents, JWK Sets and maps."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from handfast import BundleDocument, BundleMap, JwtBundle, TrustDomain
from handfast.bundle_json import HINT_MAX, SEQUENCE_MAX
from handfast.cli.bundle_files import BundleFile, read_bundle_file
from handfast.cli.identity import FILE
from handfast.cli.output import emit

_FORMS = ("document", "map", "pem", "der", "jwks")


def _chosen(files: Sequence[BundleFile], name: str | None) -> BundleDocument:
    """The one bundle that is meant."""
    wanted = None if name is None else TrustDomain.parse(name)
    found = [
        document
        for file in files
        for known, document in file.bundles.items()
        if wanted in (None, known)
    ]
    if len(found) != 1:
        raise click.UsageError(
            f"one bundle can be written in this form, and there are {len(found)}: "
            "choose by --trust-domain"
        )
    return found[0]


def _map(files: Sequence[BundleFile]) -> bytes:
    named: list[BundleDocument] = []
    for file in files:
        for name, document in file.bundles.items():
            if name is None:
                raise click.UsageError(f"{file.path}: write TRUST-DOMAIN=FILE")
            named.append(document)
    return BundleMap(named).to_json()


def _need_none_of(keys: JwtBundle, form: str, *, x509_only: bool) -> None:
    """Refuse to lose keys in silence."""
    if keys.keys and not x509_only:
        raise click.UsageError(
            f"{form} cannot hold the {len(keys)} JWT authorities: "
            "leave them out on purpose with --x509-only"
        )


def _written(document: BundleDocument, form: str, *, x509_only: bool) -> bytes:
    if form == "jwks":
        return document.jwt.to_jwks()
    if form in {"pem", "der"}:
        _need_none_of(document.jwt, form, x509_only=x509_only)
        if form == "pem":
            return document.x509.to_pem()
        return b"".join(document.x509.x509_authorities)
    if x509_only:
        document = replace(document, jwt=JwtBundle(document.trust_domain))
    return document.to_json()


@click.command("convert")
@click.argument("files", nargs=-1, required=True, metavar="[TRUST-DOMAIN=]FILE...")
@click.option("--to", "form", type=click.Choice(_FORMS), required=True)
@click.option("--trust-domain", "name", metavar="NAME", help="Which one of a map.")
@click.option("--x509-only", is_flag=True, help="Leave the JWT authorities out.")
@click.option(
    "--sequence", type=click.IntRange(0, SEQUENCE_MAX), help="Of the document."
)
@click.option(
    "--refresh-hint", type=click.IntRange(0, HINT_MAX), help="Seconds, of the document."
)
@click.option("--output", "-o", type=FILE, help="Where to; standard output without it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written, as JSON.")
def command(
    files: tuple[str, ...],
    form: str,
    name: str | None,
    x509_only: bool,
    sequence: int | None,
    refresh_hint: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write bundles in another form.

    document: a SPIFFE bundle document, which go-spiffe and SPIRE read. map: several of
    them. pem, der: certificates. jwks: the JWT authorities as a plain JWK Set. A form
    that cannot hold everything is refused, unless that is asked for.
    """
    if as_json and output is None:
        raise click.UsageError("--json needs --output: there is one standard output")
    found = [read_bundle_file(text) for text in files]
    if form == "map":
        data = _map(found)
    else:
        document = _chosen(found, name)
        if sequence is not None:
            document = replace(document, sequence=sequence)
        if refresh_hint is not None:
            document = replace(document, refresh_hint=refresh_hint)
        data = _written(document, form, x509_only=x509_only)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    output.write_bytes(data)
    if as_json:
        emit(
            {
                "file": str(output),
                "form": form,
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        )
