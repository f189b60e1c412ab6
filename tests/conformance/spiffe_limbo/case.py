# SPDX-License-Identifier: Apache-2.0
"""What a case is, and how it becomes JSON."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.world import DOMAIN, NOW, WEB, A

from handfast import Reason

__all__ = ["Answer", "Case", "Json", "Kind", "Policy", "bundle_case", "chain_case"]
__all__ += ["id_case", "resolved"]

Json = dict[str, Any]
Kind = Literal["chain", "spiffe-id", "bundle-document", "bundle-map", "jwt"]
#: An ID; the authorities of a document, or of each trust domain of a map; or why not.
Answer = str | tuple[bytes, ...] | dict[str, tuple[bytes, ...]] | Reason | JwtReason
Policy = Literal["must", "handfast-strict"]


@dataclass(frozen=True, slots=True)
class Case:
    """One question, and its answer.

    Attributes:
        id: ``group::name``.
        kind: What is asked, and so what ``input`` holds.
        rules: IDs of the checklist and of the threats that it proves.
        description: What is special about it.
        policy: Whether the standards decide it, or handfast where they do not.
        input: What the validator is given; certificates still as bytes.
        answer: What is right.
    """

    id: str
    kind: Kind
    rules: tuple[str, ...]
    description: str
    policy: Policy
    input: Json
    answer: Answer

    def to_json(self, table: dict[str, str]) -> Json:
        """The case, with its certificates put into the table of certificates."""
        expected: Json = {"verdict": "accept"}
        if isinstance(self.answer, (Reason, JwtReason)):
            expected = {"verdict": "reject", "reason": self.answer.value}
        elif isinstance(self.answer, tuple):
            expected["authorities"] = _stored(self.answer, table)
        elif isinstance(self.answer, dict):
            expected["trust_domains"] = _stored(self.answer, table)
        else:
            expected["spiffe_id"] = self.answer
        return {
            "id": self.id,
            "kind": self.kind,
            "description": self.description,
            "rules": list(self.rules),
            "policy": self.policy,
            "input": _stored(self.input, table),
            "expected": expected,
        }


def _stored(value: Any, table: dict[str, str]) -> Any:
    """Bytes become references to the table; everything else stays."""
    if isinstance(value, bytes):
        name = hashlib.sha256(value).hexdigest()[:16]
        table[name] = base64.b64encode(value).decode("ascii")
        return name
    if isinstance(value, dict):
        return {name: _stored(item, table) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_stored(item, table) for item in value]
    return value


def resolved(case: Json, certificates: dict[str, str]) -> Json:
    """The case with the certificates themselves, in base64, where they are named."""

    def these(names: list[str]) -> list[str]:
        return [certificates[name] for name in names]

    given, expected = dict(case["input"]), dict(case["expected"])
    if case["kind"] == "chain":
        given["chain"] = these(given["chain"])
        bundles = given["bundles"].items()
        given["bundles"] = {domain: these(names) for domain, names in bundles}
    if "authorities" in expected:
        expected["authorities"] = these(expected["authorities"])
    if "trust_domains" in expected:
        found = expected["trust_domains"].items()
        expected["trust_domains"] = {domain: these(names) for domain, names in found}
    return case | {"input": given, "expected": expected}


def chain_case(
    name: str,
    rules: str,
    chain: tuple[bytes, ...],
    answer: str | Reason = WEB,
    *,
    what: str = "",
    bundles: Mapping[str, tuple[bytes, ...]] | None = None,
    purpose: str = "either",
    at: datetime = NOW,
    profile: str = "strict",
    policy: Policy = "must",
) -> Case:
    """A chain to be judged by bundles; by a.example's root when none are given."""
    given = {
        "bundles": {DOMAIN: (A.der,)} if bundles is None else bundles,
        "chain": chain,
        "purpose": purpose,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "profile": profile,
    }
    told = what or name.split("::")[1].replace("-", " ")
    return Case(name, "chain", tuple(rules.split()), told, policy, given, answer)


def id_case(
    name: str, rules: str, text: str, reason: Reason | None, policy: Policy = "must"
) -> Case:
    """A text that is a SPIFFE ID, or is not."""
    told = name.split("::")[1].replace("-", " ")
    answer = text if reason is None else reason
    given = {"text": text}
    return Case(name, "spiffe-id", tuple(rules.split()), told, policy, given, answer)


def bundle_case(
    name: str,
    rules: str,
    document: str,
    answer: tuple[bytes, ...] | Reason,
    policy: Policy = "must",
) -> Case:
    """A bundle document and the authorities that a consumer takes from it."""
    told = name.split("::")[1].replace("-", " ")
    given = {"trust_domain": DOMAIN, "document": document}
    kind: Literal["bundle-document"] = "bundle-document"
    return Case(name, kind, tuple(rules.split()), told, policy, given, answer)
