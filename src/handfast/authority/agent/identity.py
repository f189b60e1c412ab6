# SPDX-License-Identifier: Apache-2.0
"""An agent's own identity, in memory and in a file.

The file holds all of it, so that one rename replaces all of it: the key and the chain
that fits it, the bundle, and which authority they are of.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from handfast._whole_files import replace_file
from handfast.authority.database import make_private_folder, need_private
from handfast.authority.refusal import refuse
from handfast.authority.validity import BACKDATE
from handfast.bundle import TrustBundleSet
from handfast.bundle_document import BundleDocument
from handfast.errors import HandfastError, Reason, SourceError, detail_for
from handfast.ids import SpiffeId, TrustDomain
from handfast.sources.base import SourceSnapshot
from handfast.svid import X509Svid

__all__ = ["NodeIdentity", "NodeSource"]

_FILE: Final = "node.json"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """Who an agent is, and whose.

    Attributes:
        authority: Host and port of the authority.
        svid: The agent's.
        bundle: The trust domain's authorities, as the authority last said.
    """

    authority: tuple[str, int]
    svid: X509Svid
    bundle: BundleDocument

    @property
    def spiffe_id(self) -> SpiffeId:
        """The agent's."""
        return self.svid.spiffe_id

    @property
    def trust_domain(self) -> TrustDomain:
        """The trust domain that it is in."""
        return self.svid.spiffe_id.trust_domain

    def renew_at(self) -> datetime:
        """When half of its life is over."""
        end = self.svid.not_after
        made = min(self.svid.not_before + BACKDATE, end)
        return made + (end - made) / 2

    def save(self, folder: Path) -> None:
        """Write it in one step: after a crash the old one is there, or the new one.

        Raises:
            OSError: it cannot be written.
            ConfigError: others may use the folder.
        """
        make_private_folder(folder)
        host, port = self.authority
        facts = {
            "version": _VERSION,
            "authority": {"host": host, "port": port},
            "trust_domain": str(self.trust_domain),
            "chain": self.svid.to_pem_chain().decode("ascii"),
            "key": self.svid.to_pem_key().decode("ascii"),
            "bundle": json.loads(self.bundle.to_json()),
        }
        replace_file(folder / _FILE, json.dumps(facts, indent=1).encode(), 0o600)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it.

        Raises:
            ConfigError: there is none, others may read it, or it is not one.
        """
        path = folder / _FILE
        if not path.exists():
            hint = "join first: handfast authority join --token …"
            refuse(f"{_FILE} in the agent's state directory", "none", hint)
        need_private(folder)
        need_private(path)
        try:
            return cls._read(json.loads(path.read_bytes()))
        except (HandfastError, KeyError, TypeError, ValueError) as error:
            hint = "join again: handfast authority join --token …"
            refuse(f"{_FILE} as an agent wrote it", f"{error}", hint)

    @classmethod
    def _read(cls, facts: Mapping[str, Any]) -> Self:
        if facts["version"] != _VERSION:
            raise ValueError(f"version {facts['version']}")
        domain = TrustDomain.parse(facts["trust_domain"])
        svid = X509Svid.from_pem(facts["chain"].encode(), facts["key"].encode())
        if svid.spiffe_id.trust_domain != domain:
            raise ValueError("the SVID is of another trust domain")
        where = facts["authority"]
        return cls(
            authority=(str(where["host"]), int(where["port"])),
            svid=svid,
            bundle=BundleDocument.from_json(domain, json.dumps(facts["bundle"])),
        )


class NodeSource:
    """The source that an agent's connections to its authority take it from."""

    def __init__(self, identity: NodeIdentity) -> None:
        self._lock = threading.Lock()
        self._identity = identity
        self._snapshot = _snapshot(identity, 1)

    @property
    def identity(self) -> NodeIdentity:
        """Who we are now."""
        return self._identity

    def snapshot(self) -> SourceSnapshot:
        """Return what holds now.

        Raises:
            SourceError: the SVID is over: the agent was off for too long.
        """
        found = self._snapshot
        if found.svid.expires_in() <= timedelta(0):
            detail = detail_for(
                Reason.SOURCE_EXPIRED,
                seen=str(found.svid),
                hint="the agent was off for too long: join --again, with a new token",
            )
            raise SourceError(detail)
        return found

    def change(
        self, *, svid: X509Svid | None = None, bundle: BundleDocument | None = None
    ) -> bool:
        """Take over what is new; say whether anything is."""
        with self._lock:
            old = self._identity
            new = replace(old, svid=svid or old.svid, bundle=bundle or old.bundle)
            if new == old:
                return False
            self._identity = new
            self._snapshot = _snapshot(new, self._snapshot.generation + 1)
            return True


def _snapshot(identity: NodeIdentity, generation: int) -> SourceSnapshot:
    return SourceSnapshot(
        svid=identity.svid,
        bundles=TrustBundleSet([identity.bundle.x509]),
        generation=generation,
    )
