# SPDX-License-Identifier: Apache-2.0
"""Write spiffe-limbo.json: ``python -m tests.conformance.spiffe_limbo.generate``.

The same bytes come out each time, on every machine: keys, nonces and serials are
hashes of labels, and times are fixed. A test makes the file again and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.conformance.spiffe_limbo import (
    cases_algorithms,
    cases_anchors,
    cases_bundles,
    cases_der,
    cases_domains,
    cases_hostile,
    cases_ids,
    cases_intermediates,
    cases_jwt_algorithms,
    cases_jwt_claims,
    cases_jwt_form,
    cases_jwt_keys,
    cases_keys,
    cases_leaf,
    cases_limits,
    cases_maps,
    cases_names,
    cases_paths,
)
from tests.conformance.spiffe_limbo.case import Case, Json

__all__ = ["FILE", "generate"]

FILE: Final = Path(__file__).with_name("spiffe-limbo.json")
#: Of the format: what a reader has to understand.
_VERSION: Final = 1
#: Of the generator: which cases there are.
_GENERATOR: Final = "1.1"
_MODULES: Final = (
    cases_ids,
    cases_leaf,
    cases_limits,
    cases_keys,
    cases_intermediates,
    cases_domains,
    cases_paths,
    cases_names,
    cases_algorithms,
    cases_anchors,
    cases_hostile,
    cases_der,
    cases_bundles,
    cases_maps,
    cases_jwt_form,
    cases_jwt_algorithms,
    cases_jwt_claims,
    cases_jwt_keys,
)


def _collected() -> Iterable[Case]:
    seen: set[str] = set()
    for module in _MODULES:
        for case in module.cases():
            if case.id in seen:
                raise ValueError(f"two cases are called {case.id}")
            seen.add(case.id)
            yield case


def generate() -> str:
    """The file's text."""
    table: dict[str, str] = {}
    cases: list[Json] = [case.to_json(table) for case in _collected()]
    head = {"version": _VERSION, "generator": _GENERATOR}
    lines = ["{", *(f' "{name}": {json.dumps(v)},' for name, v in head.items())]
    lines += [' "certificates": {']
    lines += [",\n".join(f'  "{n}": "{table[n]}"' for n in sorted(table))]
    lines += [" },", ' "cases": [']
    # One case a line: a changed case is a changed line.
    lines += [",\n".join("  " + json.dumps(case) for case in cases)]
    return "\n".join([*lines, " ]", "}"]) + "\n"


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
