# SPDX-License-Identifier: Apache-2.0
"""A server's certificate of the public web: no SVID, and never taken for one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast.certificates import read_certificate
from handfast.errors import InvalidCertificate, Reason, detail_for
from handfast.keys import PrivateKey
from handfast.pem import CERTIFICATE, read_pem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CertificateSnapshot", "CertificateSource", "WebCertificate"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WebCertificate:
    """A chain for a host name and its key, for `TlsConfig.one_way_server`.

    Attributes:
        chain: DER certificates, leaf first.
        key: The leaf's private key.
        not_after: The end of the leaf's validity, in UTC.

    Raises:
        InvalidCertificate: a certificate cannot be read, or the key does not fit.
    """

    chain: tuple[bytes, ...]
    key: PrivateKey
    not_after: datetime = field(init=False)

    def __post_init__(self) -> None:
        if not self.chain:
            raise InvalidCertificate(detail_for(Reason.CHAIN_EMPTY))
        leaf, *_ = [read_certificate(it, depth=n) for n, it in enumerate(self.chain)]
        try:
            public = leaf.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        except Exception as error:
            # An unknown or broken key: cryptography has half a dozen ways to say so.
            raise InvalidCertificate(
                detail_for(Reason.CERTIFICATE_KEY, depth=0, certificate=self.chain[0])
            ) from error
        if public != self.key.public_der:
            raise InvalidCertificate(
                detail_for(
                    Reason.KEY_MISMATCH,
                    seen=f"a {self.key.kind} key",
                    depth=0,
                    certificate=self.chain[0],
                )
            )
        object.__setattr__(self, "not_after", leaf.not_valid_after_utc)

    @classmethod
    def from_pem(cls, chain: bytes | str, key: bytes | str) -> WebCertificate:
        """Read PEM texts: the chain, leaf first, and one unencrypted private key.

        Raises:
            InvalidCertificate: as the class.
        """
        certificates = tuple(der for _, der in read_pem(chain, CERTIFICATE))
        return cls(chain=certificates, key=PrivateKey.from_pem(key))

    def __repr__(self) -> str:
        return f"<WebCertificate until {self.not_after:%Y-%m-%dT%H:%M:%SZ}>"


class CertificateSnapshot(NamedTuple):
    """The certificate of a moment; the number grows with each new one."""

    certificate: WebCertificate
    generation: int


class CertificateSource:
    """Numbers what a function gives, as a source of SVIDs numbers its own."""

    __slots__ = ("_lock", "_newest", "_snapshot")

    def __init__(self, newest: WebCertificate | Callable[[], WebCertificate]) -> None:
        self._newest = newest
        self._lock = threading.Lock()
        self._snapshot: CertificateSnapshot | None = None

    def snapshot(self) -> CertificateSnapshot:
        """Return the newest certificate."""
        newest = self._newest
        certificate = newest if isinstance(newest, WebCertificate) else newest()
        with self._lock:
            known = self._snapshot
            if known is None or known.certificate is not certificate:
                generation = 1 if known is None else known.generation + 1
                known = self._snapshot = CertificateSnapshot(certificate, generation)
            return known
