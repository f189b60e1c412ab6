# SPDX-License-Identifier: Apache-2.0
"""FileSource and what `handfast fetch --write` writes: whole sets, with lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import agent_messages as agent
from tests.support.agent_messages import OTHER, OWN, WEB
from tests.support.identity_files import Pauses, private, refusal, source

from handfast import Reason, SourceSnapshot, TrustBundleSet, TrustDomain
from handfast.crls import RevocationLists
from handfast.pem import CRL, write_pem
from handfast.sources import files_folder
from handfast.sources.file_sets import FileSetWriter, plan_identity

OWN_DOMAIN, OTHER_DOMAIN = TrustDomain(OWN), TrustDomain(OTHER)


def snapshot(number: int = 0, *, lists: bool = True) -> SourceSnapshot:
    bundles = TrustBundleSet([agent.authority(it).bundle for it in (OWN, OTHER)])
    crls = [agent.crl(agent.authority(it).root) for it in (OWN, OTHER)] if lists else []
    signers = {it.trust_domain: it.x509_authorities for it in bundles}
    return SourceSnapshot(
        svid=agent.svid(WEB, number),
        bundles=bundles,
        generation=1,
        crls=RevocationLists.sort(crls, signers),
    )


def test_a_whole_set_is_read_with_its_lists_and_other_trust_domains(
    tmp_path: Path,
) -> None:
    """WAPI-47: each list stays its trust domain's."""
    written = snapshot()
    FileSetWriter(tmp_path).write(plan_identity(written))
    pauses = Pauses()
    found = source(tmp_path, sleep=pauses).refresh()
    assert pauses.count == 0  # it came by one rename, the folders in it too
    assert (found.svid, found.bundles) == (written.svid, written.bundles)
    for domain in (OWN_DOMAIN, OTHER_DOMAIN):
        assert found.crls.get(domain) == written.crls.get(domain)
        assert len(found.crls.get(domain)) == 1


def test_folders_of_a_set_are_of_the_same_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A swap between the chain and the bundles of others: all are of the old set."""
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot(0)))
    seen: list[tuple[str, bytes]] = []
    read = files_folder.Folders.read

    def reading(self: Any, path: Path, limit: int) -> Any:
        if path.parent.name == "bundles":
            other = plan_identity(snapshot(1))
            own = agent.authority(OWN).bundle.to_pem()
            other[f"bundles/{OTHER}.pem"] = type(other["svid.pem"])(own)
            writer.write(other)
        file = read(self, path, limit)
        seen.append((path.parent.name, file.data))
        return file

    monkeypatch.setattr(files_folder.Folders, "read", reading)
    assert source(tmp_path).look() is not None
    assert ("bundles", agent.authority(OTHER).bundle.to_pem()) in seen


def test_a_new_list_is_a_new_generation_and_the_same_is_none(tmp_path: Path) -> None:
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot(lists=False)))
    found = source(tmp_path)
    assert not found.refresh().crls.trust_domains
    writer.write(plan_identity(snapshot()))
    assert found.refresh().generation == 2
    writer.write(plan_identity(snapshot()))
    first = found.refresh()
    assert first.crls.trust_domains == {OWN_DOMAIN, OTHER_DOMAIN}
    writer.write(plan_identity(first))
    assert found.refresh() is first


@pytest.mark.parametrize(
    ("name", "signer", "reason"),
    [
        (OWN, OTHER, Reason.CRL_UNTRUSTED),
        ("unknown.example", OWN, Reason.CRL_UNTRUSTED),
    ],
)
def test_a_list_says_nothing_of_a_trust_domain_that_has_not_signed_it(
    name: str, signer: str, reason: Reason, tmp_path: Path
) -> None:
    """The file's name says whose it is to be, and the signature has to agree."""
    FileSetWriter(tmp_path).write(plan_identity(snapshot(lists=False)))
    (tmp_path / "crls").mkdir()
    crl = agent.crl(agent.authority(signer).root)
    private(tmp_path / f"crls/{name}.pem", write_pem(CRL, [crl]))
    cause = refusal(tmp_path).__cause__
    assert getattr(cause, "reason", None) is reason


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    FileSetWriter(tmp_path).write(plan_identity(snapshot(lists=False)))
    (tmp_path / "crls").mkdir()
    private(tmp_path / f"crls/{OWN}.pem", agent.authority(OWN).bundle.to_pem())
    assert "X509 CRL" in str(refusal(tmp_path))


def test_a_set_that_was_withdrawn_is_kept_until_it_ends(tmp_path: Path) -> None:
    """Files that are gone are a failure of whoever writes them, until the SVID ends."""
    writer = FileSetWriter(tmp_path)
    writer.write(plan_identity(snapshot()))
    found = source(tmp_path)
    good = found.refresh()
    writer.withdraw()
    found.look()
    assert found.snapshot() is good
    assert found.health.failure is not None
