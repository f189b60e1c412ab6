# SPDX-License-Identifier: Apache-2.0
"""Where a Workload API is: endpoint addresses, exactly as the standard has them.

``unix:///run/agent.sock`` (or ``unix:/run/agent.sock``, the same place) and
``tcp://127.0.0.1:8081``: nothing may be left out and nothing may be added (WAPI-11,
WAPI-12, WAPI-13). ``tcp:127.0.0.1:8081`` is refused: a URI without ``//`` has a path
and no host, and the standard wants a host and no path.

Whoever can put a socket in the agent's place hands out identities, so the file, its
directory and who listens can be checked, at each connect (threat W2).
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import quote, unquote_to_bytes

import trio

from handfast.errors import ConfigError, Reason, SourceError, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENVIRONMENT_VARIABLE", "Endpoint"]

#: What names the endpoint of a workload that was not told otherwise (WAPI-10).
ENVIRONMENT_VARIABLE: Final = "SPIFFE_ENDPOINT_SOCKET"

_FORMS: Final = "unix:///absolute/path or tcp://IP:PORT"
# sun_path of Linux, with its NUL.
_PATH_MAX: Final = 107
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_PORT_MAX: Final = 65535
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
# What a URI's path may consist of (RFC 3986, section 3.3), with / between.
_URI_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid

_log = logging.getLogger("handfast.workload_api")


def _refuse(seen: str, *, expected: str = _FORMS) -> NoReturn:
    detail = detail_for(Reason.CONFIG_INVALID, expected=expected, seen=seen)
    raise ConfigError(detail)


def _unreachable(where: str, error: OSError) -> SourceError:
    seen = f"{escape(where)}: {error.strerror or error}"
    return SourceError(detail_for(Reason.SOURCE_UNAVAILABLE, seen=seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The address of a Workload API. Make one with `parse` or `from_environment`.

    Attributes:
        path: Of a local socket; empty for TCP.
        address: An IP address; empty for a local socket.
        port: With the address.
        owner: The user that the socket and its directory must belong to; None does not
            ask. The system's administrator (0) is always trusted.

    Example:
        >>> str(Endpoint.parse("unix:///run/spire/agent.sock"))
        'unix:///run/spire/agent.sock'
        >>> Endpoint.parse("tcp://127.0.0.1:8081").port
        8081
    """

    path: str = ""
    address: str = ""
    port: int = 0
    owner: int | None = None

    @classmethod
    def parse(cls, text: str, *, owner: int | None = None) -> Endpoint:
        """Read an endpoint address.

        Args:
            text: ``unix:`` with an absolute path, or ``tcp:`` with an IP address and
                a port; nothing else.
            owner: The user (uid) who has to own the socket and its directory, where no
                one else may write either; checked at each connect.

        Raises:
            ConfigError: it is no such address.
        """
        scheme, colon, rest = text.partition(":")
        # Schemes are the same in any case (RFC 3986, section 3.1).
        if colon and scheme.lower() == "unix":
            return cls(path=_read_path(text, rest), owner=owner)
        if colon and scheme.lower() == "tcp":
            if owner is not None:
                _refuse("owner= with tcp:", expected="owner= with unix: only")
            address, port = _read_host(text, rest)
            return cls(address=address, port=port)
        _refuse(f"'{escape(text)}'")

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        owner: int | None = None,
    ) -> Endpoint:
        """Take the address from ``SPIFFE_ENDPOINT_SOCKET`` (WAPI-10).

        Raises:
            ConfigError: the variable is not set, or holds no address.
        """
        values = os.environ if environment is None else environment
        text = values.get(ENVIRONMENT_VARIABLE, "")
        if not text:
            _refuse(
                f"{ENVIRONMENT_VARIABLE} not set",
                expected=f"an endpoint, or {ENVIRONMENT_VARIABLE}={_FORMS}",
            )
        return cls.parse(text, owner=owner)

    @property
    def is_local(self) -> bool:
        """Whether what is sent stays on this machine (WAPI-01)."""
        return bool(self.path) or ipaddress.ip_address(self.address).is_loopback

    async def open(self) -> trio.SocketStream:
        """Connect.

        Cancellation: the connection is closed.

        Raises:
            SourceError: nobody is there, we may not connect, or the socket is not as
                `owner` wants it.
        """
        if not self.path:
            return await self._open_tcp()
        if self.owner is not None:
            self._check_file(self.owner)
        plain = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream = await self._connect(plain, self.path)
        if self.owner is not None:
            try:
                # The file may have been replaced between the check and the connect;
                # what we are connected to now cannot be.
                self._check_peer(plain, self.owner)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
        return stream

    async def _open_tcp(self) -> trio.SocketStream:
        if not self.is_local:
            # WAPI-05 is the server's to know; here is no proof of either end.
            _log.warning("Workload API over the network, unprotected: %s", self)
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        plain = trio.socket.socket(family, socket.SOCK_STREAM)
        return await self._connect(plain, (self.address, self.port))

    async def _connect(
        self, plain: trio.socket.SocketType, where: str | tuple[str, int]
    ) -> trio.SocketStream:
        try:
            await plain.connect(where)
        except OSError as error:
            plain.close()
            raise _unreachable(str(self), error) from error
        except BaseException:
            plain.close()
            raise
        return trio.SocketStream(plain)

    def _check_file(self, owner: int) -> None:
        """Insist that nobody but the owner can put another socket there."""
        file = Path(self.path)
        try:
            found = file.lstat()
            folder = file.parent.stat()
        except OSError as error:
            raise _unreachable(str(self), error) from error
        trusted = {owner, 0}
        if not stat.S_ISSOCK(found.st_mode):
            self._distrust("a socket, not a link to one or another file", "no socket")
        if found.st_uid not in trusted:
            self._distrust(f"a socket of user {owner}", f"one of {found.st_uid}")
        if folder.st_uid not in trusted:
            self._distrust(f"a directory of user {owner}", f"one of {folder.st_uid}")
        sticky = bool(folder.st_mode & stat.S_ISVTX)
        if folder.st_mode & _OTHERS_WRITE and not sticky:
            mode = oct(stat.S_IMODE(folder.st_mode))
            self._distrust("a directory that only its owner writes to", f"mode {mode}")

    def _check_peer(self, plain: trio.socket.SocketType, owner: int) -> None:
        if not hasattr(socket, "SO_PEERCRED"):
            return
        raw = plain.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        uid = _CREDENTIALS.unpack(raw)[1]
        if uid not in {owner, 0}:
            self._distrust(f"a server of user {owner}", f"one of {uid}")

    def _distrust(self, expected: str, seen: str) -> NoReturn:
        hint = "somebody else may have put another socket there"
        detail = detail_for(
            Reason.SOURCE_UNAVAILABLE,
            expected=expected,
            seen=f"{seen} at {escape(self.path)}",
            hint=hint,
        )
        raise SourceError(detail)

    def __str__(self) -> str:
        if self.path:
            return f"unix://{quote(self.path)}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"tcp://{host}:{self.port}"


def _read_path(text: str, rest: str) -> str:
    """Read what follows ``unix:``: no authority, an absolute path, nothing more."""
    if rest.startswith("//"):
        rest = rest[2:]
        if not rest.startswith("/"):
            _refuse(f"'{escape(text)}'", expected="unix: with no host: unix:///path")
    if not rest.startswith("/") or not _URI_PATH.fullmatch(rest):
        _refuse(f"'{escape(text)}'")
    path = unquote_to_bytes(rest)
    if not path.strip(b"/") or b"\0" in path:
        _refuse(f"'{escape(text)}'", expected="unix: with the path of a socket")
    if len(path) > _PATH_MAX:
        _refuse(f"{len(path)}", expected=f"a path of at most {_PATH_MAX} bytes")
    return os.fsdecode(path)


def _read_host(text: str, rest: str) -> tuple[str, int]:
    """Read what follows ``tcp:``: an IP address and a port, nothing more."""
    if not rest.startswith("//"):
        _refuse(f"'{escape(text)}'")
    host, _, port = rest[2:].rpartition(":")
    if not _PORT.fullmatch(port) or int(port) > _PORT_MAX:
        _refuse(f"'{escape(text)}'", expected="tcp: with a port from 1 to 65535")
    try:
        if host.startswith("[") and host.endswith("]") and "%" not in host:
            return str(ipaddress.IPv6Address(host[1:-1])), int(port)
        return str(ipaddress.IPv4Address(host)), int(port)
    except ValueError:
        seen = f"'{escape(text)}'"
        _refuse(seen, expected="tcp: with an IP address, IPv6 in brackets")
