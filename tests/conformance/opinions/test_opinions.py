# SPDX-License-Identifier: Apache-2.0
"""Third opinions on the same chains: spiffe-limbo's, and the catalogue of the forge."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from tests.conformance.opinions.compare import (
    ACCEPT,
    JUDGES,
    KINDS,
    Divergence,
    divergences,
    known,
    table,
)
from tests.conformance.spiffe_limbo.case import resolved
from tests.conformance.spiffe_limbo.generate import FILE
from tests.conformance.spiffe_limbo.judge import answer

from handfast import HandfastError, Verifier
from handfast.testing import ACCEPTED, REFUSED, forge_intermediate, forge_root

PAGE: Final = Path(__file__).parents[3] / "docs" / "explanation" / "third-opinions.md"
#: `cryptography` is not asked about more: its search has no bound on work (C10).
MOST_CERTIFICATES: Final = 6
MOST_ANCHORS: Final = 45


def _der(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


def _anchors(bundles: dict[str, list[str]], ours: dict[str, Any]) -> list[bytes]:
    """Those of the ID's trust domain, or of all: nobody else knows trust domains."""
    if "spiffe_id" in ours:
        return _der(bundles[ours["spiffe_id"].split("/")[2]])
    return [der for texts in bundles.values() for der in _der(texts)]


class Asked(NamedTuple):
    """A chain, and handfast's own answer."""

    name: str
    ours: str
    chain: list[bytes]
    anchors: list[bytes]
    at: datetime


def _limbo() -> Iterator[Asked]:
    document = json.loads(FILE.read_text("utf-8"))
    for stored in document["cases"]:
        if stored["kind"] != "chain" or stored["id"].startswith("pathological"):
            continue
        case = resolved(stored, document["certificates"])
        given, ours = case["input"], answer(case)
        chain, anchors = _der(given["chain"]), _anchors(given["bundles"], ours)
        if not 0 < len(chain) <= MOST_CERTIFICATES or len(anchors) > MOST_ANCHORS:
            continue
        at = datetime.fromisoformat(given["time"])
        reason = ours.get("reason", ACCEPT)
        yield Asked(case["id"], reason, chain, anchors, at)


def _catalogue() -> Iterator[Asked]:
    root = forge_root("a.example")
    for depth, issuer in enumerate((root, forge_intermediate(root))):
        for leaf in (*REFUSED, *ACCEPTED):
            svid = leaf.forge(issuer, "spiffe://a.example/web")
            reason = ACCEPT
            try:
                Verifier(root.bundle).verify(svid.chain)
            except HandfastError as error:
                reason = error.reason.value
            now = datetime.now(UTC)
            name = f"{leaf} at depth {depth}"
            yield Asked(name, reason, list(svid.chain), [root.der], now)


@cache
def found() -> dict[str, tuple[Divergence, ...]]:
    """All differences, by the chain's name."""
    asked = (*_limbo(), *_catalogue())
    return {
        one.name: tuple(divergences(one.ours, one.chain, one.anchors, one.at))
        for one in asked
    }


def test_every_divergence_is_of_a_kind_that_is_explained() -> None:
    """P2, X509-27: what we accept they accept, or it says why not; and the reverse."""
    strangers = {
        name: [one for one in several if known(one) is None]
        for name, several in found().items()
    }
    assert {name: several for name, several in strangers.items() if several} == {}
    assert len(found()) > 1000


def test_every_explained_kind_still_occurs() -> None:
    """A list that only grows would hide what it explains."""
    seen = {known(one) for several in found().values() for one in several}
    stale = [kind for kind in KINDS if kind not in seen and not kind.some_versions]
    assert stale == []


@pytest.mark.parametrize("judge", JUDGES)
def test_the_others_accept_and_refuse(judge: str) -> None:
    """A judge that says the same of everything would be no opinion."""
    leaves = [one for one in _limbo() if one.name.startswith("leaf::")]
    says = {o.name: JUDGES[judge](o.chain, o.anchors, o.at) for o in leaves}
    assert says["leaf::plain"] == ""
    assert says["leaf::flipped-bit"] != ""


def test_an_unknown_divergence_is_unknown() -> None:
    assert known(Divergence("OpenSSL", "accept", "never heard of")) is None
    assert known(Divergence("OpenSSL", "bad_signature", "accept")) is None


@pytest.mark.parametrize("judge", JUDGES)
def test_the_page_has_every_kind(judge: str) -> None:
    assert table(judge) in PAGE.read_text("utf-8")
