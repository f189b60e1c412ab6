# SPDX-License-Identifier: Apache-2.0
"""Signatures from afar: SVIDs for keys of our own, once for an entry, kept and renewed.

Half of an SVID's life is there to renew it in. While the authority is away, what there
is goes on being given until it ends, and is asked for again ever more seldom.

What peers refuse does not go on being given: the bundle that the authority has told has
no root for it any more (`handfast authority distrust`), or it is revoked. The next one
is due in the moment in which that is heard, as at the authority itself.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import trio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast._clock import utc_now
from handfast.authority.agent.asking import Ask
from handfast.authority.entries import Entry
from handfast.authority.given import GivenSvids, IssuedSvid
from handfast.authority.keystore import key_id
from handfast.authority.nodes import proto
from handfast.authority.validity import renewal
from handfast.certificates import read_certificate
from handfast.der import split_der
from handfast.errors import ConfigError, HandfastError, Reason, detail_for
from handfast.keys import PrivateKey
from handfast.svid import X509Svid
from handfast.workload_api.status import RpcError, StatusCode

__all__ = ["RemoteIssuing"]

_FIRST_RETRY: Final = 1.0
_LAST_RETRY: Final = 60.0


class RemoteIssuing:
    """The X.509-SVIDs of entries, as `EntryIssuer` asks for them.

    Args:
        ask: Calls the authority.
        verifies: Whether a peer who has the bundle that was told accepts an SVID.
        signs_now: Which intermediate signs there, as far as that was told.
        now: The clock.
        chance: Gives numbers from 0 to 1, for the spread of renewals.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        verifies: Callable[[X509Svid], bool],
        signs_now: Callable[[], str] = lambda: "",
        now: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ask = ask
        self._verifies = verifies
        self._signs_now = signs_now
        self._now = now
        self._chance = chance
        self._given = GivenSvids()
        # When to ask again what could not be had, and the pause after that.
        self._again: dict[str, tuple[datetime, float]] = {}
        self._locks: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)

    async def prepare(self, entry: Entry, who: Mapping[str, Any]) -> None:
        """Have the SVID of an entry signed, if there is none or it is due.

        Cancellation: another who asks for it asks again.

        Raises:
            RpcError: it is not to be had, and there is none that still holds.
        """
        async with self._locks[entry.id]:
            if self._is_fresh(entry):
                return
            try:
                await self._renew(entry, who)
            except RpcError:
                self._put_off(entry)
                if self._found(entry) is None:
                    raise

    def x509(self, entry: Entry, _who: Mapping[str, Any]) -> IssuedSvid:
        """Return the SVID that was prepared.

        Raises:
            ConfigError: none was, or it is over.
        """
        found = self._found(entry)
        if found is None:
            detail = detail_for(
                Reason.SOURCE_UNAVAILABLE, seen=f"no SVID of {entry.spiffe_id}"
            )
            raise ConfigError(detail)
        return found

    def number_for(self, entry: Entry) -> int:
        """Which SVID of an entry is right now: the one there is, or the next."""
        if self._is_fresh(entry):
            return self._given.number(entry)
        return self._given.next_number(entry)

    def renew_at(self, entry: Entry) -> datetime | None:
        """When the next SVID of an entry is due, or asked for again; None: now."""
        if not self._is_fresh(entry):
            return None
        found, again = self._found(entry), self._again.get(entry.id)
        times = [found.renew_at] if found is not None else []
        return max([*times, *([again[0]] if again is not None else [])])

    def forget(self, entries: Sequence[Entry]) -> None:
        """Let go of what is of no entry any more, or of one that was changed."""
        self._given.forget(entries)
        known = {entry.id for entry in entries}
        self._again = {i: it for i, it in self._again.items() if i in known}
        for entry_id in self._locks.keys() - known:
            if not self._locks[entry_id].locked():
                del self._locks[entry_id]

    def reconsider(self, revoked: Collection[str]) -> int:
        """Let go of what peers refuse now, and ask for others at once.

        Args:
            revoked: Serials, in hexadecimal.

        Returns:
            How many have to be replaced.
        """
        # An SVID that could not be had before may be had under the new bundle.
        self.hurry()
        return self._given.forget_unless(
            lambda it: it.serial not in revoked and self._verifies(it.svid)
        )

    def hurry(self) -> None:
        """Ask at once for what could not be had: the authority is there again."""
        self._again.clear()

    def _is_fresh(self, entry: Entry) -> bool:
        now = self._now()
        again = self._again.get(entry.id)
        if again is not None and now < again[0]:
            return True
        found = self._found(entry)
        if found is None or now >= found.renew_at:
            return False
        # Cut short, and there is somebody now who can give it all of its life.
        return found.cut_by is None or self._signs_now() in {"", found.cut_by}

    def _found(self, entry: Entry) -> IssuedSvid | None:
        found = self._given.find(entry)
        return None if found is None or found.svid.not_after <= self._now() else found

    def _put_off(self, entry: Entry) -> None:
        _, pause = self._again.get(entry.id, (None, _FIRST_RETRY / 2))
        pause = min(2 * pause, _LAST_RETRY)
        at = self._now() + timedelta(seconds=pause * (1 + self._chance() / 2))
        self._again[entry.id] = (at, pause)

    async def _renew(self, entry: Entry, who: Mapping[str, Any]) -> None:
        key = PrivateKey.generate("p256")
        request = proto.SignX509Request(
            entry=entry.id, public_key=key.public_der, caller=str(who.get("caller"))
        )
        answer = await self._ask(proto.SIGN_X509, request, proto.SignX509Response)
        svid = _svid_of(answer.chain, key, entry)
        if not self._verifies(svid):
            # Signed before a root was distrusted, or told of after it signs already:
            # those who have our bundle accept neither.
            text = f"{entry.spiffe_id} is signed under no root of the bundle"
            raise RpcError(StatusCode.UNAVAILABLE, text)
        now = self._now()
        signer, ends = _signer_of(svid)
        cut = ends is not None and svid.not_after >= ends
        made = IssuedSvid(
            svid=svid,
            serial=f"{svid.leaf.serial_number:x}",
            # Another one of the same signer would end at the same moment: ever shorter
            # lives, ever more often, until both are over.
            renew_at=svid.not_after
            if cut and signer == self._signs_now()
            else renewal(now, svid.not_after, self._chance()),
            number=self._given.next_number(entry),
            signer=signer,
            cut_by=signer if cut else None,
        )
        self._given.put(entry, made)
        self._again.pop(entry.id, None)


def _signer_of(svid: X509Svid) -> tuple[str, datetime | None]:
    """Name who has signed an SVID, as its authority does, and say when that ends."""
    if len(svid.chain) == 1:
        return "", None  # a root has signed, as ours never do
    issuer = read_certificate(svid.chain[1], depth=1)
    public = issuer.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return key_id(public), issuer.not_valid_after_utc


def _svid_of(chain: bytes, key: PrivateKey, entry: Entry) -> X509Svid:
    try:
        svid = X509Svid(chain=split_der(chain), key=key, hint=entry.hint)
    except HandfastError as error:
        text = f"the authority's answer cannot be used: {error}"
        raise RpcError(StatusCode.INTERNAL, text) from error
    if svid.spiffe_id != entry.spiffe_id:
        text = f"the authority answers for {svid.spiffe_id}, not {entry.spiffe_id}"
        raise RpcError(StatusCode.INTERNAL, text)
    return svid
