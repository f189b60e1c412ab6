# SPDX-License-Identifier: Apache-2.0
"""Many distinct chains for the verification benchmarks, made once and kept.

A corpus is one folder: `root.der`, `intermediate.der` under it, `direct.der` (the
intermediate's name and key, self-signed: an anchor for chains of one signature) and
`leaves.bin` with its offsets `leaves.idx`. Each leaf has its own P-256 key, serial
number and SPIFFE ID, as if each were another workload's; only the authorities' keys
are of the corpus's algorithm. `fresh/` has chains with an intermediate each, for what
a verifier does when it has never met the issuer.

Templates are made by `cryptography`; peers/c_stamp.c fills in and signs the leaves,
because a hundred thousand of them would take Python minutes.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bench import pki

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DER = serialization.Encoding.DER
DIGITS = "00000000"
LEAF_ID = f"spiffe://{pki.TRUST_DOMAIN}/workload/" + "{}"
MAX_AGE = 6 * 3600  # of 12 hours that leaves are valid
STAMP = "c_stamp"  # the program that makes leaves of a template
SOURCES = ("corpus.py", "pki.py", "peers/c_stamp.c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What to make: the key type of the authorities (pki.KEY_TYPES), and how many."""

    algorithm: str
    leaves: int
    issuers: int  # chains in fresh/


def leaf_id(number: int) -> str:
    """Return the SPIFFE ID of a leaf."""
    return LEAF_ID.format(f"{number:08}")


def places(template: bytes, marks: Sequence[bytes]) -> list[int]:
    """Return where each mark stands; one that stands there twice would be a trap."""
    found = []
    for mark in marks:
        if template.count(mark) != 1:
            raise ValueError(f"{mark.hex()} is in the template {template.count(mark)}x")
        found.append(template.index(mark))
    return found


def _write(path: Path, items: Sequence[bytes]) -> None:
    """Write items back to back, and their offsets beside them."""
    offsets = [0]
    for item in items:
        offsets.append(offsets[-1] + len(item))
    path.with_suffix(".bin").write_bytes(b"".join(items))
    path.with_suffix(".idx").write_bytes(struct.pack(f"<{len(offsets)}Q", *offsets))


def _stamp(directory: Path, corpus: Corpus, issuer: pki.Issuer, program: Path) -> None:
    """Make the leaves of `issuer`."""
    key = pki.KEY_TYPES["p256"]()
    template = pki.make_leaf(LEAF_ID.format(DIGITS), key, issuer)
    tbs = template.tbs_certificate_bytes
    whole = template.public_bytes(DER)
    after = whole.index(tbs) + len(tbs)
    algorithm = whole[after : after + 2 + whole[after + 1]]
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    serial = template.serial_number.to_bytes(20, "big")[-8:]
    # The digits stand in the subject and in the SPIFFE ID, each after other text.
    common_name = b"\x0c\x08" + DIGITS.encode()
    path = b"/" + DIGITS.encode()
    at = places(tbs, [serial, key_id, point, common_name, path])
    (directory / "template.tbs").write_bytes(tbs)
    (directory / "template.algorithm").write_bytes(algorithm)
    secret = directory / "issuer.key.der"
    secret.write_bytes(
        issuer.key.private_bytes(
            DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    digest = pki.signing_hash(issuer.key)
    command = [str(program), "--dir", str(directory), "--count", str(corpus.leaves)]
    command += ["--serial", str(at[0]), "--key-id", str(at[1]), "--point", str(at[2])]
    command += ["--digits", str(at[3] + 2), "--digits", str(at[4] + 1)]
    command += ["--digest", digest.name.upper()] if digest is not None else []
    subprocess.run(command, check=True)
    for name in ("template.tbs", "template.algorithm", "issuer.key.der"):
        (directory / name).unlink()


def write_fresh(directory: Path, corpus: Corpus, root: pki.Issuer) -> None:
    """Make chains whose intermediates differ, keys and all."""
    directory.mkdir()
    leaves, issuers = [], []
    for number in range(corpus.issuers):
        key = pki.KEY_TYPES[corpus.algorithm]()
        issuer = pki.make_authority(f"issuer {number}", key, root)
        leaf_key = pki.KEY_TYPES["p256"]()
        leaves.append(pki.make_leaf(leaf_id(number), leaf_key, issuer))
        issuers.append(issuer.certificate)
    for name, certificates in (("leaves", leaves), ("issuers", issuers)):
        _write(directory / name, [one.public_bytes(DER) for one in certificates])


def _make(directory: Path, corpus: Corpus, program: Path) -> None:
    new_key = pki.KEY_TYPES[corpus.algorithm]
    root = pki.make_authority("bench root", new_key(), None)
    intermediate = pki.make_authority("bench intermediate", new_key(), root)
    direct = pki.make_authority("bench intermediate", intermediate.key, None)
    for name, issuer in (
        ("root", root),
        ("intermediate", intermediate),
        ("direct", direct),
    ):
        (directory / f"{name}.der").write_bytes(issuer.certificate.public_bytes(DER))
    _stamp(directory, corpus, intermediate, program)
    write_fresh(directory / "fresh", corpus, root)


def obtain(
    corpus: Corpus, programs: Path, cache: Path, say: Callable[[str], None]
) -> Path:
    """Return the folder of a corpus, making it when there is none young enough."""
    here = Path(__file__).parent
    recipe = hashlib.sha256(repr(corpus).encode())
    for name in SOURCES:
        recipe.update((here / name).read_bytes())
    where = cache / f"{corpus.algorithm}-{corpus.leaves}-{recipe.hexdigest()[:12]}"
    if where.is_dir():
        if time.time() - where.stat().st_mtime < MAX_AGE:
            return where
        shutil.rmtree(where)
    cache.mkdir(parents=True, exist_ok=True)
    say(f"making {corpus.leaves} leaves under {corpus.algorithm} authorities, once")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "corpus"
        made.mkdir()
        _make(made, corpus, programs / STAMP)
        made.rename(where)
    return where
