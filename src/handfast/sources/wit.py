# SPDX-License-Identifier: Apache-2.0
"""WIT-SVIDs from an agent, over the Workload API's WIT profile (incubating).

Both RPCs are streams, followed as those for X.509 are: full state each time, opened
again when they end, withdrawn by `PermissionDenied`. An agent without the profile says
`Unimplemented` and is not asked again (WAPI-71); most agents are without it. The
standard may change, and this module with it: nothing else of handfast imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from handfast._clock import utc_now
from handfast.errors import Reason, SourceError, detail_for
from handfast.sources.wit_messages import WitBundleState, WitSvidState
from handfast.sources.workload_api_life import Life, misused
from handfast.sources.workload_api_pace import Backoff, longest_pause
from handfast.sources.workload_api_state import nothing_of
from handfast.workload_api import proto
from handfast.workload_api.endpoint import Endpoint
from handfast.workload_api.wit import WitIdentity

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from handfast.wit_bundle import WitBundleSet
    from handfast.workload_api.limits import ClientLimits

__all__ = ["WitIdentity", "WitSource"]


class WitSource:
    """Our WIT-SVIDs with their keys, and whose WIT-SVIDs to take, from an agent.

    Args:
        endpoint: Where the agent is; None takes ``SPIFFE_ENDPOINT_SOCKET``.
        svids: Follow our own identities.
        bundles: Follow the keys that others' are judged by.
        first_answer: Seconds to connect, and in which the agent has to begin to answer.
        backoff: How long to wait before an agent that failed is asked again.
        limits: What is taken from the agent; None takes the defaults.
        now: The clock, for tests: gives aware times.

    Raises:
        ConfigError: the endpoint's address is not one, or there is none.

    Example:
        >>> import trio
        >>> from handfast.testing import FakeWorkloadApi
        >>> from handfast.wit_signer import present
        >>> from handfast.wit_svid import WitSvid
        >>> async def main() -> None:
        ...     agent = FakeWorkloadApi(profiles=frozenset({"wit"}))
        ...     async with agent, WitSource(agent.endpoint) as source:
        ...         mine = await source.wait_ready(10)
        ...         headers = present(mine.svid, mine.key, "shop")
        ...         caller = WitSvid.verify(
        ...             headers["Workload-Identity-Token"],
        ...             headers["Workload-Proof-Token"],
        ...             await source.wait_bundles(10),
        ...             "shop",
        ...         )
        ...         print(caller.spiffe_id)
        >>> trio.run(main)
        spiffe://example.org/workload
    """

    def __init__(  # noqa: PLR0913 - keywords, each one a question
        self,
        endpoint: Endpoint | str | None = None,
        *,
        svids: bool = True,
        bundles: bool = True,
        first_answer: float = 10.0,
        backoff: Backoff | None = None,
        limits: ClientLimits | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if endpoint is None:
            endpoint = Endpoint.from_environment()
        elif isinstance(endpoint, str):
            endpoint = Endpoint.parse(endpoint)
        self._agent = f"the agent at {endpoint}"
        self._now = now
        self._life = Life(
            endpoint,
            limits=limits,
            first_answer=first_answer,
            backoff=backoff or Backoff(),
            now=now,
            longest=self._longest_pause,
        )
        self._svids = WitSvidState(self._life.ring, now) if svids else None
        self._bundles = WitBundleState(self._life.ring) if bundles else None
        call: tuple[Any, ...]
        if self._svids is not None:
            call = (proto.FETCH_WIT_SVID, proto.WITSVIDRequest(), proto.WITSVIDResponse)
            self._life.follow(call, self._svids)
        if self._bundles is not None:
            asked = proto.WITBundlesRequest()
            call = (proto.FETCH_WIT_BUNDLES, asked, proto.WITBundlesResponse)
            self._life.follow(call, self._bundles)

    def _longest_pause(self) -> float:
        found = None if self._svids is None else self._svids.identities
        if not found:
            return longest_pause(None)
        ends = min(it.svid.expires_at for it in found)
        return longest_pause((ends - self._now()).total_seconds())

    # ---- what there is: any thread, at once ----

    @property
    def identities(self) -> tuple[WitIdentity, ...]:
        """Our identities that have not ended, the default first (WAPI-64).

        Raises:
            SourceError: there are none; the error says why, and names the agent.
            UsageError: they are not followed.
        """
        state = self._svids
        if state is None:
            raise misused("svids=True", "a source that does not follow them")
        if state.identities is None:
            raise nothing_of(self._agent, state.trouble)
        found = tuple(it for it in state.identities if self._now() < it.svid.expires_at)
        if not found:
            seen = f"{self._agent} gave no other one since"
            raise SourceError(detail_for(Reason.SOURCE_EXPIRED, seen=seen))
        return found

    def identity(self, hint: str | None = None) -> WitIdentity:
        """Return one of them: the default, or the one with a hint and no other.

        Raises:
            SourceError: there is none, or none with that hint.
            UsageError: they are not followed.
        """
        found = self.identities
        if hint is None:
            return found[0]
        for it in found:
            if it.svid.hint == hint:
                return it
        given = ", ".join(f"{it.svid.spiffe_id}" for it in found)
        detail = detail_for(
            Reason.SOURCE_NO_SUCH_IDENTITY,
            expected=f"a WIT-SVID with the hint {hint!r}",
            seen=f"{given} from {self._agent}",
        )
        raise SourceError(detail)

    @property
    def bundles(self) -> WitBundleSet:
        """Whose WIT-SVIDs are taken.

        Raises:
            SourceError: nothing came yet, or it was withdrawn.
            UsageError: they are not followed.
        """
        state = self._bundles
        if state is None:
            raise misused("bundles=True", "a source that does not follow them")
        if state.bundles is None:
            raise nothing_of(self._agent, state.trouble)
        return state.bundles

    @property
    def trouble(self) -> SourceError | None:
        """Why nothing new comes; None when all is well."""
        return self._life.trouble

    def __repr__(self) -> str:
        return f"<WitSource of {self._agent}>"

    # ---- waiting ----

    async def wait_ready(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - with the reason, not trio's
    ) -> WitIdentity:
        """Wait for an identity, and return the default one.

        Cancellation: nothing has happened.

        Raises:
            SourceError: it did not come in time, or cannot come any more: an agent
                without this profile says so at once.
            UsageError: this is not inside of ``async with``, or nothing is followed.
        """
        return await self._life.wait_for(self.identity, timeout)

    async def wait_bundles(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - with the reason, not trio's
    ) -> WitBundleSet:
        """Wait for bundles.

        Cancellation: nothing has happened.

        Raises:
            SourceError: they did not come in time, or cannot come any more.
            UsageError: as for `wait_ready`.
        """
        return await self._life.wait_for(lambda: self.bundles, timeout)

    async def wait_changed(self) -> None:
        """Wait until something happens: a message, a failure, a withdrawal.

        Cancellation: nothing has happened.
        """
        await self._life.wait_changed(None)

    # ---- life ----

    async def __aenter__(self) -> Self:
        """Begin to follow the agent, and go on until the block ends."""
        await self._life.begin(())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Stop following.

        Cancellation: the connection is closed all the same.
        """
        return await self._life.end(kind, error, traceback)
