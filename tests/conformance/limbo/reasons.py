# SPDX-License-Identifier: Apache-2.0
"""Which reasons count for a refusal, by family and by case.

A verifier that refuses everything refuses every bad chain. So each FAILURE case must be
refused for what it is about; the longest prefix of its ID decides which reasons say so.
"""

from __future__ import annotations

from handfast import Reason

R = Reason

_NAMES = frozenset({R.NAME_MISMATCH})
_CONSTRAINT = frozenset({R.NAME_CONSTRAINT})
_EXTENSION = frozenset({R.CERTIFICATE_EXTENSION})
_KEY = frozenset({R.CERTIFICATE_KEY})
_EKU = frozenset({R.SVID_EXTENDED_KEY_USAGE})
_MISPLACED = frozenset({R.AUTHORITY_CONSTRAINTS})
# Whatever is no CA is never an issuer here, so that the chain has no end.
_NO_CA = frozenset({R.UNKNOWN_AUTHORITY, R.AUTHORITY_NOT_CA})
_NO_PATH = frozenset({R.UNKNOWN_AUTHORITY})

ACCEPTABLE: dict[str, frozenset[Reason]] = {
    "bettertls::": frozenset(R),  # only on demand, and about building paths
    "cve::cve-2025-61727": _CONSTRAINT,
    "crl::": frozenset(
        {
            R.CERTIFICATE_REVOKED,
            R.CRL_EXPIRED,
            R.CRL_INVALID,
            R.CRL_MISSING,
            R.CRL_NOT_YET_VALID,
            R.CRL_UNSUPPORTED,
            R.CRL_UNTRUSTED,
        }
    ),
    "crl::revoked-certificate-with-crl": frozenset({R.CERTIFICATE_REVOKED}),
    "crl::crlnumber-": frozenset({R.CRL_INVALID}),
    "crl::issuer-missing-crlsign": frozenset({R.CRL_UNTRUSTED}),
    # The issuer's key is cut off in the middle.
    "invalid::invalid-issuer-key": frozenset({R.DER_TRUNCATED, R.CERTIFICATE_KEY}),
    "pathlen::": frozenset({R.PATH_LENGTH}),
    "pathological::intermediate-cycle": _NO_PATH,
    # Limits on bytes and on certificates stand before the work.
    "pathological::nc-dos": frozenset(
        {R.DER_TOO_LARGE, R.CHAIN_TOO_LARGE, R.NAME_CONSTRAINT}
    ),
    "pathological::": frozenset(
        {R.CHAIN_TOO_LONG, R.CHAIN_TOO_LARGE, R.PATH_SEARCH_LIMIT, R.UNKNOWN_AUTHORITY}
    ),
    "rfc5280::aki::": _EXTENSION,
    "rfc5280::eku::": _EKU,
    "rfc5280::eku::ee-eku-empty": _EXTENSION,
    "rfc5280::nc::": _CONSTRAINT,
    "rfc5280::nc::invalid-": _CONSTRAINT | _EXTENSION | _MISPLACED,
    "rfc5280::nc::nc-permits-invalid-": _CONSTRAINT | _EXTENSION,
    "rfc5280::nc::not-allowed-in-ee": _MISPLACED,
    # About criticality, where the others are about names.
    "rfc5280::nc::permitted-dns-match-noncritical": _MISPLACED,
    "rfc5280::pc::": _MISPLACED,
    "rfc5280::san::": _EXTENSION,
    "rfc5280::san::noncritical-with-empty-subject": frozenset(
        {R.CERTIFICATE_EMPTY_NAME}
    ),
    "rfc5280::san::mismatch": _NAMES,
    "rfc5280::serial::": frozenset({R.CERTIFICATE_SERIAL}),
    "rfc5280::ski::": _EXTENSION,
    "rfc5280::validity::expired": frozenset({R.CERTIFICATE_EXPIRED}),
    "rfc5280::validity::not-yet-valid": frozenset({R.CERTIFICATE_NOT_YET_VALID}),
    "rfc5280::validity::notbefore": frozenset({R.CERTIFICATE_NOT_YET_VALID}),
    "rfc5280::validity::notafter": frozenset({R.CERTIFICATE_EXPIRED}),
    "rfc5280::ee-empty-issuer": frozenset({R.CERTIFICATE_EMPTY_NAME}),
    "rfc5280::ca-empty-subject": frozenset({R.CERTIFICATE_EMPTY_NAME}),
    "rfc5280::unknown-critical": frozenset({R.CERTIFICATE_UNKNOWN_CRITICAL}),
    # AIA is never critical, and what is critical and not understood is refused.
    "rfc5280::ee-critical-aia": frozenset({R.CERTIFICATE_UNKNOWN_CRITICAL}),
    "rfc5280::chain-untrusted-root": _NO_PATH,
    "rfc5280::intermediate-ca-": _NO_CA,
    "rfc5280::root-": _NO_CA,
    "rfc5280::ica-ku-keycertsign": _NO_CA,
    "rfc5280::leaf-ku-keycertsign": frozenset({R.SVID_CAN_SIGN}),
    "rfc5280::mismatching-signature-algorithm": frozenset({R.CERTIFICATE_ALGORITHM}),
    # A CA is never a leaf here, whatever its names: see deviations.toml.
    "rfc5280::ca-as-leaf-wrong-san": _NAMES | {R.SVID_IS_CA},
    "webpki::aki::": _EXTENSION,
    # An issuer without its serial number, or a number without its issuer: X.509 has
    # both or none, so the reader misses an element or finds one in another's place.
    "webpki::aki::root-with-aki-authoritycert": frozenset({R.DER_TRUNCATED, R.DER_TAG}),
    "webpki::cn::": _NAMES,
    "webpki::eku::": _EKU,
    "webpki::nc::": _MISPLACED | _CONSTRAINT,
    "webpki::san::": _NAMES | _EXTENSION,
    # The list of public suffixes is what it would take: no other reason counts.
    "webpki::san::public-suffix": frozenset(),
    "webpki::san::san-critical-with-nonempty-subject": _EXTENSION,
    "webpki::explicit-curve": _KEY,
    "webpki::cryptographydotio-chain-missing-intermediate": _NO_PATH,
    "webpki::malformed-aia": _EXTENSION,
    "webpki::forbidden-": _KEY,
    # Signed with DSA, it is refused for that before its key is looked at.
    "webpki::forbidden-dsa-root": _KEY | {R.CERTIFICATE_ALGORITHM},
    "webpki::v1-cert": frozenset({R.CERTIFICATE_VERSION}),
    "webpki::ee-basicconstraints-ca": frozenset({R.SVID_IS_CA}),
    "webpki::ca-as-leaf": frozenset({R.SVID_IS_CA}),
}


def acceptable(case_id: str) -> frozenset[Reason]:
    """The reasons for which a case may be refused; none for a case nobody knows yet."""
    prefixes = [prefix for prefix in ACCEPTABLE if case_id.startswith(prefix)]
    return ACCEPTABLE[max(prefixes, key=len)] if prefixes else frozenset()


def about_names(case_id: str) -> bool:
    """The case is about the expected name itself."""
    return R.NAME_MISMATCH in acceptable(case_id)
