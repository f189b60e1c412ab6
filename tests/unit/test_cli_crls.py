# SPDX-License-Identifier: Apache-2.0
"""Revocation lists on the command line: of SVIDs in files, and of those who call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import agent_messages as agent
from tests.support.agent_messages import API, OWN, WEB
from tests.support.identity_files import private
from tests.unit.test_cli_sources import ALLOW, run, serving

from handfast.pem import CRL, write_pem

POLICY = ("--crl-policy", "if_available")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A bundle, a chain, and lists of its issuers that name it or do not."""
    own, svid = agent.authority(), agent.svid(WEB)
    (tmp_path / "bundle").write_bytes(own.bundle.to_pem())
    (tmp_path / "chain").write_bytes(svid.to_pem_chain())
    (tmp_path / "root").write_bytes(agent.crl(own.root))
    (tmp_path / "good").write_bytes(write_pem(CRL, [agent.crl(own.signer)]))
    (tmp_path / "bad").write_bytes(write_pem(CRL, [agent.crl(own.signer, svid)]))
    return tmp_path


@pytest.mark.parametrize("batch", [(), ("--batch",)])
def test_verify_asks_lists_about_svids(files: Path, batch: tuple[str, ...]) -> None:
    """WAPI-47: that of the intermediate, too, which is in no bundle."""
    chain: list[str | Path] = [*batch, files / "chain"]
    start = ("verify", "--json", "--bundle", f"{OWN}={files / 'bundle'}", "--crl")
    both = (*start, files / "root", "--crl")
    done = run(*both, files / "good", *chain)
    assert done.returncode == 0, done.stderr
    done = run(*both, files / "bad", *chain)
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[0])["reason"] == "certificate_revoked"
    done = run(*start, files / "root", *chain)
    assert json.loads(done.stdout.splitlines()[0])["reason"] == "crl_missing"
    assert run(*start, files / "root", *POLICY, *chain).returncode == 0
    done = run(*both, files / "chain", *chain)
    assert done.returncode == 2
    (files / "junk").write_bytes(b"0\x03junk")
    done = run(*both, files / "junk", *chain)
    assert done.returncode == 2
    assert "no revocation list" in done.stderr


def test_both_ends_ask_the_lists_of_their_source(tmp_path: Path) -> None:
    """WAPI-47: from a directory, each about the other."""
    own = agent.authority()
    lists = write_pem(
        CRL, [agent.crl(own.root), agent.crl(own.signer, agent.svid(WEB))]
    )
    for name in (WEB, API):
        folder = tmp_path / name.rpartition("/")[2]
        (folder / "crls").mkdir(parents=True)
        private(folder / "tls.crt", agent.svid(name).to_pem_chain())
        private(folder / "tls.key", agent.svid_key(agent.svid(name)).to_pem())
        private(folder / "ca.crt", own.bundle.to_pem())
        private(folder / "crls" / f"{OWN}.pem", lists)
    with serving("--files", tmp_path / "api", *POLICY) as port:
        there = ("connect", "127.0.0.1", str(port), "--json", *ALLOW, "--files")
        assert run(*there, tmp_path / "web").returncode == 1
        done = run(*there, tmp_path / "api", *POLICY)
        assert done.returncode == 0, done.stderr
    with serving("--files", tmp_path / "web") as port:
        there = ("connect", "127.0.0.1", str(port), "--json", *ALLOW, "--files")
        assert run(*there, tmp_path / "api").returncode == 0
        done = run(*there, tmp_path / "api", *POLICY)
        assert done.returncode == 1
        last = json.loads(done.stdout.splitlines()[-1])
        assert last["reason"] == "certificate_revoked"
