# SPDX-License-Identifier: Apache-2.0
"""The messages and methods of the SPIFFE Workload API (WAPI-03, wire names).

Names and numbers are the standard's; the descriptors are written down here, in Python,
so that no generated file ties handfast to one version of protobuf. They live in a pool
of their own: other Workload API libraries may load theirs into the default pool, and
two files that define the same package-less names cannot be in one.

Types for checkers are in ``proto.pyi``.
"""

from __future__ import annotations

from typing import Final

from google.protobuf import descriptor_pool, message_factory, struct_pb2

from handfast.workload_api.descriptors import describe

__all__ = [
    "FETCH_JWT_BUNDLES",
    "FETCH_JWT_SVID",
    "FETCH_WIT_BUNDLES",
    "FETCH_WIT_SVID",
    "FETCH_X509_BUNDLES",
    "FETCH_X509_SVID",
    "FILE_NAME",
    "JWTSVID",
    "SERVICE",
    "VALIDATE_JWT_SVID",
    "WITSVID",
    "X509SVID",
    "JWTBundlesRequest",
    "JWTBundlesResponse",
    "JWTSVIDRequest",
    "JWTSVIDResponse",
    "ValidateJWTSVIDRequest",
    "ValidateJWTSVIDResponse",
    "WITBundlesRequest",
    "WITBundlesResponse",
    "WITSVIDRequest",
    "WITSVIDResponse",
    "X509BundlesRequest",
    "X509BundlesResponse",
    "X509SVIDRequest",
    "X509SVIDResponse",
    "file_descriptors",
]

#: The service; the standard gives it no package.
SERVICE: Final = "SpiffeWorkloadAPI"
#: What server reflection calls the file.
FILE_NAME: Final = "workload.proto"

FETCH_X509_SVID: Final = f"/{SERVICE}/FetchX509SVID"
FETCH_X509_BUNDLES: Final = f"/{SERVICE}/FetchX509Bundles"
FETCH_JWT_SVID: Final = f"/{SERVICE}/FetchJWTSVID"
FETCH_JWT_BUNDLES: Final = f"/{SERVICE}/FetchJWTBundles"
VALIDATE_JWT_SVID: Final = f"/{SERVICE}/ValidateJWTSVID"
FETCH_WIT_SVID: Final = f"/{SERVICE}/FetchWITSVID"
FETCH_WIT_BUNDLES: Final = f"/{SERVICE}/FetchWITBundles"

# One line a field: number, name, type. A type in capitals is a message of this file.
_MESSAGES: Final = {
    "X509SVIDRequest": (),
    "X509SVIDResponse": (
        (1, "svids", "repeated X509SVID"),
        (2, "crl", "repeated bytes"),
        (3, "federated_bundles", "map bytes"),
    ),
    "X509SVID": (
        (1, "spiffe_id", "string"),
        (2, "x509_svid", "bytes"),
        (3, "x509_svid_key", "bytes"),
        (4, "bundle", "bytes"),
        (5, "hint", "string"),
    ),
    "X509BundlesRequest": (),
    "X509BundlesResponse": (
        (1, "crl", "repeated bytes"),
        (2, "bundles", "map bytes"),
    ),
    "JWTSVIDRequest": (
        (1, "audience", "repeated string"),
        (2, "spiffe_id", "string"),
    ),
    "JWTSVIDResponse": ((1, "svids", "repeated JWTSVID"),),
    "JWTSVID": (
        (1, "spiffe_id", "string"),
        (2, "svid", "string"),
        (3, "hint", "string"),
    ),
    "JWTBundlesRequest": (),
    "JWTBundlesResponse": ((1, "bundles", "map bytes"),),
    "ValidateJWTSVIDRequest": (
        (1, "audience", "string"),
        (2, "svid", "string"),
    ),
    "ValidateJWTSVIDResponse": (
        (1, "spiffe_id", "string"),
        (2, "claims", "google.protobuf.Struct"),
    ),
    "WITSVIDRequest": ((1, "spiffe_id", "string"),),
    "WITSVIDResponse": ((1, "svids", "repeated WITSVID"),),
    "WITSVID": (
        (1, "spiffe_id", "string"),
        (2, "wit_svid", "string"),
        (3, "wit_svid_key", "string"),
        (4, "hint", "string"),
    ),
    "WITBundlesRequest": (),
    "WITBundlesResponse": ((1, "bundles", "map string"),),
}

# Method, what its messages' names begin with, whether the answer is a stream.
_METHODS: Final = (
    ("FetchX509SVID", "X509SVID", True),
    ("FetchX509Bundles", "X509Bundles", True),
    ("FetchJWTSVID", "JWTSVID", False),
    ("FetchJWTBundles", "JWTBundles", True),
    ("ValidateJWTSVID", "ValidateJWTSVID", False),
    ("FetchWITSVID", "WITSVID", True),
    ("FetchWITBundles", "WITBundles", True),
)

_FILE: Final = describe(FILE_NAME, _MESSAGES, service=SERVICE, methods=_METHODS)
_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
_POOL.AddSerializedFile(_FILE.SerializeToString())


def _message(name: str):  # noqa: ANN202 - proto.pyi says it
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


X509SVIDRequest = _message("X509SVIDRequest")
X509SVIDResponse = _message("X509SVIDResponse")
X509SVID = _message("X509SVID")
X509BundlesRequest = _message("X509BundlesRequest")
X509BundlesResponse = _message("X509BundlesResponse")
JWTSVIDRequest = _message("JWTSVIDRequest")
JWTSVIDResponse = _message("JWTSVIDResponse")
JWTSVID = _message("JWTSVID")
JWTBundlesRequest = _message("JWTBundlesRequest")
JWTBundlesResponse = _message("JWTBundlesResponse")
ValidateJWTSVIDRequest = _message("ValidateJWTSVIDRequest")
ValidateJWTSVIDResponse = _message("ValidateJWTSVIDResponse")
WITSVIDRequest = _message("WITSVIDRequest")
WITSVIDResponse = _message("WITSVIDResponse")
WITSVID = _message("WITSVID")
WITBundlesRequest = _message("WITBundlesRequest")
WITBundlesResponse = _message("WITBundlesResponse")


def file_descriptors() -> dict[str, bytes]:
    """Return the serialized descriptors of this file and its imports, by name."""
    return {
        name: _POOL.FindFileByName(name).serialized_pb
        for name in (FILE_NAME, struct_pb2.DESCRIPTOR.name)
    }
