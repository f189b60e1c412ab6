# SPDX-License-Identifier: Apache-2.0
"""SPIFFE bundle documents and maps: only InvalidBundle gets out, round trips hold.

What an attacker must hold already: a bundle endpoint that we were told to ask, or the
agent's place at the Workload API.
"""

from __future__ import annotations

import sys

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import (
        BundleDocument,
        BundleMap,
        InvalidBundle,
        JwtBundle,
        TrustBundle,
    )

NAME = "a.example"


def x509(data: bytes) -> None:
    """Read, write and read the authorities of certificates."""
    bundle = TrustBundle.from_json(NAME, data)
    if TrustBundle.from_json(NAME, bundle.to_json()).digest != bundle.digest:
        raise AssertionError(f"{data!r} does not survive a round trip")


def plain_set(data: bytes) -> None:
    """The same for a plain JWK Set."""
    bundle = JwtBundle.from_jwks(NAME, data)
    if JwtBundle.from_jwks(NAME, bundle.to_jwks()) != bundle:
        raise AssertionError(f"{data!r} does not survive a round trip as JWK Set")


def document(data: bytes) -> None:
    """The same for a whole document, which never has more than its parts."""
    whole = BundleDocument.from_json(NAME, data)
    if BundleDocument.from_json(NAME, whole.to_json()) != whole:
        raise AssertionError(f"{data!r} does not survive a round trip as document")
    if JwtBundle.from_json(NAME, data) != whole.jwt:
        raise AssertionError(f"{data!r} has other keys for another reader")
    if TrustBundle.from_json(NAME, data) != whole.x509:
        raise AssertionError(f"{data!r} has other authorities for another reader")


def bundle_map(data: bytes) -> None:
    """The same for a map."""
    found = BundleMap.from_json(data)
    if BundleMap.from_json(found.to_json()) != found:
        raise AssertionError(f"{data!r} does not survive a round trip as map")


def one_input(data: bytes) -> None:
    """Ask every reader."""
    for reader in (x509, plain_set, document, bundle_map):
        try:
            reader(data)
        except InvalidBundle as error:
            if not str(error).isprintable():
                raise AssertionError(
                    f"{data!r}: a message with anything in it"
                ) from error


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
