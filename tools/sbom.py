#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the CycloneDX bill of what a wheel contains: handfast and what is in it.

    python3 tools/sbom.py --handfast 0.1.0 --openssl 3.5.7 --origin pinned OUTPUT

`--crypto-mb VERSION` for a wheel with signature lanes, `--mimalloc` for one with our
own allocator, which is the pinned one.

The build puts it into the wheel's `.dist-info/sboms` (PEP 770). There is no random
serial number and no clock in it, so that one source gives one wheel.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from pathlib import Path

import mimalloc
import openssl
import openssl_source

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "handfast")


def openssl_component(version: str, *, pinned: bool) -> dict[str, object]:
    """Describe OpenSSL: the pinned one is inside, the system's is only linked."""
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": f"openssl@{version}",
        "name": "openssl",
        "version": version,
        "scope": "required",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "cpe": f"cpe:2.3:a:openssl:openssl:{version}:*:*:*:*:*:*:*",
        "purl": f"pkg:generic/openssl@{version}",
    }
    if pinned:
        pin = openssl.Pin.read()
        digest = [{"alg": "SHA-256", "content": pin.sha256}]
        component["externalReferences"] = [
            {
                "type": "source-distribution",
                "url": openssl_source.UPSTREAM.format(version),
                "hashes": digest,
            }
        ]
        component["properties"] = [
            {"name": "handfast:linkage", "value": "static"},
            {"name": "handfast:configure", "value": " ".join(pin.configure)},
            *(
                {"name": f"handfast:{it.name}", "value": f"{it.upstream} -> {it.ours}"}
                for it in pin.constants
            ),
        ]
    else:
        component["properties"] = [{"name": "handfast:linkage", "value": "dynamic"}]
    return component


def lanes_component(version: str) -> dict[str, object]:
    """Describe crypto_mb, a part of Intel's library, by the package it came in."""
    return {
        "type": "library",
        "bom-ref": f"crypto_mb@{version}",
        "name": "crypto_mb",
        "version": version,
        "scope": "required",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:pypi/ipp-crypto-static@{version}",
        "properties": [{"name": "handfast:linkage", "value": "static"}],
    }


def allocator_component() -> dict[str, object]:
    """Describe mimalloc, by the digest of its files and how it is set up."""
    pin = mimalloc.Pin.read()
    return {
        "type": "library",
        "bom-ref": f"mimalloc@{pin.version}",
        "name": "mimalloc",
        "version": pin.version,
        "scope": "required",
        "licenses": [{"license": {"id": "MIT"}}],
        "purl": f"pkg:github/microsoft/mimalloc@v{pin.version}",
        "properties": [
            {"name": "handfast:linkage", "value": "static"},
            {"name": "handfast:files-sha256", "value": pin.sha256},
            {"name": "handfast:secure-level", "value": str(pin.secure)},
        ],
    }


def bill(
    handfast: str,
    openssl_version: str,
    *,
    pinned: bool,
    crypto_mb: str | None = None,
    allocator: bool = False,
) -> dict[str, object]:
    """Return the whole document."""
    components = [openssl_component(openssl_version, pinned=pinned)]
    if crypto_mb is not None:
        components.append(lanes_component(crypto_mb))
    if allocator:
        components.append(allocator_component())
    references = [component["bom-ref"] for component in components]
    seed = json.dumps([handfast, *components], sort_keys=True)
    root = f"handfast@{handfast}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, seed)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": root,
                "name": "handfast",
                "version": handfast,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": f"pkg:pypi/handfast@{handfast}",
            }
        },
        "components": components,
        "dependencies": [
            {"ref": root, "dependsOn": references},
            *({"ref": reference} for reference in references),
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the CycloneDX bill of a wheel.")
    parser.add_argument("--handfast", required=True, help="version of handfast")
    parser.add_argument("--openssl", required=True, help="version of OpenSSL")
    parser.add_argument("--origin", required=True, choices=("pinned", "system"))
    parser.add_argument("--crypto-mb", help="version of the lanes' package, if inside")
    parser.add_argument("--mimalloc", action="store_true", help="if inside")
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    document = bill(
        given.handfast,
        given.openssl,
        pinned=given.origin == "pinned",
        crypto_mb=given.crypto_mb,
        allocator=given.mimalloc,
    )
    given.output.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
