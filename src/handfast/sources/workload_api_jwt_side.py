# SPDX-License-Identifier: Apache-2.0
"""The side of a Workload API source that has to do with JWT-SVIDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from handfast.jwt_svid import JwtSvid
from handfast.sources.workload_api_jwt import By, JwtBundleState, JwtDesk, as_asked
from handfast.sources.workload_api_life import misused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handfast.ids import SpiffeId
    from handfast.jwt_bundle import JwtBundleSet
    from handfast.sources.workload_api_life import Life
    from handfast.sources.workload_api_state import X509State

__all__ = ["JwtSide"]


class JwtSide:
    """What every :class:`WorkloadApiSource` does with JWT-SVIDs."""

    _desk: JwtDesk
    _life: Life
    _hint: str | None
    _jwt: JwtBundleState | None
    _now: Callable[[], datetime]
    _state: X509State

    async def fetch_jwt_svid(
        self,
        audience: str | Sequence[str],
        spiffe_id: SpiffeId | str | None = None,
        *,
        hint: str | None = None,
    ) -> JwtSvid:
        """Get a token that shows us to somebody.

        It is kept until half of its life is over, and longer when the agent is gone;
        many tasks that ask for the same make one call.

        Args:
            audience: Whom it is to be shown to; one name is best.
            spiffe_id: Which of our identities; the default one when left out.
            hint: The same by its hint; the source's own when left out.

        Cancellation: nothing has happened.

        Raises:
            SourceError: the agent has no such token for us, or cannot be reached.
            ConfigError: there is no audience.
            UsageError: this is not inside of ``async with``.
        """
        wanted = hint
        if wanted is None and spiffe_id is None:
            wanted = self._hint
        svids = await self.fetch_jwt_svids(audience, spiffe_id)
        if wanted is None:
            return svids[0]
        for svid in svids:
            if svid.hint == wanted:
                return svid
        given = ", ".join(f"{it.spiffe_id} '{it.hint}'" for it in svids)
        raise self._state.none_fits_text(given, f"a token with the hint {wanted!r}")

    async def fetch_jwt_svids(
        self,
        audience: str | Sequence[str],
        spiffe_id: SpiffeId | str | None = None,
    ) -> tuple[JwtSvid, ...]:
        """Get a token for each of our identities, the default first.

        The arguments are those of `fetch_jwt_svid`, and so is the rest.
        """
        asked = as_asked(audience, spiffe_id)
        self._need_open()
        return await self._desk.fetch(self._life.link, asked)

    async def validate_jwt_svid(
        self, token: str, audience: str | Sequence[str], *, by: By = "auto"
    ) -> JwtSvid:
        """Judge a token that somebody showed us.

        Args:
            token: What came behind ``Bearer``; see `bearer_token`.
            audience: The names that this end goes by.
            by: ``"bundles"`` judges here, by the bundle of the token's own trust
                domain, and needs ``jwt_bundles=True``; ``"agent"`` asks the agent.
                ``"auto"`` judges here if the bundles are followed.

        Cancellation: nothing has happened.

        Raises:
            VerificationError: it is not good, or not for us.
            SourceError: there are no bundles, or the agent cannot be reached.
        """
        names = as_asked(audience, None).audience
        self._need_open()
        if by == "agent" or (by == "auto" and self._jwt is None):
            return await self._desk.validate(self._life.link, token, names)
        await trio.lowlevel.checkpoint()
        bundles = self.jwt_bundles
        return JwtSvid.parse(
            token, bundles, names, at=self._now(), cache=self._desk.judged
        )

    @property
    def jwt_bundles(self) -> JwtBundleSet:
        """Whose tokens are taken: of ``jwt_bundles=True``.

        Raises:
            SourceError: nothing came yet, or it was withdrawn.
            UsageError: they are not followed.
        """
        if self._jwt is None:
            raise misused("jwt_bundles=True", "a source that does not follow them")
        if self._jwt.bundles is None:
            raise self._state.absent(self._jwt.absence or self._jwt.trouble)
        return self._jwt.bundles

    async def wait_jwt_bundles(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - with the reason, not trio's
    ) -> JwtBundleSet:
        """Wait for JWT bundles.

        Cancellation: nothing has happened.

        Raises:
            SourceError: they did not come in time, or cannot come any more.
            UsageError: they are not followed.
        """
        return await self._life.wait_for(lambda: self.jwt_bundles, timeout)

    def _need_open(self) -> None:
        if not self._life.is_open:
            raise misused("async with source", "a call outside of it")
