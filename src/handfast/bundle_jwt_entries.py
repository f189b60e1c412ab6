# SPDX-License-Identifier: Apache-2.0
"""The ``jwt-svid`` entries of bundle documents, and plain JWK Sets: a key each.

Where the standard is silent the strict reading holds: two entries of one ``kid``, an
entry without any, and a private key in a public document refuse all of it. A key of
another type, curve or size than a JWT-SVID can have is passed over alone (an RSA
exponent has 32 bits at most, as in certificates), and so is one that says it is for
another algorithm, or not for verifying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.bundle_json import Frame, refuse
from handfast.jwk import JwtKey, NotAJwk, jwk_members, read_jwt_key
from handfast.jwt_algorithms import fits
from handfast.strict_json import Json, is_list

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Final

__all__ = ["JWT_USE", "read_jwt_entries", "write_jwt_entries"]

JWT_USE: Final = "jwt-svid"


def _is_for_use(entry: Json, uses: Collection[str | None]) -> bool:
    """Whether its use is one of these; None among them: an entry without."""
    if "use" in entry and entry["use"] is None:
        return False
    return entry.get("use") in uses


def _verifies(entry: Json) -> bool:
    operations = entry.get("key_ops")
    return operations is None or (is_list(operations) and "verify" in operations)


def _key_id(entry: Json, place: int) -> str:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        seen = "none" if kid is None else "an empty one" if kid == "" else "no text"
        refuse(f"kid of entry {place}", seen)
    return kid


def read_jwt_entries(
    frame: Frame,
    uses: Collection[str | None] = (JWT_USE,),
    unique_among: Collection[str | None] = (JWT_USE,),
) -> tuple[dict[str, JwtKey], dict[str, str]]:
    """The keys of a document by ``kid``, and the algorithms of those that name one.

    Args:
        frame: The document.
        uses: Which entries are wanted; None for those that do not say.
        unique_among: Which entries may not have one ``kid`` twice.

    Raises:
        InvalidBundle: One of them cannot be used.
    """
    keys: dict[str, JwtKey] = {}
    algorithms: dict[str, str] = {}
    seen: set[str] = set()
    for place, entry in enumerate(frame.entries):
        if not _is_for_use(entry, unique_among) or not _verifies(entry):
            continue
        try:
            key = read_jwt_key(entry)
        except NotAJwk as error:
            refuse(f"a public key in entry {place}", str(error))
        if key is None:
            continue
        kid = _key_id(entry, place)
        if kid in seen:
            refuse("every kid once", f"that of entry {place} twice")
        seen.add(kid)
        algorithm = entry.get("alg")
        if not _is_for_use(entry, uses):
            continue
        if algorithm is not None:
            if not isinstance(algorithm, str) or not fits(algorithm, key):
                continue
            algorithms[kid] = algorithm
        keys[kid] = key
    return keys, algorithms


def write_jwt_entries(
    keys: Mapping[str, JwtKey], algorithms: Mapping[str, str], use: str | None = JWT_USE
) -> list[Json]:
    """One entry a key, in the order of their ``kid``."""
    entries: list[Json] = []
    for kid, key in sorted(keys.items()):
        entry: Json = {} if use is None else {"use": use}
        entry |= {"kid": kid, **jwk_members(key)}
        if kid in algorithms:
            entry["alg"] = algorithms[kid]
        entries.append(entry)
    return entries
