# SPDX-License-Identifier: Apache-2.0
"""Several identities on one port, chosen by the server name that a client asks for.

The name is read from the ClientHello before OpenSSL sees a byte of it, so a connection
has one configuration from its first step to its last: contexts are never switched in a
handshake, and a session that is resumed is bound to the one that was chosen. After the
handshake the name that OpenSSL read is compared with the one that was chosen by
(threats A2 and A3: two readings of a name are two policies).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, final

from handfast import _ffi
from handfast.errors import (
    PeerIncompatible,
    PeerMisbehaved,
    Reason,
    detail_for,
)
from handfast.names import DnsName
from handfast.net.failures import need_role, refuse_setting
from handfast.net.passthrough import Passthrough
from handfast.text import escape
from handfast.tls import TlsConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handfast.net.beginning import Beginning
    from handfast.tls import Connection

__all__ = ["ServerNames", "Target", "compare_names", "read_server_name"]

#: What answers to a name.
Target = TlsConfig | Passthrough

_HANDSHAKE: Final = 0x16
_WAYS: Final = ("refuse", "default")


@final
class ServerNames:
    """Which configuration answers to which server name (SNI): for `serve_mtls`.

    Args:
        names: Host names, or ``*.`` and a host name for exactly one label more; an
            exact name goes before a wildcard. What answers is a configuration of role
            server, or a `Passthrough` to a backend.
        unknown: What becomes of a client that asks for a name that is not here:
            ``"refuse"`` it, or let the server's own configuration answer
            (``"default"``).
        nameless: The same for a client that asks for none, as those do that connect to
            an address.

    Raises:
        ConfigError: a name is not one or is there twice, or a configuration is a
            client's.

    Example:
        >>> from handfast.net import Passthrough
        >>> names = ServerNames({"*.old.example": Passthrough("192.0.2.7", 8443)})
        >>> str(names.find("db.old.example"))
        '192.0.2.7:8443'
    """

    __slots__ = ("_exact", "_nameless", "_unknown", "_wildcards")

    def __init__(
        self,
        names: Mapping[str, Target],
        *,
        unknown: Literal["refuse", "default"] = "refuse",
        nameless: Literal["refuse", "default"] = "refuse",
    ) -> None:
        for setting, way in (("unknown=", unknown), ("nameless=", nameless)):
            if way not in _WAYS:
                refuse_setting(f"{setting} 'refuse' or 'default'", repr(way))
        self._unknown = unknown
        self._nameless = nameless
        self._exact: dict[str, Target] = {}
        self._wildcards: dict[str, Target] = {}
        for name, target in names.items():
            self._add(name, target)

    def _add(self, name: str, target: Target) -> None:
        if isinstance(target, TlsConfig):
            need_role(target, "server")
        elif not isinstance(target, Passthrough):  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse_setting("a TlsConfig or a Passthrough", repr(target))
        wildcard = name.startswith("*.")
        table = self._wildcards if wildcard else self._exact
        folded = DnsName(name[2:] if wildcard else name).name
        if folded in table:
            refuse_setting("each server name once", repr(name))
        table[folded] = target

    def find(self, name: str) -> Target | None:
        """Return what answers to a name; None is the server's own configuration.

        Args:
            name: In lower case, as the engine reads it; empty when none is asked for.

        Raises:
            PeerIncompatible: nothing does (`server_name_unknown`).
        """
        target = self._exact.get(name)
        if target is None:
            target = self._wildcards.get(name.partition(".")[2])
        if target is not None:
            return target
        if (self._unknown if name else self._nameless) == "default":
            return None
        raise PeerIncompatible(
            detail_for(
                Reason.SERVER_NAME_UNKNOWN,
                expected="a server name of this port",
                seen=f"'{name}'" if name else "none",
            )
        )


async def read_server_name(beginning: Beginning) -> str:
    """Wait for the whole ClientHello and read the name in it; empty for none.

    Cancellation: nothing is lost.

    Raises:
        PeerMisbehaved: this is not TLS, or no ClientHello that can be read one way.
        Truncated: the peer ended before.
    """
    need = 1
    while True:
        await beginning.need(need, expected="a ClientHello")
        if beginning.data[0] != _HANDSHAKE:
            raise PeerMisbehaved(
                detail_for(
                    Reason.NOT_TLS,
                    expected="a TLS record",
                    seen=escape(beginning.data, limit=20),
                )
            )
        read = _ffi.read_server_name(beginning.data)
        if isinstance(read, str):
            return read
        need = read


def compare_names(chosen: str, connection: Connection) -> None:
    """Hold the name that was chosen by against the one that OpenSSL read.

    A session of TLS 1.2 that is resumed keeps no name: there is nothing to compare
    then, and nothing that OpenSSL could have understood otherwise.

    Raises:
        PeerMisbehaved: they differ, as in a second ClientHello for another name.
    """
    theirs = (connection.server_name or "").lower()
    if theirs == chosen:
        return
    if not theirs and connection.resumed and connection.version == "1.2":
        return
    raise PeerMisbehaved(
        detail_for(
            Reason.PROTOCOL,
            expected=f"the server name '{chosen}' throughout the handshake",
            seen=f"'{escape(theirs)}'",
        )
    )
