# SPDX-License-Identifier: Apache-2.0
"""FileSource without trio: which files it takes, and which it does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.identity_files import (
    DOMAIN,
    NAMES,
    Pauses,
    kubernetes,
    private,
    refusal,
    source,
    versions,
    write,
)

from handfast import (
    Reason,
    Source,
    SourceError,
    SourceState,
)
from handfast.authority import Authority
from handfast.sources import files_folder, files_read
from handfast.sources.files_layout import LAYOUTS

FIRST, SECOND, *_ = versions()


def first_cause(error: BaseException) -> Reason:
    """What a SourceError rests on."""
    cause = error.__cause__ or error
    return Reason(getattr(cause, "reason"))  # noqa: B009 - any of our errors


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda it: it.writers)
def test_each_programs_layout_is_recognised(layout: Any, tmp_path: Path) -> None:
    write(tmp_path, FIRST, (layout.chain, layout.key, layout.bundle))
    found = source(tmp_path)
    assert isinstance(found, Source)
    snapshot = found.refresh()
    assert (snapshot.svid, snapshot.bundles) == (FIRST.svid, FIRST.bundles)
    assert found.snapshot() is snapshot
    assert found.health.state is SourceState.HEALTHY
    assert found.health.expires_at == FIRST.svid.not_after


def test_files_named_by_hand_may_be_der_and_lie_in_folders(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    private(tmp_path / "own/key", FIRST.svid.key.der)
    private(tmp_path / "own/chain", b"".join(FIRST.svid.chain))
    private(tmp_path / "roots", b"".join(FIRST.bundle.x509_authorities))
    found = source(tmp_path, chain="own/chain", key="own/key", bundle="roots")
    assert found.refresh().bundles == FIRST.bundles


@pytest.mark.parametrize("key_first", [True, False])
def test_one_file_may_hold_chain_and_key_as_vault_agent_writes_it(
    key_first: bool, tmp_path: Path
) -> None:
    parts = [FIRST.svid.to_pem_key(), FIRST.svid.to_pem_chain()]
    both = b"".join(parts if key_first else parts[::-1])
    private(tmp_path / "both.pem", both)
    private(tmp_path / "ca.pem", FIRST.bundle.to_pem())
    names = {"chain": "both.pem", "key": "both.pem", "bundle": "ca.pem"}
    assert source(tmp_path, **names).refresh().svid == FIRST.svid


def test_bundles_of_other_trust_domains_lie_beside(tmp_path: Path) -> None:
    """P1: whose a bundle is stands in its file's name, never in its content."""
    write(tmp_path, FIRST)
    others = [Authority(f"{it}.example").bundle for it in "bcd"]
    (tmp_path / "bundles").mkdir()
    private(tmp_path / "bundles/b.example.pem", others[0].to_pem())
    private(tmp_path / "bundles/c.example.json", others[1].to_json())
    private(tmp_path / "bundles/README", b"not a bundle")
    private(tmp_path / "d", b"".join(others[2].x509_authorities))
    bundles = source(tmp_path, bundles={"d.example": "d"}).refresh().bundles
    assert {it.trust_domain: it.digest for it in bundles} == {
        it.trust_domain: it.digest for it in (FIRST.bundle, *others)
    }


def test_our_own_bundle_may_be_a_bundle_document(tmp_path: Path) -> None:
    """BUN-19: the trust domain is our SVID's, not the document's."""
    write(tmp_path, FIRST)
    private(tmp_path / "ca.crt", FIRST.bundle.to_json())
    [bundle] = source(tmp_path).refresh().bundles
    assert bundle.digest == FIRST.bundle.digest


def test_the_same_bundle_twice_is_one_and_another_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    (tmp_path / "bundles").mkdir()
    twin = tmp_path / f"bundles/{DOMAIN}.pem"
    private(twin, FIRST.bundle.to_pem())
    assert len(source(tmp_path).refresh().bundles) == 1
    private(twin, SECOND.bundle.to_pem())
    assert first_cause(refusal(tmp_path)) is Reason.BUNDLE_DUPLICATE


def test_a_bundle_into_which_another_trust_domain_was_poured_is_refused(
    tmp_path: Path,
) -> None:
    """P1: spiffe-helper's include_federated_domains would let it speak for us."""
    write(tmp_path, FIRST)
    pooled = FIRST.bundle.to_pem() + Authority("b.example").bundle.to_pem()
    private(tmp_path / "ca.crt", pooled)
    error = refusal(tmp_path)
    assert first_cause(error) is Reason.BUNDLE_INVALID
    assert "'b.example'" in str(error)
    assert "bundles/" in str(error)


def _none(folder: Path) -> None:
    (folder / "something").touch()


def _two(folder: Path) -> None:
    write(folder, FIRST)
    write(folder, FIRST, ("svid.pem", "svid_key.pem", "svid_bundle.pem"))


def _no_bundle(folder: Path) -> None:
    write(folder, FIRST)
    (folder / "ca.crt").unlink()


@pytest.mark.parametrize("make", [_none, _two, _no_bundle])
def test_what_is_no_layout_or_two_is_never_guessed(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path)
    assert refusal(tmp_path).reason is Reason.SOURCE_LAYOUT


@pytest.mark.parametrize(
    "names", [{"chain": "a"}, {"key": "a"}, {"chain": "a", "key": "b"}]
)
def test_names_by_hand_are_all_there_or_none(
    names: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, FIRST)
    assert refusal(tmp_path, **names).reason is Reason.SOURCE_LAYOUT


def test_a_directory_that_is_not_there_is_said_by_its_name(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none")
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert str(tmp_path / "none") in str(error)
    assert isinstance(error.__cause__, FileNotFoundError)


def _mixed(folder: Path) -> None:
    private(folder / "tls.key", SECOND.svid.to_pem_key())


def _foreign(folder: Path) -> None:
    private(folder / "ca.crt", Authority(DOMAIN).bundle.to_pem())


def _cut(folder: Path) -> None:
    private(folder / "tls.crt", SECOND.svid.to_pem_chain()[:-40])


def _empty(folder: Path) -> None:
    private(folder / "ca.crt", b"\n")


def _large(folder: Path) -> None:
    private(folder / "tls.key", SECOND.svid.to_pem_key() + b" " * 70000)


def _pipe(folder: Path) -> None:
    (folder / "tls.key").unlink()
    os.mkfifo(folder / "tls.key", 0o600)


def _gone(folder: Path) -> None:
    (folder / "tls.key").unlink()


BAD: dict[Callable[[Path], None], Reason] = {
    _mixed: Reason.KEY_MISMATCH,
    _foreign: Reason.SOURCE_INCONSISTENT,
    _cut: Reason.PEM_INVALID,
    _empty: Reason.SOURCE_INCONSISTENT,
    _large: Reason.LIMIT,
    _pipe: Reason.SOURCE_LAYOUT,
    _gone: Reason.SOURCE_LAYOUT,
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda it: it.__name__)
def test_what_does_not_fit_never_replaces_what_was_good(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    """W4, W5: the last good set serves on, and the failure can be seen."""
    write(tmp_path, FIRST)
    pauses = Pauses()
    found = source(tmp_path, sleep=pauses)
    good = found.refresh()
    spoil(tmp_path)
    with pytest.raises(SourceError) as caught:
        found.refresh()
    reasons = {caught.value.reason, first_cause(caught.value)}
    assert BAD[spoil] in reasons
    assert pauses.count <= 25  # it is not waited for what never comes
    assert found.snapshot() is good
    assert found.health.state is SourceState.STALE
    assert found.health.failure is not None
    assert sum(found.statistics().failures.values()) >= 1
    write_again(tmp_path)
    assert found.refresh().svid == SECOND.svid
    assert found.snapshot().generation == 2
    assert found.health.ok


def write_again(folder: Path) -> None:
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
    write(folder, SECOND)


def test_a_set_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    private(tmp_path / "tls.crt", SECOND.svid.to_pem_chain())
    pauses = Pauses(lambda: write(tmp_path, SECOND))
    assert source(tmp_path, sleep=pauses).refresh().svid == SECOND.svid
    assert pauses.count >= 1


def test_old_files_are_taken_at_once_and_young_ones_when_they_rest(
    tmp_path: Path,
) -> None:
    write(tmp_path, FIRST)
    pauses = Pauses()
    source(tmp_path, sleep=pauses, settle=1000).refresh()
    assert pauses.count == 1
    for name in NAMES:
        os.utime(tmp_path / name, (0, 0))
    pauses = Pauses()
    source(tmp_path, sleep=pauses, settle=1000).refresh()
    assert pauses.count == 0


def test_a_file_that_changes_between_two_reads_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file is read when the first is another one already."""
    write(tmp_path, FIRST)
    found = source(tmp_path)
    names = found._list()
    read = files_folder.Folders.read

    def reading(self: Any, path: Path, limit: int) -> Any:
        if path.name == "tls.key":
            private(tmp_path / "tls.crt", SECOND.svid.to_pem_chain())
        return read(self, path, limit)

    monkeypatch.setattr(files_folder.Folders, "read", reading)
    with pytest.raises(SourceError) as caught:
        files_read.read(names, "refuse")
    assert caught.value.reason is Reason.SOURCE_INCONSISTENT


def test_all_files_of_a_volume_come_from_one_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes swaps ``..data`` between two files: all are of the old set."""
    for _ in kubernetes(tmp_path, FIRST, (0, 1, 2), 0):
        pass
    swap = kubernetes(tmp_path, SECOND, (0, 1, 2), 0)
    seen: dict[str, bytes] = {}
    read = files_folder.Folders.read

    def reading(self: Any, path: Path, limit: int) -> Any:
        if path.name == "tls.key":
            for _ in range(6):  # as far as the swap itself
                next(swap)
        file = read(self, path, limit)
        seen[path.name] = file.data
        return file

    monkeypatch.setattr(files_folder.Folders, "read", reading)
    found = source(tmp_path)
    assert found.look() is not None  # by its paths it is another set now
    assert seen == dict(FIRST.contents())
    monkeypatch.undo()
    assert found.refresh().svid == SECOND.svid
