# SPDX-License-Identifier: Apache-2.0
"""No rule of the checklist and no threat that is met here is without a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rules

if TYPE_CHECKING:
    from pathlib import Path


def test_every_rule_and_threat_is_named_by_a_test() -> None:
    left = rules.missing()
    assert not left, "\n".join(f"{rule}: {text}" for rule, text in left.items())


@pytest.mark.parametrize(
    ("section", "last"),
    [("ID", 27), ("X509", 43), ("JWT", 27), ("BUN", 27), ("WIT", 24)],
)
def test_the_lists_are_whole(section: str, last: int) -> None:
    found = rules.checklist()
    assert [rule for rule in found if rule.startswith(f"{section}-")] == [
        f"{section}-{number:02d}" for number in range(1, last + 1)
    ]


def test_the_list_of_the_workload_api_is_whole() -> None:
    """The standard's own sections leave gaps in the numbers."""
    found = rules.checklist()
    numbers = [*range(1, 28), *range(30, 66), *range(70, 75)]
    assert sorted(rule for rule in found if rule.startswith("WAPI-")) == [
        f"WAPI-{number:02d}" for number in numbers
    ]


def test_the_list_of_federation_is_whole() -> None:
    """Its numbers leave gaps between the profiles."""
    parts = [range(1, 18), range(20, 35), range(40, 56), range(60, 62)]
    found = sorted(rule for rule in rules.checklist() if rule.startswith("FED-"))
    assert found == [f"FED-{number:02d}" for part in parts for number in part]


def test_what_cannot_apply_says_why() -> None:
    for rule, text in rules.checklist().items():
        if not isinstance(text, str):
            assert set(text) == {"rule", "met"}, rule
            assert text["met"].startswith("cannot apply: "), rule


def test_every_threat_is_met_here_or_says_where() -> None:
    threats = rules._table(rules.RULES / "threats.toml")
    rows = [f"C{number}" for number in range(1, 15)]
    rows += [f"I{number}" for number in range(1, 8)]
    sessions = [f"R{number}" for number in range(1, 13)]
    ports = ["A2", "A3", "A8", "A9", "A10"]
    under_load = [f"D{number}" for number in range(1, 14)]
    plane = "W1 W2 W3 W4 W5 F1 F2 F3 J1 J2".split()
    assert list(threats) == [*rows, *sessions, *ports, *under_load, *plane]
    for row, facts in threats.items():
        assert set(facts) == {"title", "met"}, row
        assert facts["met"] == "here" or facts["met"].startswith("with "), row


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("X509-32", {"X509-32"}),
        ("/* X509-32, C5: P1 */", {"X509-32", "C5"}),
        ("ID-01..ID-21", set()),
        ("ID-01..21 and ID-27", {"ID-27"}),
        ("ID-01 to ID-21", set()),
        ("X509-28-30", set()),
        ("X509-320 SI3 I3x AC10 C100", set()),
        ("BUN-01, WAPI-74: J2, F1, W5", {"BUN-01", "WAPI-74", "J2", "F1", "W5"}),
        ("(I3)", {"I3"}),
        ("A10: CA1, A-1", {"A10"}),
    ],
)
def test_only_ids_that_are_written_out_count(text: str, names: set[str]) -> None:
    assert rules.names_in(text) == names


def test_only_comments_and_texts_count(tmp_path: Path) -> None:
    """A variable called I3 proves nothing."""
    for folder in ("tests/rules", "csrc/tests"):
        (tmp_path / folder).mkdir(parents=True)
    listed = tmp_path / "tests" / "rules"
    (listed / "checklist.toml").write_text(
        '[A]\nID-01 = "one"\nID-02 = "two"\n'
        'WIT-01 = { rule = "three", met = "cannot apply: no" }\n'
    )
    (listed / "threats.toml").write_text(
        '[I3]\ntitle = "t"\nmet = "here"\n[C1]\ntitle = "u"\nmet = "with x"\n'
        '[C5]\ntitle = "v"\nmet = "here"\n'
    )
    (tmp_path / "tests" / "test_x.py").write_text('I3 = 1\n"""ID-01."""\n')
    (tmp_path / "tests" / "test_rules.py").write_text("# ID-02\n")
    (tmp_path / "csrc" / "tests" / "x.c").write_text("int I3; /* C5 */ // ID-02\n")
    assert rules.missing(tmp_path) == {"ID-02": "two", "I3": "t"}


def test_the_exit_code_says_whether_any_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rules, "missing", lambda: {"ID-99": "a rule"})
    assert rules.main() == 1
    assert "no test names ID-99: a rule" in capsys.readouterr().out
    monkeypatch.setattr(rules, "missing", dict)
    assert rules.main() == 0
