# SPDX-License-Identifier: Apache-2.0
"""What the commands print: rich text for people, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from handfast import HandfastError, Reason, VerifiedPeer

# People's text goes to stderr wherever stdout carries the peer's data.
console = Console()
notes = Console(stderr=True)


def shown(text: str) -> str:
    r"""A text of whoever wrote it, for rich's markup on somebody's terminal.

    What does not print is written out: a name in a stranger's certificate may hold
    what moves the cursor, changes the window's title, or turns the line around.

    >>> shown("a\x1b[31m[b]")
    'a\\x1b[31m\\[b]'
    """
    plain = (it if it.isprintable() else ascii(it)[1:-1] for it in text)
    return escape("".join(plain))


def emit(event: Mapping[str, Any]) -> None:
    """Print one event as one line of JSON, at once."""
    sys.stdout.write(json.dumps(event, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def leaf_errors(error: BaseException) -> list[BaseException]:
    """Flatten exception groups, in order, never empty."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [leaf for part in group.exceptions for leaf in leaf_errors(part)]
    return [error]


def _system_facts(error: BaseException) -> dict[str, Any]:
    """Say what the system said; trio keeps the reason of each attempt as the cause."""
    facts = {"reason": "io", "text": str(error) or type(error).__name__}
    if isinstance(error, OSError) and error.__cause__ is not None:
        causes = dict.fromkeys(str(leaf) for leaf in leaf_errors(error.__cause__))
        facts["seen"] = "; ".join(causes)
    return facts


def error_facts(error: BaseException) -> dict[str, Any]:
    """Turn a failure into JSON-ready facts. A claimed identity stays marked as such."""
    cause = error
    if not isinstance(cause, HandfastError) and isinstance(
        cause.__cause__, HandfastError
    ):
        cause = cause.__cause__
    if not isinstance(cause, HandfastError):
        return _system_facts(error)
    detail = cause.detail
    facts: dict[str, Any] = {
        "reason": str(cause.reason),
        "text": detail.text,
        "hint": detail.hint,
        "expected": detail.expected,
        "seen": detail.seen,
        "depth": detail.depth,
        "alert": detail.alert,
        # Only a peer that was authenticated comes as far as the authorizer.
        "spiffe_id"
        if cause.reason is Reason.NOT_AUTHORIZED
        else "claimed_id_unverified": detail.claimed_id,
        "file": "; ".join(getattr(cause, "__notes__", ())),
        "skew_seconds": None if detail.skew is None else detail.skew.total_seconds(),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def skew_text(facts: Mapping[str, Any]) -> str:
    """Say what a validity that is missed tells of the clocks; empty for no skew."""
    seconds = facts.get("skew_seconds")
    if not seconds:
        return ""
    span = human_duration(timedelta(seconds=seconds))
    if facts["reason"] == "certificate_not_yet_valid":
        return f"about {span}, if it was issued just now: one of the clocks is wrong"
    return f"{span} too late; or this clock is that much ahead"


def explain(error: BaseException) -> None:
    """Print a failure for a person, on stderr."""
    facts = error_facts(error)
    facts["clock"] = skew_text(facts)
    body = Text(facts["text"])
    for key, label in (
        ("file", "file"),
        ("spiffe_id", "is"),
        ("claimed_id_unverified", "claims (unverified)"),
        ("depth", "certificate"),
        ("expected", "expected"),
        ("seen", "seen"),
        ("clock", "clock skew"),
        ("hint", "what to do"),
    ):
        if facts.get(key) not in {None, ""}:
            body.append(f"\n{label + ':':<21}", style="bold")
            body.append(str(facts[key]))
    notes.print(
        Panel(body, title=f"[bold red]{escape(facts['reason'])}", title_align="left")
    )


def peer_facts(peer: VerifiedPeer) -> dict[str, Any]:
    """Say who the peer is, as JSON-ready facts."""
    return {
        "spiffe_id": None if peer.spiffe_id is None else str(peer.spiffe_id),
        "not_before": iso(peer.not_before),
        "not_after": iso(peer.not_after),
        "verified_at": iso(peer.verified_at),
        "chain_length": len(peer.chain),
    }


def iso(moment: datetime) -> str:
    """Format an aware time in UTC to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def human_duration(span: timedelta) -> str:
    """Say a duration as a person would: the two largest units.

    >>> human_duration(timedelta(seconds=3725))
    '1 h 2 min'
    """
    seconds = round(abs(span.total_seconds()))
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, name in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {name}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"
