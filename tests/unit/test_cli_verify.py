# SPDX-License-Identifier: Apache-2.0
"""`handfast verify`: verdicts, reasons and exit codes on files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.command_line import handfast

from handfast import openssl_version
from handfast.authority import Authority
from handfast.testing import forge

WEB = "spiffe://a.example/web"


@pytest.fixture
def authority() -> Authority:
    return Authority("a.example")


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "bundle.pem"
    file.write_bytes(authority.bundle.to_pem())
    return file


@pytest.fixture
def good(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "good.pem"
    file.write_bytes(authority.issue(WEB).to_pem_chain())
    return file


def test_a_good_chain_is_accepted_with_its_identity(good: Path, bundle: Path) -> None:
    done = handfast("verify", "--json", "--bundle", f"a.example={bundle}", good)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["ok"] is True
    assert verdict["spiffe_id"] == WEB


def test_der_and_bundle_documents_do_as_well(
    authority: Authority, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.der"
    chain.write_bytes(b"".join(authority.issue(WEB).chain))
    document = tmp_path / "bundle.json"
    document.write_bytes(authority.bundle.to_json())
    done = handfast("verify", "--bundle", f"a.example={document}", chain)
    assert done.returncode == 0, done.stderr
    assert WEB in done.stdout


def test_one_refused_chain_among_good_ones_exits_with_1(
    authority: Authority, good: Path, bundle: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    other = Authority("a.example")
    bad.write_bytes(other.issue(WEB).to_pem_chain())
    done = handfast("verify", "--json", "--bundle", f"a.example={bundle}", good, bad)
    assert done.returncode == 1
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["ok"] is True
    assert second["ok"] is False
    assert second["reason"] == "unknown_authority"
    assert second["claimed_id_unverified"] == WEB


def test_a_refusal_is_explained_to_a_person(
    authority: Authority, bundle: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_bytes(forge(authority, WEB, uris=()).to_pem_chain())
    done = handfast("verify", "--bundle", f"a.example={bundle}", bad)
    assert done.returncode == 1
    assert "svid_no_spiffe_id" in done.stdout
    assert "what to do" in done.stderr


def test_time_can_be_chosen(good: Path, bundle: Path) -> None:
    done = handfast(
        "verify",
        "--json",
        "--bundle",
        f"a.example={bundle}",
        "--at",
        "2001-01-01",
        good,
    )
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["reason"] == "certificate_not_yet_valid"
    assert verdict["skew_seconds"] > 0


def test_an_authorizer_is_asked(good: Path, bundle: Path) -> None:
    trust = ("--bundle", f"a.example={bundle}")
    allow = ("--allow-prefix", "spiffe://a.example/db")
    done = handfast("verify", "--json", *trust, *allow, good)
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["reason"] == "not_authorized"
    # It was authenticated: this is its identity, and no claim.
    assert verdict["spiffe_id"] == WEB
    assert "claimed_id_unverified" not in verdict


def test_a_file_that_cannot_be_read_as_a_bundle_is_named(
    good: Path, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"not a bundle")
    done = handfast("verify", "--json", "--bundle", f"a.example={junk}", good)
    assert done.returncode == 2
    assert json.loads(done.stdout)["file"] == str(junk)


def test_web_chains_need_the_right_name(tmp_path: Path) -> None:
    """RFC 5280 paths without SPIFFE rules: the same leaf, judged by its DNS name."""
    authority = Authority("a.example")
    leaf = authority.issue(WEB, dns_names=("www.example.com",))
    chain, roots = tmp_path / "web.pem", tmp_path / "roots.pem"
    chain.write_bytes(leaf.to_pem_chain())
    roots.write_bytes(authority.bundle.to_pem())
    options = ("verify", "--json", "--web", "--roots", roots)
    assert handfast(*options, "--name", "www.example.com", chain).returncode == 0
    wrong = handfast(*options, "--name", "www.example.org", chain)
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["reason"] == "name_mismatch"


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "no-such-file.pem"),
        ("verify", __file__),
        ("verify", "--web", "--bundle", "a.example=x.pem", __file__),
        ("verify", "--at", "yesterday", "--bundle", f"a.example={__file__}", __file__),
        ("verify", "--bundle", f"a.example={__file__}", __file__),
        ("serve", "--cert", __file__),
        ("no-such-command",),
    ],
)
def test_wrong_usage_exits_with_2_and_no_traceback(arguments: tuple[str, ...]) -> None:
    done = handfast(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_ticks_every_rule_of_a_good_svid(good: Path) -> None:
    done = handfast("inspect", good)
    assert done.returncode == 0, done.stdout
    assert WEB in done.stdout
    assert "✓ X509-02" in done.stdout
    assert "✗" not in done.stdout


@pytest.mark.parametrize(
    ("rule", "knobs"),
    [
        ("X509-02", {"uris": (WEB, "https://a.example/")}),
        ("X509-31", {"uris": ("https://a.example/web",)}),
        ("X509-32", {"uris": ("spiffe://a.example",)}),
        ("X509-28", {"ca": True}),
    ],
)
def test_inspect_crosses_the_broken_rule(
    authority: Authority, tmp_path: Path, rule: str, knobs: dict[str, Any]
) -> None:
    file = tmp_path / "bad.der"
    file.write_bytes(forge(authority, WEB, **knobs).chain[0])
    done = handfast("inspect", "--json", file)
    assert done.returncode == 1
    rules = json.loads(done.stdout)["certificates"][0]["rules"]
    crossed = {entry["rule"] for entry in rules if not entry["kept"]}
    assert rule in crossed or (rule == "X509-28" and "X509-10" in crossed)


def test_inspect_shows_bundles_and_documents(bundle: Path, tmp_path: Path) -> None:
    authority = x509.load_pem_x509_certificate(bundle.read_bytes())
    der = tmp_path / "authority.der"
    der.write_bytes(authority.public_bytes(Encoding.DER))
    for file in (bundle, der):
        done = handfast("inspect", "--json", file)
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["certificates"][0]["role"] == "authority"


def test_the_version_names_both_openssls() -> None:
    done = handfast("--version")
    assert done.returncode == 0
    assert "handfast 0." in done.stdout
    assert f" on {openssl_version()}; signature lanes: " in done.stdout
