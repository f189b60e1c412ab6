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


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (FIRST.svid.not_after + timedelta(hours=1), Reason.SOURCE_EXPIRED),
        (FIRST.svid.not_before - timedelta(hours=1), Reason.SOURCE_INVALID),
    ],
    ids=["over", "to come"],
)
def test_an_svid_whose_time_is_not_now_is_never_taken(
    moment: datetime, reason: Reason, tmp_path: Path
) -> None:
    write(tmp_path, FIRST)
    clock = FakeClock(moment)
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
