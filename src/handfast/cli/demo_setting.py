# SPDX-License-Identifier: Apache-2.0
"""What the demo's authority is: a trust domain, three entries, and a partner."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from handfast import BundleDocument, SpiffeId, TrustDomain
from handfast.authority import Authority
from handfast.authority.federated import FederatedBundles
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState
from handfast.testing.forge import ForgedAuthority

DOMAIN = TrustDomain("demo.example")
PARTNER = TrustDomain("partner.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A workload of the demo. All run as one user; the hint tells them apart."""

    hint: str
    spiffe_id: SpiffeId

    @property
    def name(self) -> str:
        """Its SPIFFE ID."""
        return str(self.spiffe_id)


def _role(hint: str) -> Role:
    return Role(hint=hint, spiffe_id=SpiffeId.from_segments(DOMAIN, "shop", hint))


SERVER, CALLER, VISITOR = (_role(hint) for hint in ("stock", "orders", "visitor"))

_ENTRY = """\
[[entries]]
spiffe_id = "{path}"
selectors = ["unix:uid:{uid}"]
hint = "{hint}"
federates_with = ["{partner}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where the authority's things are, and what forgeries are made with."""

    folder: Path
    forger: ForgedAuthority
    partner: Authority

    @property
    def state(self) -> Path:
        """The authority's state directory."""
        return self.folder / "authority"

    @property
    def entries(self) -> Path:
        """Who gets which identity."""
        return self.folder / "entries.toml"

    @property
    def socket(self) -> Path:
        """The Workload API's socket."""
        return self.folder / "agent.sock"

    @property
    def endpoint(self) -> str:
        """The same, as workloads are told it."""
        return f"unix://{self.socket}"


def set_up(folder: Path) -> Setting:
    """Initialise the authority in a private folder, and write its entries."""
    settings = AuthoritySettings(trust_domain=DOMAIN)
    partner = Authority(PARTNER)
    with AuthorityState.open(folder / "authority", settings=settings) as state:
        document = BundleDocument.of(partner.bundle, sequence=1)
        FederatedBundles(state.database, DOMAIN).put(PARTNER, document.to_json())
        # With its key, certificates are forged that it would never sign itself.
        signer = state.signers.signer(state.signers.active("intermediate"))
        forger = ForgedAuthority.of(signer, DOMAIN)
    setting = Setting(folder=folder, forger=forger, partner=partner)
    setting.entries.write_text(
        "\n".join(
            _ENTRY.format(
                path=role.spiffe_id.path,
                uid=os.getuid(),
                hint=role.hint,
                partner=PARTNER,
            )
            for role in (SERVER, CALLER, VISITOR)
        ),
        encoding="utf-8",
    )
    return setting
