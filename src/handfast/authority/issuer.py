# SPDX-License-Identifier: Apache-2.0
"""What each caller gets: the Workload API server's questions, answered by the entries.

A caller is a process that was attested. Before every answer it is asked whether it is
still the same process, and its entries are looked up anew: an identity that was taken
away is refused from that moment on. A watch wakes only those streams whose answer has
changed, by comparing a fingerprint of it that costs no signature.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import trio

from handfast._clock import utc_now
from handfast.authority.issuing import Issuing
from handfast.authority.jwt_issuing import JwtIssuing
from handfast.bundle import TrustBundleSet
from handfast.errors import AttestationRefused, ConfigError, Reason, TransportError
from handfast.jwt_bundle import JwtBundleSet
from handfast.jwt_svid import JwtSvid
from handfast.svid import X509Svid
from handfast.workload_api.identities import X509Bundles, X509Context
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

if TYPE_CHECKING:
    from typing import Final

    from handfast.authority.entries import Entry
    from handfast.authority.federated import FederatedBundles
    from handfast.authority.revocation import Crls
    from handfast.authority.selectors import Selector
    from handfast.authority.state import AuthorityState
    from handfast.ids import SpiffeId

__all__ = ["AttestedCaller", "EntryIssuer"]

_log = logging.getLogger("handfast.authority")

_LOOK_AGAIN: Final = 60.0

Svid = TypeVar("Svid", X509Svid, JwtSvid)


class AttestedCaller(Protocol):
    """What is asked of a caller; `attest.Caller` is one."""

    @property
    def selectors(self) -> frozenset[Selector]:
        """All that is known of it for certain."""
        ...

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    @property
    def began(self) -> int:
        """When it began, as the system counts: with `pid` it is this process."""
        ...

    @property
    def uid(self) -> int:
        """Its user."""
        ...

    def still_there(self) -> bool:
        """Whether all that still holds."""
        ...

    async def learn(self) -> None:
        """Find out what was left until an answer depends on it: a hash."""
        ...

    def describe(self) -> str:
        """Say in one line who it is."""
        ...


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    """What an answer depends on: equal ones mean equal answers."""

    svids: tuple[tuple[Entry, int], ...]
    bundle: int
    federated: tuple[int, frozenset[object]]
    crls: int
    gone: bool
    wants_hash: bool


class EntryIssuer:
    """Answers for one authority: `AuthorityService.issuer`, which puts it together.

    Args:
        state: Entries and signers.
        issuing: Signs X.509-SVIDs.
        tokens: Signs JWT-SVIDs.
        crls: Revocation lists.
        federated: Other trust domains' bundles.
        now: The clock, the same as theirs.
    """

    def __init__(  # noqa: PLR0913 - the parts of one authority
        self,
        state: AuthorityState,
        issuing: Issuing,
        tokens: JwtIssuing,
        crls: Crls,
        federated: FederatedBundles,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._state = state
        self._issuing = issuing
        self._tokens = tokens
        self._crls = crls
        self._federated = federated
        self._now = now
        self._bell = trio.Event()

    def ring(self) -> None:
        """Wake every watch, to see whether its caller's answers have changed."""
        self._bell.set()
        self._bell = trio.Event()

    def watch(self, caller: AttestedCaller) -> EntryWatch:
        """Begin to watch what a caller gets."""
        return EntryWatch(self, caller)

    async def x509_context(self, caller: AttestedCaller) -> X509Context:
        """Return the SVIDs of a caller's entries, the most specific entry's first.

        Cancellation: an SVID that was signed is kept for the next who asks.

        Raises:
            PermissionDenied: No entry is for it, or it is not the process that it was.
            RpcError: Nothing signs at present (`UNAVAILABLE`).
        """
        await self._learn(caller)
        entries = self._entries(caller)
        try:
            svids = [self._issuing.x509(one, self._who(caller)).svid for one in entries]
        except (ConfigError, TransportError) as error:
            raise _cannot_sign(error) from error
        return X509Context(
            svids=_with_unique_hints(svids), bundles=self._bundles(entries)
        )

    async def x509_bundles(self, caller: AttestedCaller) -> X509Bundles:
        """Return our own bundle, and those that the caller's entries federate with.

        Cancellation: nothing is left behind.

        Raises:
            PermissionDenied: As above.
        """
        await self._learn(caller)
        return self._bundles(self._entries(caller))

    async def jwt_svids(
        self,
        caller: AttestedCaller,
        audience: Sequence[str],
        spiffe_id: SpiffeId | None = None,
    ) -> tuple[JwtSvid, ...]:
        """Return a token for each identity of a caller, or for the one that it names.

        Cancellation: a token that was signed is kept for the next who asks.

        Raises:
            PermissionDenied: As above, or the identity that it names is not its own.
            RpcError: The audience is none (`INVALID_ARGUMENT`), or nothing signs at
                present (`UNAVAILABLE`).
        """
        await self._learn(caller)
        if not audience or not all(audience):
            message = "an audience is needed, and none of its names may be empty"
            raise RpcError(StatusCode.INVALID_ARGUMENT, message)
        entries = self._entries(caller)
        if spiffe_id is not None:
            entries = tuple(one for one in entries if one.spiffe_id == spiffe_id)
            if not entries:
                raise PermissionDenied
        who = self._who(caller)
        try:
            tokens = [self._tokens.jwt(one, audience, who) for one in entries]
        except (ConfigError, TransportError) as error:
            raise _cannot_sign(error) from error
        return _with_unique_hints(tokens)

    async def jwt_bundles(self, caller: AttestedCaller) -> JwtBundleSet:
        """Return our own JWT bundle, and those that the caller's entries federate with.

        Cancellation: nothing is left behind.

        Raises:
            PermissionDenied: As above.
        """
        await self._learn(caller)
        entries = self._entries(caller)
        domains = {domain for entry in entries for domain in entry.federates_with}
        own = self._state.signers.jwt_bundle
        return JwtBundleSet([own, *self._federated.jwt(domains)])

    async def _learn(self, caller: AttestedCaller) -> None:
        """Find out of a caller what its answer depends on, and was not found yet.

        Raises:
            PermissionDenied: It is not the process that it was.
            RpcError: It is not to be found out at present (`UNAVAILABLE`).
        """
        await trio.lowlevel.checkpoint()
        if not self._state.registry.wants_hash(caller.selectors):
            return
        try:
            await caller.learn()
        except AttestationRefused as error:
            if error.reason is Reason.ATTESTATION_SLOW:
                raise RpcError(StatusCode.UNAVAILABLE, str(error)) from error
            raise PermissionDenied(str(error)) from error

    def _entries(self, caller: AttestedCaller) -> tuple[Entry, ...]:
        if not caller.still_there():
            message = "the process that connected is not there any more, or changed"
            raise PermissionDenied(message)
        entries = self._state.registry.entries_for(caller.selectors)
        if not entries:
            raise PermissionDenied
        return entries

    def _bundles(self, entries: Sequence[Entry]) -> X509Bundles:
        domains = {domain for entry in entries for domain in entry.federates_with}
        return X509Bundles(
            own=self._state.signers.bundle,
            federated=TrustBundleSet(self._federated.x509(domains)),
            crls=self._crls.ders,
        )

    def _who(self, caller: AttestedCaller) -> Mapping[str, Any]:
        """What the audit log says of a caller."""
        paths = [
            one.value.removeprefix("path:")
            for one in caller.selectors
            if one.type == "unix" and one.value.startswith("path:")
        ]
        told: dict[str, Any] = {
            "pid": caller.pid,
            "began": caller.began,
            "uid": caller.uid,
            "caller": caller.describe(),
        }
        return told | ({"path": paths[0]} if paths else {})

    def fingerprint(self, caller: AttestedCaller) -> _Fingerprint:
        """What the caller's answers depend on now."""
        entries = self._state.registry.entries_for(caller.selectors)
        domains = {domain for entry in entries for domain in entry.federates_with}
        return _Fingerprint(
            svids=tuple((one, self._issuing.number_for(one)) for one in entries),
            bundle=self._state.signers.sequence,
            federated=(self._federated.number if domains else 0, frozenset(domains)),
            crls=self._crls.number,
            gone=not caller.still_there(),
            wants_hash=self._state.registry.wants_hash(caller.selectors),
        )

    def next_renewal(self, caller: AttestedCaller) -> float:
        """In how many seconds something of the caller is due; at most a minute.

        What is due already is in the fingerprint: it is the next number. A minute, as
        the clock on the wall may jump, and a process become another program.
        """
        entries = self._state.registry.entries_for(caller.selectors)
        times = [self._issuing.renew_at(entry) for entry in entries]
        now = self._now()
        due = [(at - now).total_seconds() for at in times if at is not None]
        return max(0.0, min([*due, _LOOK_AGAIN]))

    async def wait_bell(self, seconds: float) -> None:
        """Wait until something may have changed, at most so long."""
        with trio.move_on_after(seconds):
            await self._bell.wait()


class EntryWatch:
    """Wakes one stream. Made by :meth:`EntryIssuer.watch`."""

    def __init__(self, issuer: EntryIssuer, caller: AttestedCaller) -> None:
        self._issuer = issuer
        self._caller = caller
        self._seen = issuer.fingerprint(caller)

    async def wait(self) -> None:
        """Return when the caller's answers are no longer as they were.

        Cancellation: nothing is lost.
        """
        await trio.lowlevel.checkpoint()
        while (found := self._issuer.fingerprint(self._caller)) == self._seen:
            await self._issuer.wait_bell(self._issuer.next_renewal(self._caller))
        self._seen = found


def _cannot_sign(error: Exception) -> RpcError:
    """What a caller is told: nothing of ours that is not its business."""
    _log.error("cannot issue: %s", error)
    message = "the authority cannot sign at present"
    return RpcError(StatusCode.UNAVAILABLE, message)


def _with_unique_hints(svids: Sequence[Svid]) -> tuple[Svid, ...]:
    """See that no hint comes twice (WAPI-48): of two the first one keeps it."""
    seen: set[str] = set()
    found: list[Svid] = []
    for svid in svids:
        if svid.hint and svid.hint in seen:
            _log.warning(
                "%s loses its hint, which an entry before it has", svid.spiffe_id
            )
            found.append(replace(svid, hint=""))
            continue
        seen.add(svid.hint)
        found.append(svid)
    return tuple(found)
