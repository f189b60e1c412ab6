# SPDX-License-Identifier: Apache-2.0
"""``handfast bundle serve`` and ``handfast bundle fetch``, one against the other."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.interop.world import Running, handfast, running

from handfast import TrustBundle
from handfast.authority import Authority
from handfast.cli import app
from handfast.testing import FakeWorkloadApi

PARTNER = "partner.example"
ENDPOINT_ID = f"spiffe://{PARTNER}/bundles"


class Partner:
    """A trust domain in files."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(PARTNER)
        self.folder = folder
        svid = self.authority.issue(ENDPOINT_ID, dns_names=["localhost"])
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.cert.write_bytes(svid.to_pem_chain())
        self.key.write_bytes(svid.to_pem_key())
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(self.authority.bundle.to_pem())
        self.document = folder / "bundle.json"
        self.publish(1)

    def publish(self, sequence: int) -> bytes:
        bundle = replace(self.authority.bundle, sequence=sequence, refresh_hint=60)
        unfinished = self.document.with_suffix(".new")
        unfinished.write_bytes(data := bundle.to_json())
        unfinished.replace(self.document)
        return data

    def serve(self, profile: str, *more: str | Path) -> list[str | Path]:
        return handfast(
            *("bundle", "serve", "--port", "0", "--host", "127.0.0.1", "--json"),
            *("--profile", profile, "--cert", self.cert, "--key", self.key),
            *(more or ("--bundle", f"{PARTNER}={self.document}")),
        )

    def verified_by(self, profile: str) -> list[str | Path]:
        if profile == "https_web":
            return ["--profile", profile, "--roots", self.roots]
        by = ["--profile", profile, "--endpoint-id", ENDPOINT_ID]
        return [*by, "--bundle", self.roots]


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    return Partner(tmp_path)


def fetching(port: int, *more: str | Path, path: str = "/") -> list[str | Path]:
    return handfast(
        *("bundle", "fetch", f"https://localhost:{port}{path}"),
        *("--trust-domain", PARTNER, "--allow-network", "127.0.0.0/8", *more),
    )


def run(command: list[str | Path]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )


def port_of(server: Running) -> int:
    port: int = server.event("listening")["port"]
    return port


@pytest.mark.parametrize("profile", ["https_web", "https_spiffe"])
def test_a_bundle_is_served_and_fetched(partner: Partner, profile: str) -> None:
    """FED-10, FED-11: both profiles; the newest document, as it is."""
    with running(*partner.serve(profile)) as server:
        port = port_of(server)
        for sequence in (1, 2):
            document = partner.publish(sequence)
            done = run(fetching(port, *partner.verified_by(profile)))
            assert done.returncode == 0, done.stderr
            assert done.stdout == document
        done = run(fetching(port, *partner.verified_by(profile), "--json"))
        facts = json.loads(done.stdout)
        assert facts["event"] == "fetched"
        assert (facts["sequence"], facts["x509_authorities"]) == (2, 1)
        assert facts["hops"][0]["address"] == "127.0.0.1"


def test_a_pem_file_gets_number_and_hint(partner: Partner) -> None:
    """BUN-03, BUN-07: a publisher sets both."""
    pem = f"{PARTNER}={partner.roots}"
    with running(*partner.serve("https_spiffe", "--bundle", pem)) as server:
        verified = partner.verified_by("https_spiffe")
        done = run(fetching(port_of(server), *verified))
        bundle = TrustBundle.from_json(PARTNER, done.stdout)
        assert bundle.refresh_hint == 300
        assert bundle.sequence is not None
        assert bundle.sequence > 1_700_000_000


def test_several_bundles_are_at_their_names(partner: Partner) -> None:
    other = partner.folder / "other.pem"
    other.write_bytes(Authority("other.example").bundle.to_pem())
    bundles = ["--bundle", f"{PARTNER}={partner.document}"]
    bundles += ["--bundle", f"other.example={other}"]
    with running(*partner.serve("https_web", *bundles)) as server:
        facts = server.event("listening")
        assert facts["paths"] == ["/other.example", f"/{PARTNER}"]
        verified = partner.verified_by("https_web")
        done = run(fetching(facts["port"], *verified, path=f"/{PARTNER}"))
        assert done.stdout == partner.document.read_bytes()
        done = run(fetching(facts["port"], *verified))
        assert done.returncode == 4
        assert b"404" in done.stderr


def test_watching_writes_each_change(partner: Partner) -> None:
    """FED-06: as a whole, beside the state that remembers the number."""
    output, state = partner.folder / "out.json", partner.folder / "state"
    with running(*partner.serve("https_spiffe")) as server:
        command = fetching(
            port_of(server),
            *partner.verified_by("https_spiffe"),
            *("--watch", "--json", "--output", output, "--state", state),
        )
        with running(*command) as watcher:
            assert watcher.event("changed")["sequence"] == 1
        assert output.read_bytes() == partner.document.read_bytes()
        assert len(list(state.iterdir())) == 1
        # Started again, it knows: an older one is refused, and the kept one told.
        partner.publish(0)
        with running(*command) as watcher:
            assert watcher.event("changed")["sequence"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["--profile", "https_spiffe"],
        ["--profile", "https_web", "--endpoint-id", ENDPOINT_ID],
        ["--profile", "https_spiffe", "--endpoint-id", ENDPOINT_ID],
        ["--profile", "http"],
        [],
        ["--profile", "https_web", "--state", "x"],
    ],
)
def test_what_is_missing_is_told(wrong: list[str]) -> None:
    """FED-13, FED-55: nothing is inferred."""
    command = ["bundle", "fetch", "https://localhost/", "--trust-domain", PARTNER]
    done = CliRunner().invoke(app.handfast, [*command, *wrong])
    assert done.exit_code == 2
    assert "--" in done.output


@pytest.mark.parametrize(
    "wrong",
    [
        ["--profile", "https_web"],
        ["--profile", "https_web", "--files", "x"],
        ["--profile", "https_web", "--cert", "x"],
        ["--profile", "https_spiffe", "--key", "x"],
        ["--profile", "https_spiffe", "--cert", "x", "--key", "x", "--files", "x"],
        ["--profile", "https_spiffe", "--files", "x", "--endpoint", "unix:///x"],
        ["--profile", "https_spiffe"],
    ],
)
def test_an_endpoint_shows_one_identity(
    partner: Partner, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FED-22, FED-43: each profile has its own kind, and two at once are none."""
    monkeypatch.delenv("SPIFFE_ENDPOINT_SOCKET", raising=False)
    command = ["bundle", "serve", "--bundle", f"{PARTNER}={partner.document}"]
    done = CliRunner().invoke(app.handfast, [*command, *wrong])
    assert done.exit_code == 2
    assert "--cert" in done.output or "--files" in done.output


def test_an_endpoint_shows_what_its_agent_gives(partner: Partner) -> None:
    """FED-43: and so it is renewed by itself."""
    serve = handfast(
        *("bundle", "serve", "--port", "0", "--host", "127.0.0.1", "--json"),
        *("--profile", "https_spiffe", "--bundle", f"{PARTNER}={partner.document}"),
    )
    api = FakeWorkloadApi(partner.authority, ids=[ENDPOINT_ID])
    with api.in_thread(), running(*serve, "--endpoint", api.address) as server:
        verified = partner.verified_by("https_spiffe")
        done = run(fetching(port_of(server), *verified))
    assert done.returncode == 0, done.stderr
    assert done.stdout == partner.document.read_bytes()


def test_refusals_have_their_exit_codes(partner: Partner) -> None:
    """F1, FED-29: a local address that nobody allowed (4), an issuer unknown (1)."""
    with running(*partner.serve("https_web")) as server:
        command = fetching(port_of(server), "--profile", "https_web")
        done = run(command)
        assert (done.returncode, done.stdout) == (1, b"")
        place = command.index("--allow-network")
        done = run([*command[:place], *command[place + 2 :]])
        assert (done.returncode, done.stdout) == (4, b"")
        assert b"--allow-network" in done.stderr


@pytest.mark.parametrize(
    "more", [["--bundle", "partner.example=missing.pem"], ["--bundle", "bundle.json"]]
)
def test_an_endpoint_without_a_bundle_does_not_start(
    partner: Partner, more: list[str]
) -> None:
    done = run(partner.serve("https_web", *more))
    assert done.returncode in {2, 3}
    assert b"bundle" in done.stderr or b"missing" in done.stderr
