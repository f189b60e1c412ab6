# SPDX-License-Identifier: Apache-2.0
"""What an authority signs with, on disk: made, used and removed by the plan.

`keep()` does every step that is due (rotation.py), each in a transaction of its own, in
this order: a key is on the disk before its row, a root is in the bundle before anything
rests on it, and a successor is tried before the one before it retires: an SVID signed
by it must be good to our own verifier, or it is not activated.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.profile import leaf_builder, signing_builder
from handfast.authority.rotation import Activate, Prepare, Remove, Slot, next_step
from handfast.authority.signer import Signer, sign
from handfast.authority.signer_rows import (
    KINDS,
    SignerRow,
    bump_sequence,
    insert_signer,
    read_sequence,
    read_signers,
    wished_at,
)
from handfast.authority.validity import window
from handfast.bundle import TrustBundle
from handfast.errors import ConfigError, HandfastError, Reason, detail_for
from handfast.ids import SpiffeId
from handfast.jwk import key_id as jwk_id
from handfast.jwk import public_key_of
from handfast.jwt_bundle import JwtBundle
from handfast.jwt_signer import JwtSigner
from handfast.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from handfast.authority.database import Database, Run
    from handfast.authority.keystore import KeyStore
    from handfast.authority.rotation import Kind, Step
    from handfast.authority.settings import AuthoritySettings
    from handfast.keys import KeyType

__all__ = ["Signers"]

_log = logging.getLogger("handfast.authority")

# More than these in one go would be a bug in the plan, and a loop without an end.
_STEPS_MAX: Final = 100
_JWT_KEY: Final[KeyType] = "p256"


def _none_yet(what: str) -> NoReturn:
    detail = detail_for(
        Reason.CONFIG_INVALID,
        expected=f"an {what} that signs",
        seen="none",
        hint="with an offline root: `handfast authority csr`, have it signed, `import`",
    )
    raise ConfigError(detail)


class Signers:
    """The roots, intermediates and JWT keys of one authority.

    Args:
        database: The state.
        keys: Where private keys are; None to look only.
        settings: Names and times.
        now: The clock.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore | None,
        settings: AuthoritySettings,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings
        self._now = now
        self._loaded: dict[str, PrivateKey] = {}
        self._signers: dict[str, Signer] = {}
        self._jwt_signers: dict[str, JwtSigner] = {}
        self._unusable: set[str] = set()
        self._rows: tuple[SignerRow, ...] = ()
        self._sequence = 0
        self._wishes: dict[Kind, float | None] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything again."""
        self._rows = read_signers(self._database)
        self._sequence = read_sequence(self._database)
        self._wishes = {kind: wished_at(self._database, kind) for kind in KINDS}
        self._ids = known = frozenset(row.id for row in self._rows)
        self._loaded = {i: key for i, key in self._loaded.items() if i in known}
        self._signers = {i: one for i, one in self._signers.items() if i in known}
        jwt_signers = self._jwt_signers.items()
        self._jwt_signers = {i: one for i, one in jwt_signers if i in known}

    def forget_files(self) -> list[str]:
        """Remove the files of keys that no row knows, as a crash leaves them."""
        assert self._keys is not None  # noqa: S101 - only who signs tidies up
        return self._keys.keep_only(row.id for row in self._rows if row.has_key)

    @property
    def rows(self) -> tuple[SignerRow, ...]:
        """All of them, the oldest first."""
        return self._rows

    @property
    def bundle(self) -> TrustBundle:
        """What others need to verify X.509-SVIDs: every root that is published."""
        return TrustBundle(
            self._settings.trust_domain,
            tuple(
                row.certificate
                for row in self._rows
                if row.published and row.certificate is not None
            ),
            self._sequence,
            int(self._settings.refresh_hint.total_seconds()),
        )

    @property
    def jwt_bundle(self) -> JwtBundle:
        """What others need to verify JWT-SVIDs: every key that is published."""
        keys = (public_key_of(r.public_key) for r in self._rows if r.kind == "jwt")
        found = {jwk_id(key): key for key in keys if key is not None}
        return JwtBundle(self._settings.trust_domain, found)

    @property
    def sequence(self) -> int:
        """Of the bundle: changes whenever it does."""
        return self._sequence

    def knows(self, signer_id: str) -> bool:
        """Whether one is there: neither distrusted, nor removed when its time was."""
        return signer_id in self._ids

    @property
    def can_sign(self) -> bool:
        """Whether the private keys are at hand, or this only looks."""
        return self._keys is not None

    def active(self, kind: Kind) -> SignerRow:
        """What signs now.

        Raises:
            ConfigError: Nothing does, yet.
        """
        for row in self._rows:
            if row.kind == kind and row.slot.is_active:
                return row
        _none_yet("intermediate" if kind == "intermediate" else f"{kind} key")

    @property
    def signs_now(self) -> str:
        """The intermediate that signs now, by its ID; empty while none does."""
        rows = (row for row in self._rows if row.kind == "intermediate")
        return next((row.id for row in rows if row.slot.is_active), "")

    def root_of(self, signer_id: str) -> bytes | None:
        """The certificate of the root that an intermediate is under, if it is there."""
        known = {row.id: row for row in self._rows}
        row = known.get(signer_id)
        root = None if row is None else known.get(row.slot.issuer or "")
        return None if root is None else root.certificate

    def key(self, row: SignerRow) -> PrivateKey:
        """The private key of one; the roots' are not kept in memory."""
        found = self._loaded.get(row.id)
        if found is None:
            assert self._keys is not None  # noqa: S101 - who only looks signs nothing
            found = self._keys.get(row.id)
            if row.kind != "root":
                self._loaded[row.id] = found
        return found

    def try_keys(self) -> None:
        """See that what signs, or will, can: found out now, not by the first workload.

        Raises:
            ConfigError: A key is not there, or not to be read with this password.
        """
        for row in self._rows:
            if row.has_key and row.slot.retired_at is None:
                self.key(row)

    def signer(self, row: SignerRow) -> Signer:
        """One of them, with its key, as what signs leaves."""
        found = self._signers.get(row.id)
        if found is not None:
            return found
        assert row.certificate is not None  # noqa: S101 - what is prepared has one
        certificate = x509.load_der_x509_certificate(row.certificate)
        above = (row.certificate,) if row.kind == "intermediate" else ()
        key = self.key(row)
        made = Signer(certificate=certificate, key=key, intermediates=above)
        if row.kind != "root":
            self._signers[row.id] = made
        return made

    def jwt_signer(self, row: SignerRow) -> JwtSigner:
        """One of the JWT keys, as what signs tokens."""
        found = self._jwt_signers.get(row.id)
        if found is None:
            found = JwtSigner(self._settings.trust_domain, self.key(row))
            self._jwt_signers[row.id] = found
        return found

    def keep(self) -> list[str]:
        """Do what is due now; say what was done, in words.

        Raises:
            ConfigError: A key cannot be read or written.
        """
        done: list[str] = []
        for kind in KINDS:
            for _ in range(_STEPS_MAX):
                step = self._step(kind)
                words = None if step is None else self._do(kind, step)
                if words is None:
                    break
                done.append(words)
                _log.info(words)
        return done

    def _step(self, kind: Kind) -> Step | None:
        rows = [row for row in self._rows if row.kind == kind]
        roots = [row.slot for row in self._rows if row.kind == "root"]
        issuer, given_up, kept = None, frozenset[str](), frozenset[str]()
        if kind == "intermediate":
            issuer = next((slot.id for slot in roots if slot.is_active), "")
            given_up = frozenset(s.id for s in roots if s.retired_at is not None)
        elif kind == "root":
            users = (row.slot.issuer for row in self._rows)
            kept = frozenset(issuer for issuer in users if issuer is not None)
        return next_step(
            [row.slot for row in rows],
            self._settings.plan(kind),
            self._now().timestamp(),
            wanted_at=self._wishes[kind],
            issuer=issuer,
            kept=kept,
            given_up=given_up,
        )

    def _do(self, kind: Kind, step: Step) -> str | None:
        """Do a step; None when nothing of ours can be done."""
        match step:
            case Prepare():
                return self._prepare(kind)
            case Activate(signer_id):
                return self._activate(kind, signer_id)
            case Remove(signer_id):
                return self._remove(kind, signer_id)

    def _row(self, signer_id: str) -> SignerRow:
        return next(row for row in self._rows if row.id == signer_id)

    def _prepare(self, kind: Kind) -> str | None:
        assert self._keys is not None  # noqa: S101 - only who signs keeps the plan
        if kind == "root" and self._settings.offline_root:
            return None  # somebody imports it
        if kind == "intermediate" and not self._settings.offline_root:
            root: SignerRow | None = self.active("root")
        else:
            root = None
        made = _JWT_KEY if kind == "jwt" else self._settings.key_type
        key = PrivateKey.generate(made)
        now = self._now()
        certificate, ends = self._certify(kind, key, root)
        row = SignerRow(
            slot=Slot(
                id=self._keys.put(key),
                issuer=None if root is None else root.id,
                prepared_at=now.timestamp(),
                not_after=ends,
            ),
            kind=kind,
            certificate=certificate,
            public_key=key.public_der,
            has_key=True,
        )
        with self._database.transaction() as run:
            insert_signer(run, row)
            self._tell(run, "prepared", row)
            if row.published:
                bump_sequence(run, now)
        if kind != "root":
            self._loaded[row.id] = key
        self.reload()
        awaited = kind == "intermediate" and certificate is None
        return f"{kind} {row.id} prepared" + (", to be signed" if awaited else "")

    def _certify(
        self, kind: Kind, key: PrivateKey, root: SignerRow | None
    ) -> tuple[bytes | None, float]:
        """The certificate of a new key, and when it ends."""
        now, plan = self._now(), self._settings.plan(kind)
        ttl = timedelta(seconds=plan.lifetime)
        if kind == "jwt":
            return None, now.timestamp() + plan.lifetime
        if kind == "intermediate" and root is None:
            return None, float("inf")
        issuer = None if root is None else self.signer(root)
        valid = window(now, ttl, issuer)
        builder = signing_builder(
            self._settings.trust_domain,
            key,
            valid,
            path_length=1 if kind == "root" else 0,
            issuer=issuer,
        )
        certificate = sign(builder, key if issuer is None else issuer.key)
        return certificate.public_bytes(Encoding.DER), valid[1].timestamp()

    def _activate(self, kind: Kind, signer_id: str) -> str | None:
        row, now = self._row(signer_id), self._now()
        if kind == "intermediate":
            try:
                self._try(row)
            except HandfastError as error:
                # The one before goes on, if there is one; said once.
                if row.id not in self._unusable:
                    _log.error("intermediate %s cannot be used: %s", row.id, error)
                self._unusable.add(row.id)
                return None
        with self._database.transaction() as run:
            run(
                "UPDATE signers SET retired_at = ? WHERE kind = ? AND id != ?"
                " AND active_from IS NOT NULL AND retired_at IS NULL",
                (now.timestamp(), kind, signer_id),
            )
            run(
                "UPDATE signers SET active_from = ? WHERE id = ?",
                (now.timestamp(), signer_id),
            )
            self._tell(run, "activated", row)
        self.reload()
        return f"{kind} {signer_id} signs from now on"

    def _try(self, row: SignerRow) -> None:
        """Sign an SVID that nobody gets, and judge it as its users will."""
        # The verifier is native; who only looks at the state needs none.
        from handfast.verify import Verifier  # noqa: PLC0415

        issuer, key = self.signer(row), PrivateKey.generate("p256")
        trial = SpiffeId(self._settings.trust_domain, "/handfast/trial")
        valid = window(self._now(), timedelta(seconds=60), issuer)
        leaf = sign(leaf_builder(trial, key, valid, issuer=issuer), issuer.key)
        chain = [leaf.public_bytes(Encoding.DER), *issuer.intermediates]
        Verifier(self.bundle, at=self._now(), cache=None).verify(chain)

    def _remove(self, kind: Kind, signer_id: str) -> str:
        row = self._row(signer_id)
        with self._database.transaction() as run:
            run("DELETE FROM signers WHERE id = ?", (signer_id,))
            self._tell(run, "removed", row)
            if row.published:
                bump_sequence(run, self._now())
        self.reload()
        self.forget_files()
        return f"{kind} {signer_id} removed"

    def _tell(self, run: Run, event: str, row: SignerRow) -> None:
        details = {"signer": row.id, "issuer": row.slot.issuer}
        audit(
            run,
            AuditRow(at=self._now(), event=f"{row.kind}_{event}", details=details),
        )
