# SPDX-License-Identifier: Apache-2.0
"""Laws of authorizers, over rules and IDs that nobody picked by hand."""

from __future__ import annotations

from hypothesis import assume, given
from tests.property.strategies import rules
from tests.property.strategies import similar_ids as ids

from handfast import SpiffeId, authorize
from handfast.authorize import Authorizer, Operation


def run(rule: Authorizer, spiffe_id: SpiffeId) -> bool:
    """A second evaluator: the program on a stack, IDs as plain text."""
    text = str(spiffe_id)
    stack: list[bool] = []
    for operation, count, argument in rule.program():
        operands = [stack.pop() for _ in range(count)]
        if operation == Operation.ANY:
            stack.append(True)
        elif operation == Operation.EXACTLY:
            stack.append(text == argument)
        elif operation == Operation.PREFIX:
            stack.append(text == argument or text.startswith(argument + "/"))
        elif operation == Operation.TRUST_DOMAIN:
            stack.append(text.split("/")[2] == argument)
        elif operation == Operation.NOT:
            stack.append(not operands[0])
        elif operation == Operation.AND:
            stack.append(all(operands))
        else:
            assert operation == Operation.OR
            stack.append(any(operands))
    (verdict,) = stack
    return verdict


@given(ids, ids)
def test_exactly_a_never_lets_in_b(one: SpiffeId, two: SpiffeId) -> None:
    """I7."""
    assume(one != two)
    assert not authorize.exactly(one).allows(two)
    assert authorize.exactly(one).allows(one)


@given(ids, ids)
def test_a_prefix_is_the_id_or_goes_on_with_a_slash(
    base: SpiffeId, other: SpiffeId
) -> None:
    """I7."""
    expected = str(other) == str(base) or str(other).startswith(f"{base}/")
    assert authorize.prefix(base).allows(other) is expected


@given(rules, ids)
def test_the_tree_and_its_program_agree(rule: Authorizer, spiffe_id: SpiffeId) -> None:
    """I7: what is asked in Python is what is compiled for the engine."""
    assert rule.allows(spiffe_id) is run(rule, spiffe_id)


@given(rules, rules, ids)
def test_de_morgan(one: Authorizer, two: Authorizer, spiffe_id: SpiffeId) -> None:
    assert (~(one | two)).allows(spiffe_id) is (~one & ~two).allows(spiffe_id)
    assert (~(one & two)).allows(spiffe_id) is (~one | ~two).allows(spiffe_id)


@given(rules, rules, ids)
def test_joins_mean_what_they_say(
    one: Authorizer, two: Authorizer, spiffe_id: SpiffeId
) -> None:
    first, second = one.allows(spiffe_id), two.allows(spiffe_id)
    assert (one | two).allows(spiffe_id) is (first or second)
    assert (one & two).allows(spiffe_id) is (first and second)
    assert (~one).allows(spiffe_id) is not first
    assert (one | two).allows(spiffe_id) is (two | one).allows(spiffe_id)


@given(rules)
def test_every_rule_can_be_said_and_fits_its_estimate(rule: Authorizer) -> None:
    assert rule.describe().isprintable()
    assert len(rule.program()) <= rule.size
