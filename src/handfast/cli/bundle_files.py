# SPDX-License-Identifier: Apache-2.0
"""Bundles out of files of any form, and what is in them, authority by authority."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.tree import Tree

from handfast import BundleDocument, BundleMap, JwtBundle, TrustDomain
from handfast.bundle_forms import form_of, read_any_bundle
from handfast.bundle_json import read_json
from handfast.bundle_map import MAP_MAX
from handfast.certificates import read_certificate
from handfast.cli.certificates import naming
from handfast.cli.output import human_duration, iso, shown
from handfast.keys import key_type_of

# A bundle says nowhere whose it is. Where nobody asks, any name will do.
_NOBODY = TrustDomain("unnamed")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file, and the bundles in it.

    Attributes:
        path: Where it was.
        form: ``pem``, ``der``, ``document`` or ``map``.
        bundles: By trust domain; None for a bundle whose name nobody said.
    """

    path: Path
    form: str
    bundles: dict[TrustDomain | None, BundleDocument]

    @property
    def only(self) -> BundleDocument:
        """The one bundle of a file that is no map."""
        (found,) = self.bundles.values()
        return found


def read_bundle_file(text: str) -> BundleFile:
    """Read ``[trust-domain=]file``: PEM, DER, a bundle document, or a map of them.

    A JWK Set without any ``use`` is taken for keys of JWT-SVIDs, as the Workload API
    sends them.

    Raises:
        click.UsageError: A map was given a name, which it has already.
    """
    name, separator, rest = text.partition("=")
    named = TrustDomain.parse(name) if separator else None
    path = Path(rest if separator else text)
    data = path.read_bytes()
    with naming(path):
        form = form_of(data)
        if form != "document":
            bundle = read_any_bundle(named or _NOBODY, data)
            return BundleFile(path, form, {named: BundleDocument.of(bundle)})
        members = read_json(data, limit=MAP_MAX)
        if "trust_domains" not in members:
            document = _document(named or _NOBODY, data)
            return BundleFile(path, "document", {named: document})
        if named is not None:
            raise click.UsageError(f"{path} is a map, and has its names in it")
        found = BundleMap.from_json(data)
    return BundleFile(path, "map", {one.trust_domain: one for one in found})


def _document(trust_domain: TrustDomain, data: bytes) -> BundleDocument:
    document = BundleDocument.from_json(trust_domain, data)
    if document.is_empty:
        plain = JwtBundle.from_jwks(trust_domain, data)
        return BundleDocument.of(document.x509, plain)
    return document


def _certificate_facts(der: bytes, at: datetime) -> Json:
    certificate = read_certificate(der)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < start:
        valid, words = False, f"begins in {human_duration(start - at)}"
    elif at >= end:
        valid, words = False, f"expired {human_duration(at - end)} ago"
    else:
        valid, words = True, f"{human_duration(end - at)} left"
    return {
        "use": "x509-svid",
        "sha256": hashlib.sha256(der).hexdigest(),
        "subject": certificate.subject.rfc4514_string(),
        "key": key_type_of(certificate.public_key()),
        "self_signed": certificate.issuer == certificate.subject,
        "not_before": iso(start),
        "not_after": iso(end),
        "valid_now": valid,
        "validity": words,
    }


def authorities(document: BundleDocument, at: datetime) -> list[Json]:
    """Every authority of a bundle, certificates first, ready for JSON.

    The fingerprint is SHA-256 over the certificate's DER, or over the public key's.
    """
    found = [_certificate_facts(der, at) for der in document.x509.x509_authorities]
    for kid, key in document.jwt.keys.items():
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found.append(
            {
                "use": "jwt-svid",
                "sha256": hashlib.sha256(spki).hexdigest(),
                "kid": kid,
                "key": key_type_of(key),
                "algorithm": document.jwt.algorithms.get(kid),
            }
        )
    return found


def add_authority(tree: Tree, facts: Json, mark: str = "") -> None:
    """Add one authority to a tree: whose it is, its fingerprint, how long it lasts."""
    name = facts["subject"] if facts["use"] == "x509-svid" else facts["kid"]
    node = tree.add(f"{mark}{facts['use']} [bold]{shown(name)}[/] {facts['key']}")
    node.add(facts["sha256"])
    if facts["use"] == "jwt-svid":
        if facts["algorithm"]:
            node.add(f"only for {facts['algorithm']}")
        return
    colour = "green" if facts["valid_now"] else "red"
    node.add(f"valid until {facts['not_after']}: [{colour}]{facts['validity']}[/]")
