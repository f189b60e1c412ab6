# SPDX-License-Identifier: Apache-2.0
"""Messages between an authority and the agents of other hosts.

A service of its own: the Workload API is never extended (WAPI-22). Types for checkers
are in ``proto.pyi``.
"""

from __future__ import annotations

from typing import Final

from google.protobuf import descriptor_pool, message_factory, struct_pb2

from handfast.workload_api.descriptors import describe

__all__ = [
    "JOIN",
    "RENEW",
    "SIGN_JWT",
    "SIGN_X509",
    "WATCH",
    "JoinRequest",
    "JoinResponse",
    "RenewRequest",
    "RenewResponse",
    "SignJWTRequest",
    "SignJWTResponse",
    "SignX509Request",
    "SignX509Response",
    "WatchRequest",
    "WatchResponse",
]

_PACKAGE: Final = "handfast.node.v1"
_SERVICE: Final = "NodeAPI"

JOIN: Final = f"/{_PACKAGE}.{_SERVICE}/Join"
RENEW: Final = f"/{_PACKAGE}.{_SERVICE}/Renew"
WATCH: Final = f"/{_PACKAGE}.{_SERVICE}/Watch"
SIGN_X509: Final = f"/{_PACKAGE}.{_SERVICE}/SignX509"
SIGN_JWT: Final = f"/{_PACKAGE}.{_SERVICE}/SignJWT"

# Public keys are SubjectPublicKeyInfo, chains concatenated DER, bundles SPIFFE bundle
# documents, entries what Entry.to_text() writes.
_NODE: Final = ((1, "chain", "bytes"), (2, "bundle", "bytes"))
_MESSAGES: Final = {
    "JoinRequest": ((1, "public_key", "bytes"),),
    "JoinResponse": _NODE,
    "RenewRequest": ((1, "public_key", "bytes"),),
    "RenewResponse": _NODE,
    "WatchRequest": (),
    "WatchResponse": (
        (1, "entries", "repeated string"),
        (2, "bundle", "bytes"),
        (3, "federated", "map bytes"),
        (4, "crls", "repeated bytes"),
        (5, "signer", "string"),
    ),
    "SignX509Request": (
        (1, "entry", "string"),
        (2, "public_key", "bytes"),
        (3, "caller", "string"),
    ),
    "SignX509Response": ((1, "chain", "bytes"),),
    "SignJWTRequest": (
        (1, "entry", "string"),
        (2, "audience", "repeated string"),
        (3, "caller", "string"),
    ),
    "SignJWTResponse": ((1, "token", "string"),),
}
_METHODS: Final = (
    ("Join", "Join", False),
    ("Renew", "Renew", False),
    ("Watch", "Watch", True),
    ("SignX509", "SignX509", False),
    ("SignJWT", "SignJWT", False),
)

_FILE: Final = describe(
    "handfast/node.proto",
    _MESSAGES,
    service=_SERVICE,
    methods=_METHODS,
    package=_PACKAGE,
)
_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
_POOL.AddSerializedFile(_FILE.SerializeToString())


def _message(name: str):  # noqa: ANN202 - proto.pyi says it
    found = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)


JoinRequest = _message("JoinRequest")
JoinResponse = _message("JoinResponse")
RenewRequest = _message("RenewRequest")
RenewResponse = _message("RenewResponse")
WatchRequest = _message("WatchRequest")
WatchResponse = _message("WatchResponse")
SignX509Request = _message("SignX509Request")
SignX509Response = _message("SignX509Response")
SignJWTRequest = _message("SignJWTRequest")
SignJWTResponse = _message("SignJWTResponse")
