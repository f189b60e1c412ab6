# SPDX-License-Identifier: Apache-2.0
# What proto.py makes from descriptors, for type checkers. A test compares both.

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final

from google.protobuf.internal.containers import RepeatedScalarFieldContainer
from google.protobuf.message import Message

JOIN: Final = "/handfast.node.v1.NodeAPI/Join"
RENEW: Final = "/handfast.node.v1.NodeAPI/Renew"
WATCH: Final = "/handfast.node.v1.NodeAPI/Watch"
SIGN_X509: Final = "/handfast.node.v1.NodeAPI/SignX509"
SIGN_JWT: Final = "/handfast.node.v1.NodeAPI/SignJWT"

class JoinRequest(Message):
    public_key: bytes
    def __init__(self, *, public_key: bytes = ...) -> None: ...

class JoinResponse(Message):
    chain: bytes
    bundle: bytes
    def __init__(self, *, chain: bytes = ..., bundle: bytes = ...) -> None: ...

class RenewRequest(Message):
    public_key: bytes
    def __init__(self, *, public_key: bytes = ...) -> None: ...

class RenewResponse(Message):
    chain: bytes
    bundle: bytes
    def __init__(self, *, chain: bytes = ..., bundle: bytes = ...) -> None: ...

class WatchRequest(Message):
    def __init__(self) -> None: ...

class WatchResponse(Message):
    bundle: bytes
    signer: str
    @property
    def entries(self) -> RepeatedScalarFieldContainer[str]: ...
    @property
    def federated(self) -> MutableMapping[str, bytes]: ...
    @property
    def crls(self) -> RepeatedScalarFieldContainer[bytes]: ...
    def __init__(
        self,
        *,
        entries: Iterable[str] = ...,
        bundle: bytes = ...,
        federated: Mapping[str, bytes] = ...,
        crls: Iterable[bytes] = ...,
        signer: str = ...,
    ) -> None: ...

class SignX509Request(Message):
    entry: str
    public_key: bytes
    caller: str
    def __init__(
        self, *, entry: str = ..., public_key: bytes = ..., caller: str = ...
    ) -> None: ...

class SignX509Response(Message):
    chain: bytes
    def __init__(self, *, chain: bytes = ...) -> None: ...

class SignJWTRequest(Message):
    entry: str
    caller: str
    @property
    def audience(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        entry: str = ...,
        audience: Iterable[str] = ...,
        caller: str = ...,
    ) -> None: ...

class SignJWTResponse(Message):
    token: str
    def __init__(self, *, token: str = ...) -> None: ...
