# SPDX-License-Identifier: Apache-2.0
"""Settings that verifiers and configurations share: checked once, in words.

The engine checks everything again; here a mistake is named before it gets there.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TypeVar
from weakref import WeakValueDictionary

from handfast import _ffi
from handfast.authorize import Authorizer
from handfast.bundle import TrustBundle, TrustBundleSet
from handfast.crls import RevocationLists
from handfast.errors import ConfigError, InvalidCrl, Reason, detail_for
from handfast.names import DnsName, IpAddress
from handfast.pem import CRL, read_pem
from handfast.roots import system_roots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RULES: Final[Mapping[str, int]] = {"strict": 0, "compatible": 1}
PURPOSES: Final[Mapping[str, int]] = {"either": 0, "client": 1, "server": 2}
CRL_POLICIES: Final[Mapping[str, int]] = {
    "required": _ffi.CRL_REQUIRED,
    "if_available": _ffi.CRL_IF_AVAILABLE,
}
VERSIONS: Final[Mapping[str, int]] = {"1.2": 0x0303, "1.3": 0x0304}

_NAME_NONE, _NAME_DNS, _NAME_IP = 0, 1, 2
#: No expected name, as the engine takes it.
NO_NAME: Final = (_NAME_NONE, b"")
_ALPN_NAME_MAX = 255
_ALPN_MAX = 65535

_T = TypeVar("_T")


def refuse(expected: str, seen: object) -> NoReturn:
    """Raise a ConfigError about a setting."""
    detail = detail_for(Reason.CONFIG_INVALID, expected=expected, seen=f"{seen}")
    raise ConfigError(detail)


def one_of(name: str, value: object, choices: Mapping[str, _T]) -> _T:
    """Look a setting up among its choices."""
    if isinstance(value, str) and value in choices:
        return choices[value]
    known = " or ".join(repr(choice) for choice in choices)
    refuse(f"{name} to be {known}", repr(value))


def need_count(name: str, value: object, most: int) -> int:
    """Insist on a whole number from 1 on."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most:
        return value
    refuse(f"{name} from 1 to {most}", repr(value))


def need_authorizer(value: object) -> Authorizer:
    """Insist on an authorizer: who may come in is never left to a default."""
    if not isinstance(value, Authorizer):
        refuse(
            "authorize= made by handfast.authorize, such as any_in(...)", repr(value)
        )
    return value


def need_moment(at: object) -> datetime | None:
    """Insist on an aware time; None means now, each time."""
    if at is None:
        return None
    if not isinstance(at, datetime) or at.utcoffset() is None:
        refuse("at= to be a datetime with a time zone, or None for now", repr(at))
    return at


def need_list(name: str, value: object) -> str | None:
    """Insist on a list in OpenSSL's syntax, or None for the default."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.isascii() or "\0" in value or not value:
        refuse(f"{name} in OpenSSL's syntax, such as 'A:B', or None", repr(value))
    return value


def as_bundle_set(
    bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle],
) -> TrustBundleSet:
    """Take one bundle, several, or a set."""
    if isinstance(bundles, TrustBundleSet):
        return bundles
    if isinstance(bundles, TrustBundle):
        return TrustBundleSet((bundles,))
    return TrustBundleSet(bundles)


def as_chain(chain: Sequence[bytes]) -> tuple[bytes, ...]:
    """Insist on a sequence of DER certificates; one certificate alone is a mistake."""
    if not isinstance(chain, tuple) and isinstance(
        chain, bytes | bytearray | memoryview | str
    ):
        refuse("a sequence of DER certificates, leaf first", type(chain).__name__)
    certificates: tuple[bytes, ...] = tuple(chain)
    for certificate in certificates:
        if type(certificate) is not bytes:
            return _as_plain(certificates)
    return certificates


def _as_plain(certificates: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Refuse what is not bytes; of subclasses take the bytes that they hold."""
    for certificate in certificates:
        if not isinstance(certificate, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse("DER certificates as bytes", type(certificate).__name__)
    return tuple(memoryview(certificate).tobytes() for certificate in certificates)


def as_roots(roots: Sequence[bytes] | bytes | str | None) -> Sequence[bytes]:
    """Take DER certificates, a PEM text, or None for the system's."""
    if roots is None:
        return system_roots()
    if isinstance(roots, bytes | str):
        roots = [der for _, der in read_pem(roots, "CERTIFICATE")]
    if not roots:
        refuse("at least one root certificate, or None for the system's", "none")
    return as_chain(roots)


def as_crls(crls: Sequence[bytes] | bytes | str | None) -> Sequence[bytes] | None:
    """Take DER revocation lists, a PEM text, or None to ask none."""
    if crls is None:
        return None
    if isinstance(crls, bytes | str):
        return [der for _, der in read_pem(crls, CRL)]
    if isinstance(crls, bytearray | memoryview):
        refuse("a sequence of DER CRLs, or PEM as bytes or text", type(crls).__name__)
    for crl in crls:
        if not isinstance(crl, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse("DER CRLs as bytes", type(crl).__name__)
    if not crls:
        refuse("at least one CRL, or crls=None to ask none", "none")
    return crls


def web_verifier(
    roots: Sequence[bytes] | bytes | str | None,
    max_depth: int,
    crls: Sequence[bytes] | bytes | str | None,
    crl_policy: str,
) -> _ffi.NativeVerifier:
    """Build a verifier of general paths, with revocation lists or without."""
    policy = one_of("crl_policy=", crl_policy, CRL_POLICIES)
    anchors, lists = as_roots(roots), as_crls(crls)
    if lists is None:
        return _ffi.NativeVerifier.web(anchors, max_depth)
    return _ffi.NativeCrlSet(lists).verifier(anchors, max_depth, policy)


def as_name(name: DnsName | IpAddress | None) -> tuple[int, bytes]:
    """Write an expected name as the engine takes it."""
    match name:
        case None:
            return NO_NAME
        case DnsName():
            return _NAME_DNS, name.name.encode("ascii")
        case IpAddress():
            return _NAME_IP, name.packed
        case _:
            refuse("a DnsName or an IpAddress", repr(name))


def as_alpn(names: Sequence[str | bytes]) -> bytes:
    """Write ALPN names in wire form, in order of preference."""
    if isinstance(names, str | bytes):
        refuse("a sequence of ALPN names, such as ('h2', 'http/1.1')", repr(names))
    wire = bytearray()
    for name in names:
        data = (
            name.encode("ascii", "backslashreplace") if isinstance(name, str) else name
        )
        if not 1 <= len(data) <= _ALPN_NAME_MAX:
            refuse("ALPN names of 1 to 255 bytes", f"{name!r}, {len(data)} bytes")
        wire.append(len(data))
        wire += data
    if len(wire) > _ALPN_MAX:
        refuse(f"ALPN names of {_ALPN_MAX} bytes in all", f"{len(wire)} bytes")
    return bytes(wire)


# Bundles of the engine that are in use, by content. A new snapshot with the same
# authorities finds the old one's: nothing is decoded again, and the intermediates that
# were verified under it stay known. Keys are compared in full, never by a digest.
_bundles: WeakValueDictionary[tuple[str, tuple[bytes, ...]], _ffi.NativeBundle] = (
    WeakValueDictionary()
)


def _native_bundle(bundle: TrustBundle) -> _ffi.NativeBundle:
    key = bundle.trust_domain.name, bundle.x509_authorities
    known = _bundles.get(key)
    if known is None:
        # No lock: a child of fork could find it held. Two threads may build one each.
        known = _bundles.setdefault(key, _ffi.NativeBundle(*key))
    return known


def need_usable(bundle: TrustBundle) -> None:
    """Refuse what the engine refuses of a bundle that came from somebody else.

    Bundles are used side by side, as one snapshot: one of another trust domain that
    the engine cannot read would be the end of every handshake, of our own trust
    domain's, too.

    Raises:
        InvalidBundle: The engine reads one of its authorities not at all.
    """
    _native_bundle(bundle)


def native_bundles(bundles: TrustBundleSet) -> _ffi.NativeBundleSet:
    """Build the engine's snapshot of the bundles, of bundles that are there already."""
    return _ffi.NativeBundleSet([_native_bundle(bundle) for bundle in bundles])


# Likewise lists: they may be megabytes, and are there again in every snapshot.
_crl_sets: WeakValueDictionary[tuple[bytes, ...], _ffi.NativeCrlSet] = (
    WeakValueDictionary()
)


def _native_lists(lists: tuple[bytes, ...]) -> _ffi.NativeCrlSet:
    known = _crl_sets.get(lists)
    if known is None:
        known = _crl_sets.setdefault(lists, _ffi.NativeCrlSet(lists))
    return known


def _usable(lists: tuple[bytes, ...]) -> _ffi.NativeCrlSet | None:
    """Lists that came from elsewhere; None when the engine refuses one of them."""
    try:
        return _native_lists(lists)
    except (InvalidCrl, ConfigError):
        return None


def _readable(lists: tuple[bytes, ...]) -> _ffi.NativeCrlSet | None:
    """Of lists of nobody known: what the engine does not read is not there."""
    whole = _usable(lists) if lists else None
    if whole is None and len(lists) > 1:
        kept = tuple(der for der in lists if _usable((der,)) is not None)
        return _readable(kept) if kept != lists else None
    return whole


class ReadLists(NamedTuple):
    """Revocation lists as the engine has them, each read once.

    Attributes:
        pages: Those of each trust domain; None where one of them cannot be used.
        unclaimed: Those of nobody known; None when there are none.
    """

    pages: tuple[tuple[str, _ffi.NativeCrlSet | None], ...]
    unclaimed: _ffi.NativeCrlSet | None


def need_lists(crls: object) -> ReadLists:
    """Insist on lists by trust domain that can all be used.

    Raises:
        InvalidCrl: one cannot.
    """
    if not isinstance(crls, RevocationLists):
        refuse("crls= to be RevocationLists, or None to ask none", type(crls).__name__)
    return _read_lists(crls, _native_lists)


def usable_lists(crls: RevocationLists) -> ReadLists:
    """Read lists that a source has: a mistake in one is no mistake of the caller's.

    A trust domain whose lists cannot be used is one whose SVIDs are refused: nobody can
    say who of them was revoked. Others are none the worse for it.
    """
    return _read_lists(crls, _usable)


def _read_lists(
    crls: RevocationLists,
    read: Callable[[tuple[bytes, ...]], _ffi.NativeCrlSet | None],
) -> ReadLists:
    pages = [(name.name, read(crls.get(name))) for name in sorted(crls.trust_domains)]
    return ReadLists(tuple(pages), _readable(crls.unclaimed))


def spiffe_verifier(  # noqa: PLR0913, PLR0917 - the engine's own list
    bundles: TrustBundleSet,
    policy: _ffi.NativePolicy,
    rules: int,
    cache: _ffi.NativeChainCache | None,
    lists: ReadLists | None = None,
    crl_policy: int = 0,
) -> _ffi.NativeVerifier:
    """Build a verifier of SVIDs; without a policy it asks no lists."""
    native = native_bundles(bundles)
    if lists is None or crl_policy == 0:
        return _ffi.NativeVerifier.spiffe(native, policy, rules, cache)
    book = _ffi.NativeCrlBook(lists.pages, lists.unclaimed, crl_policy)
    return book.verifier(native, policy, rules, cache)
