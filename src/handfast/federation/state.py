# SPDX-License-Identifier: Apache-2.0
"""What is known of other trust domains, on disk: a file for each, replaced as a whole.

A restart goes on with the latest bundles and remembers their sequence numbers, so that
nobody can bring an older one back by making us restart.

Invariants:
    1. A file is written beside its name, synced, and renamed: at any moment, power cuts
       included, the name has the old content or the new one.
    2. What cannot be read as it was written (damage, another trust domain's, other
       people's hands on the directory) is refused, and never overwritten or removed.
    3. File names are ours: none leads elsewhere, whatever a trust domain is called.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from handfast import _settings
from handfast._whole_files import (
    make_folder,
    remove_unfinished,
    replace_file,
    sync_folder,
)
from handfast.bundle_document import BundleDocument
from handfast.errors import FederationError, HandfastError, Reason, detail_for
from handfast.federation.known import Known
from handfast.ids import TrustDomain
from handfast.strict_json import NotStrictJson, read_object

__all__ = ["FederationState"]

_FORMAT: Final = "handfast federation 1"
_SUFFIX: Final = ".json"
# A document of 1 MiB whose every byte is escaped, and the rest.
_FILE_MAX: Final = (6 << 20) + 65536
_NAME_MAX: Final = 100
# Who could do anything here anyway.
_ROOT: Final = 0
_FIELDS: Final = {
    "format",
    "trust_domain",
    "url",
    "fetched_at",
    "document",
    "sha256",
}


def _refuse(path: Path, expected: str, seen: str) -> NoReturn:
    detail = detail_for(
        Reason.FEDERATION_STATE, expected=expected, seen=f"{seen} in {path}"
    )
    raise FederationError(detail)


def _digest(fields: dict[str, str]) -> str:
    """SHA-256 over the fields, each after its length."""
    digest = hashlib.sha256()
    for name in sorted(fields.keys() - {"sha256"}):
        data = fields[name].encode()
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


class FederationState:
    """The latest bundles in a directory, for one manager at a time.

    Args:
        directory: Where; it is made, for its owner alone, when it is not there.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)

    def load(self) -> dict[TrustDomain, Known]:
        """Read what is there.

        Raises:
            FederationError: A file is damaged, or others may write here.
            OSError: The directory cannot be read, or not be made.
        """
        self._prepare()
        found: dict[TrustDomain, Known] = {}
        for path in sorted(self.directory.glob(f"td-*{_SUFFIX}")):
            known = _read(path)
            domain = known.document.trust_domain
            if path != self._path(domain):
                _refuse(path, f"the name {self._path(domain).name}", "another")
            found[domain] = known
        return found

    def save(self, known: Known) -> None:
        """Keep a bundle, in place of its trust domain's.

        Raises:
            OSError: It cannot be written; the old one is still there then.
        """
        fields = {
            "format": _FORMAT,
            "trust_domain": known.document.trust_domain.name,
            "url": known.url,
            "fetched_at": known.fetched_at.isoformat(),
            "document": known.body.decode(),
        }
        fields["sha256"] = _digest(fields)
        path = self._path(known.document.trust_domain)
        replace_file(path, json.dumps(fields, indent=1).encode(), 0o600)

    def remove(self, trust_domain: TrustDomain) -> None:
        """Forget a trust domain: the relationship ended (FED-54).

        Raises:
            OSError: Its file cannot be removed.
        """
        with suppress(FileNotFoundError):
            self._path(trust_domain).unlink()
            sync_folder(self.directory)

    def _prepare(self) -> None:
        make_folder(self.directory, 0o700)
        facts = self.directory.stat()
        # Whoever can write here decides whom we trust.
        if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            mode = stat.S_IMODE(facts.st_mode)
            _refuse(
                self.directory, "a directory of its owner's alone", f"mode {mode:o}"
            )
        if facts.st_uid not in {os.geteuid(), _ROOT}:
            seen = f"one of user {facts.st_uid}"
            _refuse(self.directory, f"a directory of user {os.geteuid()}", seen)
        remove_unfinished(self.directory)

    def _path(self, trust_domain: TrustDomain) -> Path:
        name = trust_domain.name
        mark = hashlib.sha256(name.encode()).hexdigest()[:16]
        return self.directory / f"td-{name[:_NAME_MAX]}-{mark}{_SUFFIX}"


def _fields(path: Path) -> dict[str, str]:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(handle, "rb") as file:
        data = file.read(_FILE_MAX + 1)
    if len(data) > _FILE_MAX:
        _refuse(path, f"at most {_FILE_MAX} bytes", "more")
    try:
        loaded = read_object(data)
    except NotStrictJson as error:
        _refuse(path, error.expected, error.seen)
    fields = {name: it for name, it in loaded.items() if isinstance(it, str)}
    if fields.keys() != _FIELDS or len(fields) != len(loaded):
        _refuse(path, f"the texts {', '.join(sorted(_FIELDS))}", "others")
    return fields


def _read(path: Path) -> Known:
    fields = _fields(path)
    if fields["format"] != _FORMAT:
        _refuse(path, f"'{_FORMAT}'", "another format")
    if fields["sha256"] != _digest(fields):
        _refuse(path, "the content that its sha256 is of", "another")
    body = fields["document"].encode()
    try:
        document = BundleDocument.from_json(fields["trust_domain"], body)
        _settings.need_usable(document.x509)
        fetched_at = datetime.fromisoformat(fields["fetched_at"])
    except (HandfastError, ValueError) as error:
        _refuse(path, "what was written", str(error))
    if fetched_at.utcoffset() is None:
        _refuse(path, "a time with its zone", "one without")
    return Known(document=document, body=body, url=fields["url"], fetched_at=fetched_at)
