# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS over local (Unix) sockets: the same streams, the same rules.

Who may open a socket's file is the system's to say, and no identity: both ends are
verified all the same.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from handfast._socket_files import remove_what_is_left
from handfast.net.failures import need_role, refuse_setting
from handfast.net.listen import MtlsListener
from handfast.net.open import shake_hands_over

if TYPE_CHECKING:
    from handfast.names import DnsName
    from handfast.net.lifetime import Lifetime
    from handfast.net.stream import MtlsStream
    from handfast.tls import TlsConfig

__all__ = ["open_mtls_unix_listener", "open_mtls_unix_stream"]

_PERMISSIONS: Final = 0o777


async def open_mtls_unix_stream(
    path: str | os.PathLike[str],
    config: TlsConfig,
    *,
    server_hostname: str | DnsName | None = None,
    handshake_timeout: float = 10.0,
    lifetime: Lifetime | None = None,
) -> MtlsStream:
    """Connect to a local socket and shake hands.

    Args:
        path: The socket's file.
        config: How to connect; of role client.
        server_hostname: The name to ask for (SNI), where the server has several.
        handshake_timeout: Seconds for the whole handshake.
        lifetime: When the stream ends on purpose; see `Lifetime` for the default.

    Cancellation: the connection is closed.

    Raises:
        OSError: nobody listens there, or we may not connect.
        ConfigError: `config` is a server's.
        HandfastError: as `open_mtls_stream`.
    """
    need_role(config, "client")
    return await shake_hands_over(
        await trio.open_unix_socket(os.fspath(path)),
        config,
        server_hostname=server_hostname,
        session_key=f"unix:{os.fspath(path)}" if config.is_mutual else None,
        handshake_timeout=handshake_timeout,
        lifetime=lifetime,
    )


async def open_mtls_unix_listener(
    path: str | os.PathLike[str],
    config: TlsConfig,
    *,
    permissions: int = 0o600,
    backlog: int = 1024,
    lifetime: Lifetime | None = None,
) -> MtlsListener:
    """Listen on a local socket, for `serve_mtls_listeners`.

    A socket that nobody listens on any more is replaced; one that somebody listens on,
    and any other file, is not. The file stays when the listener is closed: by then it
    may be the next process's.

    Args:
        path: The socket's file, to be made.
        config: How to answer; of role server.
        permissions: Of the file: who may connect. They hold from its first moment.
        backlog: How many connections may wait in the system.
        lifetime: When streams end on purpose; see `Lifetime` for the default.

    Raises:
        ConfigError: `config` is a client's, or the permissions are none.
        OSError: the file cannot be made, or somebody listens there.
    """
    need_role(config, "server")
    if permissions & ~_PERMISSIONS:
        refuse_setting("permissions= from 0 to 0o777", oct(permissions))
    file = Path(path)
    listening = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        remove_what_is_left(file)
        # Until it listens nobody can connect, whatever the file says till then.
        await listening.bind(str(file))
        _permit(file, permissions)
        listening.listen(backlog)
        listener = trio.SocketListener(listening)
    except BaseException:
        listening.close()
        raise
    return MtlsListener(listener, config, lifetime=lifetime)


def _permit(file: Path, permissions: int) -> None:
    file.chmod(permissions)
