# SPDX-License-Identifier: Apache-2.0
"""Which reasons count for a refusal, by section and by test.

Each invalid path must be refused for what its test is about; what the table says of
the test itself counts, or else what it says of its section.
"""

from __future__ import annotations

from handfast import Reason

R = Reason

_REVOKED = frozenset({R.CERTIFICATE_REVOKED})
_MISSING = frozenset({R.CRL_MISSING})
_UNTRUSTED = frozenset({R.CRL_UNTRUSTED})
_UNKNOWN = frozenset({R.CERTIFICATE_UNKNOWN_CRITICAL})
# The bytes that PKITS changed in these signatures are those that tell where their bit
# string ends: broken, seen before the signature is checked.
_SIGNATURE = frozenset({R.BAD_SIGNATURE, R.DER_VALUE})
# Whatever is no CA is never an issuer here, so that the chain has no end.
_NO_CA = frozenset({R.UNKNOWN_AUTHORITY, R.AUTHORITY_NOT_CA})

ACCEPTABLE: dict[str, frozenset[Reason]] = {
    "4.1.": _SIGNATURE,
    "4.2.": frozenset({R.CERTIFICATE_EXPIRED, R.CERTIFICATE_NOT_YET_VALID}),
    # 1997 in GeneralizedTime, which RFC 5280 forbids: refused as it is read.
    "4.2.7": frozenset({R.CERTIFICATE_EXPIRED, R.DER_TIME}),
    "4.3.": frozenset({R.UNKNOWN_AUTHORITY}),
    "4.4.": _REVOKED,
    "4.4.1": _MISSING,
    "4.4.4": _UNTRUSTED | {R.DER_VALUE},
    "4.4.5": _MISSING,
    "4.4.6": _MISSING,
    "4.4.8": _UNKNOWN,
    "4.4.9": _UNKNOWN,
    "4.4.10": _UNKNOWN,
    "4.4.11": frozenset({R.CRL_EXPIRED}),
    "4.4.12": frozenset({R.CRL_EXPIRED}),
    # A serial number that is negative is refused whether it is listed or not.
    "4.4.15": _REVOKED | {R.CERTIFICATE_SERIAL},
    "4.5.": _REVOKED,
    "4.5.8": _NO_CA,
    "4.6.": frozenset({R.PATH_LENGTH}),
    "4.6.1": _NO_CA,
    "4.6.2": _NO_CA,
    "4.6.3": _NO_CA,
    "4.7.": frozenset({R.AUTHORITY_NOT_CA}),
    "4.7.4": _UNTRUSTED,
    "4.7.5": _UNTRUSTED,
    "4.13.": frozenset({R.NAME_CONSTRAINT}),
    "4.14.": _REVOKED,
    "4.14.3": _MISSING,
    "4.14.8": _MISSING,
    "4.14.9": _MISSING,
    "4.14.11": _MISSING,
    "4.14.12": _MISSING,
    "4.14.14": frozenset({R.CRL_UNSUPPORTED}),
    "4.14.17": _MISSING,
    # Its certificate's point names another issuer, and there is no list of that one.
    "4.14.27": _MISSING,
    "4.16.": _UNKNOWN,
}


def acceptable(number: str) -> frozenset[Reason]:
    """The reasons for which a test may be refused; none for one nobody knows."""
    section = number[: number.rindex(".") + 1]
    return ACCEPTABLE.get(number) or ACCEPTABLE.get(section) or frozenset()
