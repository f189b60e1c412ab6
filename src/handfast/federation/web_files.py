# SPDX-License-Identifier: Apache-2.0
"""A web certificate in files that something else renews."""

from __future__ import annotations

import threading
from pathlib import Path

from handfast.errors import HandfastError
from handfast.pem import CERTIFICATE, read_pem, write_pem
from handfast.web_certificate import WebCertificate

__all__ = ["WebFiles"]

_KEYS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


class WebFiles:
    """Gives the certificate that is in two files now, for a bundle endpoint to show.

    The files are looked at for each connection, and read when they have changed. A pair
    that does not fit together, as it is while somebody writes it, leaves the last one
    in use. The certificate has to name the endpoint's host (FED-22), and be one that
    clients trust: by a public authority, unless they were given others (FED-21).

    Args:
        chain: PEM file: the certificate, and those above it.
        key: PEM file with its private key; None looks into the first one.

    Raises:
        InvalidCertificate: The files hold something else.
        OSError: They cannot be read.
    """

    def __init__(self, chain: Path | str, key: Path | str | None = None) -> None:
        self._chain = Path(chain)
        self._key = self._chain if key is None else Path(key)
        self._lock = threading.Lock()
        self._seen = self._look()
        self._certificate = self._read()

    def __call__(self) -> WebCertificate:
        """Return the newest certificate that can be used."""
        with self._lock:
            try:
                seen = self._look()
                if seen != self._seen:
                    self._certificate = self._read()
                    self._seen = seen
            except (OSError, HandfastError):
                pass  # half written, or away for a moment
            return self._certificate

    def _look(self) -> tuple[int, ...]:
        facts = [path.stat() for path in (self._chain, self._key)]
        return tuple(n for it in facts for n in (it.st_ino, it.st_mtime_ns, it.st_size))

    def _read(self) -> WebCertificate:
        # Both may be in one file: each is taken out of what is around it.
        chain = read_pem(self._chain.read_bytes(), CERTIFICATE, *_KEYS)
        keys = read_pem(self._key.read_bytes(), CERTIFICATE, *_KEYS)
        return WebCertificate.from_pem(
            b"".join(
                write_pem(label, [der]) for label, der in chain if label not in _KEYS
            ),
            b"".join(write_pem(label, [der]) for label, der in keys if label in _KEYS),
        )
