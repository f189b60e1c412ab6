# SPDX-License-Identifier: Apache-2.0
"""TLS configurations: what to show, whom to trust, whom to let in.

How credentials rotate (P5). A :class:`TlsConfig` is a recipe and keeps the engine's
configuration that it built last, as one tuple with the generation of the snapshot it
was built from. A new connection asks the source for its generation; when it has moved
on, one thread builds a new configuration and puts it in the tuple's place. Connections
hold a reference on theirs in the engine, so the old one goes with its last connection.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TextIO

from handfast import _ffi, _settings, chain_cache, session_store
from handfast.errors import InternalError, Reason, SourceError, detail_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handfast.authorize import Authorizer
    from handfast.chain_cache import ChainCache
    from handfast.ids import SpiffeId
    from handfast.session_store import SessionStore
    from handfast.sources.base import Source, SourceSnapshot
    from handfast.tickets import TicketKeys

__all__ = ["TlsConfig"]

KeyLog = Callable[[str], object]

_CLIENT, _SERVER = 1, 2
_WEB_DEPTH = 7


class Built(NamedTuple):
    """What the engine runs on, and the generation of the snapshot it came from."""

    generation: int
    config: _ffi.NativeConfig
    verifier: _ffi.NativeVerifier
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

    @classmethod
    def check(  # noqa: PLR0913 - the settings, all by keyword
        cls,
        role: int,
        authorize: Authorizer | None,
        *,
        alpn: Sequence[str | bytes],
        min_version: str,
        groups: str | None,
        ciphersuites: str | None,
        rules: str,
        key_log: object,
        cache: ChainCache | Literal["shared"] | None,
        sessions: SessionStore | TicketKeys | Literal["own"] | None,
    ) -> Self:
        """Check the settings; `authorize` None makes a one-way client."""
        policy = None
        if authorize is not None:
            policy = _ffi.NativePolicy(authorize.program())
        return cls(
            role=role,
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
        )

    def build_mutual(
        self, snapshot: SourceSnapshot, policy: _ffi.NativePolicy
    ) -> Built:
        """Make the engine's configuration from an identity and bundles."""
        svid = _ffi.NativeSvid(snapshot.svid.chain, snapshot.svid.key.view())
        verifier = _ffi.NativeVerifier.spiffe(
            _settings.native_bundles(snapshot.bundles), policy, self.rules, self.cache
        )
        return Built(
            snapshot.generation,
            self._config(svid, verifier),
            verifier,
            snapshot.svid.spiffe_id,
            snapshot.svid.not_after,
            svid,
            self.key_log,
        )

    def build_web(self, verifier: _ffi.NativeVerifier) -> Built:
        """Make the engine's configuration for one-way TLS."""
        return Built(0, self._config(None, verifier), verifier, logs_keys=self.key_log)

    def copies(self, built: Built, count: int) -> list[_ffi.NativeConfig]:
        """Make configurations that are equal, for threads that are to share nothing."""
        return [self._config(built.svid, built.verifier) for _ in range(count)]

    def _config(
        self, svid: _ffi.NativeSvid | None, verifier: _ffi.NativeVerifier
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
        )


class TlsConfig:
    """How connections are made. Make one with `server`, `client` or `web_client`.

    It may be shared by any number of connections and threads, and follows its source:
    each new connection uses the newest identity and bundles.
    """

    __slots__ = ("_built", "_key_log", "_lock", "_recipe", "_source")

    def __init__(
        self,
        recipe: Recipe,
        source: Source | _ffi.NativeVerifier,
        key_log: KeyLog | TextIO | None,
    ) -> None:
        self._recipe = recipe
        self._key_log = _writer(key_log)
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._built: Built | None = None
        if isinstance(source, _ffi.NativeVerifier):
            self._built = recipe.build_web(source)
            return
        self._source = source
        # A wrong setting is told here, where it was written. A source that is not ready
        # yet is asked again by the first connection.
        with contextlib.suppress(SourceError):
            self.current()

    @classmethod
    def server(  # noqa: PLR0913 - all by keyword
        cls,
        source: Source,
        *,
        authorize: Authorizer,
        alpn: Sequence[str | bytes] = (),
        min_version: Literal["1.2", "1.3"] = "1.3",
        groups: str | None = None,
        ciphersuites: str | None = None,
        rules: Literal["strict", "compatible"] = "strict",
        key_log: Callable[[str], object] | TextIO | None = None,
        cache: ChainCache | Literal["shared"] | None = "shared",
        sessions: SessionStore | TicketKeys | Literal["own"] | None = "own",
    ) -> Self:
        """Mutual TLS, the accepting side.

        Args:
            source: Our identity and the bundles to trust.
            authorize: Who may come in; there is no default.
            alpn: Application protocols, in order of preference. A peer that offers
                others and none of these is refused.
            min_version: `"1.2"` also lets TLS 1.2 in (ECDHE, AEAD, extended master
                secret).
            groups: Key exchange groups in OpenSSL's syntax; None takes the default.
            ciphersuites: TLS 1.3 suites in OpenSSL's syntax; None takes the default.
            rules: How strictly SVIDs are judged; see `Verifier`.
            key_log: Takes NSS key log lines: a function of a text, or a text file. They
                **decrypt the connection**; nothing but this argument switches them on.
            cache: Where peers' chains that were found good are remembered; see
                `Verifier`. It lasts over rotations: what is remembered is bound to the
                content of the bundle.
            sessions: Where sessions wait that peers may resume, with everything checked
                again (P4). Each configuration has its own unless it is given one; None
                resumes nothing. It lasts over rotations, too. With `TicketKeys` they
                wait with the peers instead, for every server that has the keys.

        Raises:
            ConfigError: a setting is not valid.
            InvalidCertificate: our own SVID cannot be used.
            InvalidBundle: an authority cannot be used.
        """
        recipe = Recipe.check(
            _SERVER,
            _settings.need_authorizer(authorize),
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules=rules,
            key_log=key_log,
            cache=cache,
            sessions=sessions,
        )
        return cls(recipe, _need_source(source), key_log)

    @classmethod
    def client(  # noqa: PLR0913 - all by keyword
        cls,
        source: Source,
        *,
        authorize: Authorizer,
        alpn: Sequence[str | bytes] = (),
        min_version: Literal["1.2", "1.3"] = "1.3",
        groups: str | None = None,
        ciphersuites: str | None = None,
        rules: Literal["strict", "compatible"] = "strict",
        key_log: Callable[[str], object] | TextIO | None = None,
        cache: ChainCache | Literal["shared"] | None = "shared",
        sessions: SessionStore | Literal["own"] | None = "own",
    ) -> Self:
        """Mutual TLS, the connecting side; the arguments are those of `server`.

        `authorize` says which server this is allowed to be: usually
        `authorize.exactly(...)`. A host name plays no part in it. Sessions are kept
        and offered where a connection says what its destination is: its `session_key=`,
        or the host and port of `open_mtls_stream`.
        """
        recipe = Recipe.check(
            _CLIENT,
            _settings.need_authorizer(authorize),
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules=rules,
            key_log=key_log,
            cache=cache,
            sessions=sessions,
        )
        return cls(recipe, _need_source(source), key_log)

    @classmethod
    def web_client(  # noqa: PLR0913 - all by keyword
        cls,
        *,
        roots: Sequence[bytes] | bytes | str | None = None,
        alpn: Sequence[str | bytes] = (),
        min_version: Literal["1.2", "1.3"] = "1.3",
        groups: str | None = None,
        ciphersuites: str | None = None,
        key_log: Callable[[str], object] | TextIO | None = None,
        crls: Sequence[bytes] | bytes | str | None = None,
        crl_policy: Literal["required", "if_available"] = "required",
    ) -> Self:
        """One-way TLS to the public web: the server is verified by its host name.

        Args:
            roots: Whom to trust, DER certificates or one PEM text; None takes the
                system's. SPIFFE bundles are never among them.
            alpn: As for `server`.
            min_version: As for `server`.
            groups: As for `server`.
            ciphersuites: As for `server`.
            key_log: As for `server`.
            crls: Certificate revocation lists, DER or one PEM text, as for
                `ChainVerifier`; None asks none. To take new ones, make a new
                configuration.
            crl_policy: As for `ChainVerifier`.

        Raises:
            ConfigError: a setting is not valid, or this system has no roots.
            InvalidCrl: a list cannot be used.
        """
        recipe = Recipe.check(
            _CLIENT,
            None,
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules="strict",
            key_log=key_log,
            cache=None,
            sessions=None,
        )
        return cls(
            recipe,
            _settings.web_verifier(roots, _WEB_DEPTH, crls, crl_policy),
            key_log,
        )

    @property
    def role(self) -> Literal["client", "server"]:
        """Which side of a connection this is for."""
        return "server" if self._recipe.role == _SERVER else "client"

    @property
    def is_mutual(self) -> bool:
        """Whether both sides show an SVID; False for `web_client`."""
        return self._source is not None

    @property
    def key_log(self) -> KeyLog | None:
        """Where key log lines go; None unless it was asked for."""
        return self._key_log

    def facts(self) -> dict[str, int]:
        """Say what the engine's context is really set to, for tests and audits."""
        return self.current().config.facts()

    def copies(self, built: Built, count: int) -> list[_ffi.NativeConfig]:
        """Make the engine's configuration of `current()` several times over."""
        return self._recipe.copies(built, count)

    def current(self) -> Built:
        """Return the engine's configuration for the newest snapshot.

        Built once for a generation; until the new one is whole, other threads that
        already hold the old one go on with it.

        Raises:
            SourceError: the source has nothing that may be used.
        """
        built, policy = self._built, self._recipe.policy
        if self._source is None or policy is None:
            if built is None:
                raise InternalError(detail_for(Reason.INTERNAL))
            return built
        snapshot = self._source.snapshot()
        if built is not None and built.generation == snapshot.generation:
            return built
        with self._lock:
            built = self._built
            if built is None or built.generation < snapshot.generation:
                built = self._built = self._recipe.build_mutual(snapshot, policy)
            return built


def _need_source(source: Source) -> Source:
    if not callable(getattr(source, "snapshot", None)):
        _settings.refuse("a source, such as StaticSource(svid, bundles)", repr(source))
    return source


def _writer(key_log: KeyLog | TextIO | None) -> KeyLog | None:
    if key_log is None or callable(key_log):
        return key_log
    write = getattr(key_log, "write", None)
    if write is None:
        _settings.refuse("key_log= to be a function or a text file", repr(key_log))
    return write  # type: ignore[no-any-return]
