# SPDX-License-Identifier: Apache-2.0
"""A root whose key is elsewhere: CSRs go out, signed intermediates come in.

The private key of the intermediate never leaves the state directory, and the root's
never comes into it. What is imported must be what we would have made ourselves: an
intermediate for one of our waiting keys, signed by the root that comes along, which is
published before anything under it signs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.distrusting import is_distrusted
from handfast.authority.keystore import key_id
from handfast.authority.profile import key_usage
from handfast.authority.refusal import refuse
from handfast.authority.rotation import Slot
from handfast.authority.signer_rows import (
    SignerRow,
    bump_sequence,
    insert_signer,
    wish_for,
)
from handfast.certificates import extension_of, is_ca, read_certificate, uri_names
from handfast.pem import CERTIFICATE, read_pem
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast.authority.keystore import KeyStore
    from handfast.authority.state import AuthorityState
    from handfast.ids import TrustDomain

__all__ = ["import_intermediate", "make_csr", "waiting_key"]


# The intermediate and its root: a longer way up is not made here.
_FILES = 2


def waiting_key(state: AuthorityState) -> SignerRow | None:
    """The intermediate that waits for its certificate, if one does."""
    return next((row for row in state.signers.rows if row.slot.awaited), None)


def make_csr(state: AuthorityState, keys: KeyStore) -> bytes:
    """Write the CSR (PEM) of the intermediate that waits for its certificate.

    It asks for what the certificate has to say: a CA with path length 0 that signs
    certificates and lists, with the ID of the trust domain.

    Raises:
        ConfigError: None waits.
    """
    row = waiting_key(state)
    if row is None:
        hint = "`handfast authority rotate intermediate` begins a new one"
        refuse("an intermediate that waits for its certificate", "none", hint)
    key = keys.get(row.id).load()
    domain = state.settings.trust_domain
    name = x509.NameAttribute(
        x509.NameOID.COMMON_NAME, f"{domain.name[:40]} intermediate {row.id[:12]}"
    )
    uri = x509.UniformResourceIdentifier(str(domain.id))
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([name]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    )
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


def import_intermediate(
    state: AuthorityState,
    pem: bytes,
    *,
    now: Callable[[], datetime] = utc_now,
) -> str:
    """Take a signed intermediate and its root; return the intermediate's ID.

    The root is published at once. If another root signs at present, the new one takes
    over when it has been published for as long as the lead says.

    Args:
        state: What to change.
        pem: The intermediate, and after it the root, as ``CERTIFICATE`` blocks.
        now: The clock.

    Raises:
        ConfigError: They are not what was asked for; nothing is changed then.
    """
    ders = [der for _, der in read_pem(pem, CERTIFICATE)]
    if len(ders) != _FILES:
        refuse("an intermediate and its root", f"{len(ders)} certificates")
    intermediate, root = (read_certificate(der, depth=i) for i, der in enumerate(ders))
    moment, domain = now(), state.settings.trust_domain
    _check_authority(intermediate, domain, moment, "intermediate")
    _check_authority(root, domain, moment, "root")
    _check_signed(intermediate, root)
    row = waiting_key(state)
    public = _public_der(intermediate)
    if row is None or public != row.public_key:
        hint = "sign the newest CSR: `handfast authority csr`"
        refuse("a certificate for the key of our CSR", "one for another key", hint)
    root_id = key_id(_public_der(root))
    if is_distrusted(state.database, root_id):
        refuse("a root that is trusted", f"{root_id}, which was distrusted")
    known = {one.id: one for one in state.signers.rows}
    with state.database.transaction() as run:
        old = known.get(root_id)
        if old is None:
            new = SignerRow(
                slot=Slot(
                    id=root_id,
                    prepared_at=moment.timestamp(),
                    not_after=root.not_valid_after_utc.timestamp(),
                ),
                kind="root",
                certificate=ders[1],
                public_key=_public_der(root),
                has_key=False,
            )
            insert_signer(run, new)
            bump_sequence(run, moment)
            wish_for(run, "root", moment)
        elif old.certificate != ders[1]:
            # The same key in another certificate: which of them is published?
            refuse("the root that is there already", "another certificate of its key")
        run(
            "UPDATE signers SET issuer = ?, certificate = ?, not_after = ?,"
            " prepared_at = ? WHERE id = ?",
            (
                root_id,
                ders[0],
                intermediate.not_valid_after_utc.timestamp(),
                moment.timestamp(),
                row.id,
            ),
        )
        details = {"signer": row.id, "issuer": root_id}
        event = AuditRow(at=moment, event="intermediate_imported", details=details)
        audit(run, event)
    state.signers.reload()
    return row.id


def _public_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def _check_authority(
    certificate: x509.Certificate, domain: TrustDomain, now: datetime, what: str
) -> None:
    """See that a certificate is that of an authority of ours (X509-08 to X509-11)."""
    usage = extension_of(certificate, x509.KeyUsage)
    signs = f"a CA that signs certificates as {what}"
    if not is_ca(certificate):
        refuse(signs, "basicConstraints that do not say CA:TRUE")
    if usage is None or not usage.key_cert_sign:
        seen = "no keyUsage at all" if usage is None else "a keyUsage of something else"
        refuse(signs, seen, "sign it with keyUsage = critical, keyCertSign, cRLSign")
    if what == "intermediate" and not usage.crl_sign:
        refuse("an intermediate that may sign revocation lists", "one without cRLSign")
    if extension_of(certificate, x509.SubjectKeyIdentifier) is None:
        refuse(f"a subject key identifier in the {what}", "none")
    names = uri_names(certificate)
    if any(name != str(domain.id) for name in names) or len(names) > 1:
        refuse(f"{domain.id} as the only URI, or none", escape(", ".join(names)))
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        refuse(f"an {what} that is valid now", "one that is over, or not yet valid")


def _check_signed(intermediate: x509.Certificate, root: x509.Certificate) -> None:
    for certificate, issuer, words in (
        (intermediate, root, "an intermediate that the root has signed"),
        (root, root, "a root that has signed itself"),
    ):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            refuse(words, "another issuer or signature", "the intermediate comes first")
