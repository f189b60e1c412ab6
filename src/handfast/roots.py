# SPDX-License-Identifier: Apache-2.0
"""The system's root certificates, for one-way TLS to the public web.

They are never mixed with SPIFFE bundles: a web verifier has these and nothing else, a
SPIFFE verifier has bundles and nothing else.
"""

from __future__ import annotations

import re
import ssl
from functools import cache
from pathlib import Path
from typing import Final

from handfast.errors import ConfigError, Reason, detail_for

__all__ = ["system_roots"]

#: Where distributions keep one file of all roots, for a Python whose own OpenSSL looks
#: elsewhere.
_KNOWN_FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")


@cache
def system_roots() -> tuple[bytes, ...]:
    """Return the roots that this system trusts for servers, as DER.

    They are those that Python's own `ssl` trusts: its default file and its default
    directory. `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured, as by other programs
    here. Read once a process.

    Raises:
        ConfigError: there are none; pass `roots` yourself then.

    Example:
        >>> all(isinstance(root, bytes) for root in system_roots())
        True
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    paths = ssl.get_default_verify_paths()
    if paths.capath is not None:  # pyright: ignore[reportUnnecessaryComparison] - typeshed: str
        # A directory is a look-up by hashed names to OpenSSL: `ssl` does not list it,
        # and a file without such a name is not trusted.
        for file in sorted(Path(paths.capath).iterdir()):
            if _HASHED.fullmatch(file.name):
                _load(context, file)
    roots = dict.fromkeys(context.get_ca_certs(binary_form=True))
    for known in _KNOWN_FILES:
        if roots:
            break
        _load(context, Path(known))
        roots = dict.fromkeys(context.get_ca_certs(binary_form=True))
    if not roots:
        raise ConfigError(
            detail_for(
                Reason.CONFIG_INVALID,
                expected="root certificates of this system, or roots=",
                seen=f"none in {paths.cafile}, in {paths.capath} or in any known place",
            )
        )
    return tuple(roots)


def _load(context: ssl.SSLContext, file: Path) -> None:
    """Add a file's certificates; what is not one (a README, a CRL) is passed over."""
    try:
        context.load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError):
        return
