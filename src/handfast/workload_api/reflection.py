# SPDX-License-Identifier: Apache-2.0
"""gRPC server reflection (WAPI-24), version 1: which services are here, their files.

Generic clients such as grpcurl ask for it. It tells nothing beyond the standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from handfast.workload_api import proto
from handfast.workload_api.descriptors import describe
from handfast.workload_api.methods import Call, Conversation
from handfast.workload_api.status import StatusCode

__all__ = ["REFLECT", "reflection_methods"]

_PACKAGE: Final = "grpc.reflection.v1"
_SERVICE: Final = f"{_PACKAGE}.ServerReflection"
_FILE: Final = "grpc/reflection/v1/reflection.proto"
#: The one method.
REFLECT: Final = f"/{_SERVICE}/ServerReflectionInfo"

_MESSAGES: Final = {
    "ServerReflectionRequest": (
        (1, "host", "string"),
        (3, "file_by_filename", "one string"),
        (4, "file_containing_symbol", "one string"),
        (5, "file_containing_extension", "one ExtensionRequest"),
        (6, "all_extension_numbers_of_type", "one string"),
        (7, "list_services", "one string"),
    ),
    "ExtensionRequest": (
        (1, "containing_type", "string"),
        (2, "extension_number", "int32"),
    ),
    "ServerReflectionResponse": (
        (1, "valid_host", "string"),
        (2, "original_request", "ServerReflectionRequest"),
        (4, "file_descriptor_response", "one FileDescriptorResponse"),
        (5, "all_extension_numbers_response", "one ExtensionNumberResponse"),
        (6, "list_services_response", "one ListServiceResponse"),
        (7, "error_response", "one ErrorResponse"),
    ),
    "FileDescriptorResponse": ((1, "file_descriptor_proto", "repeated bytes"),),
    "ExtensionNumberResponse": (
        (1, "base_type_name", "string"),
        (2, "extension_number", "repeated int32"),
    ),
    "ListServiceResponse": ((1, "service", "repeated ServiceResponse"),),
    "ServiceResponse": ((1, "name", "string"),),
    "ErrorResponse": ((1, "error_code", "int32"), (2, "error_message", "string")),
}

_DESCRIBED: Final = describe(
    _FILE,
    _MESSAGES,
    service="ServerReflection",
    methods=(("ServerReflectionInfo", "ServerReflection", True),),
    package=_PACKAGE,
)
_DESCRIBED.service[0].method[0].client_streaming = True
_RAW: Final = _DESCRIBED.SerializeToString()
_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_RAW)


def _message(name: str) -> type[Any]:
    described = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(described)


_Request: Final = _message("ServerReflectionRequest")
_Response: Final = _message("ServerReflectionResponse")

#: Every file that can be asked for, by name.
_FILES: Final[Mapping[str, bytes]] = proto.file_descriptors() | {_FILE: _RAW}


def _symbols() -> dict[str, str]:
    """The file of each service, method and message."""
    found: dict[str, str] = {}
    for name, raw in _FILES.items():
        file = descriptor_pb2.FileDescriptorProto.FromString(raw)
        within = f"{file.package}." if file.package else ""
        for message in file.message_type:
            found[within + message.name] = name
        for service in file.service:
            found[within + service.name] = name
            for method in service.method:
                found[f"{within}{service.name}.{method.name}"] = name
    return found


_SYMBOLS: Final[Mapping[str, str]] = _symbols()


def _with_imports(name: str) -> list[bytes]:
    """A file and what it needs, itself first."""
    raw = _FILES[name]
    imports = descriptor_pb2.FileDescriptorProto.FromString(raw).dependency
    return [raw, *(part for it in imports for part in _with_imports(it))]


async def _reflect(_: Call[Any], request: Any) -> Message:
    answer = _Response(valid_host=request.host, original_request=request)
    asked = request.WhichOneof("message")
    name: str | None = None
    if asked == "list_services":
        for service in (proto.SERVICE, _SERVICE):
            answer.list_services_response.service.add(name=service)
        return answer  # type: ignore[no-any-return]
    if asked == "file_by_filename":
        name = request.file_by_filename if request.file_by_filename in _FILES else None
    elif asked == "file_containing_symbol":
        name = _SYMBOLS.get(request.file_containing_symbol)
    if name is None:
        answer.error_response.error_code = int(StatusCode.NOT_FOUND)
        answer.error_response.error_message = "not found"
    else:
        answer.file_descriptor_response.file_descriptor_proto.extend(
            _with_imports(name)
        )
    return answer  # type: ignore[no-any-return]


def reflection_methods() -> Mapping[str, Conversation[Any]]:
    """The method of server reflection, for `serve_calls`."""
    return {REFLECT: Conversation(_Request, _reflect)}
