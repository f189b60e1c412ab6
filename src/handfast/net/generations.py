# SPDX-License-Identifier: Apache-2.0
"""What connections that are under way may have begun with, by generation.

The engine keeps each configuration that a handshake uses, and tells its generation;
here is what Python knows of it: who we are in it, and until when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast._tls_recipe import Built

__all__ = ["Generations"]


class Generations:
    """The newest configuration, and those that were replaced a while ago at most."""

    def __init__(self, patience: float) -> None:
        self.newest: Built | None = None
        self._patience = patience
        # In the order in which they were replaced, with the time of that.
        self._old: dict[int, tuple[Built, float]] = {}

    def replace(self, built: Built | None, now: float) -> None:
        """Take a newer one, or none, and forget what nothing can be under way on."""
        if self.newest is not None:
            self._old.pop(self.newest.generation, None)
            self._old[self.newest.generation] = (self.newest, now)
        self.newest = built
        for generation, (_, replaced) in list(self._old.items()):
            if now - replaced <= self._patience:
                break
            del self._old[generation]

    def forget_old(self) -> None:
        """Nothing is under way that began before the newest one came."""
        self._old.clear()

    def find(self, generation: int) -> Built | None:
        """Return what a connection began with; None when it is forgotten."""
        if self.newest is not None and self.newest.generation == generation:
            return self.newest
        found = self._old.get(generation)
        return None if found is None else found[0]
