# SPDX-License-Identifier: Apache-2.0
"""The newest of all bundles, for whoever reads them and whoever waits for others.

Invariant: `_current` is never changed, only replaced: any thread may read it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import trio

from handfast.federation.known import Federated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handfast.federation.known import Known
    from handfast.ids import TrustDomain

__all__ = ["Newest"]


class Newest:
    """What is published, and word of every change and of every attempt."""

    def __init__(self) -> None:
        self._current = Federated()
        self._change = trio.Event()
        self._attempt = trio.Event()

    @property
    def current(self) -> Federated:
        """All that is known, as it belongs together; for any thread."""
        return self._current

    def publish(self, known: Mapping[TrustDomain, Known]) -> None:
        """Publish what is known now; only other documents are a change."""
        documents = {domain: it.document for domain, it in known.items()}
        by_hand = frozenset(domain for domain, it in known.items() if it.is_override)
        old = self._current
        if (documents, by_hand) != (old.documents, old.overrides):
            self._current = Federated(
                old.generation + 1, MappingProxyType(documents), by_hand
            )
            self._change.set()
            self._change = trio.Event()
        self.tell_attempt()

    def tell_attempt(self) -> None:
        """Wake who waits for an attempt, however it ended."""
        self._attempt.set()
        self._attempt = trio.Event()

    async def wait_changed(self, generation: int) -> int:
        """Wait until the documents are others than at a generation; return the new one.

        Cancellation: nothing has happened.
        """
        await trio.lowlevel.checkpoint()
        while self._current.generation == generation:
            await self._change.wait()
        return self._current.generation

    async def wait_attempt(self) -> None:
        """Wait for the next attempt, good or bad.

        Cancellation: nothing has happened.
        """
        await self._attempt.wait()
