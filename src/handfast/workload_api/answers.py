# SPDX-License-Identifier: Apache-2.0
"""Messages made from identities and bundles, by the standard's rules for a server."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf.struct_pb2 import Struct

from handfast.text import escape
from handfast.workload_api import proto
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

if TYPE_CHECKING:
    from handfast.jwt_bundle import JwtBundleSet
    from handfast.jwt_svid import JwtSvid
    from handfast.workload_api.identities import X509Bundles, X509Context

__all__ = [
    "HINT_MAX",
    "jwt_bundles_answer",
    "jwt_svids_answer",
    "unique_hints",
    "validated_answer",
    "x509_bundles_answer",
    "x509_svids_answer",
]

#: Bytes of a hint; longer ones should not be supported (WAPI-63).
HINT_MAX: Final = 1024
# Of objects in objects in a claim; each is three messages deep for protobuf, whose
# readers stop at a hundred.
_DEPTH_MAX: Final = 16

_log = logging.getLogger("handfast.workload_api")


def unique_hints(svids: Sequence[Any]) -> list[str]:
    """Hints that are unique in an answer: of two the first one stays (WAPI-48)."""
    found: list[str] = []
    for svid in svids:
        hint: str = svid.hint
        if len(hint.encode("utf-8", "replace")) > HINT_MAX:
            _log.warning("a hint of %s is too long and left out", svid.spiffe_id)
            hint = ""
        if hint and hint in found:
            _log.warning("the hint %s came twice", escape(hint))
            hint = ""
        found.append(hint)
    return found


def _der(bundle: Iterable[bytes]) -> bytes:
    return b"".join(bundle)


def _federated(bundles: X509Bundles) -> dict[str, bytes]:
    """Other trust domains' bundles; never one in the place of the own."""
    return {
        f"spiffe://{it.trust_domain}": _der(it.x509_authorities)
        for it in bundles.federated
        if it.trust_domain != bundles.own.trust_domain
    }


def _own(bundles: X509Bundles) -> bytes:
    if bundles.own.is_empty:
        # WAPI-42: the field is mandatory, and nothing else may stand in for it.
        raise RpcError(StatusCode.UNAVAILABLE, "the trust domain has no bundle yet")
    return _der(bundles.own.x509_authorities)


def x509_svids_answer(context: X509Context) -> proto.X509SVIDResponse:
    """Answer FetchX509SVID: all identities of a caller, in order, and all bundles.

    Raises:
        PermissionDenied: there is none.
    """
    if not context.svids:
        raise PermissionDenied
    own = _own(context.bundles)
    for svid in context.svids:
        if svid.spiffe_id.trust_domain != context.bundles.own.trust_domain:
            raise ValueError(f"{svid.spiffe_id} is not of the issuer's trust domain")
    hints = unique_hints(context.svids)
    return proto.X509SVIDResponse(
        svids=[
            proto.X509SVID(
                spiffe_id=str(svid.spiffe_id),
                x509_svid=_der(svid.chain),
                x509_svid_key=svid.key.der,
                bundle=own,
                hint=hint,
            )
            for svid, hint in zip(context.svids, hints, strict=True)
        ],
        crl=context.bundles.crls,
        federated_bundles=_federated(context.bundles),
    )


def x509_bundles_answer(bundles: X509Bundles) -> proto.X509BundlesResponse:
    """Answer FetchX509Bundles: the own bundle, and the others."""
    own = {f"spiffe://{bundles.own.trust_domain}": _own(bundles)}
    return proto.X509BundlesResponse(
        crl=bundles.crls, bundles=own | _federated(bundles)
    )


def jwt_svids_answer(svids: Sequence[JwtSvid]) -> proto.JWTSVIDResponse:
    """Answer FetchJWTSVID.

    Raises:
        PermissionDenied: there is none.
    """
    if not svids:
        raise PermissionDenied
    return proto.JWTSVIDResponse(
        svids=[
            proto.JWTSVID(spiffe_id=str(svid.spiffe_id), svid=svid.token, hint=hint)
            for svid, hint in zip(svids, unique_hints(svids), strict=True)
        ]
    )


def jwt_bundles_answer(bundles: JwtBundleSet) -> proto.JWTBundlesResponse:
    """Answer FetchJWTBundles: JWK Sets with nothing but keys of JWT-SVIDs (WAPI-59).

    Raises:
        PermissionDenied: there is none, not even of the own trust domain.
    """
    found = {f"spiffe://{it.trust_domain}": it.to_jwks() for it in bundles}
    if not found:
        raise PermissionDenied
    return proto.JWTBundlesResponse(bundles=found)


def validated_answer(svid: JwtSvid) -> proto.ValidateJWTSVIDResponse:
    """Answer ValidateJWTSVID for a token that was verified: who, and its claims.

    Claims that protobuf cannot carry, by their depth, are left out: WAPI-61 lets a
    server filter all but the standard's own.
    """
    claims = Struct()
    for name, value in svid.claims.items():
        try:
            claims.update({name: _plain(value, _DEPTH_MAX)})
        except RecursionError:
            continue
    answer = proto.ValidateJWTSVIDResponse(spiffe_id=str(svid.spiffe_id))
    answer.claims.MergeFromString(claims.SerializeToString())
    return answer


def _plain(value: object, depth: int) -> Any:
    """A claim as protobuf's JSON has it: every number is a double there."""
    if not depth:
        raise RecursionError
    match value:
        case Mapping():
            parts = cast("Mapping[str, object]", value).items()
            return {name: _plain(part, depth - 1) for name, part in parts}
        case list() | tuple():
            return [_plain(it, depth - 1) for it in cast("Sequence[object]", value)]
        case int() | float() if not isinstance(value, bool):
            return float(value)
        case _:
            return value
