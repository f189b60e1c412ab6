# SPDX-License-Identifier: Apache-2.0
"""Registration entries: what they say, whom they match, where they come from."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.authority_state import DOMAIN, WEB, World, entry, facts, settings

from handfast import ConfigError, Reason, TrustDomain
from handfast.authority.attest.known import need_attestable
from handfast.authority.entries import Entry
from handfast.authority.entries_file import parse_entries, read_entries
from handfast.authority.matching import EntryIndex
from handfast.authority.selectors import Selector
from handfast.authority.state import AuthorityState
from handfast.ids import SpiffeId

_NODE = SpiffeId.parse("spiffe://a.example/node/two")


def test_an_entry_matches_when_all_its_selectors_are_there() -> None:
    one = entry(WEB, "unix:uid:1000", "unix:path:/bin/web")
    assert one.matches(facts("unix:uid:1000", "unix:path:/bin/web", "unix:gid:7"))
    assert not one.matches(facts("unix:uid:1000"))
    assert not one.matches(facts("unix:uid:1000", "unix:path:/bin/web2"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"selectors": frozenset()}, "one selector or more"),
        ({"spiffe_id": SpiffeId.parse("spiffe://a.example")}, "with a path"),
        ({"x509_ttl": timedelta(0)}, "a second or more"),
        ({"jwt_ttl": timedelta(seconds=-1)}, "a second or more"),
        ({"hint": "x" * 1025}, "1024 bytes of hint"),
        ({"hint": "a\x1b[2J"}, "printable"),
        ({"dns_names": ("no name",)}, "host name"),
        ({"federates_with": frozenset({DOMAIN})}, "other trust domains"),
        ({"node": SpiffeId.parse("spiffe://b.example/node")}, "a node of a.example"),
        ({"dns_names": tuple(f"h{n}.example" for n in range(65))}, "64 DNS names"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], words: str) -> None:
    """WAPI-63: a hint has at most 1,024 bytes."""
    good = {"spiffe_id": SpiffeId.parse(WEB), "selectors": facts("unix:uid:1")}
    with pytest.raises(ConfigError, match=words):
        Entry(**(good | changes))  # type: ignore[arg-type]


def test_a_process_of_one_node_gets_nothing_of_anothers() -> None:
    here, there = entry(), entry("spiffe://a.example/there", node=_NODE)
    index = EntryIndex([here, there])
    found = facts("unix:uid:1000")
    assert index.entries_for(found) == (here,)
    assert index.entries_for(found, node=_NODE) == (there,)
    assert index.entries_for(found, node=SpiffeId.parse(WEB)) == ()


_SOME = st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=4)


@given(st.lists(st.tuples(_SOME, st.integers(0, 3)), max_size=12), _SOME)
def test_the_index_finds_what_looking_at_all_would_find(
    made: list[tuple[frozenset[str], int]], known: frozenset[str]
) -> None:
    def selectors(letters: frozenset[str]) -> frozenset[Selector]:
        return frozenset(Selector("unix", f"uid:{letter}") for letter in letters)

    entries = [
        entry(f"spiffe://a.example/{name}", *map(str, selectors(letters)))
        for letters, name in made
    ]
    found = EntryIndex(entries).entries_for(selectors(known))
    slow = {one.spiffe_id for one in entries if one.matches(selectors(known))}
    assert {one.spiffe_id for one in found} == slow
    assert len({one.spiffe_id for one in found}) == len(found)
    sizes = [len(one.selectors) for one in found]
    assert sizes == sorted(sizes, reverse=True)
    for one in found:
        rivals = [e for e in entries if e.spiffe_id == one.spiffe_id]
        fits = [e for e in rivals if e.matches(selectors(known))]
        assert len(one.selectors) == max(len(e.selectors) for e in fits)


def test_an_entry_comes_back_from_the_database_as_it_went(tmp_path: Path) -> None:
    one = entry(
        WEB,
        "unix:uid:1000",
        "unix:path:/bin/wéb",
        x509_ttl=timedelta(minutes=5),
        jwt_ttl=timedelta(seconds=30),
        hint="internal",
        dns_names=("web.a.example", "WEB.a.example"),
        federates_with=frozenset({TrustDomain("b.example")}),
        notes="for\nus",
        node=_NODE,
    )
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        state.registry.add(one)
    with world.open() as state:
        assert state.registry.entries == (one,)
        assert one.dns_names == ("web.a.example",)


def test_the_same_entry_is_not_added_twice(tmp_path: Path) -> None:
    with World(tmp_path / "state").open(settings()) as state:
        state.registry.add(entry())
        with pytest.raises(ConfigError, match="not there"):
            state.registry.add(entry(hint="other"))


def test_an_authority_gives_no_ids_of_another_trust_domain(tmp_path: Path) -> None:
    with World(tmp_path / "state").open(settings()) as state:
        foreign = entry("spiffe://b.example/web")
        for put in (state.registry.add, lambda one: state.registry.apply([one])):
            with pytest.raises(ConfigError) as refused:
                put(foreign)
            assert refused.value.reason is Reason.FOREIGN_TRUST_DOMAIN


def test_a_file_is_taken_as_a_whole_and_leaves_others_alone(tmp_path: Path) -> None:
    with World(tmp_path / "state").open(settings()) as state:
        by_hand = entry("spiffe://a.example/by-hand")
        state.registry.add(by_hand)
        one, two = entry(), entry("spiffe://a.example/two")
        applied = state.registry.apply([one, two])
        assert len(applied.added) == 2
        assert state.registry.apply([two, one]).nothing
        changed = entry(hint="new")
        applied = state.registry.apply([changed])
        assert applied.changed == (one.id,)
        assert applied.removed == (two.id,)
        assert set(state.registry.entries) == {by_hand, changed}
        for wrong in (
            [changed, changed],
            [by_hand, two],
            [two, entry("spiffe://b.example/x")],
        ):
            with pytest.raises(ConfigError):
                state.registry.apply(wrong)
            assert set(state.registry.entries) == {by_hand, changed}


def test_each_removes_its_own_entries_only(tmp_path: Path) -> None:
    with World(tmp_path / "state").open(settings()) as state:
        state.registry.apply([entry()])
        with pytest.raises(ConfigError, match="entries file"):
            state.registry.remove(entry().id)
        with pytest.raises(ConfigError, match="entry list"):
            state.registry.remove("0" * 16)


TOML = """
[[entries]]
spiffe_id = "/web"
selectors = ["unix:uid:1000", "unix:path:/usr/bin/web"]
x509_ttl = "1h"
jwt_ttl = 90
hint = "internal"
dns_names = ["web.a.example"]
federates_with = ["b.example"]
"""

YAML = """
entries:
  - spiffe_id: spiffe://a.example/web
    selectors: [unix:uid:1000, unix:path:/usr/bin/web]
    x509_ttl: 1h
    jwt_ttl: 90
    hint: internal
    dns_names: [web.a.example]
    federates_with: [b.example]
"""


def test_toml_and_yaml_say_the_same() -> None:
    (one,) = parse_entries(TOML.encode(), "toml", DOMAIN)
    assert parse_entries(YAML.encode(), "yaml", DOMAIN) == [one]
    assert one.x509_ttl == timedelta(hours=1)
    assert one.jwt_ttl == timedelta(seconds=90)
    assert str(one.spiffe_id) == WEB


_ONE = 'spiffe_id: /web\n    selectors: ["unix:uid:1"]'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("entries: [", "YAML in UTF-8"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `entries`"),
        ("entries: []\nentry: []", "unknown field `entry`"),
        (f"entries:\n  - {_ONE}\n    selector: []", r"\$\.entries\[0\]"),
        ("entries:\n  - spiffe_id: /web", "missing required field `selectors`"),
        ("entries:\n  - spiffe_id: /web\n    selectors: []", r"entries\[0\] \(/web\)"),
        (f"entries:\n  - {_ONE}\n    x509_ttl: soon", "a duration"),
        (f"entries:\n  - {_ONE}\n    x509_ttl: 0", "seconds from 1"),
        (f"entries:\n  - {_ONE}\n    x509_ttl: true", "bool"),
        (f"entries:\n  - {_ONE}\n    spiffe_id: /other", "'spiffe_id' again in line"),
        ("entries: &a\n  - *a", "without aliases"),
        ("entries:\n  - !!python/object:os.system {}", "YAML"),
        (f"entries:\n  - {_ONE}\n    [1, 2]: 3", "YAML"),
        (
            "entries:\n  - spiffe_id: spiffe://A/x\n    selectors: [a:b]",
            "lower case|upper",
        ),
        ("entries:\n  - spiffe_id: /web\n    selectors: [uid]", "TYPE:VALUE"),
        (
            "entries:\n  - spiffe_id: /web\n    selectors: [unix:uid:web]",
            r"entries\[0\] \(/web\).* a value that unix:uid can have",
        ),
    ],
)
def test_a_file_with_any_mistake_is_refused_with_its_place(
    text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_entries(text.encode(), "yaml", DOMAIN)


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("unixx:uid:0", "what attestation finds: unix:uid, unix:gid"),
        ("unix:id:0", "what attestation finds"),
        ("unix:user:root", "unix:uid and the number"),
        ("unix:group:staff", "unix:gid and the number"),
        ("docker:label:a:b", "what attestation finds"),
        ("unix:uid:01", "without zeros"),
        ("unix:gid:-1", "without zeros"),
        ("unix:uid:", "a value that unix:uid can have"),
        ("unix:path:usr/bin/web", "whole path"),
        ("unix:path:/usr/bin/", "whole path"),
        ("unix:sha256:" + "A" * 64, "sha256sum"),
        ("unix:sha256:sha256:" + "a" * 64, "sha256sum"),
        ("container:id:web", "64 digits"),
        ("systemd:id:web", "a value that systemd:id can have"),
        ("k8s:pod-uid:web-0", "a value that k8s:pod-uid can have"),
    ],
)
def test_what_no_process_can_have_is_refused(selector: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        need_attestable(Selector.parse(selector))


def test_toml_with_a_mistake_is_refused() -> None:
    for text in (b"[[entries]", b"entries = 1", b"\xff", b"a = 1\na = 2"):
        with pytest.raises(ConfigError):
            parse_entries(text, "toml", DOMAIN)


@given(st.binary(max_size=200))
def test_no_file_makes_anything_but_entries_or_a_refusal(data: bytes) -> None:
    for kind in ("toml", "yaml"):
        with suppress(ConfigError):
            parse_entries(data, kind, DOMAIN)


def test_a_file_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "entries.toml"
    path.write_text(TOML)
    path.chmod(0o644)
    assert len(read_entries(path, DOMAIN)) == 1
    path.chmod(0o646)
    with pytest.raises(ConfigError, match="everybody"):
        read_entries(path, DOMAIN)
    with pytest.raises(ConfigError, match=r"\.toml"):
        read_entries(tmp_path / "entries.json", DOMAIN)


def test_a_file_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "entries.toml"
    path.write_text(TOML)
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 65534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigError, match="of root"):
        read_entries(path, DOMAIN)


def test_who_only_looks_can_change_entries_of_a_running_authority(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        with AuthorityState.look(world.folder) as other:
            other.registry.add(entry())
        assert len(state.registry.entries) == 0
        state.reload()
        assert set(state.registry.entries) == {entry()}
