# SPDX-License-Identifier: Apache-2.0
"""How long streams live, and what happens when what they rest on ends (promise P6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from handfast.net.failures import refuse_setting

__all__ = ["Lifetime", "OnEnd"]

#: What to do with a stream: ask the application to end it, end it, or nothing.
OnEnd = Literal["drain", "close", "ignore"]

_WAYS = ("drain", "close", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """When streams end on purpose, and how: for a listener, a stream or a pool.

    To *drain* a stream is to ask the application to end it: `MtlsStream.draining` is
    True, `wait_draining()` returns, a pool lends it no more. After ``drain_timeout`` it
    is closed. A stream that is closed on purpose ends with a close_notify, and what
    is done with it later raises `trio.BrokenResourceError` from a `ConnectionEnded`.

    Ages are measured by the monotonic clock, the ends of credentials by the wall clock,
    which is looked at once a second: setting it right is noticed.

    Attributes:
        max_age: Seconds after the handshake at which a stream is drained; None: never.
            In a resumed handshake the peer proved its key earlier, by at most the
            `max_age` of the sessions (`MtlsStream.authenticated_at`).
        on_credentials_end: What to do at `MtlsStream.expires_at`, when the peer's chain
            or our own SVID ends. The default lets streams outlive the credentials that
            they were authenticated by, as most TLS stacks do.
        on_revoked: What to do when the newest snapshot does not carry a stream any
            more: the peer's authority was removed, a revocation list names the peer
            (with `crl_policy=`), our own identity is another one, or the source has
            none that may be used.
        renew_before: Seconds by which draining begins earlier than the ends above, so
            that a new connection can take over; with ``"close"``, too.
        drain_timeout: Seconds that a stream may take to end once it is drained.
        key_update_bytes: After so much was sent, counted in whole records of 16 KiB, go
            on under new keys, and ask the peer for new ones (TLS 1.3). AES-GCM is good
            for twenty times the default. None: never.
        key_update_seconds: Do the same with the first send after so many seconds.

    Raises:
        ConfigError: a number or a way is not valid.
    """

    max_age: float | None = None
    on_credentials_end: OnEnd = "ignore"
    on_revoked: OnEnd = "ignore"
    renew_before: float = 0.0
    drain_timeout: float = 30.0
    key_update_bytes: int | None = 1 << 34
    key_update_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_age", "key_update_bytes", "key_update_seconds"):
            value = getattr(self, name)
            # A comparison that NaN does not pass.
            if value is not None and not value > 0:
                refuse_setting(f"{name}= above 0, or None", value)
        for name in ("renew_before", "drain_timeout"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                refuse_setting(f"{name}= of 0 or more", value)
        for name in ("on_credentials_end", "on_revoked"):
            if getattr(self, name) not in _WAYS:
                refuse_setting(
                    f"{name}= one of {', '.join(_WAYS)}", getattr(self, name)
                )

    @property
    def is_watched(self) -> bool:
        """Whether any end is to be waited for."""
        return (
            self.max_age is not None
            or self.on_credentials_end != "ignore"
            or self.on_revoked != "ignore"
        )
