# SPDX-License-Identifier: Apache-2.0
"""The keys that the WIT-SVIDs of a trust domain are signed with (incubating)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handfast.bundle_json import refuse, write_json
from handfast.bundle_jwt_entries import JWT_USE
from handfast.bundle_set import BundleSet
from handfast.key_bundle import KeyBundle
from handfast.strict_json import is_list
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

    from handfast.bundle_document import BundleDocument

__all__ = ["WIT_USE", "WitBundle", "WitBundleSet", "document_with_wit_keys"]

#: What `use` says of a key for WIT-SVIDs.
WIT_USE: Final = "wit-svid"


@dataclass(frozen=True, slots=True, repr=False)
class WitBundle(KeyBundle):
    """The WIT authorities of one trust domain: public keys by ``kid``.

    Of a document only ``wit-svid`` entries are taken, and none of it when one of them
    has the ``kid`` of a ``jwt-svid`` entry.

    Attributes:
        trust_domain: Whose keys these are.
        keys: `cryptography`'s public keys, RSA or EC; read-only.
        algorithms: What some of them are for alone, by ``kid``; read-only.
        digest: SHA-256 over the content, in any order.
    """

    USE: ClassVar[str] = WIT_USE
    UNIQUE_AMONG: ClassVar[tuple[str, ...]] = (JWT_USE, WIT_USE)


class WitBundleSet(BundleSet[WitBundle]):
    """WIT bundles side by side, one a trust domain; immutable."""

    __slots__ = ()


def document_with_wit_keys(document: BundleDocument, wit: WitBundle) -> bytes:
    """Write a bundle document with WIT authorities beside the others.

    On request only: SPIRE and go-spiffe fail a document with entries that they do not
    know, and so do many others.

    Raises:
        InvalidBundle: They are of two trust domains, or a ``kid`` is among both.
    """
    if wit.trust_domain != document.trust_domain:
        refuse(f"WIT keys of {document.trust_domain}", f"{wit.trust_domain}")
    if both := sorted(wit.keys.keys() & document.jwt.keys.keys()):
        refuse("every kid once", f"'{escape(both[0], limit=64)}' for JWT and WIT")
    written = document.to_object()
    entries = written["keys"]
    written["keys"] = [*(entries if is_list(entries) else []), *wit.entries()]
    return write_json(written)
