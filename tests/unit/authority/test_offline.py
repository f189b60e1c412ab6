# SPDX-License-Identifier: Apache-2.0
"""A root whose key is elsewhere: CSRs go out, signed intermediates come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from tests.support.authority_state import DOMAIN, NOON, World, entry, settings

from handfast import ConfigError, Verifier
from handfast.authority.distrusting import distrust
from handfast.authority.issuing import Issuing
from handfast.authority.keystore import KeyStore
from handfast.authority.offline import import_intermediate, make_csr, waiting_key
from handfast.authority.profile import key_usage, signing_builder
from handfast.authority.signer import Signer, hash_for, sign
from handfast.authority.state import AuthorityState
from handfast.keys import PrivateKey
from handfast.pem import CERTIFICATE, write_pem


class OfflineRoot:
    """Somebody with a root key and a way to look at CSRs."""

    def __init__(self, begin: datetime = NOON, *, hours: int = 100) -> None:
        self.key = PrivateKey.generate("p384")
        valid = (begin - timedelta(hours=1), begin + timedelta(hours=hours))
        builder = signing_builder(DOMAIN, self.key, valid, path_length=1)
        self.signer = Signer(certificate=sign(builder, self.key), key=self.key)

    def signs(self, csr_pem: bytes, begin: datetime = NOON, **changes: Any) -> bytes:
        """Sign what a CSR asks for; return the intermediate and the root."""
        csr = x509.load_pem_x509_csr(csr_pem)
        assert csr.is_signature_valid
        certificate = self.sign_for(csr.public_key(), csr.subject, begin, **changes)
        ders = [certificate.public_bytes(Encoding.DER), self.signer.der]
        return write_pem(CERTIFICATE, ders)

    def sign_for(
        self,
        public: Any,
        subject: x509.Name,
        begin: datetime,
        *,
        ca: bool = True,
        uri: str = "spiffe://a.example",
        ski: bool = True,
        hours: int = 2,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.signer.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin - timedelta(minutes=1))
            .not_valid_after(begin + timedelta(hours=hours))
            .add_extension(
                x509.BasicConstraints(ca=ca, path_length=0 if ca else None),
                critical=True,
            )
            .add_extension(key_usage(signs_certificates=ca), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]),
                critical=False,
            )
        )
        if ski:
            identifier = x509.SubjectKeyIdentifier.from_public_key(public)
            builder = builder.add_extension(identifier, critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            load_der_public_key(self.key.public_der)  # type: ignore[arg-type]
        )
        builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self.key.load(), hash_for(self.key))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state")


def csr_of(world: World, state: AuthorityState) -> bytes:
    return make_csr(state, KeyStore(world.folder / "keys"))


def issues(state: AuthorityState, world: World) -> None:
    svid = Issuing(state, now=world.clock).x509(entry(), {}).svid
    Verifier(state.signers.bundle, at=world.clock(), cache=None).verify(svid.chain)


def test_nothing_is_issued_before_the_root_has_signed(world: World) -> None:
    with world.open(settings(offline_root=True)) as state:
        assert waiting_key(state) is not None
        assert len(state.signers.bundle) == 0
        with pytest.raises(ConfigError, match="csr"):
            issues(state, world)


def test_what_the_root_has_signed_signs(world: World) -> None:
    """X509-08: and the root's key was never here."""
    root = OfflineRoot()
    with world.open(settings(offline_root=True)) as state:
        csr = x509.load_pem_x509_csr(csr_of(world, state))
        basic = csr.extensions.get_extension_for_class(x509.BasicConstraints)
        assert basic.value.ca
        import_intermediate(state, root.signs(csr_of(world, state)), now=world.clock)
        state.signers.keep()
        assert state.signers.bundle.x509_authorities == (root.signer.der,)
        issues(state, world)
        assert not next(r for r in state.signers.rows if r.kind == "root").has_key
    with world.open() as state:
        issues(state, world)


def test_it_asks_again_at_half_of_a_life_and_goes_on_meanwhile(world: World) -> None:
    root = OfflineRoot()
    with world.open(settings(offline_root=True)) as state:
        import_intermediate(state, root.signs(csr_of(world, state)), now=world.clock)
        state.signers.keep()
        first = state.signers.active("intermediate").id
        world.clock.advance(minutes=61)
        state.signers.keep()
        assert waiting_key(state) is not None
        issues(state, world)
        pem = root.signs(csr_of(world, state), world.clock())
        import_intermediate(state, pem, now=world.clock)
        state.signers.keep()
        assert state.signers.active("intermediate").id == first
        world.clock.advance(minutes=5)
        state.signers.keep()
        assert state.signers.active("intermediate").id != first
        assert len(state.signers.bundle) == 1
        issues(state, world)


def test_a_new_root_is_published_before_it_signs(world: World) -> None:
    """FED-02: and the old one stays until nothing rests on it (FED-03)."""
    old, new = OfflineRoot(), OfflineRoot()
    with world.open(settings(offline_root=True)) as state:
        import_intermediate(state, old.signs(csr_of(world, state)), now=world.clock)
        state.signers.keep()
        world.clock.advance(minutes=61)
        state.signers.keep()
        pem = new.signs(csr_of(world, state), world.clock())
        import_intermediate(state, pem, now=world.clock)
        state.signers.keep()
        issuer = state.signers.active("intermediate").slot.issuer
        assert len(state.signers.bundle) == 2
        issues(state, world)
        for _ in range(6):
            world.clock.advance(minutes=1)
            state.signers.keep()
        assert state.signers.active("intermediate").slot.issuer != issuer
        issues(state, world)
        for _ in range(40):
            world.clock.advance(minutes=1)
            state.signers.keep()
        assert state.signers.bundle.x509_authorities == (new.signer.der,)
        issues(state, world)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca": False}, "a CA that signs"),
        ({"uri": "spiffe://b.example"}, "as the only URI"),
        ({"uri": "spiffe://a.example/x"}, "as the only URI"),
        ({"ski": False}, "subject key identifier"),
        ({"hours": 0}, "valid now"),
    ],
)
def test_what_was_not_asked_for_is_refused(
    world: World, changes: dict[str, Any], words: str
) -> None:
    """X509-10, X509-11."""
    with world.open(settings(offline_root=True)) as state:
        pem = OfflineRoot().signs(csr_of(world, state), **changes)
        with pytest.raises(ConfigError, match=words):
            import_intermediate(state, pem, now=world.clock)
        assert state.signers.bundle.is_empty
        assert waiting_key(state) is not None


def test_somebody_elses_key_or_root_is_refused(world: World) -> None:
    root, other = OfflineRoot(), OfflineRoot()
    with world.open(settings(offline_root=True)) as state:
        csr = csr_of(world, state)
        good = root.signs(csr)
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        foreign = root.sign_for(key, x509.Name([]), NOON)
        lone = write_pem(
            CERTIFICATE, [foreign.public_bytes(Encoding.DER), root.signer.der]
        )
        begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----\n"
        first = good.split(end)[0] + end
        swapped = begin + good.split(begin)[2] + first
        mixed = first + write_pem(CERTIFICATE, [other.signer.der])
        for pem, words in (
            (lone, "another key"),
            (first, "1 certificates"),
            (mixed, "the root has signed"),
            (swapped, "the root has signed|another key|signed itself"),
        ):
            with pytest.raises(ConfigError, match=words):
                import_intermediate(state, pem, now=world.clock)
        assert state.signers.bundle.is_empty


def test_a_root_that_was_distrusted_does_not_come_back(world: World) -> None:
    """Nothing signs until another one is imported."""
    old, new = OfflineRoot(), OfflineRoot()
    with world.open(settings(offline_root=True)) as state:
        import_intermediate(state, old.signs(csr_of(world, state)), now=world.clock)
        state.signers.keep()
        found = distrust(state, "root", why="stolen", now=world.clock)
        assert found.trusts_nobody
        state.signers.keep()
        with pytest.raises(ConfigError):
            issues(state, world)
        pem = old.signs(csr_of(world, state), world.clock())
        with pytest.raises(ConfigError, match="distrusted"):
            import_intermediate(state, pem, now=world.clock)
        pem = new.signs(csr_of(world, state), world.clock())
        import_intermediate(state, pem, now=world.clock)
        state.signers.keep()
        issues(state, world)
