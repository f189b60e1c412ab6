# SPDX-License-Identifier: Apache-2.0
"""SPIFFE bundle documents: only InvalidBundle gets out, and round trips are stable.

What an attacker must hold already: a bundle endpoint that we were told to ask.
"""

from __future__ import annotations

import sys

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import InvalidBundle, TrustBundle


def one_input(data: bytes) -> None:
    """Read, write and read again."""
    try:
        bundle = TrustBundle.from_json("a.example", data)
    except InvalidBundle:
        return
    again = TrustBundle.from_json("a.example", bundle.to_json())
    if again.digest != bundle.digest:
        raise AssertionError(f"{data!r} does not survive a round trip")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
