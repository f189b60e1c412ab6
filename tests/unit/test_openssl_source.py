# SPDX-License-Identifier: Apache-2.0
"""Where the pinned OpenSSL comes from: its digest decides, not its source."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import openssl
import openssl_build
import openssl_source

CONTENT = b"not really OpenSSL"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach the network."""

    def nothing(version: str, sha256: str, scratch: Path) -> Path:
        raise openssl_source.NotHereError("not in a test")

    monkeypatch.setattr(openssl_source, "from_upstream", nothing)
    monkeypatch.setattr(openssl_source, "from_debian", nothing)
    monkeypatch.delenv("HANDFAST_OPENSSL_TARBALL", raising=False)


def ignore(_message: str) -> None:
    pass


def test_a_named_tarball_is_taken_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tmp_path / "any-name"
    tarball.write_bytes(CONTENT)
    monkeypatch.setenv("HANDFAST_OPENSSL_TARBALL", str(tarball))
    assert openssl_source.obtain("3.5.7", DIGEST, tmp_path, ignore) == tarball


def test_a_named_tarball_with_other_bytes_is_an_error_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tmp_path / "any-name"
    tarball.write_bytes(CONTENT + b"!")
    monkeypatch.setenv("HANDFAST_OPENSSL_TARBALL", str(tarball))
    with pytest.raises(ValueError, match=f"pinned is {DIGEST}"):
        openssl_source.obtain("3.5.7", DIGEST, tmp_path, ignore)


def test_the_cache_is_checked_again_and_a_bad_file_in_it_removed(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "openssl-3.5.7.tar.gz"
    kept.write_bytes(CONTENT)
    assert openssl_source.obtain("3.5.7", DIGEST, tmp_path, ignore) == kept
    kept.write_bytes(b"tampered with")
    with pytest.raises(openssl_source.NoSourceError):
        openssl_source.obtain("3.5.7", DIGEST, tmp_path, ignore)
    assert not kept.exists()


def test_a_source_with_other_bytes_is_refused_and_the_next_one_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_version: str, _sha256: str, scratch: Path) -> Path:
        (scratch / "x").write_bytes(b"something else")
        return scratch / "x"

    def right(_version: str, _sha256: str, scratch: Path) -> Path:
        (scratch / "x").write_bytes(CONTENT)
        return scratch / "x"

    monkeypatch.setattr(openssl_source, "from_upstream", wrong)
    monkeypatch.setattr(openssl_source, "from_debian", right)
    said: list[str] = []
    kept = openssl_source.obtain("3.5.7", DIGEST, tmp_path, said.append)
    assert kept.read_bytes() == CONTENT
    assert any("pinned is" in text for text in said)


def test_without_any_source_the_message_says_what_was_tried_and_what_to_do(
    tmp_path: Path,
) -> None:
    with pytest.raises(openssl_source.NoSourceError) as caught:
        openssl_source.obtain("3.5.7", DIGEST, tmp_path, ignore)
    text = str(caught.value)
    for part in ("upstream release", "Debian source", "HANDFAST_OPENSSL=system"):
        assert part in text


def test_mirrors_are_the_machines_own_and_nobody_elses(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://old.invalid/debian buster main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://one.invalid/debian bookworm main\n"
        "deb http://vendor.invalid/apt stable main\n",
        "utf-8",
    )
    (parts / "debian.sources").write_text(
        "Types: deb\n# a comment\nURIs: http://two.invalid/debian-security\n"
        "Suites: bookworm-security\nComponents: main contrib\nSigned-By: /s.gpg\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off.invalid/debian\n"
        "Suites: bookworm\nComponents: main\n",
        "utf-8",
    )
    assert openssl_source.mirrors(tmp_path) == {
        "http://one.invalid/debian": "signed-by=/k.gpg",
        "http://two.invalid/debian-security": "signed-by=/s.gpg",
    }


def test_the_pin_is_read_and_every_mistake_in_it_named(tmp_path: Path) -> None:
    pin = openssl.Pin.read()
    assert len(pin.sha256) == hashlib.sha256().digest_size * 2
    # P10: what must never be in, or run by itself.
    assert {"no-autoload-config", "no-atexit", "no-sslkeylog", "no-module"} <= set(
        pin.configure
    )
    for text, message in [
        ("version 3", "expected `key = value`"),
        ("version = 3.5.7", "needs one version, one sha256"),
        ("version = 1\nsha256 = 2\nsource_date_epoch = 3\nx = 4", "unknown keys: x"),
    ]:
        path = tmp_path / "openssl.pin"
        path.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=message):
            openssl.Pin.read(path)


def test_the_cache_key_changes_with_everything_that_goes_into_the_build() -> None:
    pin = openssl.Pin.read()
    compiler = openssl.Compiler("cc", "gcc", "gcc 12 x86_64-linux-gnu")
    facts = openssl.inputs(pin, compiler)
    prefixes = {openssl.prefix_for(facts)}
    for name in facts:
        prefixes.add(openssl.prefix_for(facts | {name: "changed"}))
    assert len(prefixes) == len(facts) + 1


def test_each_variant_has_a_place_of_its_own_and_says_what_it_is() -> None:
    pin = openssl.Pin.read()
    compiler = openssl.Compiler("cc", "gcc", "gcc 12 x86_64-linux-gnu")
    facts = {name: openssl.inputs(pin, compiler, name) for name in openssl.VARIANTS}
    assert len({openssl.prefix_for(found) for found in facts.values()}) == 3
    assert facts["pgo"]["variant"] == "pgo"
    assert "-flto" not in str(facts["stock"])
    assert "no-legacy" not in str(facts["stock"])
    # The program that trains decides the profile as much as a flag does.
    changed = facts["pgo"] | {"training": {"train.c": "another"}}
    assert openssl.prefix_for(changed) != openssl.prefix_for(facts["pgo"])
    assert "train.c" in str(facts["pgo"]["training"])


def test_a_profile_of_another_compiler_than_gcc_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = openssl.Compiler("clang", "clang", "clang 14")
    monkeypatch.setattr(openssl.Compiler, "find", lambda: other)
    with pytest.raises(ValueError, match="variant pgo is for gcc"):
        openssl.obtain(openssl.Pin.read(), "pgo")


def test_arithmetic_with_secrets_is_built_without_a_profile(tmp_path: Path) -> None:
    """Branches on what was common in training must not become branches on secrets."""
    secret = "crypto/bn/libcrypto-lib-bn_mul"
    for name in (secret, "ssl/libssl-lib-ssl_lib"):
        for suffix in (".gcda", ".o"):
            path = tmp_path / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    without = openssl.Pin.read().words["profile.without"]
    openssl_build.forget(tmp_path, without)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"libssl-lib-ssl_lib.gcda"}


def test_a_training_run_that_counts_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(openssl_build.BuildError, match="counted nothing"):
        openssl_build.forget(tmp_path, ())
    (tmp_path / "x.gcda").touch()
    with pytest.raises(openssl_build.BuildError, match="never came to crypto/bn/"):
        openssl_build.forget(tmp_path, ("crypto/bn/",))
