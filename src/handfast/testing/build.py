# SPDX-License-Identifier: Apache-2.0
"""From a recipe to a certificate, byte by byte: nothing here refuses to be wrong."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, get_args

from handfast.testing import der
from handfast.testing.recipe import Extension, KeyUsageName
from handfast.testing.sign import algorithm, kind_of, new_key, sign, spki

if TYPE_CHECKING:
    from handfast.testing.recipe import Moment, NameConstraints, Recipe
    from handfast.testing.sign import AnyKey

__all__ = ["Issuer", "build", "key_identifier"]

_KEY_USAGE = get_args(KeyUsageName)  # in the order of their bits
_PURPOSES = {
    "any": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "email": "1.3.6.1.5.5.7.3.4",
}
_EMAIL, _DNS, _URI, _IP = 1, 2, 6, 7


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs: a name, a key, and the identifier of that key."""

    name: bytes
    key: AnyKey
    key_id: bytes


def key_identifier(public: bytes) -> bytes:
    """A key identifier: the first 20 bytes of the SHA-256 of a public key's DER."""
    return hashlib.sha256(public).digest()[:20]


def _name(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else der.common_name(value)


def _time(moment: Moment, now: datetime) -> bytes:
    if isinstance(moment, int):
        moment = timedelta(seconds=moment)
    when = now + moment if isinstance(moment, timedelta) else moment.astimezone(UTC)
    return der.time(when)


def _text_name(number: int, value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode("utf-8")
    return der.context(number, raw, constructed=False)


def _subject_alt_name(
    recipe: Recipe, spiffe_id: str, subject: bytes
) -> list[Extension]:
    uris = (spiffe_id,) if recipe.uris is None else recipe.uris
    names = [_text_name(_URI, uri) for uri in uris]
    names += [_text_name(_DNS, name) for name in recipe.dns_names]
    names += [_text_name(_EMAIL, name) for name in recipe.emails]
    names += [
        _text_name(_IP, ipaddress.ip_address(address).packed)
        for address in recipe.ip_addresses
    ]
    names += recipe.raw_names
    if not names:
        return []
    empty = subject == der.sequence()
    critical = empty if recipe.san_critical is None else recipe.san_critical
    return [Extension("2.5.29.17", der.sequence(*names), critical)]


def _bits(names: tuple[str, ...]) -> bytes:
    """A named BIT STRING without trailing zero bits, as DER wants it."""
    value = sum(0x8000 >> _KEY_USAGE.index(name) for name in names)
    raw = value.to_bytes(2, "big").rstrip(b"\x00")
    unused = (raw[-1] & -raw[-1]).bit_length() - 1 if raw else 0
    return der.bit_string(raw, unused=unused)


def _subtrees(number: int, uris: tuple[str, ...], dns: tuple[str, ...]) -> bytes:
    trees = [der.sequence(_text_name(_URI, uri)) for uri in uris]
    trees += [der.sequence(_text_name(_DNS, name)) for name in dns]
    return der.context(number, *trees) if trees else b""


def _name_constraints(constraints: NameConstraints) -> Extension:
    value = der.sequence(
        _subtrees(0, constraints.permitted_uris, constraints.permitted_dns),
        _subtrees(1, constraints.excluded_uris, constraints.excluded_dns),
    )
    return Extension("2.5.29.30", value, constraints.critical)


def _constraints(recipe: Recipe) -> Extension:
    length = recipe.path_length
    value = der.sequence(
        der.boolean(True) if recipe.ca else b"",
        b"" if length is None else der.integer(length),
    )
    return Extension("2.5.29.19", value, recipe.basic_constraints_critical)


def _purposes(names: tuple[str, ...], *, critical: bool) -> Extension:
    oids = [der.oid(_PURPOSES.get(name, name)) for name in names]
    return Extension("2.5.29.37", der.sequence(*oids), critical)


def _extensions(
    recipe: Recipe, spiffe_id: str, subject: bytes, ids: tuple[bytes, bytes]
) -> list[Extension]:
    """What the recipe asks for, in the usual order."""
    found: dict[str, list[Extension]] = {}
    own, above = ids
    if recipe.subject_key_identifier:
        found["subject_key_identifier"] = [
            Extension("2.5.29.14", der.octet_string(own))
        ]
    if recipe.authority_key_identifier:
        value = der.sequence(der.context(0, above, constructed=False))
        found["authority_key_identifier"] = [Extension("2.5.29.35", value)]
    if recipe.ca is not None:
        found["basic_constraints"] = [_constraints(recipe)]
    if recipe.key_usage is not None:
        bits = _bits(recipe.key_usage)
        found["key_usage"] = [Extension("2.5.29.15", bits, recipe.key_usage_critical)]
    if recipe.extended_key_usage is not None:
        critical = recipe.extended_key_usage_critical
        purposes = _purposes(recipe.extended_key_usage, critical=critical)
        found["extended_key_usage"] = [purposes]
    if recipe.name_constraints is not None:
        found["name_constraints"] = [_name_constraints(recipe.name_constraints)]
    found["subject_alt_name"] = _subject_alt_name(recipe, spiffe_id, subject)
    written = [
        extension
        for name, group in found.items()
        for extension in group * (2 if name in recipe.twice else 1)
    ]
    return [*written, *recipe.extensions]


def _extension(extension: Extension) -> bytes:
    return der.sequence(
        der.oid(extension.oid),
        der.boolean(True) if extension.critical else b"",
        der.octet_string(extension.value),
    )


def _identifier(knob: bool | bytes, otherwise: bytes) -> bytes:  # noqa: FBT001
    return knob if isinstance(knob, bytes) else otherwise


def build(
    recipe: Recipe, key: AnyKey, issuer: Issuer, spiffe_id: str, now: datetime
) -> bytes:
    """Write and sign a certificate.

    Args:
        recipe: What it says.
        key: Whose public key it is for.
        issuer: Who signs.
        spiffe_id: The ID asked for, when the recipe does not say which URIs.
        now: What the recipe's times count from.
    """
    public = recipe.public_key or spki(key)
    subject = _name(recipe.subject)
    ids = (
        _identifier(recipe.subject_key_identifier, key_identifier(public)),
        _identifier(recipe.authority_key_identifier, issuer.key_id),
    )
    extensions = _extensions(recipe, spiffe_id, subject, ids)
    serial = secrets.randbits(126) + 1 if recipe.serial is None else recipe.serial
    outer = algorithm(issuer.key, recipe.digest, pss=recipe.pss)
    validity = recipe.validity or der.sequence(
        _time(recipe.not_before, now), _time(recipe.not_after, now)
    )
    tbs = der.sequence(
        der.context(0, der.integer(recipe.version - 1)) if recipe.version > 1 else b"",
        der.integer(serial),
        recipe.inner_algorithm or outer,
        issuer.name if recipe.issuer is None else _name(recipe.issuer),
        validity,
        subject,
        public,
        der.context(3, der.sequence(*map(_extension, extensions))),
    )
    signer = issuer.key
    if recipe.signature == "other_key":
        # Of the same kind, so that nothing but the signature is wrong.
        signer = new_key(kind_of(issuer.key))
    signature = bytearray(sign(signer, tbs, recipe.digest, pss=recipe.pss))
    if recipe.signature == "flipped":
        signature[-1] ^= 1
    return der.sequence(tbs, outer, der.bit_string(bytes(signature))) + recipe.trailing
