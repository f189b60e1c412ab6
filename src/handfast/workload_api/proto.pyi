# SPDX-License-Identifier: Apache-2.0
# What proto.py makes from descriptors, for type checkers. A test compares both.

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final

from google.protobuf.internal.containers import (
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
)
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

SERVICE: Final = "SpiffeWorkloadAPI"
FILE_NAME: Final = "workload.proto"
FETCH_X509_SVID: Final = "/SpiffeWorkloadAPI/FetchX509SVID"
FETCH_X509_BUNDLES: Final = "/SpiffeWorkloadAPI/FetchX509Bundles"
FETCH_JWT_SVID: Final = "/SpiffeWorkloadAPI/FetchJWTSVID"
FETCH_JWT_BUNDLES: Final = "/SpiffeWorkloadAPI/FetchJWTBundles"
VALIDATE_JWT_SVID: Final = "/SpiffeWorkloadAPI/ValidateJWTSVID"
FETCH_WIT_SVID: Final = "/SpiffeWorkloadAPI/FetchWITSVID"
FETCH_WIT_BUNDLES: Final = "/SpiffeWorkloadAPI/FetchWITBundles"

class X509SVIDRequest(Message):
    def __init__(self) -> None: ...

class X509SVID(Message):
    spiffe_id: str
    x509_svid: bytes
    x509_svid_key: bytes
    bundle: bytes
    hint: str
    def __init__(
        self,
        *,
        spiffe_id: str = ...,
        x509_svid: bytes = ...,
        x509_svid_key: bytes = ...,
        bundle: bytes = ...,
        hint: str = ...,
    ) -> None: ...

class X509SVIDResponse(Message):
    @property
    def svids(self) -> RepeatedCompositeFieldContainer[X509SVID]: ...
    @property
    def crl(self) -> RepeatedScalarFieldContainer[bytes]: ...
    @property
    def federated_bundles(self) -> MutableMapping[str, bytes]: ...
    def __init__(
        self,
        *,
        svids: Iterable[X509SVID] = ...,
        crl: Iterable[bytes] = ...,
        federated_bundles: Mapping[str, bytes] = ...,
    ) -> None: ...

class X509BundlesRequest(Message):
    def __init__(self) -> None: ...

class X509BundlesResponse(Message):
    @property
    def crl(self) -> RepeatedScalarFieldContainer[bytes]: ...
    @property
    def bundles(self) -> MutableMapping[str, bytes]: ...
    def __init__(
        self, *, crl: Iterable[bytes] = ..., bundles: Mapping[str, bytes] = ...
    ) -> None: ...

class JWTSVIDRequest(Message):
    spiffe_id: str
    @property
    def audience(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self, *, audience: Iterable[str] = ..., spiffe_id: str = ...
    ) -> None: ...

class JWTSVID(Message):
    spiffe_id: str
    svid: str
    hint: str
    def __init__(
        self, *, spiffe_id: str = ..., svid: str = ..., hint: str = ...
    ) -> None: ...

class JWTSVIDResponse(Message):
    @property
    def svids(self) -> RepeatedCompositeFieldContainer[JWTSVID]: ...
    def __init__(self, *, svids: Iterable[JWTSVID] = ...) -> None: ...

class JWTBundlesRequest(Message):
    def __init__(self) -> None: ...

class JWTBundlesResponse(Message):
    @property
    def bundles(self) -> MutableMapping[str, bytes]: ...
    def __init__(self, *, bundles: Mapping[str, bytes] = ...) -> None: ...

class ValidateJWTSVIDRequest(Message):
    audience: str
    svid: str
    def __init__(self, *, audience: str = ..., svid: str = ...) -> None: ...

class ValidateJWTSVIDResponse(Message):
    spiffe_id: str
    @property
    def claims(self) -> Struct: ...
    def __init__(self, *, spiffe_id: str = ..., claims: Struct = ...) -> None: ...

class WITSVIDRequest(Message):
    spiffe_id: str
    def __init__(self, *, spiffe_id: str = ...) -> None: ...

class WITSVID(Message):
    spiffe_id: str
    wit_svid: str
    wit_svid_key: str
    hint: str
    def __init__(
        self,
        *,
        spiffe_id: str = ...,
        wit_svid: str = ...,
        wit_svid_key: str = ...,
        hint: str = ...,
    ) -> None: ...

class WITSVIDResponse(Message):
    @property
    def svids(self) -> RepeatedCompositeFieldContainer[WITSVID]: ...
    def __init__(self, *, svids: Iterable[WITSVID] = ...) -> None: ...

class WITBundlesRequest(Message):
    def __init__(self) -> None: ...

class WITBundlesResponse(Message):
    @property
    def bundles(self) -> MutableMapping[str, str]: ...
    def __init__(self, *, bundles: Mapping[str, str] = ...) -> None: ...

def file_descriptors() -> dict[str, bytes]: ...
