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
from typing import TYPE_CHECKING, Literal, Self, TextIO, cast

from handfast import _ffi, _settings
from handfast._tls_recipe import SERVER, Built, Recipe
from handfast.errors import InternalError, Reason, SourceError, detail_for
from handfast.web_certificate import CertificateSource, WebCertificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handfast.authorize import Authorizer
    from handfast.bundle import TrustBundle, TrustBundleSet
    from handfast.chain_cache import ChainCache
    from handfast.crls import RevocationLists
    from handfast.session_store import SessionStore
    from handfast.sources.base import Source
    from handfast.tickets import TicketKeys

__all__ = ["TlsConfig"]

KeyLog = Callable[[str], object]

_WEB_DEPTH = 7


class TlsConfig:
    """How connections are made. Make one with `server`, `client` or `web_client`.

    It may be shared by any number of connections and threads, and follows its source:
    each new connection uses the newest identity and bundles.
    """

    __slots__ = ("_built", "_key_log", "_lock", "_recipe", "_source")

    def __init__(
        self,
        recipe: Recipe,
        source: Source | CertificateSource | Built,
        key_log: KeyLog | TextIO | None,
    ) -> None:
        self._recipe = recipe
        self._key_log = _writer(key_log)
        self._lock = threading.Lock()
        self._source: Source | CertificateSource | None = None
        self._built: Built | None = None
        if isinstance(source, Built):
            self._built = source
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
        crl_policy: Literal["required", "if_available"] | None = None,
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
            crl_policy: Ask the revocation lists that the source has about peers, those
                of the peer's own trust domain; see `Verifier`. None asks none. With
                `"required"` and a source without lists nobody comes in.

        Raises:
            ConfigError: a setting is not valid.
            InvalidCertificate: our own SVID cannot be used.
            InvalidBundle: an authority cannot be used.
        """
        recipe = Recipe.check(
            "mutual server",
            _settings.need_authorizer(authorize),
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules=rules,
            key_log=key_log,
            cache=cache,
            sessions=sessions,
            crl_policy=crl_policy,
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
        crl_policy: Literal["required", "if_available"] | None = None,
    ) -> Self:
        """Mutual TLS, the connecting side; the arguments are those of `server`.

        `authorize` says which server this is allowed to be: usually
        `authorize.exactly(...)`. A host name plays no part in it. Sessions are kept
        and offered where a connection says what its destination is: its `session_key=`,
        or the host and port of `open_mtls_stream`.
        """
        recipe = Recipe.check(
            "mutual client",
            _settings.need_authorizer(authorize),
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules=rules,
            key_log=key_log,
            cache=cache,
            sessions=sessions,
            crl_policy=crl_policy,
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
            "web client",
            None,
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            key_log=key_log,
        )
        verifier = _settings.web_verifier(roots, _WEB_DEPTH, crls, crl_policy)
        return cls(recipe, recipe.build_client(verifier), key_log)

    @classmethod
    def one_way_client(  # noqa: PLR0913 - all by keyword
        cls,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle],
        *,
        authorize: Authorizer,
        alpn: Sequence[str | bytes] = (),
        min_version: Literal["1.2", "1.3"] = "1.3",
        groups: str | None = None,
        ciphersuites: str | None = None,
        rules: Literal["strict", "compatible"] = "strict",
        key_log: Callable[[str], object] | TextIO | None = None,
        cache: ChainCache | Literal["shared"] | None = "shared",
        crls: RevocationLists | None = None,
        crl_policy: Literal["required", "if_available"] = "required",
    ) -> Self:
        """One-way TLS to a SPIFFE server: it is verified by its ID, we show nothing.

        For those who have no SVID, as a client of an `https_spiffe` bundle endpoint
        (SPIFFE Federation, 5.2.2). A server that insists on a client certificate
        refuses us. To trust other bundles, make a new configuration.

        Args:
            bundles: Whom to trust, by trust domain.
            authorize: Which server this is allowed to be; usually `authorize.exactly`.
            alpn: As for `server`.
            min_version: As for `server`.
            groups: As for `server`.
            ciphersuites: As for `server`.
            rules: As for `server`.
            key_log: As for `server`.
            cache: As for `server`.
            crls: As for `Verifier`.
            crl_policy: As for `Verifier`.

        Raises:
            ConfigError: a setting is not valid.
            InvalidBundle: an authority cannot be used.
            InvalidCrl: a list cannot be used.
        """
        recipe = Recipe.check(
            "one-way client",
            _settings.need_authorizer(authorize),
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            rules=rules,
            key_log=key_log,
            cache=cache,
            crl_policy=crl_policy,
        )
        lists = None if crls is None else _settings.need_lists(crls)
        built = recipe.build_stranger(_settings.as_bundle_set(bundles), lists)
        return cls(recipe, built, key_log)

    @classmethod
    def one_way_server(  # noqa: PLR0913 - all by keyword
        cls,
        identity: Source | WebCertificate | Callable[[], WebCertificate],
        *,
        alpn: Sequence[str | bytes] = (),
        min_version: Literal["1.2", "1.3"] = "1.3",
        groups: str | None = None,
        ciphersuites: str | None = None,
        key_log: Callable[[str], object] | TextIO | None = None,
    ) -> Self:
        """One-way TLS, the accepting side: **no peer is authenticated**.

        For what everybody may read, as a bundle endpoint (SPIFFE Federation, 5.2: no
        client authentication). No certificate is asked for, `Connection.peer` raises,
        and `serve_mtls` and its listeners refuse such a configuration: put an
        `MtlsStream` around connections of your own, under a deadline of your own.

        Args:
            identity: What to show: an SVID from a source, whose bundles play no part;
                or a certificate of the public web, or a function that gives the newest
                one and is asked for each connection.
            alpn: As for `server`.
            min_version: As for `server`.
            groups: As for `server`.
            ciphersuites: As for `server`.
            key_log: As for `server`.

        Raises:
            ConfigError: a setting is not valid.
            InvalidCertificate: what is to be shown cannot be used.
        """
        recipe = Recipe.check(
            "one-way server",
            None,
            alpn=alpn,
            min_version=min_version,
            groups=groups,
            ciphersuites=ciphersuites,
            key_log=key_log,
        )
        if isinstance(identity, WebCertificate):
            return cls(recipe, CertificateSource(identity), key_log)
        if not hasattr(identity, "snapshot") and callable(identity):
            return cls(recipe, CertificateSource(identity), key_log)
        return cls(recipe, _need_source(cast("Source", identity)), key_log)

    @property
    def role(self) -> Literal["client", "server"]:
        """Which side of a connection this is for."""
        return "server" if self._recipe.role == SERVER else "client"

    @property
    def is_mutual(self) -> bool:
        """Whether both sides show an SVID."""
        return self._recipe.is_mutual

    @property
    def by_name(self) -> bool:
        """Whether the peer is verified by its host name: only for `web_client`."""
        return self._recipe.kind == "web client"

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
        built = self._built
        if self._source is None:
            if built is None:
                raise InternalError(detail_for(Reason.INTERNAL))
            return built
        snapshot = self._source.snapshot()
        if built is not None and built.generation == snapshot.generation:
            return built
        with self._lock:
            built = self._built
            if built is None or built.generation < snapshot.generation:
                built = self._built = self._recipe.build(snapshot)
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
