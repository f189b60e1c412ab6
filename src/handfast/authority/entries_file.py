# SPDX-License-Identifier: Apache-2.0
"""The entries file: TOML or YAML, read strictly, taken as a whole or not at all.

```toml
[[entries]]
spiffe_id = "spiffe://prod.example.com/web"
selectors = ["unix:uid:1000", "unix:path:/usr/bin/web"]
x509_ttl = "1h"
```

A name that is not known is refused and not passed over: a misspelt `selectors` or
`x509_ttl` would give an identity to more processes, or for longer, than was meant.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from handfast.authority.attest.known import need_attestable
from handfast.authority.durations import parse_duration
from handfast.authority.entries import Entry
from handfast.authority.refusal import refuse
from handfast.authority.selectors import Selector
from handfast.errors import ConfigError, HandfastError, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.text import escape

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Final

__all__ = ["parse_entries", "read_entries"]

# What PyYAML's constructors let out beside its own errors: of `!!int ""`, `!!bool x`,
# `!!timestamp x` and `"\UFFFFFFFF"`, for instance.
_DAMAGED: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    yaml.YAMLError,
)
#: Bytes of an entries file.
_FILE_MAX: Final = 16 << 20
_OTHERS_WRITE: Final = stat.S_IWOTH


class _EntryRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    spiffe_id: str
    selectors: list[str]
    x509_ttl: str | int | None = None
    jwt_ttl: str | int | None = None
    hint: str = ""
    dns_names: list[str] = []
    federates_with: list[str] = []
    notes: str = ""
    node: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    entries: list[_EntryRow]


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a name stands once in a mapping, and nothing refers to anything."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            line = self.get_mark().line + 1
            refuse("YAML without aliases", f"one in line {line}")
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: Any,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's own signature
    ) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            # PyYAML has no types of its own.
            key: Any = self.construct_object(key_node, deep=True)  # pyright: ignore[reportUnknownMemberType]
            if key in seen:
                line = key_node.start_mark.line + 1
                refuse("each name once", f"'{escape(str(key))}' again in line {line}")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _span(value: str | int | None) -> timedelta | None:
    return None if value is None else parse_duration(value)


def _entry(row: _EntryRow, trust_domain: TrustDomain) -> Entry:
    text = row.spiffe_id
    # A path alone is one of our own trust domain's.
    spiffe_id = (
        SpiffeId(trust_domain, text) if text.startswith("/") else SpiffeId.parse(text)
    )
    return Entry(
        spiffe_id=spiffe_id,
        selectors=frozenset(
            need_attestable(Selector.parse(text)) for text in row.selectors
        ),
        x509_ttl=_span(row.x509_ttl),
        jwt_ttl=_span(row.jwt_ttl),
        hint=row.hint,
        dns_names=tuple(row.dns_names),
        federates_with=frozenset(map(TrustDomain, row.federates_with)),
        notes=row.notes,
        node=None if row.node is None else SpiffeId.parse(row.node),
    )


def parse_entries(data: bytes, kind: str, trust_domain: TrustDomain) -> list[Entry]:
    """Read entries from text.

    Args:
        data: The file's content.
        kind: ``toml`` or ``yaml``.
        trust_domain: Of IDs that are written as a path alone.

    Raises:
        ConfigError: Anything in it is wrong; it says which entry and what of it.
    """
    try:
        text = data.decode("utf-8")
        if kind == "toml":
            document: object = tomllib.loads(text)
        else:
            document = yaml.load(text, _OnceLoader)  # noqa: S506 - a SafeLoader
    except ConfigError:
        raise
    except _DAMAGED as error:
        refuse(f"{kind.upper()} in UTF-8", escape(" ".join(str(error).split())))
    try:
        rows = msgspec.convert(document, _File).entries
    except (msgspec.ValidationError, ValueError) as error:
        # Half a surrogate pair, which YAML can write, is an error of its own.
        refuse("an entries file", escape(str(error)))
    entries: list[Entry] = []
    for place, row in enumerate(rows):
        try:
            entries.append(_entry(row, trust_domain))
        except HandfastError as error:
            seen = f"entries[{place}] ({escape(row.spiffe_id)}): {error}"
            detail = detail_for(
                Reason.CONFIG_INVALID, expected="good entries only", seen=seen
            )
            raise ConfigError(detail) from error
    return entries


def read_entries(path: Path, trust_domain: TrustDomain) -> list[Entry]:
    """Read an entries file; its name says which kind it is.

    Raises:
        ConfigError: It is of neither kind, too large, somebody else may write to it,
            or anything in it is wrong.
        OSError: It cannot be read.
    """
    kinds = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}
    kind = kinds.get(path.suffix)
    if kind is None:
        refuse("a name that ends in .toml, .yaml or .yml", escape(path.name))
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_mode & _OTHERS_WRITE:
            hint = "chmod o-w: whoever writes it gives out identities"
            refuse("a file that not everybody may write to", escape(path.name), hint)
        if facts.st_uid not in {0, os.geteuid()}:
            seen = f"{escape(path.name)} of uid {facts.st_uid}"
            refuse(f"a file of uid {os.geteuid()} or of root", seen)
        data = file.read(_FILE_MAX + 1)
    if len(data) > _FILE_MAX:
        refuse(f"at most {_FILE_MAX} bytes", f"more in {escape(path.name)}")
    return parse_entries(data, kind, trust_domain)
