# SPDX-License-Identifier: Apache-2.0
"""FileSource without trio: what it gives out, for how long, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from tests.support.identity_files import (
    DOMAIN,
    NAMES,
    Pauses,
    Version,
    kubernetes,
    private,
    refusal,
    source,
    versions,
    write,
)

from handfast import (
    Reason,
    SourceError,
    SourceState,
)
from handfast.authority import Authority
from handfast.pem import CERTIFICATE, write_pem
from handfast.sources import files_read
from handfast.testing import FakeClock, forge, forge_intermediate, forge_root

FIRST, SECOND, *_ = versions()


def test_the_generation_grows_with_the_content_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    write(tmp_path, FIRST)
    found = source(tmp_path)
    first = found.refresh()
    write(tmp_path, FIRST)
    assert found.refresh() is first
    private(tmp_path / "ca.crt", b"# a comment\n" + FIRST.bundle.to_pem())
    assert found.refresh() is first
    write(tmp_path, SECOND)
    assert found.refresh().generation == 2
    assert found.statistics().updates == 2


def test_an_svid_that_has_ended_is_not_given_out(tmp_path: Path) -> None:
    """W5: static until it ends, then a failure that names the files."""
    write(tmp_path, FIRST)
    clock = FakeClock(datetime.now(UTC))
    found = source(tmp_path, now=clock)
    found.refresh()
    clock.set(FIRST.svid.not_after - timedelta(seconds=1))
    found.snapshot()
    clock.set(FIRST.svid.not_after)
    with pytest.raises(SourceError, match="not renewed") as caught:
        found.snapshot()
    assert caught.value.reason is Reason.SOURCE_EXPIRED
    assert str(tmp_path) in str(caught.value)
    assert found.health.state is SourceState.UNAVAILABLE


@pytest.mark.parametrize(
    ("hours", "reason"), [(2, Reason.SOURCE_EXPIRED), (-2, Reason.SOURCE_INVALID)]
)
def test_an_svid_whose_time_is_not_now_is_never_taken(
    hours: int, reason: Reason, tmp_path: Path
) -> None:
    write(tmp_path, FIRST)
    clock = FakeClock(datetime.now(UTC) + timedelta(hours=hours))
    assert refusal(tmp_path, now=clock).reason is reason


def test_before_the_first_look_it_has_nothing_and_says_so(tmp_path: Path) -> None:
    found = source(tmp_path)
    with pytest.raises(SourceError) as caught:
        found.snapshot()
    assert caught.value.reason is Reason.SOURCE_NOT_READY
    assert found.health.state is SourceState.STARTING
    assert found.health.age() is None


@pytest.mark.parametrize(
    "path_and_mode",
    [("tls.key", 0o644), ("tls.key", 0o602), ("ca.crt", 0o646), ("", 0o777)],
)
def test_what_everybody_may_read_or_replace_is_refused_or_warned_of(
    path_and_mode: tuple[str, int],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write(tmp_path, FIRST)
    name, mode = path_and_mode
    (tmp_path / name).chmod(mode)
    assert refusal(tmp_path).reason is Reason.SOURCE_PERMISSIONS
    found = source(tmp_path, permissions="warn")
    found.refresh()
    assert "everybody" in caplog.text
    assert len(found.statistics().warnings) == 1


def test_a_sticky_directory_and_a_volume_of_kubernetes_are_let_pass(
    tmp_path: Path,
) -> None:
    """As they are by default: 0644 files, in a directory with mode 1777."""
    for _ in kubernetes(tmp_path, FIRST, (0, 1, 2), 0):
        pass
    for name in NAMES:
        (tmp_path / name).resolve().chmod(0o644)
    tmp_path.chmod(0o1777)
    pauses = Pauses()
    assert source(tmp_path, sleep=pauses).refresh().svid == FIRST.svid
    assert pauses.count == 0  # a set that is swapped is complete


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    found = source(tmp_path)
    raw = files_read.read(found._list(), "refuse")
    secret = FIRST.svid.to_pem_key().decode().splitlines()[1]
    assert secret not in repr((raw, raw.files, found, found.refresh()))
    private(tmp_path / "tls.key", SECOND.svid.to_pem_key())
    assert secret not in str(refusal(tmp_path))


def test_a_failure_that_is_kept_holds_no_bytes_of_a_key(tmp_path: Path) -> None:
    """Its frames are let go, those of its causes too."""
    write(tmp_path, FIRST)
    private(tmp_path / "tls.key", SECOND.svid.to_pem_key())
    found = source(tmp_path)
    found.look()
    found.look()
    error: BaseException | None = found.health.failure
    assert error is not None
    while error is not None:
        assert error.__traceback__ is None
        error = error.__cause__ or error.__context__


def test_a_chain_ends_with_the_first_of_its_certificates(tmp_path: Path) -> None:
    """W5: an intermediate that ends before the leaf ends the identity."""
    authority = forge_root(DOMAIN)
    short = forge_intermediate(authority, not_after=600)
    svid = forge(short, FIRST.svid.spiffe_id, not_after=3600)
    private(tmp_path / "tls.crt", write_pem(CERTIFICATE, svid.chain))
    key = svid.key.load()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(tmp_path / "tls.key", pem)
    private(tmp_path / "ca.crt", authority.bundle.to_pem())
    clock = FakeClock(datetime.now(UTC))
    found = source(tmp_path, now=clock)
    found.refresh()
    assert found.health.expires_at is not None
    assert found.health.expires_at < svid.not_after
    clock.advance(minutes=11)
    with pytest.raises(SourceError) as caught:
        found.snapshot()
    assert caught.value.reason is Reason.SOURCE_EXPIRED


def test_it_grows_louder_as_the_end_comes_near(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """W5: whoever does not renew is heard of early, and once for each step."""
    write(tmp_path, FIRST)
    # When it was issued: a run of all tests takes minutes of its hour.
    clock = FakeClock(FIRST.svid.not_after - timedelta(hours=1))
    found = source(tmp_path, now=clock)
    found.refresh()
    heard: list[int] = []
    for minutes in (30, 14, 13, 5, 4, -1, -2):
        clock.set(FIRST.svid.not_after - timedelta(minutes=minutes))
        found.look()
        heard.append(len([it for it in caplog.records if it.levelname != "INFO"]))
    assert heard == [0, 1, 1, 2, 2, 3, 3]
    assert caplog.records[-1].levelname == "ERROR"


def test_an_svid_that_is_short_and_dated_back_is_not_late_from_the_beginning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(DOMAIN, svid_ttl=timedelta(seconds=10))
    svid = authority.issue(FIRST.svid.spiffe_id)
    write(tmp_path, Version(svid=svid, bundle=authority.bundle))
    # It begins a minute before it is made, and ends ten seconds after.
    clock = FakeClock(svid.not_after - timedelta(seconds=10))
    found = source(tmp_path, now=clock)
    found.refresh()
    assert not [it for it in caplog.records if it.levelname != "INFO"]
    clock.advance(9.5)
    found.look()
    assert [it.levelname for it in caplog.records if it.levelname != "INFO"] == [
        "WARNING"
    ]
