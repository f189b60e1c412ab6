# SPDX-License-Identifier: Apache-2.0
"""What is known of other trust domains survives on disk, or is refused as it is."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.net_world import authority

from handfast import BundleDocument, FederationError, Reason, TrustDomain
from handfast.federation import state as federation_state
from handfast.federation.known import Known
from handfast.federation.state import FederationState

WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def known(name: str = "partner.example", sequence: int | None = 7) -> Known:
    bundle = replace(
        authority("partner.example").bundle,
        trust_domain=TrustDomain.parse(name),
        sequence=sequence,
        refresh_hint=60,
    )
    document = BundleDocument.of(bundle)
    return Known(
        document=document,
        body=document.to_json(),
        url="https://a.example/",
        fetched_at=WHEN,
    )


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """FED-06: the latest one is kept; FED-14: with the name of its trust domain."""
    state = FederationState(tmp_path / "state")
    assert state.load() == {}
    state.save(known())
    state.save(known(sequence=8))
    state.save(known("other.example"))
    again = FederationState(tmp_path / "state").load()
    assert again == {
        TrustDomain.parse("partner.example"): known(sequence=8),
        TrustDomain.parse("other.example"): known("other.example"),
    }
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.directory.iterdir()} == {
        0o600
    }


def test_a_removed_one_is_gone(tmp_path: Path) -> None:
    """FED-54: the end of a relationship deletes the bundle."""
    state = FederationState(tmp_path)
    state.save(known())
    state.remove(known().document.trust_domain)
    state.remove(known().document.trust_domain)
    assert state.load() == {}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["..", ".", "a..b", "-a", "x" * 255, "_"])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    """F3: trust domains may be called as they like (ID-11)."""
    state = FederationState(tmp_path / "state")
    state.load()
    state.save(known(name))
    assert list(state.load()) == [TrustDomain.parse(name)]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_every_damaged_byte_is_noticed_and_left_alone(tmp_path: Path) -> None:
    """F2: a state that cannot be trusted is refused, and nothing of it is lost."""
    state = FederationState(tmp_path)
    state.save(known())
    path = only_file(tmp_path)
    good = path.read_bytes()
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 0x01
        path.write_bytes(damaged)
        with pytest.raises(FederationError) as caught:
            state.load()
        assert caught.value.reason is Reason.FEDERATION_STATE, place
        assert path.name in caught.value.seen
        assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize("length", [0, 1, 50, -1])
def test_a_cut_file_is_refused_and_left_alone(tmp_path: Path, length: int) -> None:
    """F2: also when it is empty."""
    state = FederationState(tmp_path)
    state.save(known())
    path = only_file(tmp_path)
    cut = path.read_bytes()[:length]
    path.write_bytes(cut)
    with pytest.raises(FederationError):
        state.load()
    assert path.read_bytes() == cut


def resealed(path: Path, **changes: object) -> None:
    """Change a file as somebody would who can compute a digest."""
    from handfast.federation import state  # noqa: PLC0415 - for its digest

    fields = {**json.loads(path.read_bytes()), **changes}
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    fields["sha256"] = state._digest(texts)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "handfast federation 2"},
        {"trust_domain": "other.example"},
        {"trust_domain": "Not A Name"},
        {"document": "{}"},
        {"document": 7},
        {"fetched_at": "yesterday"},
        {"fetched_at": "2026-11-22T12:00:00"},
        {"more": "than that"},
    ],
)
def test_what_was_never_written_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """F3: a file is of the trust domain that it is named after."""
    state = FederationState(tmp_path)
    state.save(known())
    resealed(only_file(tmp_path), **changes)
    with pytest.raises(FederationError) as caught:
        state.load()
    assert caught.value.reason is Reason.FEDERATION_STATE


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"format": "a", "format": "b"}'])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "td-x-0.json").write_text(text)
    with pytest.raises(FederationError):
        FederationState(tmp_path).load()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever may put links here could point to a file of another state."""
    state = FederationState(tmp_path / "a")
    state.load()
    state.save(known())
    other = FederationState(tmp_path / "b")
    other.load()
    path = only_file(state.directory)
    (other.directory / path.name).symlink_to(path)
    with pytest.raises(OSError, match="links"):
        other.load()


def test_a_directory_that_others_write_to_is_refused(tmp_path: Path) -> None:
    """Whoever writes there would say whom we trust."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(FederationError) as caught:
        FederationState(folder).load()
    assert "mode 770" in caught.value.seen


def test_a_write_that_stopped_in_the_middle_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FED-06: at any moment it is the old one or the new one."""
    state = FederationState(tmp_path)
    state.save(known(sequence=1))

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="space"):
        state.save(known(sequence=2))
    monkeypatch.undo()
    assert list(state.load().values()) == [known(sequence=1)]


def test_what_a_crash_left_unfinished_is_cleared(tmp_path: Path) -> None:
    state = FederationState(tmp_path)
    state.save(known(sequence=1))
    unfinished = tmp_path / ".handfast-0123.unfinished"
    unfinished.write_bytes(b"half of")
    assert list(state.load().values()) == [known(sequence=1)]
    assert not unfinished.exists()
    unfinished.write_bytes(b"half of")
    state.save(known(sequence=2))
    assert list(state.load().values()) == [known(sequence=2)]


def test_a_directory_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it before we came decides whom we trust."""
    state = FederationState(tmp_path / "state")
    assert state.load() == {}
    state.save(known())
    owner = (tmp_path / "state").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(federation_state, "_ROOT", owner + 1)
    with pytest.raises(FederationError) as caught:
        FederationState(tmp_path / "state").load()
    assert f"user {owner}" in caught.value.seen
    # The system's administrator can do it anyway.
    monkeypatch.setattr(federation_state, "_ROOT", owner)
    assert FederationState(tmp_path / "state").load()
