# SPDX-License-Identifier: Apache-2.0
"""Certificates out of files: chains, bundles, bundle documents."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from handfast import HandfastError, InvalidCertificate, Reason, TrustBundle
from handfast.bundle_forms import form_of
from handfast.der import split_der
from handfast.errors import detail_for
from handfast.pem import CERTIFICATE, CRL, is_pem, read_pem


@contextmanager
def naming(file: Path) -> Generator[None]:
    """Let what is refused inside name the file it came from."""
    try:
        yield
    except HandfastError as error:
        error.add_note(str(file))
        raise


def read_chain(file: Path) -> list[bytes]:
    """Read PEM or concatenated DER as DER certificates, in the file's order.

    Raises:
        InvalidCertificate: the file is neither, or empty.
    """
    data = file.read_bytes()
    with naming(file):
        if not data.strip():  # nothing to look at is nothing to approve of
            seen = "an empty file"
            raise InvalidCertificate(detail_for(Reason.CHAIN_EMPTY, seen=seen))
        if not is_pem(data):
            return list(split_der(data))
        return [der for _, der in read_pem(data, CERTIFICATE)]


def read_crls(files: Iterable[Path]) -> list[bytes]:
    """Read revocation lists, PEM or one DER a file.

    Raises:
        InvalidCertificate: a PEM file is damaged, or holds something else.
    """
    crls: list[bytes] = []
    for file in files:
        data = file.read_bytes()
        with naming(file):
            if is_pem(data):
                crls += [der for _, der in read_pem(data, CRL)]
            else:
                crls.append(data)
    return crls


def read_any(file: Path) -> tuple[str, list[bytes]]:
    """Say what a file is, ``"bundle document"`` or ``"certificates"``, and read it."""
    data = file.read_bytes()
    if form_of(data) != "document":
        return "certificates", read_chain(file)
    # The trust domain of a document stands outside of it (BUN-19); only its
    # certificates are shown here, so any name will do.
    with naming(file):
        bundle = TrustBundle.from_json("inspect", data)
    return "bundle document", list(bundle.x509_authorities)
