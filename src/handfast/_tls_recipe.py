# SPDX-License-Identifier: Apache-2.0
"""What a TLS configuration is made of: checked settings, and what is built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from handfast import _ffi, _settings, chain_cache, session_store
from handfast.errors import InternalError, Reason, detail_for
from handfast.web_certificate import CertificateSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handfast.authorize import Authorizer
    from handfast.bundle import TrustBundleSet
    from handfast.chain_cache import ChainCache
    from handfast.ids import SpiffeId
    from handfast.session_store import SessionStore
    from handfast.sources.base import SourceSnapshot
    from handfast.tickets import TicketKeys

__all__ = ["CLIENT", "SERVER", "Built", "Kind", "Recipe"]

#: The engine's numbers.
CLIENT: Final = 1
SERVER: Final = 2

#: Who shows an identity to whom, and by what it is verified.
Kind = Literal[
    "mutual server",
    "mutual client",
    "web client",  # the server by its name
    "one-way client",  # the server by its SPIFFE ID
    "one-way server",  # nobody is verified
]

_SERVERS: Final = {"mutual server", "one-way server"}
_MUTUAL: Final = {"mutual server", "mutual client"}
_ONE_WAY: Final = {"one-way server", "one-way client"}


class Built(NamedTuple):
    """What the engine runs on, and the generation of the snapshot it came from."""

    generation: int
    config: _ffi.NativeConfig
    # None: a one-way server, to whom peers are nobody.
    verifier: _ffi.NativeVerifier | None
    # Who we are in it, and until when: what connections made with it rest on.
    identity: SpiffeId | None = None
    not_after: datetime | None = None
    # What it shows, for more of the same; None without an identity.
    svid: _ffi.NativeSvid | None = None
    logs_keys: bool = False


class Recipe(NamedTuple):
    """All settings, checked: enough to build for any snapshot."""

    role: int
    min_version: int
    policy: _ffi.NativePolicy | None
    rules: int
    groups: str | None
    ciphersuites: str | None
    alpn: bytes
    key_log: bool
    cache: _ffi.NativeChainCache | None
    sessions: session_store.Kept
    kind: Kind
    # Revocation lists are asked; 0: not.
    crl_policy: int = 0

    @classmethod
    def check(  # noqa: PLR0913 - the settings, all by keyword
        cls,
        kind: Kind,
        authorize: Authorizer | None,
        *,
        alpn: Sequence[str | bytes],
        min_version: str,
        groups: str | None,
        ciphersuites: str | None,
        rules: str = "strict",
        key_log: object,
        cache: ChainCache | Literal["shared"] | None = None,
        sessions: SessionStore | TicketKeys | Literal["own"] | None = None,
        crl_policy: str | None = None,
    ) -> Self:
        """Check the settings; `authorize` None where nobody is authorized by an ID."""
        policy = None
        if authorize is not None:
            policy = _ffi.NativePolicy(authorize.program())
        return cls(
            role=SERVER if kind in _SERVERS else CLIENT,
            min_version=_settings.one_of(
                "min_version=", min_version, _settings.VERSIONS
            ),
            policy=policy,
            rules=_settings.one_of("rules=", rules, _settings.RULES),
            groups=_settings.need_list("groups=", groups),
            ciphersuites=_settings.need_list("ciphersuites=", ciphersuites),
            alpn=_settings.as_alpn(alpn),
            key_log=key_log is not None,
            cache=chain_cache.as_native(cache),
            sessions=session_store.as_native(sessions),
            kind=kind,
            crl_policy=0
            if crl_policy is None
            else _settings.one_of("crl_policy=", crl_policy, _settings.CRL_POLICIES),
        )

    @property
    def is_mutual(self) -> bool:
        """Whether both sides show an SVID."""
        return self.kind in _MUTUAL

    def build(self, snapshot: SourceSnapshot | CertificateSnapshot) -> Built:
        """Make the engine's configuration from what a source has."""
        if isinstance(snapshot, CertificateSnapshot):
            return self._build_web_server(snapshot)
        svid = _ffi.NativeSvid(snapshot.svid.chain, snapshot.svid.key.view())
        verifier = None
        if self.is_mutual:
            # Where none are asked, none are read: they may be megabytes.
            crls = snapshot.crls if self.crl_policy else None
            lists = None if crls is None else _settings.usable_lists(crls)
            verifier = self._spiffe_verifier(snapshot.bundles, lists)
        return Built(
            snapshot.generation,
            self._config(svid, verifier),
            verifier,
            snapshot.svid.spiffe_id,
            snapshot.svid.not_after,
            svid,
            self.key_log,
        )

    def _spiffe_verifier(
        self, bundles: TrustBundleSet, lists: _settings.ReadLists | None
    ) -> _ffi.NativeVerifier:
        if self.policy is None:
            raise InternalError(detail_for(Reason.INTERNAL))
        return _settings.spiffe_verifier(
            bundles, self.policy, self.rules, self.cache, lists, self.crl_policy
        )

    def _build_web_server(self, snapshot: CertificateSnapshot) -> Built:
        mine = snapshot.certificate
        svid = _ffi.NativeSvid(mine.chain, mine.key.view(), web=True)
        return Built(
            snapshot.generation,
            self._config(svid, None),
            None,
            None,
            mine.not_after,
            svid,
            self.key_log,
        )

    def build_stranger(
        self, bundles: TrustBundleSet, lists: _settings.ReadLists | None
    ) -> Built:
        """Make the engine's configuration for a client that has no SVID."""
        return self.build_client(self._spiffe_verifier(bundles, lists))

    def build_client(self, verifier: _ffi.NativeVerifier) -> Built:
        """Make the engine's configuration for a client without a certificate."""
        return Built(0, self._config(None, verifier), verifier, logs_keys=self.key_log)

    def copies(self, built: Built, count: int) -> list[_ffi.NativeConfig]:
        """Make configurations that are equal, for threads that are to share nothing."""
        return [self._config(built.svid, built.verifier) for _ in range(count)]

    def _config(
        self, svid: _ffi.NativeSvid | None, verifier: _ffi.NativeVerifier | None
    ) -> _ffi.NativeConfig:
        return _ffi.NativeConfig(
            role=self.role,
            min_version=self.min_version,
            svid=svid,
            verifier=verifier,
            groups=self.groups,
            ciphersuites=self.ciphersuites,
            alpn=self.alpn,
            key_log=self.key_log,
            sessions=self.sessions.store,
            tickets=self.sessions.tickets,
            one_way=self.kind in _ONE_WAY,
        )
