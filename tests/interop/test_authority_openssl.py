# SPDX-License-Identifier: Apache-2.0
"""What the authority issues, to the judgement of the program `openssl`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.authority_state import NOON, WEB, World, entry, settings

from handfast.authority.issuing import Issuing
from handfast.pem import CERTIFICATE, write_pem


@pytest.mark.parametrize("key_type", ["p256", "p384", "ed25519", "rsa2048"])
def test_openssl_takes_what_is_issued_for_both_purposes(
    key_type: str, tmp_path: Path
) -> None:
    """X509-25, X509-27."""
    files = {name: tmp_path / f"{name}.pem" for name in ("root", "middle", "leaf")}
    world = World(tmp_path / "state")
    with world.open(settings(key_type=key_type)) as state:
        svid = Issuing(state, now=lambda: NOON).x509(entry(WEB), {}).svid
        files["root"].write_bytes(state.signers.bundle.to_pem())
    files["middle"].write_bytes(write_pem(CERTIFICATE, svid.chain[1:]))
    files["leaf"].write_bytes(write_pem(CERTIFICATE, svid.chain[:1]))
    for purpose in ("sslserver", "sslclient"):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose]
        command += ["-attime", f"{NOON.timestamp():.0f}"]
        command += ["-CAfile", str(files["root"])]
        command += ["-untrusted", str(files["middle"]), str(files["leaf"])]
        subprocess.run(command, check=True, capture_output=True)
