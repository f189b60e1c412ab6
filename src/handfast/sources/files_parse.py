# SPDX-License-Identifier: Apache-2.0
"""What a set of files says, checked as a whole.

The key fits the leaf, the chain leads to an authority of our own bundle at this moment,
and no bundle holds what is marked as another trust domain's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509

from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.bundle_forms import form_of, read_any_bundle
from handfast.certificates import uri_names
from handfast.crls import NO_LISTS, RevocationLists
from handfast.der import split_der
from handfast.errors import (
    HandfastError,
    InvalidBundle,
    InvalidCertificate,
    InvalidCrl,
    Reason,
    SourceError,
    VerificationError,
    detail_for,
)
from handfast.keys import PrivateKey
from handfast.pem import CERTIFICATE, CRL, is_pem, read_pem
from handfast.sources.files_layout import FEDERATED
from handfast.sources.own_chain import end_of_chain
from handfast.svid import X509Svid
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handfast.ids import TrustDomain
    from handfast.sources.files_folder import RawFile
    from handfast.sources.files_read import FileSet

__all__ = ["parse", "parse_crls"]

# Vault Agent's templates often write all into one file: each reader takes its own.
_KEY_LABELS: Final = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


def parse(found: FileSet, now: datetime) -> tuple[X509Svid, TrustBundleSet, datetime]:
    """Make our identity and the bundles of a set, and check that they fit.

    Returns:
        Both, and when our chain ends: the first of its certificates to do so.

    Raises:
        InvalidCertificate: the chain or the key cannot be used, or they do not belong
            together (``key_mismatch``).
        InvalidBundle: a bundle cannot be used, or two speak for one trust domain.
        SourceError: the chain does not lead to our own bundle (``source_inconsistent``,
            with the verdict as its cause).
    """
    chain, key, own = found.files[:3]
    others = found.federated
    svid = _read_svid(chain, key)
    bundles = _collect(
        [
            _read_bundle(svid.spiffe_id.trust_domain, own),
            *(_read_bundle(domain, file) for domain, file in others),
        ]
    )
    return svid, bundles, _verify(svid, bundles, now)


def parse_crls(
    found: FileSet, svid: X509Svid, bundles: TrustBundleSet
) -> RevocationLists:
    """Keep each revocation list for the trust domain that its file is named after.

    Raises:
        InvalidCertificate: a file is no list.
        InvalidCrl: a list was not signed by an authority of that trust domain, or by
            one of our own intermediates: then it says nothing of it.
    """
    if not found.crls:
        return NO_LISTS
    signers = {it.trust_domain: list(it.x509_authorities) for it in bundles}
    signers[svid.spiffe_id.trust_domain].extend(svid.chain[1:])
    kept: dict[TrustDomain, tuple[bytes, ...]] = {}
    for domain, file in found.crls:
        try:
            lists = _read_lists(file)
            own = RevocationLists.sort(lists, {domain: signers.get(domain, [])})
            if own.put_aside:
                expected = f"lists that an authority of {domain} has signed"
                raise InvalidCrl(
                    detail_for(
                        Reason.CRL_UNTRUSTED, expected=expected, seen="another one"
                    )
                )
        except HandfastError as error:
            _note(error, file)
            raise
        kept[domain] = (*kept.get(domain, ()), *lists)
    return RevocationLists(kept)


def _read_lists(file: RawFile) -> tuple[bytes, ...]:
    if is_pem(file.data):
        return tuple(der for _, der in read_pem(file.data, CRL))
    return split_der(file.data)


def _note(error: HandfastError, file: RawFile) -> None:
    error.add_note(str(file.path))


def _read_svid(chain: RawFile, key: RawFile) -> X509Svid:
    try:
        if is_pem(key.data):
            secret = PrivateKey.from_pem(_only_key(key.data))
        else:
            secret = PrivateKey.from_der(key.data)
    except InvalidCertificate as error:
        _note(error, key)
        raise
    try:
        if not is_pem(chain.data):
            return X509Svid(chain=split_der(chain.data), key=secret)
        blocks = read_pem(chain.data, CERTIFICATE, *_KEY_LABELS)
        parts = tuple(der for label, der in blocks if label == CERTIFICATE)
        return X509Svid(chain=parts, key=secret)
    except InvalidCertificate as error:
        _note(error, chain)
        raise


def _only_key(data: bytes) -> bytes:
    """The text without its certificates, when it has some."""
    text = data.decode("latin-1")
    if f"-----BEGIN {CERTIFICATE}-----" not in text:
        return data
    read_pem(text, CERTIFICATE, *_KEY_LABELS)  # nothing is cut out of a damaged text
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        inside = inside or line.startswith(f"-----BEGIN {CERTIFICATE}-----")
        if not inside:
            kept.append(line)
        elif line.startswith(f"-----END {CERTIFICATE}-----"):
            inside = False
    return "".join(kept).encode("latin-1")


def _read_bundle(domain: TrustDomain, file: RawFile) -> TrustBundle:
    try:
        bundle = read_any_bundle(domain, file.data)
        if form_of(file.data) != "document":
            _insist_on_one_domain(bundle)
    except HandfastError as error:
        _note(error, file)
        raise
    return bundle


def _insist_on_one_domain(bundle: TrustBundle) -> None:
    """Refuse a file into which the authorities of several trust domains were poured.

    spiffe-helper does so with ``include_federated_domains``. Every one of them could
    then speak for every trust domain, ours included (P1).
    """
    for der in bundle.x509_authorities:
        for uri in uri_names(x509.load_der_x509_certificate(der)):
            name = uri.removeprefix("spiffe://").partition("/")[0]
            if uri.startswith("spiffe://") and name != bundle.trust_domain.name:
                raise InvalidBundle(
                    detail_for(
                        Reason.BUNDLE_INVALID,
                        expected=f"authorities of {bundle.trust_domain} alone",
                        seen=f"one of '{escape(name)}'",
                        hint="write each trust domain's bundle to a file of its own "
                        f"in {FEDERATED}/, named after it",
                    )
                )


def _collect(bundles: Sequence[TrustBundle]) -> TrustBundleSet:
    """Put bundles side by side; the same one twice is one."""
    distinct: dict[tuple[TrustDomain, bytes], TrustBundle] = {}
    for bundle in bundles:
        distinct.setdefault((bundle.trust_domain, bundle.digest), bundle)
    return TrustBundleSet(distinct.values())


def _verify(svid: X509Svid, bundles: TrustBundleSet, now: datetime) -> datetime:
    try:
        return end_of_chain(svid, bundles, now)
    except VerificationError as error:
        raise _does_not_fit(svid, error) from error


# Time is nothing that another look a moment later would mend.
_OF_TIME: Final = {
    Reason.CERTIFICATE_EXPIRED: Reason.SOURCE_EXPIRED,
    Reason.CERTIFICATE_NOT_YET_VALID: Reason.SOURCE_INVALID,
}


def _does_not_fit(svid: X509Svid, error: VerificationError) -> SourceError:
    reason = _OF_TIME.get(error.reason, Reason.SOURCE_INCONSISTENT)
    detail = detail_for(
        reason,
        expected=f"a chain that {svid.spiffe_id.trust_domain}'s own bundle carries now",
        seen=f"{error.reason}, {error}",
        hint=error.hint if error.reason in _OF_TIME else None,
    )
    return SourceError(detail)
