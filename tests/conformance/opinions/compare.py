# SPDX-License-Identifier: Apache-2.0
"""Ask the others, and find the listed kind of each difference."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.support.opinions import cryptography_complaint, openssl_complaint

__all__ = ["ACCEPT", "JUDGES", "KINDS", "Divergence", "Kind", "divergences", "known"]
__all__ += ["table"]

ACCEPT: Final = "accept"
JUDGES: Final[
    dict[str, Callable[[Sequence[bytes], Sequence[bytes], datetime], str]]
] = {
    "OpenSSL": openssl_complaint,
    "cryptography": cryptography_complaint,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A difference that is known, and its explanation.

    Attributes:
        judge: ``OpenSSL`` or ``cryptography``.
        ours: ``accept``, or the reason for which handfast refuses.
        theirs: ``accept``, or words of their complaint.
        why: Which of the two is right by what.
        rule: IDs of the checklist or of the threats.
        some_versions: Other versions than the reviewed one do not differ.
    """

    judge: str
    ours: str
    theirs: str
    why: str
    rule: str
    some_versions: bool = False

    def row(self) -> str:
        """The kind in the documentation."""
        return f"| `{self.ours}` | {self.theirs} | {self.why} | {self.rule} |"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference on one chain."""

    judge: str
    ours: str
    theirs: str


def _kinds() -> tuple[Kind, ...]:
    text = Path(__file__).with_name("divergences.toml").read_text("utf-8")
    listed: list[dict[str, Any]] = tomllib.loads(text)["divergence"]
    return tuple(Kind(**entry) for entry in listed)


KINDS: Final = _kinds()


def divergences(
    ours: str,
    chain: Sequence[bytes],
    anchors: Sequence[bytes],
    at: datetime,
) -> Iterator[Divergence]:
    """Who says otherwise; `ours` is ``accept`` or a reason."""
    for judge, ask in JUDGES.items():
        complaint = ask(chain, anchors, at)
        if (complaint == "") != (ours == ACCEPT):
            yield Divergence(judge, ours, complaint or ACCEPT)


def known(found: Divergence) -> Kind | None:
    """The kind that a difference is of; None when nobody has looked at it yet."""
    for kind in KINDS:
        same = kind.judge == found.judge and kind.ours == found.ours
        if same and kind.theirs in found.theirs:
            return kind
    return None


def table(judge: str) -> str:
    """All kinds of a judge, as docs/explanation/third-opinions.md has them."""
    head = "| handfast | the other | why | rule |\n|---|---|---|---|\n"
    return head + "".join(f"{k.row()}\n" for k in KINDS if k.judge == judge)
