# SPDX-License-Identifier: Apache-2.0
"""A web certificate in files that something else renews."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handfast.federation.rereading import Rereading
from handfast.pem import CERTIFICATE, read_pem, write_pem
from handfast.web_certificate import WebCertificate

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WebFiles"]

_KEYS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


class WebFiles(Rereading[WebCertificate]):
    """Gives the certificate that is in two files now, for a bundle endpoint to show.

    A pair that does not fit together, as it is while somebody writes it, leaves the
    last one in use. The certificate has to name the endpoint's host (FED-22), and be
    one that clients trust: by a public authority, unless they were given others.

    Args:
        chain: PEM file: the certificate, and those above it.
        key: PEM file with its private key; None looks into the first one.

    Raises:
        InvalidCertificate: The files hold something else.
        OSError: They cannot be read.
    """

    def __init__(self, chain: Path | str, key: Path | str | None = None) -> None:
        first = Path(chain)
        second = first if key is None else Path(key)
        super().__init__((first, second), lambda: _read(first, second))


def _read(chain: Path, key: Path) -> WebCertificate:
    # Both may be in one file: each is taken out of what is around it.
    blocks = read_pem(chain.read_bytes(), CERTIFICATE, *_KEYS)
    keys = read_pem(key.read_bytes(), CERTIFICATE, *_KEYS)
    return WebCertificate.from_pem(
        _written(it for it in blocks if it[0] == CERTIFICATE),
        _written(it for it in keys if it[0] != CERTIFICATE),
    )


def _written(blocks: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(write_pem(label, [der]) for label, der in blocks)
