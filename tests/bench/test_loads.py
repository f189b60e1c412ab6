# SPDX-License-Identifier: Apache-2.0
"""Servers under load: that nobody's waiting is left out of what we publish."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from bench.peers import server_files, servers
from bench.peers.schedule import arrivals, percentile
from bench.runner import Result, make_ratios
from bench.sampling import RunningPeer, command

from bench import figures, loads, matrix, plot, report


def test_clients_are_due_by_a_schedule_that_no_server_changes() -> None:
    """The same gatherings for everybody, in order, within the sample."""
    due = list(arrivals(1000.0, 10.0))
    assert due == list(arrivals(1000.0, 10.0)) == sorted(due)
    assert 0 < due[0] < due[-1] < 10.0
    assert due != list(arrivals(1000.0, 10.0, seed=2))


def test_clients_come_as_often_as_was_asked_and_as_unevenly_as_clients_do() -> None:
    """The mean gap of a Poisson process is also its standard deviation."""
    due = list(arrivals(1000.0, 10.0))
    assert len(due) == pytest.approx(10_000, rel=0.05)
    gaps = [after - before for before, after in itertools.pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_brings_nobody_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="expected more than nothing"):
        next(arrivals(rate, 1.0))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1), (0.001, 1), (0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000)],
)
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    assert percentile(range(1, 1001), share) == expected


def test_the_worst_percentiles_of_few_values_are_the_worst_value() -> None:
    """Never better than what was seen: no interpolation."""
    assert [percentile([1, 2, 9], share) for share in (0.99, 0.999, 1.0)] == [9, 9, 9]


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_percentile_of_nothing_or_beyond_all_is_refused(
    values: list[float], share: float
) -> None:
    with pytest.raises(ValueError, match="expected"):
        percentile(values, share)


def test_rounds_are_pooled_so_that_the_slowest_of_all_is_seen() -> None:
    """A median of the rounds' maxima would hide one stall in three rounds."""
    rounds = [{"open_loop_us": [3, 1]}, {"open_loop_us": [900]}, {"open_loop_us": [2]}]
    assert figures.pooled(rounds) == [1, 2, 3, 900]


class SeenPeer(RunningPeer):
    """One that ran before: its samples, and no process."""

    def __init__(self, peer: Any, samples: list[dict[str, Any]]) -> None:
        self.peer = peer
        self.facts = {"protocol": "1.3"}
        self.samples = samples
        self.split = None
        self.command = []


def seen(waited: list[int]) -> list[dict[str, Any]]:
    late = {"p50": 10, "p99": 70}
    return [
        {
            "count": len(waited),
            "cpu": 0.5,
            "wall": 1.0,
            "open_loop_us": waited,
            "clients_late_us": late,
        }
    ]


@pytest.fixture
def result() -> Result:
    scenario = loads.open_loop(100.0)
    first, second, *_ = scenario.peers
    samples = {first.name: seen([500, 900_000]), second.name: seen([400, 450])}
    peers = {one.name: SeenPeer(one, samples[one.name]) for one in (first, second)}
    return Result(
        scenario=scenario,
        conditions={},
        peers={**peers},
        absent={"nginx": "not here: nginx"},
        ratios=make_ratios(scenario, samples),
    )


def test_the_report_tells_waiting_how_late_clients_were_and_who_is_missing(
    result: Result,
) -> None:
    text = report.table(result)
    row = next(line.split() for line in text.splitlines() if "asyncio  " in line)
    assert row[-5:] == ["500", "900000", "900000", "900000", "900000"]
    assert "asyncio: 2 clients, themselves late by p50 10 us, p99 70 us" in text
    assert "nginx: absent: not here: nginx" in text


def test_the_histogram_is_drawn_with_everybody_in_it(
    result: Result, tmp_path: Path
) -> None:
    picture = plot.draw(result, tmp_path).read_text("utf-8")
    assert "microseconds from when a client was due" in picture
    assert (tmp_path / "open-loop.svg").is_file()


def test_another_rate_changes_the_open_loop_and_nothing_else() -> None:
    closed, opened = loads.SCENARIOS
    assert loads.at_rate(closed, 7.0) is closed
    assert loads.at_rate(opened, None) is opened
    changed = loads.at_rate(opened, 7.0)
    assert changed.rate == 7.0
    assert changed.title.startswith("7 clients a second")
    assert all(peer.options[-2:] == ("--rate", "7") for peer in changed.peers)


def test_a_server_that_was_built_is_named_to_who_starts_it() -> None:
    (go,) = (peer for peer in loads.SCENARIOS[0].peers if peer.name == "go")
    words = command(go, Path("pki"), Path("programs"))
    assert words[words.index("--program") + 1] == "programs/go_handshake"


def test_every_server_of_the_tables_can_be_started() -> None:
    for scenario in loads.SCENARIOS:
        assert {peer.name for peer in scenario.peers} == set(servers.NAMES)


def test_the_request_is_http_of_the_size_that_is_echoed() -> None:
    assert len(servers.REQUEST) == 64
    assert servers.REQUEST.startswith(b"GET / HTTP/1.0\r\n")
    assert servers.REQUEST.endswith(b"\r\n\r\n")


def test_web_servers_are_told_to_demand_a_certificate(tmp_path: Path) -> None:
    """Without one they would do half of the work, and look twice as fast."""
    (tmp_path / "server.pem").write_text("chain", "utf-8")
    (tmp_path / "server.key.pem").write_text("key", "utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for write, demand in (
        (server_files.nginx, "ssl_verify_client on;"),
        (server_files.haproxy, "verify required"),
    ):
        path = Path(write(tmp_path, scratch, 4433, "X25519")[-1])
        text = path.read_text("utf-8")
        assert demand in text
        assert "127.0.0.1:4433 ssl" in text
        assert str(tmp_path / "root.pem") in text
    assert (scratch / "server.pem").read_text("utf-8") == "chainkey"
    assert (scratch / "server.pem").stat().st_mode & 0o077 == 0


def test_web_servers_keep_as_many_connections_as_they_are_told_to(
    tmp_path: Path,
) -> None:
    """Where idle ones are counted, closing would make them cost nothing."""
    (tmp_path / "server.pem").write_text("chain", "utf-8")
    (tmp_path / "server.key.pem").write_text("key", "utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for write, closes, keeps in (
        (server_files.nginx, "keepalive_timeout 0;", "worker_connections 11000;"),
        (server_files.haproxy, "option httpclose", "maxconn 11000"),
    ):
        for hold in (0, 11_000):
            path = Path(write(tmp_path, scratch, 4433, "X25519", hold)[-1])
            text = path.read_text("utf-8")
            assert (closes in text, keeps in text) == (not hold, bool(hold))


def test_the_matrix_has_every_kind_key_and_group_once() -> None:
    """Issue 4, "Memory and speed": 3 kinds, 4 keys, 3 groups, three layers."""
    cells = matrix.SCENARIOS
    assert len({cell.name for cell in cells}) == len(cells) == 3 * 4 * 3
    for cell in cells:
        names = {peer.name for peer in cell.peers}
        assert {"c_stock", "handfast"} <= names
        assert cell.resumed == all("--resume" in peer.options for peer in cell.peers)
        strangers = all("--identities" in peer.options for peer in cell.peers)
        assert (cell.identities > 1) == strangers
        assert ("handfast_trio" in names) == (cell.identities == 1)


def test_every_peer_of_a_cell_is_told_the_cell_s_group() -> None:
    for cell in matrix.SCENARIOS:
        group = matrix.GROUPS[cell.name.rpartition("-")[2]]
        for peer in cell.peers:
            at = peer.options.index("--groups")
            assert peer.options[at + 1] == group
