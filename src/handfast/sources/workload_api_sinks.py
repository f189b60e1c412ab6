# SPDX-License-Identifier: Apache-2.0
"""Between a stream and a state: what is done with what the agent sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.sources.workload_api_x509 import X509Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.errors import SourceError
    from handfast.ids import SpiffeId
    from handfast.sources.workload_api_state import X509State
    from handfast.sources.workload_api_x509 import X509Update
    from handfast.workload_api.proto import X509BundlesResponse, X509SVIDResponse

__all__ = ["X509BundlesSink", "X509Sink"]


def _nothing() -> None:
    """Forget nothing."""


class _StateSink:
    """Passes failures on, and wakes whoever waits."""

    def __init__(
        self,
        state: X509State,
        now: Callable[[], datetime],
        tell: Callable[[], None],
        forget: Callable[[], None] = _nothing,
    ) -> None:
        self._state = state
        self._reader = X509Reader(now)
        self._tell = tell
        self._forget = forget

    def refuse(self, error: SourceError) -> None:
        """Withdraw everything (WAPI-51, WAPI-53)."""
        self._state.refuse(error)
        self._forget()
        self._tell()

    def fail(self, error: SourceError) -> None:
        """Remember why nothing new comes."""
        self._state.fail(error)
        self._tell()


def _names(update: X509Update) -> set[SpiffeId]:
    return {svid.spiffe_id for svid in update.svids}


class X509Sink(_StateSink):
    """``FetchX509SVID``."""

    def take(self, message: X509SVIDResponse) -> bool:
        """Take identities and bundles."""
        update = self._reader.read_svids(message)
        before = self._state.update
        changed = self._state.accept(update)
        if before is not None and _names(before) - _names(update):
            # W4: tokens of an identity that is gone go with it.
            self._forget()
        self._tell()
        return changed


class X509BundlesSink(_StateSink):
    """``FetchX509Bundles``."""

    def take(self, message: X509BundlesResponse) -> bool:
        """Take bundles alone."""
        changed = self._state.accept(self._reader.read_bundles(message))
        self._tell()
        return changed
