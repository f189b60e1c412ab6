# SPDX-License-Identifier: Apache-2.0
"""Relationships in a TOML file, as an authority is told of them.

.. code-block:: toml

    [[federate]]
    trust_domain = "partner.example"
    url = "https://bundles.partner.example/"
    profile = "https_web"                    # roots = "partner-roots.pem"

    [[federate]]
    trust_domain = "other.example"
    url = "https://10.0.0.7:8443/"
    profile = "https_spiffe"
    endpoint_id = "spiffe://other.example/handfast/authority"
    bundle = "other.json"                    # PEM, DER or a bundle document
    allow_networks = ["10.0.0.0/24"]

Paths are relative to the file. All three values of a relationship have to be there, and
nothing but what is known (FED-13).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handfast._settings import refuse
from handfast.bundle_forms import read_any_bundle
from handfast.errors import HandfastError
from handfast.federation.endpoint import BundleEndpoint
from handfast.ids import SpiffeId
from handfast.strict_json import is_list, is_object
from handfast.text import escape

if TYPE_CHECKING:
    from handfast.strict_json import Json

__all__ = ["read_endpoints"]

_NEEDED: Final = {"trust_domain", "url", "profile"}
_ALLOWED: Final = {
    "https_web": _NEEDED | {"roots", "allow_networks"},
    "https_spiffe": _NEEDED | {"endpoint_id", "bundle", "allow_networks"},
}


def read_endpoints(path: Path | str) -> tuple[BundleEndpoint, ...]:
    """Read all relationships of a file.

    Raises:
        ConfigError: One of them cannot be used; a note names the file and which.
        OSError: The file, or one that it names, cannot be read.
    """
    file = Path(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        refuse(f"TOML in {file}", escape(str(error)))
    rows = table.pop("federate", [])
    if not is_list(rows) or table:
        seen = escape(", ".join(sorted(table))) or type(rows).__name__
        refuse(f"[[federate]] in {file}, and nothing else", seen)
    found: list[BundleEndpoint] = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(_endpoint(row, file.parent))
        except HandfastError as error:
            error.add_note(f"{file}, [[federate]] number {number}")
            raise
    return tuple(found)


def _endpoint(row: object, folder: Path) -> BundleEndpoint:
    if not is_object(row):
        refuse("a table [[federate]]", type(row).__name__)
    profile = row.get("profile")
    allowed = _ALLOWED.get(profile) if isinstance(profile, str) else None
    if allowed is None:
        refuse("profile = 'https_web' or 'https_spiffe'", repr(profile))
    if not row.keys() >= _NEEDED or not row.keys() <= allowed:
        seen = escape(", ".join(sorted(row)))
        refuse(f"{', '.join(sorted(allowed))} for {profile}", seen)
    networks = row.get("allow_networks", [])
    if not is_list(networks):
        refuse("allow_networks as an array", type(networks).__name__)
    nets = [it if isinstance(it, str) else "" for it in networks]
    domain, url = _text(row, "trust_domain"), _text(row, "url")
    if profile == "https_web":
        roots = _path(row, "roots", folder).read_bytes() if "roots" in row else None
        return BundleEndpoint.https_web(domain, url, roots=roots, allow_networks=nets)
    endpoint_id = SpiffeId.parse(_text(row, "endpoint_id"))
    bundle = None
    if "bundle" in row:
        data = _path(row, "bundle", folder).read_bytes()
        bundle = read_any_bundle(endpoint_id.trust_domain, data)
    return BundleEndpoint.https_spiffe(
        domain, url, endpoint_id=endpoint_id, bundle=bundle, allow_networks=nets
    )


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        refuse(f"{name} as a text", repr(value))
    return value


def _path(row: Json, name: str, folder: Path) -> Path:
    text = _text(row, name)
    if "\0" in text:
        refuse(f"{name} as the path of a file", "a text with a zero byte")
    return folder / text
