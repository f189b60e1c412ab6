# SPDX-License-Identifier: Apache-2.0
"""PKITS' tests, and what `ChainVerifier` says to each.

Certificates and CRLs come from PyPI's `cryptography-vectors`. `tests.json` says which
of them make up each test of sections 4.1 to 4.16, as NIST's S/MIME messages have it:
number and name, the path (leaf first), certificates beside it, CRLs, and the verdict
that PKITS wants under the settings at its top. They are PKITS' defaults: any policy,
none demanded.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cryptography_vectors

from handfast import (
    ChainVerifier,
    InvalidBundle,
    InvalidCrl,
    Reason,
    VerificationError,
)

TABLE = Path(__file__).with_name("tests.json")
_DATA = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"


@dataclass(frozen=True, slots=True)
class Case:
    """One test of PKITS."""

    number: str
    name: str
    valid: bool
    path: tuple[str, ...]
    beside: tuple[str, ...]
    crls: tuple[str, ...]


@cache
def settings() -> dict[str, Any]:
    """What every test is judged with."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))["settings"]
    return table


def load() -> list[Case]:
    """Every test, in PKITS' order."""
    return [
        Case(
            number=row["number"],
            name=row["name"],
            valid=row["expected"] == "valid",
            path=tuple(row["path"]),
            beside=tuple(row.get("beside", ())),
            crls=tuple(row["crls"]),
        )
        for row in json.loads(TABLE.read_text("utf-8"))["tests"]
    ]


def certificate(name: str) -> bytes:
    """A certificate's DER."""
    return (_DATA / "certs" / f"{name}.crt").read_bytes()


def crl(name: str) -> bytes:
    """A CRL's DER."""
    return (_DATA / "crls" / f"{name}.crl").read_bytes()


def judge(case: Case) -> Reason | None:
    """Why a test's path is refused, None when it is accepted.

    PKITS' leaves have no extended key usage, so they are judged as clients are: what
    the Baseline Requirements want of servers is not what PKITS is about.
    """
    fixed = settings()
    try:
        ChainVerifier(
            [certificate(fixed["trust_anchor"])],
            purpose="client",
            expected_name=None,
            at=dt.datetime.fromisoformat(fixed["time"]),
            crls=[crl(name) for name in case.crls],
        ).verify([certificate(name) for name in (*case.path, *case.beside)])
    except (VerificationError, InvalidBundle, InvalidCrl) as error:
        return error.reason
    return None
