# SPDX-License-Identifier: Apache-2.0
"""`handfast bundle show|diff|convert`: any form in, any form out, nothing lost."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support import tokens

from handfast import BundleDocument, BundleMap, JwtBundle, TrustBundle, TrustDomain
from handfast.authority import Authority
from handfast.cli.app import handfast
from handfast.testing.forge import forge_root

A, B = "a.example", "b.example"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(handfast, ["bundle", *map(str, arguments)])


def told(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code in {0, 1}, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def here(authority: Authority, tmp_path: Path) -> Path:
    """A directory with one bundle in every form."""
    x509, jwt = authority.bundle, tokens.bundle(kinds=("p256",))
    whole = BundleDocument.of(x509, jwt, sequence=3, refresh_hint=60)
    (tmp_path / "old.pem").write_bytes(x509.to_pem())
    (tmp_path / "old.der").write_bytes(b"".join(x509.x509_authorities))
    (tmp_path / "old.json").write_bytes(whole.to_json())
    (tmp_path / "keys.json").write_bytes(jwt.to_jwks())
    both = BundleMap([whole, BundleDocument.of(TrustBundle(TrustDomain(B)))])
    (tmp_path / "map.json").write_bytes(both.to_json())
    return tmp_path


def test_every_authority_is_shown(here: Path, authority: Authority) -> None:
    found = told("show", f"{A}={here / 'old.json'}")
    assert (found["form"], len(found["bundles"])) == ("document", 1)
    bundle = found["bundles"][0]
    assert (bundle["trust_domain"], bundle["sequence"]) == (A, 3)
    certificate, key = bundle["authorities"]
    assert certificate["sha256"] == hashlib.sha256(authority.root.der).hexdigest()
    assert certificate["valid_now"] is certificate["self_signed"] is True
    assert certificate["subject"] in authority.root.certificate.subject.rfc4514_string()
    assert (key["use"], key["kid"], key["key"]) == ("jwt-svid", "p256", "p256")


@pytest.mark.parametrize("name", ["old.pem", "old.der", "keys.json", "map.json"])
def test_every_form_is_shown(name: str, here: Path) -> None:
    result = run("show", here / name)
    assert result.exit_code == 0, result.output
    assert ("x509-svid" in result.output) == (name != "keys.json")
    assert ("nobody: every" in result.output) == (name == "map.json"), "b.example"


def test_an_authority_that_has_expired_is_shown_as_such(here: Path) -> None:
    result = run("show", "--at", "2099-01-01T00:00:00Z", here / "old.pem")
    assert "expired" in result.output
    result = run("show", "--at", "2001-01-01T00:00:00Z", here / "old.pem")
    assert "begins in" in result.output


def test_names_of_strangers_do_nothing_to_a_terminal(here: Path) -> None:
    """F2: no escape sequences, no turned lines, no markup."""
    name = "x\x1b]0;title\x07\x1b[31m[/red]\x9b1m\u202e"
    root = forge_root(A, subject=name)
    keys = {name: next(iter(tokens.bundle(kinds=("p256",)).keys.values()))}
    whole = BundleDocument.of(root.bundle, JwtBundle(TrustDomain(A), keys))
    file = here / "odd.json"
    file.write_bytes(whole.to_json())
    (here / "odd.pem").write_bytes(root.bundle.to_pem())
    for result in (
        run("show", file),
        run("diff", here / "old.json", file),
        CliRunner().invoke(handfast, ["inspect", str(here / "odd.pem")]),
    ):
        assert result.exit_code in {0, 1}, result.output
        assert result.output.replace("\n", "").isprintable()
        assert "[31m[/red]" in result.output.replace("\n", "")


def test_the_same_authorities_in_another_form_are_no_difference(here: Path) -> None:
    """X509-43: and the exit code says so."""
    found = told("diff", here / "old.pem", here / "old.der")
    assert found["same"] is True
    assert run("diff", here / "old.pem", here / "old.der").exit_code == 0


def test_differences_are_told_by_authority(here: Path, authority: Authority) -> None:
    """BUN-04: with how the sequence numbers stand."""
    other = Authority(A).bundle
    new = BundleDocument.of(other, tokens.bundle(kinds=("p256", "p384")), sequence=4)
    (here / "new.json").write_bytes(new.to_json())
    (one,) = told("diff", here / "old.json", here / "new.json")["bundles"]
    assert one["ordering"] == "newer"
    assert one["sequence"] == [3, 4]
    assert [a["use"] for a in one["added"]] == ["x509-svid", "jwt-svid"]
    (gone,) = one["removed"]
    assert gone["sha256"] == hashlib.sha256(authority.root.der).hexdigest()
    assert [a["kid"] for a in one["kept"]] == ["p256"]
    result = run("diff", here / "new.json", here / "old.json")
    assert result.exit_code == 1
    assert "older" in result.output


def test_a_key_that_changed_under_its_kid_is_a_difference(here: Path) -> None:
    """J2: the name is the same, the key is another."""
    from tests.support import pki  # noqa: PLC0415

    other = JwtBundle(TrustDomain(A), {"p256": pki.key("p256", 1).public_key()})
    (here / "other.json").write_bytes(other.to_jwks())
    (one,) = told("diff", here / "keys.json", here / "other.json")["bundles"]
    assert len(one["added"]) == len(one["removed"]) == 1


def test_maps_are_compared_trust_domain_by_trust_domain(here: Path) -> None:
    """BUN-26: one that is gone is trusted no more."""
    document = BundleMap.from_json((here / "map.json").read_bytes())[A]
    third = BundleDocument.of(TrustBundle(TrustDomain("c.example")))
    (here / "new.json").write_bytes(BundleMap([document, third]).to_json())
    found = told("diff", here / "map.json", here / "new.json")["bundles"]
    assert [(x["trust_domain"], x["ordering"]) for x in found] == [
        (A, "same"),
        (B, None),
        ("c.example", "first"),
    ]
    result = run("diff", here / "map.json", here / "new.json")
    assert "is gone" in result.output
    assert run("diff", here / "map.json", here / "old.json").exit_code == 2


@pytest.mark.parametrize(
    ("source", "form"),
    [("old.pem", "der"), ("old.der", "pem"), ("old.pem", "document")],
)
def test_a_converted_bundle_trusts_the_same(source: str, form: str, here: Path) -> None:
    """X509-43: there and back."""
    target = here / "converted"
    done = told("convert", here / source, "--to", form, "-o", target)
    assert done["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert told("diff", here / source, target)["same"] is True


def test_a_document_gets_its_numbers(here: Path) -> None:
    """BUN-03, BUN-06, BUN-07: numbers that PEM cannot hold."""
    result = run(
        *("convert", here / "old.pem", "--to", "document"),
        *("--sequence", str(2**64 - 1), "--refresh-hint", "300"),
    )
    document = BundleDocument.from_json(A, result.stdout)
    assert (document.sequence, document.refresh_hint) == (2**64 - 1, 300)
    assert run("convert", here / "old.pem", "--to", "map").exit_code == 2
    for number in ("-1", str(2**64)):
        arguments = ("convert", here / "old.pem", "--to", "document", "--sequence")
        assert run(*arguments, number).exit_code == 2


def test_what_a_form_cannot_hold_is_not_lost_in_silence(here: Path) -> None:
    result = run("convert", here / "old.json", "--to", "pem")
    assert result.exit_code == 2
    assert "--x509-only" in result.output
    result = run("convert", here / "old.json", "--to", "pem", "--x509-only")
    assert result.stdout.encode() == (here / "old.pem").read_bytes()
    result = run("convert", here / "old.json", "--to", "document", "--x509-only")
    assert BundleDocument.from_json(A, result.stdout).jwt.is_empty


def test_keys_of_tokens_become_a_plain_set(here: Path) -> None:
    """WAPI-59: what the Workload API gives."""
    result = run("convert", here / "old.json", "--to", "jwks")
    assert JwtBundle.from_jwks(A, result.stdout) == tokens.bundle(kinds=("p256",))
    assert '"use"' not in result.stdout


def test_maps_are_put_together_and_taken_apart(here: Path) -> None:
    """BUN-21, BUN-22: whose a bundle is has to be said."""
    arguments = [f"{A}={here / 'old.json'}", f"{B}={here / 'old.pem'}"]
    result = run("convert", *arguments, "--to", "map")
    found = BundleMap.from_json(result.stdout)
    assert [one.trust_domain.name for one in found] == [A, B]
    (here / "two.json").write_text(result.stdout)
    one = ("convert", here / "two.json", "--to", "pem", "--trust-domain", B)
    assert run(*one).stdout.encode() == (here / "old.pem").read_bytes()
    several = run("convert", here / "two.json", "--to", "document")
    assert several.exit_code == 2
    assert "--trust-domain" in several.output
    assert run("show", f"{A}={here / 'two.json'}").exit_code == 2
    assert run("convert", *arguments, "--to", "map", "--json").exit_code == 2


def test_files_that_cannot_be_used_exit_with_their_reason(here: Path) -> None:
    """The whole command: 2 for what is in a file, 3 for one that is not there."""
    (here / "bad.json").write_text('{"keys": [], "keys": []}')
    for name, code, said in (
        ("bad.json", 2, "a name twice"),
        ("nowhere.json", 3, "nowhere.json"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "handfast.cli", "bundle", "show", here / name],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, done.stderr
        assert said in done.stderr.replace("\n", "")
