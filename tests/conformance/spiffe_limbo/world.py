# SPDX-License-Identifier: Apache-2.0
"""Authorities and leaves for the cases, the same bytes each time they are made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from tests.conformance.spiffe_limbo.keys import key

from handfast.testing import INTERMEDIATE, LEAF, ROOT, Recipe, der
from handfast.testing.build import Issuer, build, key_identifier
from handfast.testing.sign import AnyKey, spki

__all__ = ["DOMAIN", "HOUR", "NOW", "WEB", "A", "Ca", "intermediate", "leaf", "root"]

#: What every case's times count from, and when it is judged unless it says otherwise.
NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
HOUR: Final = 3600
DOMAIN: Final = "a.example"
WEB: Final = "spiffe://a.example/web"


@dataclass(frozen=True, slots=True)
class Ca:
    """An authority: its certificate, how it signs, and what goes along with a leaf."""

    domain: str
    der: bytes
    issuer: Issuer
    above: tuple[bytes, ...] = ()


def _made(recipe: Recipe, subject: AnyKey, issuer: Issuer, uri: str) -> bytes:
    """Build with a serial that is a hash of everything that goes in."""
    if recipe.serial is None:
        # Only knobs that are turned, so that a new one changes no certificate.
        knobs = {f.name: getattr(recipe, f.name) for f in fields(recipe)}
        turned = {n: v for n, v in knobs.items() if v != getattr(LEAF, n)}
        seen = f"{turned} {uri} {issuer.name.hex()}".encode()
        seen += spki(subject) + spki(issuer.key)
        serial = int.from_bytes(hashlib.sha256(seen).digest()[:15], "big") + 1
        recipe = replace(recipe, serial=serial)
    return build(recipe, subject, issuer, uri, NOW)


def _signer(recipe: Recipe, own: AnyKey) -> Issuer:
    subject = recipe.subject
    name = der.common_name(subject) if isinstance(subject, str) else subject
    given = recipe.subject_key_identifier
    public = recipe.public_key or spki(own)
    key_id = given if isinstance(given, bytes) else key_identifier(public)
    return Issuer(name, own, key_id)


def root(
    domain: str, *, label: str = "", own: AnyKey | None = None, **knobs: Any
) -> Ca:
    """A self-signed root; `label` tells roots of one trust domain apart."""
    recipe = replace(ROOT, **({"subject": f"{domain} root {label}".strip()} | knobs))
    signing = own or key(f"root {domain} {label}", recipe.key_type)
    issuer = _signer(recipe, signing)
    made = _made(recipe, signing, issuer, f"spiffe://{domain}")
    return Ca(domain, made, issuer)


def intermediate(
    above: Ca, *, label: str = "", own: AnyKey | None = None, **knobs: Any
) -> Ca:
    """An intermediate below an authority, with its trust domain's ID."""
    named = {"subject": f"{above.domain} intermediate {label}".strip()}
    recipe = replace(INTERMEDIATE, **(named | knobs))
    signing = own or key(f"intermediate {above.domain} {label}", recipe.key_type)
    made = _made(recipe, signing, above.issuer, f"spiffe://{above.domain}")
    return Ca(above.domain, made, _signer(recipe, signing), above=(made, *above.above))


def leaf(above: Ca, uri: str = WEB, **knobs: Any) -> tuple[bytes, ...]:
    """A workload's chain: its certificate, and the intermediates above it."""
    recipe = replace(LEAF, **knobs)
    own = key("leaf", recipe.key_type)
    return (_made(recipe, own, above.issuer, uri), *above.above)


#: The root of a.example, in most cases.
A: Final = root(DOMAIN)
