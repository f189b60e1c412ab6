# SPDX-License-Identifier: Apache-2.0
"""Python's and C's SPIFFE ID parsers give one answer to every text.

What an attacker must hold already: nothing. IDs come from certificates, from
configuration and from what people type.
"""

from __future__ import annotations

import sys

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import HandfastError, SpiffeId
    from handfast._ffi import check_spiffe_id


def by_python(data: bytes) -> tuple[str, str] | str:
    """Give Python's answer."""
    try:
        # Latin-1 keeps every byte one character: what is not ASCII must be refused.
        parsed = SpiffeId.parse(data.decode("latin-1"))
    except HandfastError as error:
        return str(error.reason)
    return parsed.trust_domain.name, parsed.path


def by_engine(data: bytes) -> tuple[str, str] | str:
    """Give the engine's answer."""
    try:
        return check_spiffe_id(data)
    except HandfastError as error:
        return str(error.reason)


def one_input(data: bytes) -> None:
    """Compare both answers."""
    python, engine = by_python(data), by_engine(data)
    if isinstance(python, str) and isinstance(engine, str):
        return  # both refuse; which rule is named first may differ
    if python != engine:
        raise AssertionError(f"{data!r}: Python {python}, engine {engine}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
