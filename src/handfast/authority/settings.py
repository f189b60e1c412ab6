# SPDX-License-Identifier: Apache-2.0
"""What an authority keeps to: names and times, fixed when it is initialised."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handfast.authority.refusal import refuse
from handfast.authority.rotation import Plan
from handfast.authority.validity import positive
from handfast.ids import TrustDomain
from handfast.keys import KEY_TYPES

if TYPE_CHECKING:
    from handfast.authority.database import Database, Run
    from handfast.authority.rotation import Kind
    from handfast.keys import KeyType

__all__ = ["AuthoritySettings"]

_NAME = "authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """Names and times of an authority.

    Attributes:
        trust_domain: Whose authority it is.
        key_type: Of roots, intermediates and X.509-SVIDs. JWT-SVIDs are signed with
            P-256 (ES256), which every library reads, and agents of other hosts make
            P-256 keys for their workloads.
        offline_root: The root's key is elsewhere: intermediates are signed there.
        svid_ttl: How long X.509-SVIDs live, unless their entry says otherwise.
        jwt_ttl: How long JWT-SVIDs live, likewise.
        root_ttl: How long a root of our own making lives.
        intermediate_ttl: How long an intermediate lives.
        jwt_key_ttl: How long a JWT key is there.
        refresh_hint: After which time others should ask for the bundle again.
        lead: How long a new root or key is published before it signs: five times the
            refresh hint, unless set.
        crl_ttl: How long a revocation list is valid.
        audit_kept: How long the audit log goes back.

    Raises:
        ConfigError: The times do not fit together: everything that is signed would
            have to end before it should.
    """

    trust_domain: TrustDomain
    key_type: KeyType = "p256"
    offline_root: bool = False
    svid_ttl: timedelta = timedelta(hours=1)
    jwt_ttl: timedelta = timedelta(minutes=5)
    root_ttl: timedelta = timedelta(days=3650)
    intermediate_ttl: timedelta = timedelta(days=30)
    jwt_key_ttl: timedelta = timedelta(days=30)
    refresh_hint: timedelta = timedelta(minutes=5)
    lead: timedelta | None = None
    crl_ttl: timedelta = timedelta(days=1)
    audit_kept: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        if self.key_type not in KEY_TYPES:
            refuse(f"a key type: {', '.join(KEY_TYPES)}", repr(self.key_type))
        for name, value in self._times().items():
            if name != "lead":
                positive(value)
        if self.lead is None:
            object.__setattr__(self, "lead", 5 * self.refresh_hint)
        if self.published_early < timedelta(0):
            refuse("a lead of no time or more", str(self.lead))
        # In its second half an authority's successor signs: what the first half signed
        # last still has that long.
        for inner, outer in (
            ("svid_ttl", "intermediate_ttl"),
            ("jwt_ttl", "jwt_key_ttl"),
            ("lead", "intermediate_ttl"),
            ("lead", "jwt_key_ttl"),
            ("intermediate_ttl", "root_ttl"),
        ):
            times = self._times()
            if times[inner] > times[outer] / 2:
                seen = f"{times[inner]} and {times[outer]}"
                refuse(f"{inner} of at most half of {outer}", seen)

    def _times(self) -> dict[str, timedelta]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {n: v for n, v in values.items() if isinstance(v, timedelta)}

    @property
    def published_early(self) -> timedelta:
        """The lead."""
        return self.lead if self.lead is not None else 5 * self.refresh_hint

    def plan(self, kind: Kind) -> Plan:
        """The life of one kind of key."""
        lifetimes = {
            "root": self.root_ttl,
            "intermediate": self.intermediate_ttl,
            "jwt": self.jwt_key_ttl,
        }
        return Plan(
            lifetime=lifetimes[kind].total_seconds(),
            lead=self.published_early.total_seconds(),
        )

    def save(self, run: Run) -> None:
        """Write them in a transaction, once."""
        facts: dict[str, Any] = asdict(self) | {"trust_domain": str(self.trust_domain)}
        facts |= {name: value.total_seconds() for name, value in self._times().items()}
        run("INSERT INTO settings VALUES (?, ?)", (_NAME, json.dumps(facts)))

    @classmethod
    def load(cls, database: Database) -> AuthoritySettings:
        """Read them.

        Raises:
            ConfigError: The state was not initialised to its end.
        """
        text = database.setting(_NAME)
        if text is None:
            refuse("an initialised state directory", "an empty database")
        facts: dict[str, Any] = json.loads(text)
        facts["trust_domain"] = TrustDomain(facts["trust_domain"])
        for name, value in facts.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                facts[name] = timedelta(seconds=value)
        return cls(**facts)
