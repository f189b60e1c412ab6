# SPDX-License-Identifier: Apache-2.0
"""x509-limbo's cases, and what `ChainVerifier` says to each.

The file is C2SP/x509-limbo's `limbo.json`, or a part of it: `HANDFAST_LIMBO` names it,
else `../shared/vectors/x509-limbo.json` beside the project is taken.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from handfast import (
    ChainVerifier,
    DnsName,
    HandfastError,
    InvalidBundle,
    InvalidCrl,
    IpAddress,
    Reason,
    VerificationError,
)
from handfast.authority import Authority
from handfast.pem import CERTIFICATE, CRL, read_pem

_PROJECT = Path(__file__).resolve().parents[3]
BESIDE = _PROJECT.parent / "shared" / "vectors" / "x509-limbo.json"
NOTHING = (
    "x509-limbo: nothing found, nothing run: HANDFAST_LIMBO is not set, "
    f"and there is no ../shared/vectors/{BESIDE.name}"
)
# limbo's names, and those of `cryptography`.
_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_PURPOSES = {"SERVER": ("server", "serverAuth"), "CLIENT": ("client", "clientAuth")}
# As many as ChainVerifier takes; a chain has at most eight certificates.
_DEPTH_MAX = 7


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided: `reason` is None when the chain was accepted."""

    accepted: bool
    reason: Reason | None

    def __str__(self) -> str:
        return "SUCCESS" if self.reason is None else f"FAILURE ({self.reason.value})"


def find_file() -> Path | None:
    """The file to run, None when there is none.

    Raises:
        FileNotFoundError: `HANDFAST_LIMBO` names a file that is not there: somebody
            wanted it run.
    """
    named = os.environ.get("HANDFAST_LIMBO")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"HANDFAST_LIMBO={named}: no such file")
        return Path(named)
    return BESIDE if BESIDE.is_file() else None


def load(path: Path) -> list[dict[str, Any]]:
    """All cases of a file."""
    cases: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["testcases"]
    return cases


def unsupported(case: dict[str, Any]) -> str | None:
    """The feature that a case needs and ChainVerifier lacks, and why; None: it runs."""
    _, usage = _PURPOSES.get(case["validation_kind"], ("", ""))
    name = case["expected_peer_name"]
    lacks = {
        "a kind of validation that is neither server nor client": not usage,
        "extended key usages other than the purpose's": not (
            set(case["extended_key_usage"]) <= {usage}
        ),
        "key usages that are none of the nine": not (
            set(case["key_usage"]) <= _KEY_USAGES.keys()
        ),
        "a list of signature algorithms: ChainVerifier has one list": bool(
            case["signature_algorithms"]
        ),
        "an expected name that is neither DNS nor IP": bool(
            name and name["kind"] not in {"DNS", "IP"}
        ),
    }
    return next((why for why, true in lacks.items() if true), None)


def _der(pem: str) -> bytes:
    return read_pem(pem, CERTIFICATE)[0][1]


def _crls(case: dict[str, Any]) -> list[bytes] | None:
    return [read_pem(pem, CRL)[0][1] for pem in case.get("crls") or ()] or None


def _has_usages(case: dict[str, Any]) -> bool:
    """The leaf has the key usages that limbo asks of it: the caller's own question."""
    if not case["key_usage"]:
        return True
    leaf = x509.load_der_x509_certificate(_der(case["peer_certificate"]))
    try:
        has = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True  # no key usage: every usage, RFC 5280 4.2.1.3
    return all(getattr(has, _KEY_USAGES[usage]) for usage in case["key_usage"])


def _name(case: dict[str, Any]) -> DnsName | IpAddress | None:
    """The expected name, None to judge the chain alone.

    `expected_peer_names` (e-mail, of clients) cannot be compared by ChainVerifier; the
    cases that have some are about their chains, and are judged by those.
    """
    name = case["expected_peer_name"]
    if name is None:
        return None
    return (DnsName if name["kind"] == "DNS" else IpAddress)(name["value"])


def _ask(
    case: dict[str, Any], roots: list[bytes], name: DnsName | IpAddress | None
) -> Verdict:
    chain = [
        _der(pem)
        for pem in (case["peer_certificate"], *case["untrusted_intermediates"])
    ]
    time = case["validation_time"]
    depth = case["max_chain_depth"]
    try:
        ChainVerifier(
            roots,
            purpose="server" if case["validation_kind"] == "SERVER" else "client",
            expected_name=name,
            at=None if time is None else dt.datetime.fromisoformat(time),
            max_depth=_DEPTH_MAX if depth is None else min(depth, _DEPTH_MAX),
            crls=_crls(case),
        ).verify(chain)
    except (VerificationError, InvalidBundle, InvalidCrl) as error:
        return Verdict(accepted=False, reason=error.reason)
    if not _has_usages(case):
        return Verdict(accepted=False, reason=Reason.SVID_KEY_USAGE)
    return Verdict(accepted=True, reason=None)


def judge(case: dict[str, Any]) -> Verdict:
    """What we say to a case; a file that is no certificate is refused, too."""
    try:
        return _ask(case, [_der(pem) for pem in case["trusted_certs"]], _name(case))
    except HandfastError as error:
        return Verdict(accepted=False, reason=error.reason)


def chain_reason(case: dict[str, Any]) -> Reason | None:
    """Why a case is refused that is not about names: the chain's own reason.

    Two reasons hide others. A name that does not match is found before some rules of
    the chain; so no name is asked for. A root that cannot be used is left out without
    a word; so the reader is asked about it alone.
    """
    try:
        roots = [_der(pem) for pem in case["trusted_certs"]]
        verdict = _ask(case, roots, None)
    except HandfastError as error:
        return error.reason
    if verdict.reason is not Reason.EMPTY_BUNDLE:
        return verdict.reason
    return next((why for why in map(_unreadable, roots) if why), verdict.reason)


def _unreadable(der: bytes) -> Reason | None:
    """Why the reader refuses a certificate, None when it can be read."""
    other = Authority("limbo.example").bundle.x509_authorities
    try:
        ChainVerifier(list(other), purpose="server", expected_name=None).verify([der])
    except HandfastError as error:
        # Read well, it is refused as a CA in the place of a leaf.
        return None if error.reason is Reason.SVID_IS_CA else error.reason
    return None
