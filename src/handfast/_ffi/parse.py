# SPDX-License-Identifier: Apache-2.0
"""The engine's parsers, bare: for `inspect`, fuzzers, and as one of two opinions."""

from __future__ import annotations

from dataclasses import replace

from handfast._ffi.failure import last_error, raise_for
from handfast._ffi.library import ffi, lib
from handfast.errors import error_for


def check_spiffe_id(data: bytes) -> tuple[str, str]:
    """Parse a SPIFFE ID strictly, as the engine does for certificates.

    Returns:
        Trust domain and path.

    Raises:
        InvalidId: it is not one.
    """
    parts = ffi.new("struct hf_ffi_id *")
    code = lib.hf_ffi_spiffe_id_parse(data, len(data), parts)
    if code:
        raise_for(code, subject="id")
    rest = data[len(b"spiffe://") :].decode("ascii")
    return rest[: parts.trust_domain_len], rest[len(rest) - parts.path_len :]


def fold_spiffe_id(data: bytes) -> str:
    """Parse what a person typed, scheme and trust domain folded to lower case.

    Raises:
        InvalidId: it is not a SPIFFE ID even then.
    """
    out = ffi.new("char[]", int(lib.HF_ID_MAX) + 1)
    length = ffi.new("size_t *")
    code = lib.hf_ffi_spiffe_id_parse_lenient(data, len(data), out, length)
    if code:
        raise_for(code, subject="id")
    return str(ffi.unpack(out, length[0]).decode("ascii"))


def check_trust_domain(data: bytes) -> None:
    """Check a bare trust domain name.

    Raises:
        InvalidId: it is not one.
    """
    code = lib.hf_ffi_trust_domain_parse(data, len(data))
    if code:
        raise_for(code, subject="id")


def split_der(data: bytes, *, limit: int) -> list[bytes]:
    """Split concatenated DER certificates.

    Raises:
        InvalidCertificate: it is not DER, or there are more than ``limit``.
    """
    lengths = ffi.new("uint32_t[]", limit)
    count = ffi.new("size_t *")
    code = lib.hf_ffi_der_split(data, len(data), lengths, limit, count)
    if code:
        raise_for(code, subject="own")
    parts: list[bytes] = []
    start = 0
    for index in range(count[0]):
        parts.append(data[start : start + lengths[index]])
        start += lengths[index]
    return parts


def check_certificate(der: bytes, *, signing: bool = False, rules: int = 0) -> None:
    """Read one certificate strictly and judge it as an SVID, without any path.

    Args:
        der: The certificate.
        signing: Judge it as a signing certificate instead of as a leaf.
        rules: The engine's number of the rules, 0 for strict.

    Raises:
        VerificationError: it breaks a rule.
    """
    code = lib.hf_ffi_certificate_check(der, len(der), signing, rules)
    if code:
        # The engine counts no depth without a chain; there is only one to blame.
        raise error_for(replace(last_error(code), depth=0, certificate=der))
