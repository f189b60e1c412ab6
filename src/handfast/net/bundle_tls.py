# SPDX-License-Identifier: Apache-2.0
"""The server's side of TLS for bundle endpoints: it shows a certificate, and asks none.

The engine's servers always authenticate their clients, and a bundle endpoint must not
(FED-23, FED-44). So this is Python's own TLS, with Mozilla's "intermediate" settings
(FED-12) and without sessions, on connections that carry nothing but public bundles.

A private key gets into it by way of a file only: it is written encrypted, under a
password that lives as long as the call, into a directory of nobody else's.
"""

from __future__ import annotations

import secrets
import ssl
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from handfast.errors import ConfigError, Reason, detail_for
from handfast.keys import PrivateKey
from handfast.pem import CERTIFICATE, read_pem, write_pem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.sources import Source

__all__ = ["EndpointTls", "SvidTls", "WebTls"]

# Of TLS 1.2; those of 1.3 are all of them intermediate.
_CIPHERS: Final = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)


class EndpointTls(Protocol):
    """What a bundle endpoint shows."""

    def context(self) -> ssl.SSLContext:
        """Return what the next connection begins with."""
        ...


class SvidTls:
    """Shows a source's newest X.509-SVID: the profile ``https_spiffe`` (FED-43).

    Args:
        source: Where the SVID comes from; its bundles are not looked at.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._made: tuple[int, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Make a context once for each generation of the source.

        Raises:
            SourceError: The source has nothing that may be used.
        """
        with self._lock:
            snapshot = self._source.snapshot()
            if self._made is None or self._made[0] != snapshot.generation:
                made = _context(snapshot.svid.chain, snapshot.svid.key)
                self._made = snapshot.generation, made
            return self._made[1]


class WebTls:
    """Shows a certificate of the web, from files: the profile ``https_web``.

    The certificate has to name the endpoint's host (FED-22), and be one that clients
    trust: by a public authority, unless they were given others (FED-21).

    Args:
        chain: PEM file: the certificate, and those above it.
        key: PEM file with its private key; None looks into the first one.
    """

    def __init__(self, chain: Path | str, key: Path | str | None = None) -> None:
        self._chain = Path(chain)
        self._key = self._chain if key is None else Path(key)
        self._lock = threading.Lock()
        self._made: tuple[tuple[int, ...], ssl.SSLContext] | None = None
        self.context()

    def context(self) -> ssl.SSLContext:
        """Make a context, anew when the files have changed.

        A half-written pair leaves the last one in use.

        Raises:
            ConfigError: The files do not belong together, the first time.
            OSError: They cannot be read, the first time.
        """
        with self._lock:
            try:
                seen = self._look()
                if self._made is None or self._made[0] != seen:
                    self._made = seen, self._read()
            except (OSError, ValueError):
                if self._made is None:
                    raise
            return self._made[1]

    def _look(self) -> tuple[int, ...]:
        facts = [path.stat() for path in (self._chain, self._key)]
        return tuple(n for it in facts for n in (it.st_ino, it.st_mtime_ns, it.st_size))

    def _read(self) -> ssl.SSLContext:
        # Both may be in one file: each is taken out of whatever is around it.
        blocks = read_pem(self._chain.read_bytes(), *_LABELS)
        chain = [der for label, der in blocks if label == CERTIFICATE]
        if self._key != self._chain:
            blocks = read_pem(self._key.read_bytes(), *_LABELS)
        keys = [(label, der) for label, der in blocks if label != CERTIFICATE]
        if not chain or len(keys) != 1:
            detail = detail_for(
                Reason.CONFIG_INVALID,
                expected="a certificate and one private key",
                seen=f"{len(chain)} and {len(keys)}",
            )
            raise ConfigError(detail)
        return _context(chain, PrivateKey.from_der(keys[0][1]))


_LABELS: Final = (CERTIFICATE, "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


def _context(chain: Sequence[bytes], key: PrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    password = secrets.token_bytes(32).hex().encode()
    secret = key.load().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    with tempfile.TemporaryDirectory(prefix="handfast-") as folder:
        file = Path(folder, "endpoint.pem")
        file.write_bytes(write_pem(CERTIFICATE, chain) + secret)
        try:
            context.load_cert_chain(file, password=password)
        except ssl.SSLError as error:
            detail = detail_for(
                Reason.CONFIG_INVALID,
                expected="a certificate and its own private key",
                seen=str(error),
            )
            raise ConfigError(detail) from None
    return context
