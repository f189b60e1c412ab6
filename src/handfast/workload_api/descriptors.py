# SPDX-License-Identifier: Apache-2.0
"""Descriptors of protobuf messages, out of tables in Python.

No generated file, which would tie handfast to one version of protobuf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from google.protobuf import descriptor_pb2, struct_pb2

__all__ = ["Fields", "describe"]

#: Number, name and type of each. A type in capitals is a message of the same file;
#: before it may be "repeated", "map" (from text to it), or "one" for members of the
#: message's one oneof.
Fields = Sequence[tuple[int, str, str]]

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "int32": _Field.TYPE_INT32,
}
_STRUCT: Final = "google.protobuf.Struct"


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{kind}"


def _add_map(message: descriptor_pb2.DescriptorProto, field: str, value: str) -> str:
    """Add the entry type that the wire form of a map stands for."""
    words = (word.capitalize() for word in field.split("_"))
    entry = message.nested_type.add(name="".join(words) + "Entry")
    entry.options.map_entry = True
    for number, (name, kind) in enumerate((("key", "string"), ("value", value)), 1):
        part = entry.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
        _set_type(part, kind)
    return f"{message.name}.{entry.name}"


def describe(
    name: str,
    messages: Mapping[str, Fields],
    *,
    service: str,
    methods: Iterable[tuple[str, str, bool]],
    package: str = "",
) -> descriptor_pb2.FileDescriptorProto:
    """Describe a file with one service.

    Args:
        name: Of the file.
        messages: Their fields, by name.
        service: Its name.
        methods: Name, what its messages' names begin with, whether it answers with a
            stream.
        package: What all is in; the Workload API is in none.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=name,
        package=package,
        syntax="proto3",
    )
    kinds = {kind for fields in messages.values() for _, _, kind in fields}
    if _STRUCT in kinds:
        file.dependency.append(struct_pb2.DESCRIPTOR.name)
    inside = f"{package}." if package else ""
    for message_name, fields in messages.items():
        message = file.message_type.add(name=message_name)
        for number, field_name, declared in fields:
            label, _, kind = declared.rpartition(" ")
            if label == "map":
                kind = inside + _add_map(message, field_name, kind)
            elif kind in messages:
                kind = inside + kind
            field = message.field.add(name=field_name, number=number)
            many = label in {"repeated", "map"}
            field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
            if label == "one":
                if not message.oneof_decl:
                    message.oneof_decl.add(name="message")
                field.oneof_index = 0
            _set_type(field, kind)
    found = file.service.add(name=service)
    for method, prefix, streams in methods:
        found.method.add(
            name=method,
            input_type=f".{inside}{prefix}Request",
            output_type=f".{inside}{prefix}Response",
            server_streaming=streams,
        )
    return file
