# SPDX-License-Identifier: Apache-2.0
"""PEM and DER of SVIDs and bundles: only handfast's own refusals get out.

What an attacker must hold already: write access to a file that we read.
"""

from __future__ import annotations

import sys

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import HandfastError, TrustBundle, X509Svid


def one_input(data: bytes) -> None:
    """Try every reader of files."""
    for read in (
        lambda: X509Svid.from_pem(data, data),
        lambda: X509Svid.from_der(data, data),
        lambda: TrustBundle.from_pem("a.example", data),
        lambda: TrustBundle.from_der("a.example", data),
    ):
        try:
            read()
        except HandfastError:
            continue


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
