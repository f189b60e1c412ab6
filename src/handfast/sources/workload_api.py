# SPDX-License-Identifier: Apache-2.0
"""An identity that an agent keeps fresh: the SPIFFE Workload API, SPIRE's and others'.

Theory of operation. `async with` starts a task for each stream that is followed
(`workload_api_follow`); what comes is read whole (`workload_api_x509`) and swapped in
(`workload_api_state`). `snapshot()` only looks at what is there, in any thread. When
the agent is gone, what it gave serves until it ends, while the warnings grow
(`ageing`); then new connections fail, and the error names the agent.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from handfast import _settings
from handfast._clock import utc_now
from handfast.errors import SourceError
from handfast.sources.ageing import Ageing
from handfast.sources.health import SourceHealth, SourceState
from handfast.sources.workload_api_books import (
    StreamStatistics,
    WorkloadApiSourceStatistics,
    watch,
)
from handfast.sources.workload_api_jwt import JwtBundleState, JwtDesk
from handfast.sources.workload_api_jwt_side import JwtSide
from handfast.sources.workload_api_life import Life, misused
from handfast.sources.workload_api_pace import Backoff, longest_pause
from handfast.sources.workload_api_sinks import X509BundlesSink, X509Sink
from handfast.sources.workload_api_state import (
    Choice,
    X509State,
    X509View,
    by_hint,
    first,
)
from handfast.workload_api import proto
from handfast.workload_api.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from handfast.bundle import TrustBundleSet
    from handfast.crls import RevocationLists
    from handfast.sources.base import SourceSnapshot
    from handfast.sources.workload_api_follow import Follower
    from handfast.svid import X509Svid
    from handfast.workload_api.limits import ClientLimits

__all__ = ["WorkloadApiSource"]

_FOLLOWS: Final = {"svids": "svids", "bundles": "bundles"}


class WorkloadApiSource(JwtSide):
    """Our identity, and whom to trust, from an agent on this machine.

    Args:
        endpoint: Where the agent is, such as ``unix:///run/spire/agent.sock``; None
            takes ``SPIFFE_ENDPOINT_SOCKET`` from the environment.
        hint: Of several identities, take the one with this hint and no other. Without,
            the first is the default one.
        choose: Of several identities, take the one that this returns; None is none.
        x509: What to follow: our own SVIDs with all bundles, bundles alone (a program
            that only verifies others), or nothing.
        jwt_bundles: Follow JWT bundles as well, to judge tokens here.
        first_answer: Seconds to connect, and in which the agent has to begin to answer.
        backoff: How long to wait before an agent that failed is asked again.
        limits: What is taken from the agent; None takes the defaults.
        now: The clock, for tests: gives aware times.

    Raises:
        ConfigError: the endpoint's address is not one, or there is none.

    Example:
        >>> import trio
        >>> from handfast.testing import FakeWorkloadApi
        >>> async def main() -> None:
        ...     agent = FakeWorkloadApi(ids=["spiffe://example.org/web"])
        ...     async with agent, WorkloadApiSource(agent.endpoint) as source:
        ...         snapshot = await source.wait_ready(10)
        ...         print(snapshot.svid.spiffe_id, source.health.state)
        >>> trio.run(main)
        spiffe://example.org/web healthy
    """

    def __init__(  # noqa: PLR0913 - keywords, each one a question
        self,
        endpoint: Endpoint | str | None = None,
        *,
        hint: str | None = None,
        choose: Choice | None = None,
        x509: Literal["svids", "bundles"] | None = "svids",
        jwt_bundles: bool = False,
        first_answer: float = 10.0,
        backoff: Backoff | None = None,
        limits: ClientLimits | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if endpoint is None:
            endpoint = Endpoint.from_environment()
        elif isinstance(endpoint, str):
            endpoint = Endpoint.parse(endpoint)
        if hint is not None and choose is not None:
            _settings.refuse("hint= or choose=, one of them", "both")
        self._endpoint = endpoint
        self._follows = _settings.one_of("x509=", x509, _FOLLOWS) if x509 else None
        self._now = now
        self._hint = hint
        waits = backoff or Backoff()
        self._life = Life(
            endpoint,
            limits=limits,
            first_answer=first_answer,
            backoff=waits,
            now=now,
            longest=self._longest_pause,
        )
        agent = f"the agent at {endpoint}"
        self._state = X509State(agent, now)
        self._view = self._look(hint, choose)
        self._ageing = Ageing(
            self._state.origin, now, self._view.newest, lambda: self.trouble
        )
        self._desk = JwtDesk(agent, backoff=waits, timeout=first_answer, now=now)
        forget = self._desk.tokens.forget
        self._jwt = JwtBundleState(self._life.ring, forget) if jwt_bundles else None
        self._follow_streams()

    def _longest_pause(self) -> float:
        return longest_pause(self._ageing.expires_in())

    async def _watch(self) -> None:
        await watch(self._ageing, self._life.link.probe)

    def _follow_streams(self) -> None:
        life, state, now = self._life, self._state, self._now
        if self._follows == "svids":
            wanted = proto.X509SVIDRequest()
            call = (proto.FETCH_X509_SVID, wanted, proto.X509SVIDResponse)
            # Who is nobody any more has no tokens, either.
            forget = self._desk.tokens.clear
            life.follow(call, X509Sink(state, now, life.ring, forget))
        elif self._follows == "bundles":
            asked = proto.X509BundlesRequest()
            other = (proto.FETCH_X509_BUNDLES, asked, proto.X509BundlesResponse)
            life.follow(other, X509BundlesSink(state, now, life.ring))
        if self._jwt is not None:
            keys = proto.JWTBundlesRequest()
            third = (proto.FETCH_JWT_BUNDLES, keys, proto.JWTBundlesResponse)
            life.follow(third, self._jwt)

    # ---- what there is: any thread, at once ----

    def snapshot(self) -> SourceSnapshot:
        """Return our newest identity and bundles, at once.

        Raises:
            SourceError: there are none yet, the agent has none for us, or what it gave
                has ended; the reason says which, and the error names the agent.
        """
        return self._view.snapshot()

    def view(
        self, *, hint: str | None = None, choose: Choice | None = None
    ) -> X509View:
        """Make a source of another one of our identities, over the same streams.

        Args:
            hint: As for the source.
            choose: As for the source.

        Returns:
            A source for `TlsConfig`; it lives as long as this one.
        """
        return self._look(hint, choose)

    @property
    def svids(self) -> tuple[X509Svid, ...]:
        """All our identities, the default first; none when there are none."""
        update = self._state.update
        return () if update is None else update.svids

    @property
    def bundles(self) -> TrustBundleSet:
        """Whom to trust, without a look at our own identity.

        Raises:
            SourceError: nothing came yet, or it was withdrawn.
        """
        return self._state.bundles

    @property
    def crls(self) -> RevocationLists:
        """Revocation lists that came with the bundles.

        Raises:
            SourceError: nothing came yet, or it was withdrawn.
        """
        return self._state.crls

    @property
    def endpoint(self) -> Endpoint:
        """Where the agent is."""
        return self._endpoint

    @property
    def trouble(self) -> SourceError | None:
        """Why nothing new comes; None when all is well."""
        return self._life.trouble or self._state.trouble

    @property
    def health(self) -> SourceHealth:
        """How it is doing."""
        followers = self._life.followers
        failed = next((it for it in followers if it.failure is not None), None)
        times = [it.updated_at for it in followers if it.updated_at is not None]
        found = self._view.newest()
        return SourceHealth(
            state=self._standing(),
            generation=self._state.generation if self._state.update else 0,
            updated_at=min(times, default=None),
            expires_at=None if found is None else found.ends,
            failure=self.trouble,
            failed_at=None if failed is None else failed.failed_at,
        )

    def _standing(self) -> SourceState:
        followers = self._life.followers
        return self._ageing.state(
            usable=self._is_usable(),
            waiting=any(it.updated_at is None for it in followers),
        )

    def _is_usable(self) -> bool:
        """Whether all is there that is followed."""
        try:
            if self._follows == "svids":
                self.snapshot()
            elif self._follows == "bundles":
                self._state.bundles  # noqa: B018 - it raises when there are none
            if self._jwt is not None:
                self.jwt_bundles  # noqa: B018
        except SourceError:
            return False
        return True

    def statistics(self) -> WorkloadApiSourceStatistics:
        """Say what happened so far, how old what we have is and when it ends."""
        update, now = self._state.update, self._now()
        age, trouble = self.health.age(now), self.trouble
        followers = self._life.followers
        streams = {it.name: _told(it, now) for it in followers}
        failures: Counter[str] = Counter()
        for it in followers:
            failures.update(it.failures)
        return WorkloadApiSourceStatistics(
            generation=self._state.generation,
            age=None if age is None else age.total_seconds(),
            expires_in=self._ageing.expires_in(),
            urgency=self._ageing.urgency(),
            failures=MappingProxyType(failures),
            trouble=None if trouble is None else str(trouble),
            streams=MappingProxyType(streams),
            connects=self._life.link.connects,
            crls_put_aside=0 if update is None else update.crls.put_aside,
            jwt_cached=len(self._desk.tokens),
            jwt_fetched=self._desk.fetched,
            jwt_reused=self._desk.reused,
        )

    def __repr__(self) -> str:
        return f"<WorkloadApiSource {self._endpoint}: {self.health.state}>"

    # ---- waiting ----

    async def wait_ready(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - with the reason, not trio's
    ) -> SourceSnapshot:
        """Wait for an identity that can be used.

        Cancellation: nothing has happened.

        Args:
            timeout: Seconds to wait at most; for ever without.

        Raises:
            SourceError: it did not come in time, or cannot come any more; the error
                says what the agent did instead.
            UsageError: nothing is followed: this is not inside of ``async with``.
        """
        if self._follows != "svids":
            raise misused('x509="svids"', f"x509={self._follows!r}: wait_bundles()")
        return await self._life.wait_for(self.snapshot, timeout)

    async def wait_bundles(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - with the reason, not trio's
    ) -> TrustBundleSet:
        """Wait for X.509 bundles, with an identity or without.

        Cancellation: nothing has happened.

        Raises:
            SourceError: they did not come in time, or cannot come any more.
            UsageError: nothing is followed.
        """
        return await self._life.wait_for(lambda: self._state.bundles, timeout)

    @property
    def changes(self) -> int:
        """Grows with all that happens: messages, failures, withdrawals."""
        return self._life.changes

    async def wait_changed(self, since: int | None = None) -> None:
        """Wait until something happened: a message, a failure, a withdrawal.

        Args:
            since: What `changes` was when you looked last: then nothing is missed that
                happened meanwhile. Without, whatever comes next.

        Cancellation: nothing has happened.
        """
        await self._life.wait_changed(since)

    # ---- life ----

    async def __aenter__(self) -> Self:
        """Begin to follow the agent, and go on until the block ends.

        It does not fail when the agent is not there: ask `wait_ready`, or `health`.
        """
        others = [self._watch] if self._follows == "svids" else []
        await self._life.begin(others)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Stop following. What came last stays, until it ends.

        Cancellation: the connection is closed all the same.
        """
        return await self._life.end(kind, error, traceback)

    def _look(self, hint: str | None, choose: Choice | None) -> X509View:
        if hint is not None:
            return X509View(self._state, by_hint(hint), f"the hint {hint!r}")
        if choose is not None:
            return X509View(self._state, choose, "the one that choose= returns")
        return X509View(self._state, first, "any")


def _told(follower: Follower[Any], now: datetime) -> StreamStatistics:
    updated, failure = follower.updated_at, follower.failure
    return StreamStatistics(
        connected=follower.connected,
        opened=follower.opened,
        updates=follower.updates,
        unchanged=follower.unchanged,
        rejected=follower.rejected,
        failures=MappingProxyType(dict(follower.failures)),
        age=None if updated is None else (now - updated).total_seconds(),
        failure=None if failure is None else str(failure),
    )
