# SPDX-License-Identifier: Apache-2.0
"""The cost of idle connections: what the table says, and when an aim is missed."""

from __future__ import annotations

import resource
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench import idle, pki

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def found(**costs: float) -> dict[str, Any]:
    return {
        "conditions": {"connections": 10_000},
        "peers": {
            one.name: {
                "server": asdict(one),
                "facts": {},
                "samples": [{"per_connection": costs.get(one.name, 5_000.0)}],
                "per_connection": costs.get(one.name, 5_000.0),
            }
            for one in idle.SERVERS
        },
        "absent": {"another": "not here: another"},
    }


def test_a_server_that_costs_too_much_is_named() -> None:
    assert idle.missed(found(handfast=16_384.0)) == []
    (words,) = idle.missed(found(handfast=16_385.0))
    assert words == "memory: handfast: 16,385 bytes, at most 16,384"


def test_nothing_is_asked_of_fewer_than_ten_thousand() -> None:
    few = found(handfast=20_000.0)
    few["conditions"]["connections"] = 2_000
    assert idle.missed(few) == []


def test_rivals_have_no_limit() -> None:
    assert idle.missed(found(trio_ssl=40_000.0, trio_tcp=40_000.0)) == []


def test_the_table_tells_what_tls_adds_to_the_floor() -> None:
    lines = idle.table(found(trio_tcp=5_000.0, handfast=16_000.0)).splitlines()
    assert lines[0] == "idle connections of a server, 10,000 open at once"
    (ours,) = [line for line in lines if line.split()[:1] == ["handfast"]]
    assert ours.split() == ["handfast", "16,000", "16,000", "16,000", "11,000"]
    assert lines[-1] == "  another: absent: not here: another"


def test_who_was_not_built_is_absent_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def sample(
        server: idle.Server, *_: object
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if server.name == "uvloop":
            raise idle.AbsentError("not here: uvloop")
        return {}, {"per_connection": 1.0}

    monkeypatch.setattr(idle, "sample", sample)
    monkeypatch.setattr(pki, "write", lambda *_, **__: tmp_path)
    found = idle.measure(tmp_path, {"go_handshake": "no go"}, short=False, say=print)
    assert found["absent"] == {"go": "no go", "uvloop": "not here: uvloop"}
    names = {one.name for one in idle.SERVERS} - {"go", "uvloop"}
    assert found["peers"].keys() == names
    assert all(len(it["samples"]) == idle.ROUNDS for it in found["peers"].values())


def test_fewer_are_made_where_descriptors_do_not_suffice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1_024, 4_096))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, _limits: None)
    assert idle.make_room(10_000) == 4_096 - idle.FIRST - idle.DESCRIPTORS
    assert idle.make_room(1_000) == 1_000
