# SPDX-License-Identifier: Apache-2.0
"""Authorizers: exact unless a rule says otherwise, and hard to misuse."""

from __future__ import annotations

import pickle
from functools import reduce
from operator import and_, not_, or_, truth

import pytest

from handfast import ConfigError, InvalidId, Reason, SpiffeId, TrustDomain, authorize
from handfast.authorize import DEPTH_MAX, NODES_MAX, Authorizer, Operation

WEB = SpiffeId.parse("spiffe://a.example/ns/prod/web")


def ids(*texts: str) -> list[SpiffeId]:
    return [SpiffeId.parse(text) for text in texts]


def test_exactly_lets_in_what_it_names_and_nothing_like_it() -> None:
    """I7: look-alikes of an ID are other workloads."""
    rule = authorize.exactly(WEB, "spiffe://b.example/db")
    assert rule.allows(WEB)
    assert rule.allows(SpiffeId.parse("spiffe://b.example/db"))
    for other in ids(
        "spiffe://a.example/ns/prod/web2",
        "spiffe://a.example/ns/prod/we",
        "spiffe://a.example/ns/prod/Web",
        "spiffe://a.example/ns/prod",
        "spiffe://a.example/ns/prod/web/x",
        "spiffe://a.example.evil/ns/prod/web",
        "spiffe://a.exampl/ns/prod/web",
        "spiffe://b.example/ns/prod/web",
        "spiffe://a.example",
    ):
        assert not rule.allows(other), other


def test_a_prefix_ends_where_a_segment_ends() -> None:
    """I7: ns/prod is not ns/prod-evil."""
    rule = authorize.prefix("spiffe://a.example/ns/prod")
    for inside in ids(
        "spiffe://a.example/ns/prod",
        "spiffe://a.example/ns/prod/web",
        "spiffe://a.example/ns/prod/web/x",
    ):
        assert rule.allows(inside), inside
    for outside in ids(
        "spiffe://a.example/ns/prod-evil",
        "spiffe://a.example/ns/prod.evil/web",
        "spiffe://a.example/ns/pro",
        "spiffe://a.example/ns",
        "spiffe://a.example/ns/PROD",
        "spiffe://a.example.evil/ns/prod",
        "spiffe://a.example",
    ):
        assert not rule.allows(outside), outside


def test_a_prefix_without_a_path_is_its_trust_domain_and_no_longer_name() -> None:
    """I7: spiffe://a.org is no prefix of spiffe://a.org.evil."""
    rule = authorize.prefix("spiffe://a.example")
    assert rule.allows(WEB)
    assert not rule.allows(SpiffeId.parse("spiffe://a.example.evil/ns/prod/web"))


def test_any_in_is_by_whole_name() -> None:
    """I7."""
    rule = authorize.any_in("a.example")
    assert rule == authorize.any_in(TrustDomain("a.example"))
    assert rule.allows(WEB)
    assert not rule.allows(SpiffeId.parse("spiffe://sub.a.example/x"))
    assert not rule.allows(SpiffeId.parse("spiffe://example/x"))


def test_anyone_and_nobody() -> None:
    assert authorize.anyone().allows(WEB)
    assert not authorize.nobody().allows(WEB)
    assert ~authorize.nobody() == authorize.anyone()


def test_rules_combine() -> None:
    shop = authorize.prefix("spiffe://a.example/ns/shop")
    guest = authorize.exactly("spiffe://a.example/ns/shop/guest")
    rule = (shop & ~guest) | authorize.any_in("b.example")
    verdicts = {
        "spiffe://a.example/ns/shop/web": True,
        "spiffe://a.example/ns/shop/guest": False,
        "spiffe://b.example/x": True,
        "spiffe://c.example/x": False,
    }
    for text, verdict in verdicts.items():
        assert rule.allows(SpiffeId.parse(text)) is verdict, text


def test_python_s_own_and_or_not_are_refused() -> None:
    """`a and b` would be b alone: a rule lost without a word."""
    one, two = authorize.any_in("a.example"), authorize.anyone()
    for mistake in (truth, not_, bool):
        with pytest.raises(TypeError, match=r"combine with & \| ~"):
            mistake(one)
    with pytest.raises(TypeError):
        all([one, two])


def test_only_authorizers_combine() -> None:
    rule = authorize.anyone()
    with pytest.raises(TypeError):
        rule | "spiffe://a.example/web"  # type: ignore[operator]
    with pytest.raises(TypeError):
        None & rule  # type: ignore[operator]


@pytest.mark.parametrize(
    "text", ["spiffe://a.example/ns/", "spiffe://a.example/ns/*", "a.example", ""]
)
def test_patterns_are_not_a_language_here(text: str) -> None:
    """I7: what is no ID is refused when the rule is made, not matched some day."""
    for make in (authorize.exactly, authorize.prefix):
        with pytest.raises(InvalidId):
            make(text)


@pytest.mark.parametrize(
    "name", ["", "*", "*.example", "A.example", "spiffe://a.example"]
)
def test_trust_domains_have_no_wildcards(name: str) -> None:
    with pytest.raises(InvalidId):
        authorize.any_in(name)


def test_programs_are_postfix_and_leave_one_verdict() -> None:
    rule = (
        authorize.exactly("spiffe://a/2", "spiffe://a/1")
        | authorize.prefix("spiffe://b/ns")
        | ~(authorize.any_in("c") & authorize.anyone())
    )
    assert rule.program() == (
        (3, 0, "spiffe://a/1"),
        (3, 0, "spiffe://a/2"),
        (6, 2, ""),
        (4, 0, "spiffe://b/ns"),
        (6, 2, ""),
        (2, 0, "c"),
        (1, 0, ""),
        (5, 2, ""),
        (7, 1, ""),
        (6, 2, ""),
    )


def test_exact_ids_that_are_joined_become_one_set() -> None:
    each = [authorize.exactly(f"spiffe://a/{number}") for number in range(50)]
    assert reduce(or_, each) == authorize.exactly(
        *[f"spiffe://a/{n}" for n in range(50)]
    )
    mixed = each[0] | authorize.any_in("b") | each[1]
    assert [op for op, _, _ in mixed.program()] == [3, 3, 6, 2, 6]


def test_few_operands_wait_however_many_are_joined() -> None:
    """The engine's stack holds 64; exact IDs under one OR are a set there."""
    rule = reduce(or_, [authorize.any_in(f"td{number}") for number in range(5000)])
    rule |= authorize.exactly(*[f"spiffe://a/{number}" for number in range(5000)])
    waiting = most = 0
    for operation, count, _ in rule.program():
        waiting += 1 - count
        if operation != Operation.EXACTLY:
            most = max(most, waiting - 5000 if waiting > 5000 else waiting)
    assert waiting == 1
    assert most <= 3


def test_depth_and_size_are_bounded() -> None:
    """P8."""
    rule = authorize.any_in("a")
    other = authorize.any_in("b")
    for level in range(DEPTH_MAX - 1):
        rule = (rule | other) if level % 2 else (rule & other)
    with pytest.raises(ConfigError) as caught:
        (rule | other) & other
    assert caught.value.reason is Reason.POLICY_INVALID
    with pytest.raises(ConfigError, match="instructions"):
        authorize.exactly(*[f"spiffe://a/{number}" for number in range(NODES_MAX)])


def test_long_chains_of_one_kind_are_one_level() -> None:
    rules = [authorize.prefix(f"spiffe://a/{number}") for number in range(300)]
    assert reduce(or_, rules).depth == 2
    assert reduce(and_, rules).depth == 2


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        (Operation.AND, {}),
        (Operation.EXACTLY, {}),
        (Operation.ANY, {"ids": frozenset({WEB})}),
        (Operation.PREFIX, {"ids": frozenset({WEB, WEB.trust_domain.id})}),
        (Operation.NOT, {"parts": (authorize.anyone(), authorize.anyone())}),
        (Operation.ANY, {"parts": (authorize.anyone(),)}),
    ],
)
def test_impossible_rules_cannot_be_constructed(
    operation: Operation, fields: dict[str, object]
) -> None:
    with pytest.raises(ConfigError) as caught:
        Authorizer(operation, **fields)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.POLICY_INVALID


def test_rules_say_what_they_mean() -> None:
    many = authorize.exactly(*[f"spiffe://a/{number}" for number in range(5)])
    assert many.describe() == (
        "one of spiffe://a/0, spiffe://a/1, spiffe://a/2 and 2 more"
    )
    rule = (many | authorize.any_in("b")) & ~authorize.prefix("spiffe://a/x")
    assert rule.describe() == (
        f"({many.describe()} or any member of b) and not spiffe://a/x and below"
    )
    assert authorize.nobody().describe() == "nobody"
    assert authorize.anyone().describe() == "anyone who was authenticated"
    assert repr(authorize.exactly(WEB)) == f"<Authorizer: {WEB}>"
    double = ~(many & authorize.any_in("b"))
    assert double.describe().startswith("not (one of")


def test_rules_are_values() -> None:
    one = authorize.exactly("spiffe://a/1", "spiffe://a/2")
    two = authorize.exactly("spiffe://a/2", "spiffe://a/1", "spiffe://a/1")
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
