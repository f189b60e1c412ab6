# SPDX-License-Identifier: Apache-2.0
"""A bundle in a file, in whichever form it is: PEM, DER or a SPIFFE bundle document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from handfast.bundle import TrustBundle
from handfast.pem import is_pem

if TYPE_CHECKING:
    from handfast.ids import TrustDomain

    Form = Literal["document", "pem", "der"]

__all__ = ["form_of", "read_any_bundle"]


def form_of(data: bytes) -> Form:
    """Say what a file is, by how it begins; reading it says whether that is right.

    A map of documents is taken for one here: it is JSON, too.
    """
    if data.lstrip().startswith(b"{"):
        return "document"
    return "pem" if is_pem(data) else "der"


def read_any_bundle(trust_domain: TrustDomain | str, data: bytes) -> TrustBundle:
    """Read the X.509 authorities of a trust domain out of a file of any form.

    Raises:
        InvalidBundle: It is of no form, or one of its authorities cannot be used.
    """
    match form_of(data):
        case "document":
            return TrustBundle.from_json(trust_domain, data)
        case "pem":
            return TrustBundle.from_pem(trust_domain, data)
        case "der":
            return TrustBundle.from_der(trust_domain, data)
