# SPDX-License-Identifier: Apache-2.0
"""Make identities for the other examples: python examples/identities.py FOLDER."""

import sys
from pathlib import Path

from handfast.authority import Authority

folder = Path(sys.argv[1])
folder.mkdir(mode=0o700, exist_ok=True)
authority = Authority("prod.example.com")
(folder / "bundle.pem").write_bytes(authority.bundle.to_pem())
for name in ("server", "client"):
    svid = authority.issue(f"spiffe://prod.example.com/{name}")
    (folder / f"{name}.pem").write_bytes(svid.to_pem_chain())
    key = folder / f"{name}.key"
    key.touch(mode=0o600)  # before there is anything in it
    key.write_bytes(svid.to_pem_key())
