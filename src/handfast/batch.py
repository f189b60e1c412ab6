# SPDX-License-Identifier: Apache-2.0
"""The verdicts on many chains, as columns: what ``Verifier.verify_many`` returns.

Row `i` is about chain `i` of the input, and says exactly what ``Verifier.verify`` would
have said about that chain alone at the same time. The columns are read-only memory
views; identities and reasons become Python objects only where they are looked at, so a
million verdicts are six buffers and not a million objects.

Example:
    >>> from handfast import Verifier
    >>> from handfast.authority import Authority
    >>> authority = Authority("prod.example.com")
    >>> svid = authority.issue("spiffe://prod.example.com/web")
    >>> result = Verifier(authority.bundle).verify_many([svid.chain, b"no chain"])
    >>> result
    <BatchResult of 2: 1 accepted, 1 refused>
    >>> result.ok.tolist()
    [True, False]
    >>> str(result[0].spiffe_id)
    'spiffe://prod.example.com/web'
    >>> result[1].reason
    <Reason.DER_TAG: 'der_tag'>
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, overload

from handfast import batch_export
from handfast.ids import SpiffeId
from handfast.reasons import ROWS, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Buffer

__all__ = ["BatchItem", "BatchResult", "BatchSummary"]

_BY_CODE: Final = {row.code: reason for reason, row in ROWS.items()}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def _reason(code: int) -> Reason | None:
    if code == 0:
        return None
    return _BY_CODE.get(code, Reason.INTERNAL)


def _moment(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # the year 10000 and later
        return _LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """The verdict on one chain of a batch.

    Attributes:
        index: Which chain: its place in what was verified.
        ok: Whether it is good, and authorized.
        reason: Why not; None when it is.
        spiffe_id: Who it is; None when refused.
        not_after: End of the time in which the whole chain is valid, the anchor
            included (UTC); None when refused.
        depth: The certificate that is to blame, 0 for the leaf; None when nothing is,
            or the chain as a whole.
    """

    index: int
    ok: bool
    reason: Reason | None
    spiffe_id: SpiffeId | None
    not_after: datetime | None
    depth: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """How many chains were accepted, and why the others were not.

    Attributes:
        total: Chains that were judged.
        accepted: Those that are good.
        by_reason: How many were refused for each reason, the most frequent first.
    """

    total: int
    accepted: int
    by_reason: Mapping[Reason, int]

    @property
    def refused(self) -> int:
        """Chains that are not good."""
        return self.total - self.accepted

    def __add__(self, other: BatchSummary) -> BatchSummary:
        """Put two together, as when a corpus is verified in parts."""
        both = Counter(self.by_reason) + Counter(other.by_reason)
        return BatchSummary(
            total=self.total + other.total,
            accepted=self.accepted + other.accepted,
            by_reason=dict(both.most_common()),
        )

    def __str__(self) -> str:
        width = len(f"{self.total:,}")
        lines = [f"{self.total:,} chains: {self.accepted:,} accepted"]
        lines[0] += f", {self.refused:,} refused"
        lines += [
            f"  {count:>{width},}  {reason}: {ROWS[reason].text}"
            for reason, count in self.by_reason.items()
        ]
        return "\n".join(lines)


class _Column(Sequence[Any]):
    """A column whose elements are made when they are looked at."""

    __slots__ = ("_at", "_indices")

    def __init__(self, at: Callable[[int], Any], indices: range) -> None:
        self._at = at
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        chosen = self._indices[index]
        if isinstance(chosen, range):
            return _Column(self._at, chosen)
        return self._at(chosen)

    def __repr__(self) -> str:
        return f"<column of {len(self)}>"


class BatchResult(Sequence[BatchItem]):
    """The verdicts on a batch, one row a chain, in the order of the input.

    A sequence of :class:`BatchItem`; a slice without a step shares its columns. Made by
    ``Verifier.verify_many`` and ``verify_many_async``, and never changed.

    It has no truth value: ``if verifier.verify_many(chains)`` would ask whether there
    were chains, and read as if it asked whether they are good. Ask ``.all_ok``.
    """

    __slots__ = ("_depth", "_id_offsets", "_ids", "_not_after", "_ok", "_reason")

    def __init__(  # noqa: PLR0913 - a column each, all by keyword
        self,
        *,
        ok: Buffer,
        reason: Buffer,
        not_after: Buffer,
        depth: Buffer,
        id_offsets: Buffer,
        ids: Buffer,
    ) -> None:
        self._ok = _view(ok, "?")
        self._reason = _view(reason, "I")
        self._not_after = _view(not_after, "q")
        self._depth = _view(depth, "b")
        self._id_offsets = _view(id_offsets, "q")
        self._ids = _view(ids, "B")

    # ---- columns ----

    @property
    def ok(self) -> memoryview[bool]:
        """Whether each chain is good and authorized: one byte each, 0 or 1."""
        return self._ok  # type: ignore[return-value]

    @property
    def reason(self) -> memoryview[int]:
        """The reason code of each refusal (uint32), 0 for what is accepted.

        The same numbers as in C; :attr:`reasons` has them as :class:`Reason`.
        """
        return self._reason

    @property
    def not_after(self) -> memoryview[int]:
        """Until when each verdict holds (int64, seconds since 1970); 0 when refused."""
        return self._not_after

    @property
    def depth(self) -> memoryview[int]:
        """Which certificate is to blame (int8), 0 for the leaf; -1 for none of them."""
        return self._depth

    @property
    def reasons(self) -> Sequence[Reason | None]:
        """The reasons as members of :class:`Reason`, None for what is accepted."""
        return _Column(lambda index: _reason(self._reason[index]), range(len(self)))

    @property
    def spiffe_id(self) -> Sequence[SpiffeId | None]:
        """Who each one is, None for what is refused: read when it is looked at."""
        return _Column(self._id, range(len(self)))

    # ---- rows ----

    def __len__(self) -> int:
        return len(self._ok)

    def __bool__(self) -> NoReturn:
        raise TypeError("a BatchResult has no truth value: ask .all_ok, or len()")

    @overload
    def __getitem__(self, index: int) -> BatchItem: ...
    @overload
    def __getitem__(self, index: slice) -> BatchResult: ...
    def __getitem__(self, index: int | slice) -> BatchItem | BatchResult:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return self._part(chosen)
        return self._item(chosen)

    def __iter__(self) -> Iterator[BatchItem]:
        return map(self._item, range(len(self)))

    def _item(self, index: int) -> BatchItem:
        ok = bool(self._ok[index])
        depth = self._depth[index]
        return BatchItem(
            index=index,
            ok=ok,
            reason=_reason(self._reason[index]),
            spiffe_id=self._id(index),
            not_after=_moment(self._not_after[index]) if ok else None,
            depth=depth if depth >= 0 else None,
        )

    def _texts(self) -> Iterator[bytes]:
        return map(self._text, range(len(self)))

    def _text(self, index: int) -> bytes:
        start, end = self._id_offsets[index], self._id_offsets[index + 1]
        return bytes(self._ids[start:end])

    def _id(self, index: int) -> SpiffeId | None:
        if not self._ok[index]:
            return None
        return SpiffeId.parse(self._text(index).decode("ascii"))

    def _part(self, rows: range) -> BatchResult:
        index = slice(rows.start, max(rows.start, rows.stop))
        if rows.step == 1:
            return BatchResult(
                ok=self._ok[index],
                reason=self._reason[index],
                not_after=self._not_after[index],
                depth=self._depth[index],
                id_offsets=self._id_offsets[index.start : index.stop + 1],
                ids=self._ids,
            )
        texts = [self._text(row) for row in rows]
        ends = memoryview(bytearray(8 * (len(rows) + 1))).cast("q")
        for place, text in enumerate(texts):
            ends[place + 1] = ends[place] + len(text)
        stop = None if rows.stop < 0 else rows.stop
        picked = slice(rows.start, stop, rows.step) if rows else slice(0, 0)
        return BatchResult(
            ok=self._ok[picked].tobytes(),
            reason=self._reason[picked].tobytes(),
            not_after=self._not_after[picked].tobytes(),
            depth=self._depth[picked].tobytes(),
            id_offsets=ends,
            ids=b"".join(texts),
        )

    # ---- the whole ----

    @property
    def accepted(self) -> int:
        """How many are good."""
        return self._ok.tobytes().count(1)

    @property
    def refused(self) -> int:
        """How many are not."""
        return len(self) - self.accepted

    @property
    def all_ok(self) -> bool:
        """Whether every chain is good; true of a batch without chains, as for `all`."""
        return self.accepted == len(self)

    def refusals(self) -> Iterator[BatchItem]:
        """Go over what was refused, without making an object of anything else."""
        column, at = self._ok.tobytes(), -1
        while (at := column.find(0, at + 1)) >= 0:
            yield self._item(at)

    def summary(self) -> BatchSummary:
        """Count by reason; ``print(result.summary())`` is for people."""
        counts: Counter[Reason] = Counter()
        for code, count in Counter(self._reason).items():
            if (reason := _reason(code)) is not None:
                counts[reason] += count
        return BatchSummary(
            total=len(self),
            accepted=self.accepted,
            by_reason=dict(counts.most_common()),
        )

    def to_arrow(self) -> Any:
        """Give the verdicts as a ``pyarrow.RecordBatch``, without copying the columns.

        Its columns: ``ok`` bool, ``reason`` dictionary of strings (null when accepted),
        ``spiffe_id`` large_string (null when refused), ``not_after`` timestamp[s, UTC]
        (null when refused), ``depth`` int8 (null for no certificate). Row `i` is chain
        `i`.

        Raises:
            ModuleNotFoundError: pyarrow is not installed: ``handfast[arrow]``.
        """
        return batch_export.to_arrow(self._columns())

    def to_numpy(self) -> dict[str, Any]:
        """Give the columns as NumPy arrays that share their memory.

        ``ok`` bool, ``reason`` uint32, ``not_after`` int64 (seconds since 1970, 0 when
        refused), ``depth`` int8 (-1 for none), and the identities as
        ``spiffe_id_data`` (uint8) from ``spiffe_id_offsets[i]`` to
        ``spiffe_id_offsets[i + 1]`` (int64).

        Raises:
            ModuleNotFoundError: NumPy is not installed: ``handfast[numpy]``.
        """
        return batch_export.to_numpy(self._columns())

    def _columns(self) -> dict[str, memoryview]:
        return {
            "ok": self._ok,
            "reason": self._reason,
            "not_after": self._not_after,
            "depth": self._depth,
            "id_offsets": self._id_offsets,
            "ids": self._ids,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        columns = {name: bytes(view) for name, view in self._columns().items()}
        return (_restore, (columns,))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BatchResult):
            return NotImplemented
        plain = ("ok", "reason", "not_after", "depth")
        own, others = self._columns(), other._columns()
        return all(own[name] == others[name] for name in plain) and all(
            one == two for one, two in zip(self._texts(), other._texts(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        counts = f"{self.accepted} accepted, {self.refused} refused"
        return f"<BatchResult of {len(self)}: {counts}>"


def _view(column: Buffer, kind: str) -> memoryview:
    return memoryview(column).toreadonly().cast("B").cast(kind)  # type: ignore[call-overload,no-any-return]


def _restore(columns: dict[str, bytes]) -> BatchResult:
    return BatchResult(**columns)
