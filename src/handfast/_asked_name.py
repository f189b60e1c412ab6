# SPDX-License-Identifier: Apache-2.0
"""The name that a client asks for, checked against what its configuration is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast import _settings
from handfast.names import IpAddress, parse_name

if TYPE_CHECKING:
    from handfast._tls_config import TlsConfig
    from handfast.names import DnsName

__all__ = ["asked_name"]


def asked_name(
    config: TlsConfig, name: str | DnsName | IpAddress | None
) -> tuple[int, bytes]:
    """Check the name against the configuration's kind, and write it for the engine."""
    if name is None and not config.by_name:
        return _settings.NO_NAME
    if isinstance(name, str):
        name = parse_name(name)
    if config.role == "server" and name is not None:
        _settings.refuse("no server_hostname= on the accepting side", repr(str(name)))
    if config.by_name and name is None:
        _settings.refuse("server_hostname=: a web server is verified by it", "none")
    if not config.by_name and isinstance(name, IpAddress):
        # SNI has no addresses (RFC 6066), and a SPIFFE peer is not verified by one.
        name = None
    return _settings.as_name(name)
