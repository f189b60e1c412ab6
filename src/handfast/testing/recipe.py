# SPDX-License-Identifier: Apache-2.0
"""What a certificate shall say, with a knob for everything that can be wrong in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

__all__ = ["INTERMEDIATE", "LEAF", "ROOT", "Extension", "NameConstraints", "Recipe"]

#: A moment, or how long after now: seconds, or a timedelta. Negative is before.
Moment = datetime | timedelta | int

KeyUsageName = Literal[
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]

#: Extensions that a recipe writes by itself, for ``Recipe.twice``.
ExtensionName = Literal[
    "subject_key_identifier",
    "authority_key_identifier",
    "basic_constraints",
    "key_usage",
    "extended_key_usage",
    "name_constraints",
    "subject_alt_name",
]


@dataclass(frozen=True, slots=True)
class Extension:
    """Any extension: its OID, the DER of its value, and whether it is critical."""

    oid: str
    value: bytes
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NameConstraints:
    """Name constraints on URIs and DNS names; without any subtree it is empty."""

    permitted_uris: tuple[str, ...] = ()
    excluded_uris: tuple[str, ...] = ()
    permitted_dns: tuple[str, ...] = ()
    excluded_dns: tuple[str, ...] = ()
    critical: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A certificate, knob by knob. The defaults are those of a good leaf.

    Attributes:
        subject: Common name, empty for an empty name, or a Name in DER.
        issuer: The issuer's name, when it shall differ from the signer's.
        uris: URI SANs, text or raw bytes; None for the ID that is asked for.
        dns_names: DNS SANs.
        emails: E-mail SANs.
        ip_addresses: IP SANs.
        raw_names: Further SANs, each a whole GeneralName in DER.
        san_critical: None for the rule: critical when the subject is empty.
        ca: What basic constraints say; None leaves them out.
        basic_constraints_critical: Whether they are critical.
        path_length: Path length of basic constraints.
        key_usage: Bits that are set; None leaves the extension out.
        key_usage_critical: Whether it is critical.
        extended_key_usage: ``server_auth``, ``client_auth``, ``any``, ``email`` or
            OIDs; None leaves the extension out, an empty tuple writes an empty one.
        extended_key_usage_critical: Whether it is critical.
        name_constraints: None leaves them out.
        not_before: Start of validity.
        not_after: End of validity.
        validity: The whole Validity in DER, instead of the two above.
        serial: Serial number; None for a random one.
        version: 1, 2 or 3; extensions are written whatever it is.
        subject_key_identifier: Whether there is one, or its bytes.
        authority_key_identifier: Whether there is one, or its bytes.
        key_type: A :data:`handfast.keys.KeyType`, or one that is not allowed:
            ``p224``, ``secp256k1``, ``rsa1024``, ``ed448``.
        public_key: SubjectPublicKeyInfo in DER, instead of the key's own.
        digest: ``sha1`` to ``sha512``; None for what fits the signing key.
        pss: Sign with RSA-PSS.
        inner_algorithm: AlgorithmIdentifier inside the signed part, when it shall
            differ from the one outside.
        signature: ``flipped`` changes one bit of it, ``other_key`` signs with a key
            that is not the issuer's.
        extensions: Further extensions.
        twice: Extensions that are written two times.
        trailing: Bytes after the end.
    """

    subject: str | bytes = ""
    issuer: str | bytes | None = None
    uris: tuple[str | bytes, ...] | None = None
    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    raw_names: tuple[bytes, ...] = ()
    san_critical: bool | None = None
    ca: bool | None = False
    basic_constraints_critical: bool = True
    path_length: int | None = None
    key_usage: tuple[KeyUsageName, ...] | None = ("digital_signature",)
    key_usage_critical: bool = True
    extended_key_usage: tuple[str, ...] | None = ("server_auth", "client_auth")
    extended_key_usage_critical: bool = False
    name_constraints: NameConstraints | None = None
    not_before: Moment = -60
    not_after: Moment = 3600
    validity: bytes | None = None
    serial: int | None = None
    version: int = 3
    subject_key_identifier: bool | bytes = True
    authority_key_identifier: bool | bytes = True
    key_type: str = "p256"
    public_key: bytes | None = None
    digest: str | None = None
    pss: bool = False
    inner_algorithm: bytes | None = None
    signature: Literal["good", "flipped", "other_key"] = "good"
    extensions: tuple[Extension, ...] = ()
    twice: tuple[ExtensionName, ...] = ()
    trailing: bytes = b""


#: A workload's certificate as it should be.
LEAF = Recipe()

_SIGNING: tuple[KeyUsageName, ...] = ("key_cert_sign", "crl_sign")

#: An intermediate as it should be.
INTERMEDIATE = Recipe(
    subject="forged intermediate",
    ca=True,
    path_length=0,
    key_usage=_SIGNING,
    extended_key_usage=None,
    not_after=timedelta(days=1),
)

#: A root as it should be.
ROOT = Recipe(
    subject="forged root",
    ca=True,
    key_usage=_SIGNING,
    extended_key_usage=None,
    not_after=timedelta(days=2),
    authority_key_identifier=False,
)
