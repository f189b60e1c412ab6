# SPDX-License-Identifier: Apache-2.0
"""Whom we talk to, after verification: the result of every successful judgement.

A verdict from the cache takes the engine two microseconds, so what is made of it must
cost next to nothing: a :class:`VerifiedPeer` holds the engine's record as bytes, which
no later verdict can change, and reads it when it is asked something.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast, final

from cryptography import x509

from handfast.ids import SpiffeId

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["VerifiedPeer"]

#: The engine's `struct hf_peer` up to its ID: five times, three numbers, three digests.
RECORD: Final = struct.Struct("@qqqqqIHH32s32s32s")
_ID = RECORD.size

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

# The same peers come again and again, with the same IDs and times.
_IDS_KEPT, _TIMES_KEPT = 8192, 1024


@lru_cache(maxsize=_TIMES_KEPT)
def _to_time(seconds: int) -> datetime:
    """Turn the engine's seconds into UTC; years beyond 1-9999 become the nearest."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _LAST if seconds > 0 else _FIRST


@lru_cache(maxsize=_IDS_KEPT)
def _to_id(text: bytes) -> SpiffeId:
    return SpiffeId.parse(text.decode("ascii"))


class _Facts(NamedTuple):
    spiffe_id: SpiffeId | None
    not_before: datetime
    not_after: datetime
    leaf_not_before: datetime
    leaf_not_after: datetime
    verified_at: datetime
    path_length: int
    chain_digest: bytes
    bundle_digest: bytes
    anchor_digest: bytes


def _read(record: bytes) -> _Facts:
    fields = RECORD.unpack_from(record)
    text = record[_ID:]
    return _Facts(
        _to_id(text) if text else None,
        _to_time(fields[0]),
        _to_time(fields[1]),
        _to_time(fields[2]),
        _to_time(fields[3]),
        _to_time(fields[4]),
        fields[5],
        fields[8],
        fields[9],
        fields[10],
    )


@final
class VerifiedPeer:
    """A peer that was authenticated, and authorized where a policy was asked.

    It exists only as the result of a verification that succeeded, cannot be changed,
    and equals another one of the same content. All times are UTC.
    """

    __slots__ = ("_chain", "_facts", "_record")

    _chain: (
        object  # tuple[bytes, ...], or the engine's, which `_copy_chain` makes one of
    )
    _facts: _Facts | None  # what `_record` says, once somebody asked
    _record: bytes  # of the engine; empty when the facts were given

    def __init__(  # noqa: PLR0913 - its attributes, all by keyword
        self,
        *,
        spiffe_id: SpiffeId | None,
        chain: tuple[bytes, ...],
        not_before: datetime,
        not_after: datetime,
        leaf_not_before: datetime,
        leaf_not_after: datetime,
        verified_at: datetime,
        path_length: int,
        chain_digest: bytes,
        bundle_digest: bytes,
        anchor_digest: bytes,
    ) -> None:
        facts = _Facts(
            spiffe_id,
            not_before,
            not_after,
            leaf_not_before,
            leaf_not_after,
            verified_at,
            path_length,
            chain_digest,
            bundle_digest,
            anchor_digest,
        )
        keep = object.__setattr__
        keep(self, "_chain", chain)
        keep(self, "_facts", facts)
        keep(self, "_record", b"")

    @property
    def spiffe_id(self) -> SpiffeId | None:
        """Who it is; None for a web peer, which has a host name instead."""
        facts = self._facts
        if facts is not None:
            return facts.spiffe_id
        # Asked of every peer, and of most nothing else: the rest stays as it is.
        text = self._record[_ID:]
        return _to_id(text) if text else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER certificates as they were presented, leaf first."""
        kept: object = self._chain
        if isinstance(kept, tuple):
            return cast("tuple[bytes, ...]", kept)
        # Of a connection's peer few ask. Two threads may both do this: it is equal.
        chain = _copy_chain(kept)
        _set_chain(self, chain)
        return chain

    @property
    def not_before(self) -> datetime:
        """Start of the time in which the whole chain is valid, the anchor included."""
        return self._read().not_before

    @property
    def not_after(self) -> datetime:
        """Its end: after it the verdict holds no longer."""
        return self._read().not_after

    @property
    def leaf_not_before(self) -> datetime:
        """Start of the leaf's own validity."""
        return self._read().leaf_not_before

    @property
    def leaf_not_after(self) -> datetime:
        """End of the leaf's own validity."""
        return self._read().leaf_not_after

    @property
    def verified_at(self) -> datetime:
        """When the verdict was given."""
        return self._read().verified_at

    @property
    def path_length(self) -> int:
        """Certificates of the path that was found, anchor included."""
        return self._read().path_length

    @property
    def chain_digest(self) -> bytes:
        """SHA-256 over what was presented, lengths included."""
        return self._read().chain_digest

    @property
    def bundle_digest(self) -> bytes:
        """SHA-256 over the content of the bundle it was judged by."""
        return self._read().bundle_digest

    @property
    def anchor_digest(self) -> bytes:
        """SHA-256 of the authority at the path's end."""
        return self._read().anchor_digest

    @property
    def leaf(self) -> x509.Certificate:
        """The peer's certificate, read anew by `cryptography`."""
        return x509.load_der_x509_certificate(self.chain[0])

    def expires_in(self, now: datetime | None = None) -> timedelta:
        """How long the verdict still holds; negative when it does no longer.

        Args:
            now: An aware time; the system's clock when left out.
        """
        return self.not_after - (now or datetime.now(UTC))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VerifiedPeer):
            return NotImplemented
        return self.chain == other.chain and self._read() == other._read()

    def __hash__(self) -> int:
        return hash((self.chain, self._read()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a verdict cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a verdict cannot be changed: {name}")

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self.chain, self._read())

    def __repr__(self) -> str:
        who = "web peer" if self.spiffe_id is None else str(self.spiffe_id)
        return f"<VerifiedPeer {who} until {self.not_after:%Y-%m-%dT%H:%M:%SZ}>"

    def _read(self) -> _Facts:
        facts = self._facts
        if facts is None:
            # Two threads may both do this: they write the same.
            facts = _read(self._record)
            _set_facts(self, facts)
        return facts


# Past __setattr__, and faster than object.__setattr__ by name.
_new = object.__new__
_set_chain = vars(VerifiedPeer)["_chain"].__set__
_set_facts = vars(VerifiedPeer)["_facts"].__set__
_set_record = vars(VerifiedPeer)["_record"].__set__


def _no_engine(chain: Any) -> tuple[bytes, ...]:
    raise TypeError(f"a chain of the engine's, and no engine: {chain!r}")


_copy_chain: Callable[[Any], tuple[bytes, ...]] = _no_engine


def copy_chains_by(function: Callable[[Any], tuple[bytes, ...]]) -> None:
    """Say how a chain is copied out of the engine: for the border to it alone."""
    global _copy_chain  # noqa: PLW0603 - this module must not know the engine
    _copy_chain = function


def from_record(record: bytes, chain: Any) -> VerifiedPeer:
    """Make a peer of the engine's record: for the border to the engine alone.

    Its chain is a tuple, or what `copy_chains_by` knows to make one of.
    """
    peer = _new(VerifiedPeer)
    _set_chain(peer, chain)
    _set_record(peer, record)
    _set_facts(peer, None)
    return peer


def _restore(chain: tuple[bytes, ...], facts: _Facts) -> VerifiedPeer:
    return VerifiedPeer(chain=chain, **facts._asdict())
