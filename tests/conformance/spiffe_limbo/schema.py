# SPDX-License-Identifier: Apache-2.0
"""As much of JSON Schema as spiffe-limbo.schema.json uses, and no word more.

A word that is not known here is an error: a schema that is only half checked would
say that all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["violations"]

Json = dict[str, Any]

_TYPES: Final[dict[str, type]] = {"object": dict, "array": list, "string": str}
_SILENT: Final = frozenset({"$schema", "$defs", "title", "description"})
_KNOWN: Final = _SILENT | {
    *("$ref", "type", "const", "enum", "pattern", "required"),
    *("properties", "additionalProperties", "items", "minItems"),
}


def violations(value: Any, schema: Json, top: Json, at: str = "$") -> Iterator[str]:
    """What is wrong with a value, one line each.

    Raises:
        ValueError: The schema uses a word that this checker does not know.
    """
    if unknown := set(schema) - _KNOWN:
        raise ValueError(f"the schema says {sorted(unknown)}, which is not checked")
    if reference := schema.get("$ref"):
        name = reference.removeprefix("#/$defs/")
        yield from violations(value, top["$defs"][name], top, at)
    if "type" in schema and not isinstance(value, _TYPES[schema["type"]]):
        yield f"{at}: {schema['type']} expected, {type(value).__name__} seen"
        return
    yield from _plain(value, schema, at)
    if isinstance(value, dict):
        yield from _object(value, schema, top, at)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: too few items"
        for place, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), top, f"{at}[{place}]")


def _plain(value: Any, schema: Json, at: str) -> Iterator[str]:
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {schema['const']!r} expected, {value!r} seen"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: one of {schema['enum']} expected, {value!r} seen"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {schema['pattern']} expected, {value!r} seen"


def _object(value: Json, schema: Json, top: Json, at: str) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}: no {name!r}"
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", {})
    for name, item in value.items():
        inner = known.get(name, other)
        if inner is False:
            yield f"{at}: {name!r} is not expected"
        else:
            yield from violations(item, inner, top, f"{at}.{name}")
