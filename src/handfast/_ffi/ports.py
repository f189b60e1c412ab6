# SPDX-License-Identifier: Apache-2.0
"""The beginning of a connection, as the engine reads it: ClientHello, PROXY header."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

if TYPE_CHECKING:
    from handfast._ffi.library import Data

#: How many bytes either reader ever asks for.
CLIENT_HELLO_BYTES_MAX: Final = int(lib.HF_CLIENT_HELLO_BYTES_MAX)
PROXY_HEADER_MAX: Final = int(lib.HF_PROXY_HEADER_MAX)

_SIZES: Final = {int(lib.HF_PROXY_IPV4): 4, int(lib.HF_PROXY_IPV6): 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """What a proxy said before anything else.

    Attributes:
        length: Bytes of the header.
        version: 1 or 2.
        source: Address and port that the proxy speaks for; None when it tells none.
        destination: What they connected to.
    """

    length: int
    version: int
    source: tuple[str, int] | None
    destination: tuple[str, int] | None


def read_server_name(data: Data) -> str | int:
    """Read the server name in a ClientHello.

    Returns:
        The name, empty when none is asked for; or how many bytes it takes, at least.

    Raises:
        PeerMisbehaved: this is no ClientHello, or not one that can be read one way.
    """
    out = ffi.new("struct hf_client_hello *")
    code = lib.hf_ffi_client_hello_read(_flat(data), len(data), out)
    if code:
        raise_for(code)
    if out.need:
        return int(out.need)
    return str(ffi.buffer(out.server_name, out.server_name_len)[:].decode("ascii"))


def read_proxy_header(data: Data) -> ProxyHeader | int:
    """Read a PROXY header, version 1 or 2.

    Returns:
        The header; or how many bytes it takes, at least.

    Raises:
        PeerMisbehaved: this is none (`proxy_header_missing`), or a bad one.
    """
    out = ffi.new("struct hf_proxy_header *")
    code = lib.hf_ffi_proxy_header_read(_flat(data), len(data), out)
    if code:
        raise_for(code)
    if out.need:
        return int(out.need)
    return ProxyHeader(
        length=int(out.len),
        version=int(out.version),
        source=_endpoint(out.family, out.source, out.source_port),
        destination=_endpoint(out.family, out.destination, out.destination_port),
    )


def _flat(data: Data) -> Any:
    return data if type(data) is bytes else ffi.from_buffer("uint8_t[]", data)


def _endpoint(family: int, address: Any, port: int) -> tuple[str, int] | None:
    size = _SIZES.get(int(family))
    if size is None:
        return None
    packed: bytes = ffi.buffer(address, size)[:]
    return str(ipaddress.ip_address(packed)), int(port)
