# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's JOSE vectors: tokens, the keys they come with, and the verdict.

`HANDFAST_JOSE` names the folder with the files, else `../shared/vectors/wycheproof`
beside the project is taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = ("json_web_crypto", "json_web_key", "json_web_signature")
_PROJECT = Path(__file__).resolve().parents[3]
BESIDE = _PROJECT.parent / "shared" / "vectors" / "wycheproof"
NOTHING = (
    "wycheproof: no JOSE vectors found, none run: HANDFAST_JOSE is not set, "
    "and there is no ../shared/vectors/wycheproof"
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vector:
    """One token, and what Wycheproof expects of it.

    Attributes:
        name: ``file:tcId``.
        about: What its group, and itself, are about.
        keys: The JWK Set that a verifier would have: public keys where there are any.
        token: In compact form, as a rule.
        valid: Whether it should be taken.
    """

    name: str
    about: str
    keys: Json
    token: str
    valid: bool


def find_folder() -> Path | None:
    """The folder with the files, None when there is none.

    Raises:
        FileNotFoundError: `HANDFAST_JOSE` names one without them: somebody wanted
            them run.
    """
    named = os.environ.get("HANDFAST_JOSE")
    folder = Path(named) if named else BESIDE
    if all((folder / f"{name}_test.json").is_file() for name in FILES):
        return folder
    if named:
        raise FileNotFoundError(f"HANDFAST_JOSE={named}: not Wycheproof's JOSE files")
    return None


def read(folder: Path) -> Iterator[Vector]:
    """Every vector of every file."""
    for name in FILES:
        document = json.loads((folder / f"{name}_test.json").read_text("utf-8"))
        for group in document["testGroups"]:
            keys = group.get("public", group["private"])
            keys = keys if "keys" in keys else {"keys": [keys]}
            for test in group["tests"]:
                # JWS in two files, and JWE as well in the third.
                token = test.get("jws", test.get("jwe"))
                yield Vector(
                    f"{name}:{test['tcId']}",
                    f"{group['comment']}: {test['comment']}",
                    keys,
                    token if isinstance(token, str) else json.dumps(token),
                    test["result"] == "valid",
                )
