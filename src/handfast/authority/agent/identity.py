# SPDX-License-Identifier: Apache-2.0
"""An agent's own identity, in memory and in a file.

The file holds all of it, so that one rename replaces all of it: the key and the chain
that fits it, the bundle, and which authority they are of.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from handfast._clock import utc_now
from handfast._whole_files import replace_file
from handfast.authority.database import make_private_folder, need_private
from handfast.authority.refusal import refuse
from handfast.authority.validity import BACKDATE
from handfast.bundle import TrustBundleSet
from handfast.bundle_document import BundleDocument
from handfast.errors import HandfastError, Reason
from handfast.ids import SpiffeId, TrustDomain
from handfast.sources.ageing import Ageing, Origin, Standing, without_frames
from handfast.sources.base import SourceSnapshot
from handfast.sources.health import SourceHealth, SourceStatistics
from handfast.strict_json import read_object
from handfast.svid import X509Svid
from handfast.text import escape

__all__ = ["NodeIdentity", "NodeSource"]

_FILE: Final = "node.json"
_VERSION: Final = 1
_PORT_MAX: Final = 65535
_CALM: Final = "nobody has asked it for a newer one"
_HINT: Final = "the agent was off for too long: join --again, with a new token"


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
        time = self.standing
        return time.begins + (time.ends - time.begins) / 2

    @property
    def standing(self) -> Standing:
        """The agent's SVID, from when it was made."""
        end = self.svid.not_after
        return Standing(self.svid, min(self.svid.not_before + BACKDATE, end), end)

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
            return cls._read(read_object(path.read_bytes()))
        except (HandfastError, LookupError, TypeError, ValueError) as error:
            hint = "join again: handfast authority join --token …"
            refuse(f"{_FILE} as an agent wrote it", escape(str(error), limit=400), hint)

    @classmethod
    def _read(cls, facts: Mapping[str, Any]) -> Self:
        if facts["version"] is True or facts["version"] != _VERSION:
            raise ValueError(f"version {facts['version']}")
        domain = TrustDomain.parse(_text(facts, "trust_domain"))
        svid = X509Svid.from_pem(_text(facts, "chain"), _text(facts, "key"))
        if svid.spiffe_id.trust_domain != domain:
            raise ValueError("the SVID is of another trust domain")
        where = facts["authority"]
        port = where["port"]
        if port is True or not isinstance(port, int) or not 0 < port <= _PORT_MAX:
            raise ValueError("the authority's port is none")
        return cls(
            authority=(_text(where, "host"), port),
            svid=svid,
            bundle=BundleDocument.from_json(domain, json.dumps(facts["bundle"])),
        )


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


class NodeSource:
    """The source that an agent's connections to its authority take it from.

    Args:
        identity: What it begins with.
        now: The clock, for tests: gives aware times.
    """

    def __init__(
        self, identity: NodeIdentity, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._lock = threading.Lock()
        self._now = now
        # The newest, and what it is as a snapshot.
        self._current = identity, _snapshot(identity, 1)
        self._heard_at: datetime | None = None
        self._trouble: Exception | None = None
        self._failed_at: datetime | None = None
        self._failures: Counter[str] = Counter()
        host, port = identity.authority
        self._ageing = Ageing(
            Origin(f"the authority at {host}:{port}", _CALM, _HINT),
            now,
            lambda: self.identity.standing,
            lambda: self._trouble,
        )

    @property
    def identity(self) -> NodeIdentity:
        """Who we are now."""
        return self._current[0]

    # ---- how it is doing ----

    def heard(self) -> None:
        """Note that the authority is there, and what we have is the newest."""
        self._heard_at, self._trouble = self._now(), None

    def failed(self, error: Exception) -> None:
        """Note why nothing new comes, and tell of it if that gets urgent."""
        reason = getattr(error, "reason", Reason.SOURCE_UNAVAILABLE)
        self._failures[reason] += 1
        without_frames(error)
        self._trouble, self._failed_at = error, self._now()
        self._ageing.look()

    @property
    def health(self) -> SourceHealth:
        """How it is doing."""
        identity, snapshot = self._current
        ends = identity.standing.ends
        return SourceHealth(
            state=self._ageing.state(usable=self._now() < ends, waiting=False),
            generation=snapshot.generation,
            updated_at=self._heard_at,
            expires_at=ends,
            failure=self._trouble,
            failed_at=self._failed_at,
        )

    def statistics(self) -> SourceStatistics:
        """Say how old what we have is, when it ends, and what failed so far."""
        health = self.health
        age = health.age(self._now())
        return SourceStatistics(
            generation=health.generation,
            age=None if age is None else age.total_seconds(),
            expires_in=self._ageing.expires_in(),
            urgency=self._ageing.urgency(),
            failures=MappingProxyType(dict(self._failures)),
            trouble=None if health.failure is None else str(health.failure),
        )

    # ---- what there is ----

    def snapshot(self) -> SourceSnapshot:
        """Return what holds now.

        Raises:
            SourceError: the SVID is over: the agent was off for too long.
        """
        identity, found = self._current
        if self._now() >= identity.standing.ends:
            trouble = self._trouble
            raise self._ageing.origin.ended(identity.standing, trouble) from trouble
        return found

    def change(
        self, *, svid: X509Svid | None = None, bundle: BundleDocument | None = None
    ) -> bool:
        """Take over what is new; say whether anything is."""
        with self._lock:
            old, snapshot = self._current
            new = replace(old, svid=svid or old.svid, bundle=bundle or old.bundle)
            if new == old:
                return False
            self._current = new, _snapshot(new, snapshot.generation + 1)
            return True


def _snapshot(identity: NodeIdentity, generation: int) -> SourceSnapshot:
    return SourceSnapshot(
        svid=identity.svid,
        bundles=TrustBundleSet([identity.bundle.x509]),
        generation=generation,
    )
