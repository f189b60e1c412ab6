# SPDX-License-Identifier: Apache-2.0
"""Who may come in: authorizers that combine, for the C engine to evaluate.

Authentication says who a peer is; an :class:`Authorizer` says whether that is enough.
It is a value: it runs no code of yours in the handshake, it is compiled once and then
evaluated in C before any application byte is exchanged. There is no pattern language:
an ID is matched as a whole, by its trust domain, or by whole segments of its path.

Example:
    >>> from handfast import SpiffeId, authorize
    >>> shop = authorize.prefix("spiffe://prod.example.com/ns/shop")
    >>> rule = shop & ~authorize.exactly("spiffe://prod.example.com/ns/shop/guest")
    >>> rule.allows(SpiffeId.parse("spiffe://prod.example.com/ns/shop/web"))
    True
    >>> rule.allows(SpiffeId.parse("spiffe://prod.example.com/ns/shop-evil/web"))
    False
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from handfast.errors import ConfigError, Reason, detail_for
from handfast.ids import SpiffeId, TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

__all__ = [
    "DEPTH_MAX",
    "NODES_MAX",
    "Authorizer",
    "Instruction",
    "Operation",
    "any_in",
    "anyone",
    "exactly",
    "nobody",
    "prefix",
]

#: Instructions of one program, as in C (HF_POLICY_NODES_MAX).
NODES_MAX: Final = 65536
#: Levels of nesting. The engine's stack of 64 operands is then always enough, since a
#: level leaves at most one operand waiting while the next one is evaluated.
DEPTH_MAX: Final = 32

_SHOWN = 3


class Operation(enum.IntEnum):
    """What an instruction does; the numbers are C's (HF_POLICY_*)."""

    ANY = 1
    TRUST_DOMAIN = 2
    EXACTLY = 3
    PREFIX = 4
    AND = 5
    OR = 6
    NOT = 7


#: One postfix instruction: operation, number of operands, text.
Instruction = tuple[int, int, str]


@dataclass(frozen=True, slots=True, repr=False)
class Authorizer:
    """A rule about SPIFFE IDs. Make it with the functions of this module.

    Combine rules with ``&``, ``|`` and ``~``. Python's ``and``, ``or`` and ``not``
    would silently drop half of a rule, so they raise.

    Attributes:
        operation: What this node does.
        ids: What it compares with: IDs, or the ID of a trust domain.
        parts: What it joins.
        depth: Levels of nesting, itself included.
        size: An upper bound of the instructions it becomes.
    """

    operation: Operation
    ids: frozenset[SpiffeId] = frozenset()
    parts: tuple[Authorizer, ...] = ()
    depth: int = field(init=False, compare=False)
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        joins = self.operation in {Operation.AND, Operation.OR, Operation.NOT}
        one = self.operation in {Operation.TRUST_DOMAIN, Operation.PREFIX}
        fits = (
            bool(self.parts) == joins
            and (len(self.parts) == 1 or self.operation is not Operation.NOT)
            and (not one or len(self.ids) == 1)
            and bool(self.ids) == (one or self.operation is Operation.EXACTLY)
        )
        if not fits:
            _refuse("a rule made by handfast.authorize", self.operation.name)
        depth = 1 + max((part.depth for part in self.parts), default=0)
        if depth > DEPTH_MAX:
            _refuse(f"at most {DEPTH_MAX} levels of nesting", f"{depth}")
        # The sum counts a join for every operand, which is never too few.
        size = 1 + len(self.ids) + sum(1 + part.size for part in self.parts)
        if size > NODES_MAX:
            _refuse(f"at most {NODES_MAX} instructions", f"{size}")
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "size", size)

    def allows(self, spiffe_id: SpiffeId) -> bool:  # noqa: PLR0911 - one a case
        """Say what the engine would say about an ID that was authenticated.

        For tests and for questions asked beforehand; connections are judged in C.
        """
        match self.operation:
            case Operation.ANY:
                return True
            case Operation.EXACTLY:
                return spiffe_id in self.ids
            case Operation.TRUST_DOMAIN:
                return spiffe_id.trust_domain == self._only.trust_domain
            case Operation.PREFIX:
                base = self._only
                return (
                    spiffe_id.trust_domain == base.trust_domain
                    and spiffe_id.segments[: len(base.segments)] == base.segments
                )
            case Operation.NOT:
                return not self.parts[0].allows(spiffe_id)
            case Operation.AND:
                return all(part.allows(spiffe_id) for part in self.parts)
            case Operation.OR:
                return any(part.allows(spiffe_id) for part in self.parts)

    def program(self) -> tuple[Instruction, ...]:
        """Write the rule as the postfix program that the engine compiles.

        Example:
            >>> (any_in("a") & ~exactly("spiffe://a/x")).program()
            ((2, 0, 'a'), (3, 0, 'spiffe://a/x'), (7, 1, ''), (5, 2, ''))
        """
        return tuple(self._instructions())

    def describe(self) -> str:  # noqa: PLR0911 - one a case
        """Say the rule in words, for messages and logs.

        Example:
            >>> (any_in("a.example") | prefix("spiffe://b.example/ns/shop")).describe()
            'any member of a.example or spiffe://b.example/ns/shop and below'
        """
        match self.operation:
            case Operation.ANY:
                return "anyone who was authenticated"
            case Operation.EXACTLY:
                return _one_of(self.ids)
            case Operation.TRUST_DOMAIN:
                return f"any member of {self._only.trust_domain}"
            case Operation.PREFIX:
                return f"{self._only} and below"
            case Operation.NOT:
                inner = self.parts[0]
                if inner.operation is Operation.ANY:
                    return "nobody"
                return f"not {_bracketed(inner)}"
            case Operation.AND:
                return " and ".join(map(_bracketed, self.parts))
            case Operation.OR:
                return " or ".join(map(_bracketed, self.parts))

    @property
    def _only(self) -> SpiffeId:
        (only,) = self.ids
        return only

    def _instructions(self) -> Iterator[Instruction]:
        match self.operation:
            case Operation.ANY:
                yield (Operation.ANY.value, 0, "")
            case Operation.TRUST_DOMAIN:
                name = self._only.trust_domain.name
                yield (Operation.TRUST_DOMAIN.value, 0, name)
            case Operation.PREFIX:
                yield (Operation.PREFIX.value, 0, str(self._only))
            case Operation.EXACTLY:
                # One run under one OR: the engine makes a sorted set of it.
                for text in sorted(map(str, self.ids)):
                    yield (Operation.EXACTLY.value, 0, text)
                if len(self.ids) > 1:
                    yield (Operation.OR.value, len(self.ids), "")
            case Operation.NOT:
                yield from self.parts[0].program()
                yield (Operation.NOT.value, 1, "")
            case Operation.AND | Operation.OR:
                # Joined one by one, so that few operands wait at any time.
                yield from self.parts[0].program()
                for part in self.parts[1:]:
                    yield from part.program()
                    yield (self.operation.value, 2, "")

    def __or__(self, other: Authorizer) -> Authorizer:
        return _join(Operation.OR, self, other)

    def __and__(self, other: Authorizer) -> Authorizer:
        return _join(Operation.AND, self, other)

    def __invert__(self) -> Authorizer:
        if self.operation is Operation.NOT:
            return self.parts[0]
        return Authorizer(Operation.NOT, parts=(self,))

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "an authorizer has no truth value: combine with & | ~ (not and, or, not), "
            "ask with allows(id)"
        )

    def __repr__(self) -> str:
        return f"<Authorizer: {self.describe()}>"


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(Reason.POLICY_INVALID, expected=expected, seen=seen)
    raise ConfigError(detail)


def _join(operation: Operation, left: object, right: object) -> Authorizer:
    """Join two rules; joins of the same kind become one level."""
    parts: list[Authorizer] = []
    for side in (left, right):
        if not isinstance(side, Authorizer):
            return NotImplemented  # type: ignore[no-any-return]
        parts += side.parts if side.operation is operation else (side,)
    if operation is Operation.OR:
        sets = [part for part in parts if part.operation is Operation.EXACTLY]
        if len(sets) > 1:
            merged = frozenset[SpiffeId]().union(*(part.ids for part in sets))
            rest = [part for part in parts if part.operation is not Operation.EXACTLY]
            parts = [Authorizer(Operation.EXACTLY, merged), *rest]
    return parts[0] if len(parts) == 1 else Authorizer(operation, parts=tuple(parts))


def _one_of(ids: frozenset[SpiffeId]) -> str:
    names = sorted(map(str, ids))
    if len(names) == 1:
        return names[0]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"one of {', '.join(names[:_SHOWN])}{more}"


def _bracketed(part: Authorizer) -> str:
    joined = part.operation in {Operation.AND, Operation.OR}
    return f"({part.describe()})" if joined else part.describe()


def _id_of(value: SpiffeId | str) -> SpiffeId:
    return value if isinstance(value, SpiffeId) else SpiffeId.parse(value)


def any_in(trust_domain: TrustDomain | str) -> Authorizer:
    """Let in every member of a trust domain.

    Raises:
        InvalidId: The name is not one.
    """
    if not isinstance(trust_domain, TrustDomain):
        trust_domain = TrustDomain.parse(trust_domain)
    return Authorizer(Operation.TRUST_DOMAIN, frozenset({trust_domain.id}))


def exactly(spiffe_id: SpiffeId | str, *more: SpiffeId | str) -> Authorizer:
    """Let in these IDs and no others; any number of them costs one look-up.

    Raises:
        InvalidId: One of them is not a SPIFFE ID.
    """
    return Authorizer(Operation.EXACTLY, frozenset(map(_id_of, (spiffe_id, *more))))


def prefix(spiffe_id: SpiffeId | str) -> Authorizer:
    """Let in this ID and all below it, by whole segments.

    ``prefix("spiffe://a.example/ns/prod")`` lets in ``/ns/prod`` and ``/ns/prod/web``,
    and never ``/ns/prod-evil``. Without a path it is the whole trust domain.

    Raises:
        InvalidId: It is not a SPIFFE ID (a slash at the end, for example).
    """
    return Authorizer(Operation.PREFIX, frozenset({_id_of(spiffe_id)}))


def anyone() -> Authorizer:
    """Let in everybody who could be authenticated: no authorization at all."""
    return Authorizer(Operation.ANY)


def nobody() -> Authorizer:
    """Let in nobody."""
    return ~anyone()
