# SPDX-License-Identifier: Apache-2.0
"""x509-limbo against `ChainVerifier`: other people's cases, each answered for.

`HANDFAST_LIMBO=path` runs any limbo file. Without one, and without the shared part
beside the project, one test says that nothing was found, and prints it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.conformance.limbo import cases, reasons, score

from handfast import Reason

_PATH = cases.find_file()
_KINDS = {"stricter", "wrong acceptance", "wrong reason"}

if _PATH is None:

    def test_there_is_no_limbo_file_here(capsys: pytest.CaptureFixture[str]) -> None:
        """Said plainly: nothing of limbo was run."""
        with capsys.disabled():
            sys.stdout.write(f"\n{cases.NOTHING}\n")
        assert cases.find_file() is None

else:

    @pytest.fixture(scope="module")
    def result() -> score.Score:
        assert _PATH is not None
        return score.run(_PATH)

    def test_the_figures_are_shown(
        result: score.Score, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with capsys.disabled():
            sys.stdout.write("\n" + "\n".join(result.lines()) + "\n")
        assert all(result.total.values()), "good chains and bad ones, both are judged"

    def test_every_difference_is_explained(result: score.Score) -> None:
        """C11, P2: what limbo wants otherwise is on the reviewed list, word by word."""
        listed = score.deviations()
        found = {
            name: (listed[name]["ours"], listed[name]["theirs"])
            for name in result.failed
            if name in listed
        }
        assert found == result.failed

    def test_no_listed_deviation_has_become_none(result: score.Score) -> None:
        """A list that nobody shortens would cover up for what comes later."""
        judged = result.failed.keys() | set().union(*result.passed.values())
        stale = (score.deviations().keys() & judged) - result.failed.keys()
        assert not stale

    def test_good_and_bad_chains_are_scored_apart(result: score.Score) -> None:
        """Neither a verifier that refuses all nor one that accepts all gets here."""
        for kind, ids in result.passed.items():
            assert len(ids) >= 0.8 * result.total[kind] > 0


def test_each_deviation_is_reviewed() -> None:
    """Each entry has what a reviewer asks for; there are few of them."""
    listed = score.deviations()
    assert len(listed) <= 10
    for entry in listed.values():
        assert set(entry) >= {"id", "kind", "ours", "theirs", "reason"}
        assert entry["kind"] in _KINDS
        assert len(entry["reason"]) > 80, f"{entry['id']}: a reason, not a word"
        assert ("missing" in entry) == (entry["kind"] != "stricter")


def test_a_refusal_for_another_reason_does_not_count() -> None:
    """The table knows families, and nothing of what it does not know."""
    assert Reason.CERTIFICATE_SERIAL in reasons.acceptable("rfc5280::serial::zero")
    assert Reason.UNKNOWN_AUTHORITY not in reasons.acceptable("rfc5280::serial::zero")
    assert not reasons.acceptable("a-family-of-tomorrow::case")
    assert reasons.about_names("webpki::cn::not-in-san")
    assert not reasons.about_names("rfc5280::nc::excluded-dn-match")


def test_a_file_of_tomorrow_is_scored_all_the_same(tmp_path: Path) -> None:
    """Unknown IDs, kinds and usages, and texts that are no PEM: never a crash."""
    case = {
        "id": "a-family-of-tomorrow::case",
        "features": ["of-tomorrow"],
        "validation_kind": "SERVER",
        "trusted_certs": ["no certificate"],
        "untrusted_intermediates": [],
        "peer_certificate": "no certificate",
        "validation_time": None,
        "signature_algorithms": [],
        "key_usage": [],
        "extended_key_usage": [],
        "expected_result": "FAILURE",
        "expected_peer_name": None,
        "max_chain_depth": None,
    }
    odd = [
        case,
        case | {"id": "a", "validation_kind": "PROXY"},
        case | {"id": "b", "key_usage": ["ofTomorrow"]},
        case | {"id": "c", "expected_peer_name": {"kind": "URI", "value": "u:"}},
        case | {"id": "d", "crls": ["no CRL"], "expected_result": "SUCCESS"},
    ]
    file = tmp_path / "limbo.json"
    file.write_text(json.dumps({"testcases": odd}), "utf-8")
    result = score.run(file)
    assert result.failed.keys() == {case["id"], "d"}
    assert sum(map(len, result.skipped.values())) == 3
    assert "0 passed, 2 failed, 3 skipped" in result.lines()[0]


def test_a_named_file_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever names a file wants it run."""
    monkeypatch.setenv("HANDFAST_LIMBO", "no-such-file.json")
    with pytest.raises(FileNotFoundError, match=r"no-such-file\.json"):
        cases.find_file()
