# SPDX-License-Identifier: Apache-2.0
"""The side of the fake Workload API that has to do with WIT-SVIDs (incubating)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import trio

from handfast.authority import Authority
from handfast.ids import SpiffeId
from handfast.keys import PrivateKey

if TYPE_CHECKING:
    from handfast.wit_bundle import WitBundleSet
    from handfast.wit_signer import WitSigner
    from handfast.workload_api.wit import WitIdentity

__all__ = ["FakeWitIssuer"]


class FakeWitIssuer:
    """What every :class:`FakeWorkloadApi` does when it serves the WIT profile."""

    authority: Authority
    _ids: tuple[str | SpiffeId, ...]
    _hints: Mapping[str, str]
    _wit: WitSigner | None = None

    @abstractmethod
    def _asked(self, what: str) -> None: ...

    @property
    def wit_signer(self) -> WitSigner:
        """Who signs WIT-SVIDs."""
        if self._wit is None:
            from handfast.wit_signer import WitSigner  # noqa: PLC0415 - incubating

            self._wit = WitSigner.generate(self.authority.trust_domain)
        return self._wit

    async def wit_svids(
        self,
        caller: object,  # noqa: ARG002
        spiffe_id: SpiffeId | None,
    ) -> tuple[WitIdentity, ...]:
        """Sign for all identities that were set, or for one of them."""
        from handfast.workload_api.wit import WitIdentity  # noqa: PLC0415

        self._asked("wit_svids")
        await trio.lowlevel.checkpoint()
        wanted = [it for it in self._ids if str(spiffe_id or it) == str(it)]
        made: list[WitIdentity] = []
        for it in wanted:
            key, hint = PrivateKey.generate(), self._hints.get(str(it), "")
            made.append(WitIdentity(self.wit_signer.sign(it, key, hint=hint), key))
        return tuple(made)

    async def wit_bundles(self, caller: object) -> WitBundleSet:  # noqa: ARG002
        """Give the own trust domain's WIT bundle."""
        from handfast.wit_bundle import WitBundleSet  # noqa: PLC0415

        self._asked("wit_bundles")
        await trio.lowlevel.checkpoint()
        return WitBundleSet([self.wit_signer.bundle])
