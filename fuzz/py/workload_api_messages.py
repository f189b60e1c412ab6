# SPDX-License-Identifier: Apache-2.0
"""Messages of the Workload API: what is in them is taken, or refused by SourceError.

Inputs are whole messages of any bytes, or a good one with parts exchanged.

What an attacker must hold already: the agent, or its socket.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import atheris
from fuzzing import instrumented
from google.protobuf.message import DecodeError

with instrumented():
    from handfast import SourceError
    from handfast.authority import Authority
    from handfast.jwk_private import private_jwk
    from handfast.jwt_signer import JwtSigner
    from handfast.sources.wit_messages import WitBundleState, WitSvidState
    from handfast.sources.workload_api_jwt import JwtBundleState
    from handfast.sources.workload_api_tokens import Asked, read_tokens
    from handfast.sources.workload_api_x509 import X509Reader
    from handfast.wit_signer import WitSigner
    from handfast.workload_api import proto

logging.disable()  # the source warns of what it passes over
NOW = datetime.now(UTC)
ID = "spiffe://a.example/web"
_authority = Authority("a.example")
_svid = _authority.issue(ID)
_signer = JwtSigner.generate("a.example")
_bundle = b"".join(_authority.bundle.x509_authorities)
_token = _signer.sign(ID, "shop").token
_wits = WitSigner.generate("a.example")
_wit = _wits.sign(ID, _svid.key).token

GOOD: dict[str, Any] = {
    "svids": proto.X509SVIDResponse(
        svids=[
            proto.X509SVID(
                spiffe_id=ID,
                x509_svid=b"".join(_svid.chain),
                x509_svid_key=_svid.key.der,
                bundle=_bundle,
                hint="in",
            )
        ],
        federated_bundles={"spiffe://b.example": _bundle},
    ),
    "bundles": proto.X509BundlesResponse(bundles={"spiffe://a.example": _bundle}),
    "tokens": proto.JWTSVIDResponse(
        svids=[proto.JWTSVID(spiffe_id=ID, svid=_token, hint="in")]
    ),
    "jwt_bundles": proto.JWTBundlesResponse(
        bundles={"spiffe://a.example": _signer.bundle.to_jwks()}
    ),
    "wit_svids": proto.WITSVIDResponse(
        svids=[
            proto.WITSVID(
                spiffe_id=ID, wit_svid=_wit, wit_svid_key=private_jwk(_svid.key)
            )
        ]
    ),
    "wit_bundles": proto.WITBundlesResponse(
        bundles={"spiffe://a.example": _wits.bundle.to_jwks().decode()}
    ),
}
NAMES = ("svids", "bundles", "tokens", "jwt_bundles")
WIT_NAMES = ("wit_svids", "wit_bundles")
_WIT_FROM = 192
TEXTS = ("", ID, "spiffe://a.example", "spiffe://b.example/x", "x" * 2000, "in")


def take(kind: str, message: Any) -> None:
    """Do what the source does with a message."""
    match kind:
        case "svids":
            X509Reader(lambda: NOW).read_svids(message)
        case "bundles":
            X509Reader(lambda: NOW).read_bundles(message)
        case "tokens":
            read_tokens(message, Asked(("shop",), None), NOW)
        case "wit_svids":
            WitSvidState(lambda: None, lambda: NOW).take(message)
        case "wit_bundles":
            WitBundleState(lambda: None).take(message)
        case _:
            JwtBundleState(lambda: None, lambda _domains: None).take(message)


def some_bytes(source: Any, good: bytes) -> bytes:
    """Good bytes with a piece exchanged, or any bytes."""
    other = bytes(source.ConsumeBytes(source.ConsumeIntInRange(0, 40)))
    if source.ConsumeBool():
        return other
    at = source.ConsumeIntInRange(0, len(good))
    return good[:at] + other + good[at + source.ConsumeIntInRange(0, 40) :]


def text(source: Any) -> str:
    """A text that matters somewhere, or any text."""
    choice = source.ConsumeIntInRange(0, len(TEXTS))
    if choice < len(TEXTS):
        return TEXTS[choice]
    return str(source.ConsumeUnicodeNoSurrogates(60))


def changed(kind: str, source: Any) -> Any:
    """A good message in which some parts are others."""
    message = type(GOOD[kind]).FromString(GOOD[kind].SerializeToString())
    for _ in range(source.ConsumeIntInRange(1, 4)):
        if kind in {"bundles", "jwt_bundles"}:
            name = text(source)
            message.bundles[name] = some_bytes(source, message.bundles.get(name, b"x"))
        elif kind == "wit_bundles":
            name = text(source)
            good = message.bundles.get(name, "x").encode()
            message.bundles[name] = some_bytes(source, good).decode("utf-8", "ignore")
        elif kind == "wit_svids":
            change_wit(message, source)
        elif kind == "tokens":
            part = message.svids.add() if source.ConsumeBool() else message.svids[0]
            part.svid = some_bytes(source, _token.encode()).decode("ascii", "ignore")
            part.spiffe_id = text(source)
        else:
            change_svid(message, source)
    return message


def change_wit(message: Any, source: Any) -> None:
    """Exchange one field of FetchWITSVID's answer."""
    part = message.svids.add() if source.ConsumeBool() else message.svids[0]
    name = ("wit_svid", "wit_svid_key", "spiffe_id", "hint")[
        source.ConsumeIntInRange(0, 3)
    ]
    if name.startswith("wit"):
        good = getattr(part, name).encode()
        setattr(part, name, some_bytes(source, good).decode("ascii", "ignore"))
    else:
        setattr(part, name, text(source))


def change_svid(message: Any, source: Any) -> None:
    """Exchange one field of FetchX509SVID's answer."""
    part = message.svids[source.ConsumeIntInRange(0, len(message.svids) - 1)]
    match source.ConsumeIntInRange(0, 7):
        case 0:
            part.spiffe_id = text(source)
        case 1:
            part.x509_svid = some_bytes(source, part.x509_svid)
        case 2:
            part.x509_svid_key = some_bytes(source, part.x509_svid_key)
        case 3:
            part.bundle = some_bytes(source, part.bundle)
        case 4:
            part.hint = text(source)
        case 5:
            message.federated_bundles[text(source)] = some_bytes(source, _bundle)
        case 6:
            message.crl.append(some_bytes(source, _bundle))
        case _:
            message.svids.add().CopyFrom(part)


def one_input(data: bytes) -> None:
    """Read it as the source does."""
    source = atheris.FuzzedDataProvider(data)
    choice = source.ConsumeIntInRange(0, 255)
    # One number for both, so that seeds of the first four kinds stay what they were.
    names = WIT_NAMES if choice >= _WIT_FROM else NAMES
    kind = names[choice % len(names)]
    if source.ConsumeBool():
        try:
            message = type(GOOD[kind]).FromString(source.ConsumeBytes(len(data)))
        except DecodeError:
            return
    else:
        message = changed(kind, source)
    try:
        take(kind, message)
    except SourceError:
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
