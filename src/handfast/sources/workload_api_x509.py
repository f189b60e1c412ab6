# SPDX-License-Identifier: Apache-2.0
"""What a message of the Workload API says about X.509: taken whole, or not at all.

Reading is all there is here: no connection, no state but the raw bytes of the last good
message, so that what comes again is not decoded again. Each message is the full state
(WAPI-32): what it does not have is gone (WAPI-36, WAPI-37), and one part that cannot be
used spoils all of it (WAPI-39), because half a state is one that nobody published.

Checked of each identity, beyond what the standard asks: the ID in the message is the
certificate's, the key fits the leaf, and the chain leads to an authority in the bundle
that came with it, now. A federated bundle never takes the place of the own one, and
two identities of one trust domain cannot bring different bundles.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from handfast import _settings
from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.crls import NO_LISTS, RevocationLists
from handfast.errors import (
    HandfastError,
    InvalidCrl,
    Reason,
    SourceError,
    detail_for,
)
from handfast.ids import SpiffeId, TrustDomain
from handfast.sources.own_chain import end_of_chain
from handfast.svid import X509Svid
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "HINT_MAX",
    "X509Message",
    "X509Reader",
    "X509Update",
    "read_domain",
    "refuse",
]

#: Bytes of a hint (WAPI-63 allows servers no more).
HINT_MAX: Final = 1024
_SVIDS_MAX: Final = 100
_BUNDLES_MAX: Final = 1000
_CRLS_MAX: Final = 1000
_CRL_BYTES_MAX: Final = 16 * 1024 * 1024 - 1

_LOGGER = logging.getLogger("handfast.sources")


class SvidMessage(Protocol):
    """``X509SVID``."""

    spiffe_id: str
    x509_svid: bytes
    x509_svid_key: bytes
    bundle: bytes
    hint: str


class X509Message(Protocol):
    """``X509SVIDResponse``."""

    @property
    def svids(self) -> Sequence[SvidMessage]:
        """Our identities, the default first."""
        ...

    @property
    def crl(self) -> Sequence[bytes]:
        """Revocation lists, of any trust domain."""
        ...

    @property
    def federated_bundles(self) -> Mapping[str, bytes]:
        """Authorities of other trust domains."""
        ...


class BundlesMessage(Protocol):
    """``X509BundlesResponse``."""

    @property
    def crl(self) -> Sequence[bytes]:
        """Revocation lists, of any trust domain."""
        ...

    @property
    def bundles(self) -> Mapping[str, bytes]:
        """Authorities of each trust domain, our own among them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Update:
    """One message, understood.

    Attributes:
        svids: Our identities in the order of the message, the default first
            (WAPI-64); none in an update of bundles alone.
        bundles: Whom to trust: the own trust domains' and federated ones.
        crls: Revocation lists, by who signed them.
        ends: When each identity ends: the earliest end in its chain, the authority's
            included, by its leaf.
        came: When each identity was first seen, by its leaf.
    """

    svids: tuple[X509Svid, ...] = ()
    bundles: TrustBundleSet = field(default_factory=TrustBundleSet)
    crls: RevocationLists = NO_LISTS
    ends: Mapping[bytes, datetime] = field(default_factory=dict[bytes, "datetime"])
    came: Mapping[bytes, datetime] = field(default_factory=dict[bytes, "datetime"])

    def content(self) -> object:
        """What two updates must have in common to be the same one."""
        return (
            tuple((it.chain, it.key.public_der, it.hint) for it in self.svids),
            frozenset((it.trust_domain, it.digest) for it in self.bundles),
            self.crls,
        )


def refuse(expected: str, seen: str, *, cause: BaseException | None = None) -> NoReturn:
    """Refuse what the agent sent, all of it."""
    detail = detail_for(Reason.SOURCE_INVALID, expected=expected, seen=seen)
    raise SourceError(detail) from cause


class X509Reader:
    """Reads messages, one after the other.

    Args:
        now: The clock; gives aware times.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        # Of the last good message: raw parts, and what they were read as.
        self._svids: dict[tuple[bytes, bytes, str], X509Svid] = {}
        self._bundles: dict[tuple[TrustDomain, bytes], TrustBundle] = {}
        self._crls: tuple[object, RevocationLists] = ((), NO_LISTS)
        self._came: dict[bytes, datetime] = {}

    def read_svids(self, message: X509Message) -> X509Update:
        """Read what ``FetchX509SVID`` sent.

        Raises:
            SourceError: A part of it cannot be used, so none of it is (WAPI-39).
        """
        count = len(message.svids)
        # An answer without an identity is no answer: one is withdrawn by
        # PermissionDenied (WAPI-41, WAPI-51).
        if not 1 <= count <= _SVIDS_MAX:
            refuse(f"1 to {_SVIDS_MAX} identities", f"{count}")
        svids: dict[tuple[bytes, bytes, str], X509Svid] = {}
        bundles: dict[tuple[TrustDomain, bytes], TrustBundle] = {}
        own: dict[TrustDomain, TrustBundle] = {}
        ends: dict[bytes, datetime] = {}
        kept: list[X509Svid] = []
        hints: set[str] = set()
        for place, part in enumerate(message.svids, 1):
            where = f"identity {place}"
            svid = self._svid(part, where, svids)
            domain = svid.spiffe_id.trust_domain
            bundle = self._bundle(domain, part.bundle, where, bundles)
            if own.setdefault(domain, bundle).digest != bundle.digest:
                refuse(
                    "one bundle a trust domain",
                    f"{where}: another bundle of {domain} than before",
                )
            ends[svid.chain[0]] = self._verify(svid, bundle, where)
            if svid.hint and svid.hint in hints:
                # The first wins (WAPI-49): two would be told apart by nothing.
                _LOGGER.warning("the agent gave the same hint twice: the first counts")
                continue
            hints.add(svid.hint)
            kept.append(svid)
        federated = self._federated(message.federated_bundles, own, bundles)
        trusted = TrustBundleSet((*own.values(), *federated))
        update = X509Update(
            svids=tuple(kept),
            bundles=trusted,
            crls=self._lists(message.crl, trusted, kept),
            ends=ends,
            came={leaf: self._came.get(leaf, self._now()) for leaf in ends},
        )
        self._svids, self._bundles = svids, bundles
        self._came = dict(update.came)
        return update

    def read_bundles(self, message: BundlesMessage) -> X509Update:
        """Read what ``FetchX509Bundles`` sent.

        Raises:
            SourceError: A part of it cannot be used, so none of it is (WAPI-39).
        """
        if not message.bundles:
            refuse("at least the bundle of the own trust domain", "none")
        bundles: dict[tuple[TrustDomain, bytes], TrustBundle] = {}
        trusted = TrustBundleSet(self._federated(message.bundles, {}, bundles))
        crls = self._lists(message.crl, trusted, ())
        self._bundles = bundles
        return X509Update(bundles=trusted, crls=crls)

    # ---- parts ----

    def _svid(
        self,
        part: SvidMessage,
        where: str,
        seen: dict[tuple[bytes, bytes, str], X509Svid],
    ) -> X509Svid:
        for name in ("spiffe_id", "x509_svid", "x509_svid_key", "bundle"):
            if not getattr(part, name):
                refuse(f"{where} with its {name}", "none")
        hint = part.hint
        if len(hint.encode("utf-8", "surrogatepass")) > HINT_MAX:
            refuse(f"a hint of at most {HINT_MAX} bytes", f"{where}: a longer one")
        key = part.x509_svid, part.x509_svid_key, hint
        try:
            svid = self._svids.get(key) or X509Svid.from_der(
                part.x509_svid, part.x509_svid_key, hint=hint
            )
        except HandfastError as error:
            refuse("an SVID with its key", _said(where, error), cause=error)
        if part.spiffe_id != str(svid.spiffe_id):
            refuse(
                f"{where} to be {svid.spiffe_id}, as its certificate says",
                f"'{escape(part.spiffe_id)}'",
            )
        seen[key] = svid
        return svid

    def _bundle(
        self,
        domain: TrustDomain,
        data: bytes,
        where: str,
        seen: dict[tuple[TrustDomain, bytes], TrustBundle],
    ) -> TrustBundle:
        key = domain, data
        try:
            bundle = self._bundles.get(key)
            if bundle is None:
                bundle = TrustBundle.from_der(domain, data)
                # What the engine refuses would be met by each connection otherwise.
                _settings.need_usable(bundle)
        except HandfastError as error:
            refuse(f"the bundle of {domain}", _said(where, error), cause=error)
        seen[key] = bundle
        return bundle

    def _verify(self, svid: X509Svid, bundle: TrustBundle, where: str) -> datetime:
        """Insist that peers could verify it; say until when."""
        now = self._now()
        # One that begins in a moment is no reason to refuse all: clocks differ, and
        # whoever uses it too early is told so by the handshake.
        at = max(now, svid.not_before)
        try:
            return end_of_chain(svid, TrustBundleSet((bundle,)), at)
        except HandfastError as error:
            refuse(
                f"{where} to be good under the bundle that came with it",
                _said(f"{svid.spiffe_id}", error),
                cause=error,
            )

    def _federated(
        self,
        parts: Mapping[str, bytes],
        own: Mapping[TrustDomain, TrustBundle],
        seen: dict[tuple[TrustDomain, bytes], TrustBundle],
    ) -> list[TrustBundle]:
        if len(parts) > _BUNDLES_MAX:
            refuse(f"at most {_BUNDLES_MAX} bundles", f"{len(parts)}")
        found: list[TrustBundle] = []
        for name, data in parts.items():
            domain = read_domain(name)
            # An empty bundle is legal here, and trusts nobody.
            bundle = self._bundle(domain, data, "a bundle", seen)
            if domain in own:
                if own[domain].digest != bundle.digest:
                    _LOGGER.warning(
                        "the agent gave a federated bundle of our own trust domain: "
                        "it is not used"
                    )
                continue
            found.append(bundle)
        return found

    def _lists(
        self, crls: Sequence[bytes], trusted: TrustBundleSet, svids: Iterable[X509Svid]
    ) -> RevocationLists:
        """Keep each list for the trust domain that signed it (WAPI-47)."""
        if len(crls) > _CRLS_MAX:
            refuse(f"at most {_CRLS_MAX} revocation lists", f"{len(crls)}")
        if any(len(crl) > _CRL_BYTES_MAX for crl in crls):
            refuse(f"revocation lists of at most {_CRL_BYTES_MAX} bytes", "more")
        if not crls:
            return NO_LISTS
        signers = {it.trust_domain: list(it.x509_authorities) for it in trusted}
        for svid in svids:
            signers[svid.spiffe_id.trust_domain].extend(svid.chain[1:])
        raw = tuple(crls), tuple((name, tuple(it)) for name, it in signers.items())
        if self._crls[0] != raw:
            try:
                lists = RevocationLists.sort(crls, signers)
            except InvalidCrl as error:
                seen = _said("the lists", error)
                refuse("revocation lists that can be sorted", seen, cause=error)
            if lists.put_aside:
                _LOGGER.warning(
                    "%d revocation lists of the agent are put aside: unreadable, or "
                    "signed by nobody known",
                    lists.put_aside,
                )
            self._crls = raw, lists
        return self._crls[1]


def read_domain(name: str) -> TrustDomain:
    """Read the key of a bundle: the SPIFFE ID of its trust domain (WAPI-46)."""
    try:
        spiffe_id = SpiffeId.parse(name)
    except HandfastError as error:
        refuse("bundles by the SPIFFE ID of their trust domain", str(error))
    if spiffe_id.path:
        refuse(
            "bundles by the SPIFFE ID of their trust domain, without a path",
            f"'{escape(name)}'",
        )
    return spiffe_id.trust_domain


def _said(where: str, error: HandfastError) -> str:
    return f"{where}: {error.reason}: {error.detail.message()}"
