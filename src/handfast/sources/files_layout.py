# SPDX-License-Identifier: Apache-2.0
"""Which files of a directory are our chain, our key and whom we trust.

A layout is recognised by the names of its chain and key. Two layouts in one directory
are refused: which of them is meant would be a guess.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handfast.errors import Reason, SourceError, detail_for
from handfast.ids import TrustDomain
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LAYOUTS", "FileNames", "Layout", "bundle_names", "choose", "crl_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The names that a program gives its files.

    Attributes:
        writers: Who writes them.
        chain: Our certificates, leaf first.
        key: The leaf's private key.
        bundle: The authorities of our own trust domain.
    """

    writers: str
    chain: str
    key: str
    bundle: str


LAYOUTS: Final = (
    Layout(
        writers="handfast fetch, spiffe-helper",
        chain="svid.pem",
        key="svid_key.pem",
        bundle="svid_bundle.pem",
    ),
    Layout(
        writers="cert-manager, csi-driver-spiffe",
        chain="tls.crt",
        key="tls.key",
        bundle="ca.crt",
    ),
    Layout(
        writers="Istio",
        chain="cert-chain.pem",
        key="key.pem",
        bundle="root-cert.pem",
    ),
)

#: Below the directory: bundles of other trust domains, named after them.
FEDERATED: Final = "bundles"
#: Below it, too: revocation lists, named after the trust domain that signed them.
LISTS: Final = "crls"
#: What the names of those end with; the content says which form it is.
SUFFIXES: Final = (".pem", ".json", ".der", ".crt")
_LIST_SUFFIXES: Final = (".pem", ".der", ".crl")
_NAMED_MAX: Final = 1000

#: Files by the trust domain that they are named after.
Named = tuple[tuple[TrustDomain, Path], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNames:
    """Paths of one set of files.

    Attributes:
        chain: Our certificates.
        key: The private key.
        bundle: The authorities of our own trust domain.
        federated: Those of others: trust domain and file.
        crls: Revocation lists, likewise.
    """

    chain: Path
    key: Path
    bundle: Path
    federated: Named = field(default=())
    crls: Named = field(default=())

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, in the order in which they are read."""
        return (
            self.chain,
            self.key,
            self.bundle,
            *(path for _, path in self.federated),
            *(path for _, path in self.crls),
        )


def _refuse(expected: str, seen: str) -> SourceError:
    return SourceError(detail_for(Reason.SOURCE_LAYOUT, expected=expected, seen=seen))


def choose(
    folder: Path, chain: str | None, key: str | None, bundle: str | None
) -> tuple[Path, Path, Path]:
    """Choose chain, key and bundle; names that are given count, in any layout.

    Raises:
        SourceError: no layout fits, or two do (``source_layout``).
        OSError: the directory cannot be read.
    """
    there = {path.name for path in folder.iterdir()}
    if chain is not None and key is not None and bundle is not None:
        return folder / chain, folder / key, folder / bundle
    if (chain is None) != (key is None):
        raise _refuse("both chain= and key=, or neither", "one of them")
    if chain is not None and key is not None:
        raise _refuse("bundle= beside chain= and key=", "none")
    found = [it for it in LAYOUTS if it.chain in there and it.key in there]
    if len(found) > 1:
        seen = " and ".join(f"{it.chain} ({it.writers})" for it in found)
        raise _refuse("one layout in a directory", seen)
    if not found:
        expected = "; or ".join(f"{it.chain} with {it.key}" for it in LAYOUTS)
        names = escape(", ".join(sorted(there))) or "an empty directory"
        raise _refuse(expected, f"{names} in {escape(str(folder))}")
    layout = found[0]
    if bundle is None and layout.bundle not in there:
        seen = f"{layout.chain} and {layout.key} alone"
        raise _refuse(f"{layout.bundle} beside them, or bundle=", seen)
    return (
        folder / layout.chain,
        folder / layout.key,
        folder / (bundle or layout.bundle),
    )


def _named(folder: Path, below: str, suffixes: Sequence[str]) -> Named:
    try:
        names = sorted(path.name for path in (folder / below).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    parts = (os.path.splitext(name) for name in names)  # noqa: PTH122 - dots stay
    found = tuple(
        (TrustDomain.parse(stem), folder / below / f"{stem}{ending}")
        for stem, ending in parts
        if ending in suffixes and not stem.startswith(".")
    )
    if len(found) > _NAMED_MAX:
        raise _refuse(f"at most {_NAMED_MAX} files in {below}/", f"{len(found)}")
    return found


def bundle_names(folder: Path, given: Mapping[TrustDomain, str]) -> Named:
    """Find the bundles of other trust domains: those given, then ``bundles/``.

    The name of the file, without its ending, is the trust domain: never the content.

    Raises:
        SourceError: too many.
        InvalidId: a file's name is not that of a trust domain.
    """
    by_hand = tuple((domain, folder / name) for domain, name in given.items())
    return by_hand + _named(folder, FEDERATED, SUFFIXES)


def crl_names(folder: Path) -> Named:
    """Find revocation lists, by the trust domains that their files are named after.

    Raises:
        SourceError: too many.
        InvalidId: a file's name is not that of a trust domain.
    """
    return _named(folder, LISTS, _LIST_SUFFIXES)
