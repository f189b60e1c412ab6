# SPDX-License-Identifier: Apache-2.0
"""An identity that others write to disk: cert-manager, Istio, spiffe-helper, ourselves.

Theory of operation. A *look* reads all files of one moment (`files_read`), and takes
them only as a whole. Between looks the last good set serves, until its SVID ends.

Invariants:
    1. `_current` is only ever replaced by a set that was checked as a whole; it is one
       assignment, so that any thread sees the old or the new one (P5).
    2. The generation grows exactly when the content changed.
    3. A set that is written file by file is taken when nothing of it has changed for
       `settle` seconds: a file that is still written looks like one that is complete.
    4. A failed look changes the health, and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from handfast._clock import utc_now
from handfast.errors import HandfastError, Reason, SourceError, detail_for
from handfast.ids import TrustDomain
from handfast.sources import files_folder, files_layout, files_parse, files_read
from handfast.sources.ageing import FILES, Ageing, Origin, Standing
from handfast.sources.base import SourceSnapshot
from handfast.sources.files_books import Books, FileSourceStatistics
from handfast.sources.health import SourceHealth
from handfast.text import escape

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from handfast.sources.files_folder import Stamp
    from handfast.sources.files_read import FileSet, Permissions
    from handfast.sources.files_watch import Watch
    from handfast.svid import X509Svid

__all__ = ["FileSource"]

_LOGGER = logging.getLogger("handfast.sources")

# Looks at a set that does not fit, one soon after the other, before giving it time.
_LOOKS: Final = 20
_CALM: Final = "they are in order, and nobody writes new ones"
_HINT: Final = "look at who writes these files: they were not renewed"
# What a set looks like of which a part is new, or is cut off.
_PASSING: Final = (
    Reason.SOURCE_INCONSISTENT,
    Reason.KEY_MISMATCH,
    Reason.PEM_INVALID,
    Reason.DER_TRUNCATED,
    Reason.KEY_INVALID,
    Reason.BUNDLE_INVALID,
)


class FileSource:
    """An identity in files, kept fresh.

    The files are found by their names: those of ``handfast fetch`` and spiffe-helper
    (``svid.pem``, ``svid_key.pem``, ``svid_bundle.pem``), of cert-manager and
    csi-driver-spiffe (``tls.crt``, ``tls.key``, ``ca.crt``), and of Istio
    (``cert-chain.pem``, ``key.pem``, ``root-cert.pem``); others are named by hand.
    Below the directory, ``bundles/<trust domain>.pem`` (or ``.json``, ``.der``,
    ``.crt``) are bundles of other trust domains, and ``crls/<trust domain>.pem`` are
    revocation lists, for `SourceSnapshot.crls`. Chains and keys are PEM or DER,
    bundles PEM, DER or SPIFFE bundle documents, whatever their names end with.

    With trio, ``async with`` watches the files for as long as it lasts. Without,
    `refresh` looks once.

    Args:
        directory: Where the files are.
        chain: Our certificates' file, when it has none of the names above.
        key: The private key's; may be the same file.
        bundle: Our own trust domain's authorities'.
        bundles: Those of other trust domains, by trust domain.
        permissions: What to do when everybody may read the key, or replace a file:
            refuse, or warn. In volumes of Kubernetes a key that everybody may read is
            let pass: who can see it is decided there by what mounts it.
        poll_interval: Seconds between two looks, whether or not the system told of a
            change.
        settle: Seconds without a change after which a set that is written file by file
            counts as written.
        now: The clock, for tests: gives aware times.
        sleep: How `refresh` waits, for tests.

    Raises:
        InvalidId: a name in `bundles` is not that of a trust domain.

    Example:
        >>> import tempfile
        >>> from handfast.authority import Authority
        >>> authority = Authority("prod.example.com")
        >>> svid = authority.issue("spiffe://prod.example.com/web")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "tls.crt").write_bytes(svid.to_pem_chain())
        ...     Path(folder, "tls.key").touch(mode=0o600)
        ...     _ = Path(folder, "tls.key").write_bytes(svid.to_pem_key())
        ...     _ = Path(folder, "ca.crt").write_bytes(authority.bundle.to_pem())
        ...     FileSource(folder).refresh().svid.spiffe_id
        SpiffeId('spiffe://prod.example.com/web')
    """

    def __init__(  # noqa: PLR0913 - keywords, each one a question
        self,
        directory: str | os.PathLike[str],
        *,
        chain: str | None = None,
        key: str | None = None,
        bundle: str | None = None,
        bundles: Mapping[TrustDomain | str, str] | None = None,
        permissions: Permissions = "refuse",
        poll_interval: float = 5.0,
        settle: float = 0.2,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._directory = Path(directory)
        self._names = (chain, key, bundle)
        self._given = {
            TrustDomain.parse(it) if isinstance(it, str) else it: name
            for it, name in (bundles or {}).items()
        }
        self._permissions: Permissions = permissions
        self.poll_interval = poll_interval
        self.settle = settle
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        # What is given out, and its time.
        self._current: tuple[SourceSnapshot, Standing] | None = None
        self._digest = b""
        self._content: object = None
        self._seen: tuple[bytes | Stamp, ...] = ()
        self._books = Books(now)
        where = escape(str(self._directory))
        self._ageing = Ageing(
            Origin(f"the files in {where}", _CALM, _HINT),
            now,
            lambda: None if self._current is None else self._current[1],
            lambda: self.trouble,
            shares=FILES,
        )
        self._watch: Watch | None = None

    @property
    def directory(self) -> Path:
        """Where the files are."""
        return self._directory

    def snapshot(self) -> SourceSnapshot:
        """Return the last good set, at once.

        Raises:
            SourceError: there is none yet (``source_not_ready``), or its chain has
                ended (``source_expired``); the last failure is its cause.
        """
        current = self._current
        failure = self._books.failure
        if current is None:
            where = escape(str(self._directory))
            seen = f"nothing in {where}" if failure is None else f"{failure}"
            detail = detail_for(Reason.SOURCE_NOT_READY, seen=seen)
            raise SourceError(detail) from failure
        snapshot, standing = current
        if self._now() >= standing.ends:
            raise self._ageing.origin.ended(standing, failure) from failure
        return snapshot

    def refresh(self) -> SourceSnapshot:
        """Look at the files now, and wait as long as they are being written.

        Blocks for at most a few seconds: for scripts and threads, never for a task.

        Returns:
            The newest snapshot.

        Raises:
            SourceError: the files cannot be used. What was good before still serves.
        """
        for _ in range(_LOOKS):
            pause = self.look()
            if pause is None:
                break
            self._sleep(pause)
        failure = self._books.failure
        if failure is None:
            return self.snapshot()
        if isinstance(failure, SourceError):
            raise failure
        detail = detail_for(
            Reason.SOURCE_UNAVAILABLE,
            expected=f"an identity in {escape(str(self._directory))}",
            seen=f"{failure}",
            hint=failure.hint if isinstance(failure, HandfastError) else None,
        )
        raise SourceError(detail) from failure

    def look(self) -> float | None:
        """Look once, without waiting; never raises for what is in the files.

        Returns:
            None, or the seconds after which to look again: the set is being written.
        """
        with self._lock:
            try:
                found = self._read()
                if found.digest == self._digest:
                    self._books.same()
                elif self._settled(found):
                    self._take(found)
                else:
                    return self.settle
            except (HandfastError, OSError) as error:
                passing = self._passing(error)
                self._books.failed(error, self._directory, passing=passing)
                return self.settle if passing else None
            finally:
                self._ageing.look()
        return None

    def _settled(self, found: FileSet) -> bool:
        """Whether nothing of a set is still being written, as far as one can know.

        Seen twice the same, and every caller of `look` waits in between; the first
        time will do for files that are old, or that came all at once.
        """
        seen: tuple[bytes | Stamp, ...]
        seen = (found.digest, *(file.stamp for file in found.files))
        before, self._seen = self._seen, seen
        age = time.time_ns() - found.modified_ns
        return found.complete or seen == before or age >= self.settle * 1e9

    def _passing(self, error: Exception) -> bool:
        """Whether a failure may be gone in a moment, and is not there for long."""
        moved = isinstance(error, FileNotFoundError) and self._current is not None
        unfit = getattr(error, "reason", None) in _PASSING
        return (moved or unfit) and self._books.in_a_row < _LOOKS

    def _list(self) -> files_layout.FileNames:
        chain, key, bundle = files_layout.choose(self._directory, *self._names)
        federated = files_layout.bundle_names(self._directory, self._given)
        return files_layout.FileNames(
            chain=chain,
            key=key,
            bundle=bundle,
            federated=federated,
            crls=files_layout.crl_names(self._directory),
        )

    def _read(self) -> FileSet:
        names = self._list()
        found = files_read.read(names, self._permissions)
        if self._list() != names:
            raise files_folder.inconsistent("the same files throughout", "others")
        return found

    def _take(self, found: FileSet) -> None:
        svid, bundles, ends = files_parse.parse(found, self._now())
        crls = files_parse.parse_crls(found, svid, bundles)
        old = 0 if self._current is None else self._current[0].generation
        self._digest = found.digest
        content = (
            svid,
            bundles,
            [(it, crls.get(it)) for it in sorted(crls.trust_domains)],
        )
        before, self._content = self._content, content
        if old and before == content:
            self._books.same()
            return
        snapshot = SourceSnapshot(
            svid=svid,
            bundles=bundles,
            generation=old + 1,
            crls=crls,
        )
        self._current = snapshot, self._standing(svid, ends, found)
        self._books.updated(found.warnings, self._directory)
        _LOGGER.info(
            "%s: %s until %s",
            self._directory,
            svid.spiffe_id,
            svid.not_after,
            extra={"spiffe_id": str(svid.spiffe_id)},
        )

    def _standing(self, svid: X509Svid, ends: datetime, found: FileSet) -> Standing:
        """Say since when it was there to be had, however late we began to look."""
        old = None if self._current is None else self._current[1]
        if old is not None and old.svid.chain == svid.chain:
            return Standing(svid, old.begins, ends)
        written = found.files[0].modified_ns / 1e9
        # A file's time is whatever its writer, or the system's clock, made of it.
        came = max(svid.not_before.timestamp(), min(written, self._now().timestamp()))
        return Standing(svid, datetime.fromtimestamp(came, UTC), ends)

    @property
    def trouble(self) -> HandfastError | OSError | None:
        """What the last look failed with; None when all is well."""
        return self._books.failure

    @property
    def health(self) -> SourceHealth:
        """How it is doing."""
        current, books = self._current, self._books
        usable = current is not None and self._now() < current[1].ends
        return SourceHealth(
            state=self._ageing.state(usable=usable, waiting=current is None),
            generation=0 if current is None else current[0].generation,
            updated_at=books.confirmed_at,
            expires_at=None if current is None else current[1].ends,
            failure=books.failure,
            failed_at=books.failed_at,
        )

    def statistics(self) -> FileSourceStatistics:
        """Say what happened so far, how old what we have is and when it ends."""
        health, books = self.health, self._books
        age = health.age(self._now())
        return FileSourceStatistics(
            generation=health.generation,
            age=None if age is None else age.total_seconds(),
            expires_in=self._ageing.expires_in(),
            urgency=self._ageing.urgency(),
            failures=MappingProxyType(dict(books.failures)),
            trouble=None if health.failure is None else str(health.failure),
            looks=books.looks,
            updates=books.updates,
            unchanged=books.unchanged,
            inconsistent=books.inconsistent,
            warnings=books.warnings,
        )

    async def wait_ready(self, timeout: float | None = None) -> SourceSnapshot:  # noqa: ASYNC109 - with the reason, not trio's
        """Wait for the first snapshot; needs ``async with``.

        Cancellation leaves everything as it was.

        Args:
            timeout: Seconds to wait at most; for ever without.

        Raises:
            SourceError: it did not come in time; the last failure is its cause.
            UsageError: nobody watches the files: this is not inside of ``async with``.
        """
        from handfast.sources import files_watch  # noqa: PLC0415 - only here is trio

        return await files_watch.wait_ready(self, self._watch, timeout)

    async def wait_newer(self, generation: int) -> SourceSnapshot:
        """Wait for a snapshot after this generation; needs ``async with``.

        Cancellation leaves everything as it was.

        Raises:
            UsageError: nobody watches the files: this is not inside of ``async with``.
        """
        from handfast.sources import files_watch  # noqa: PLC0415 - only here is trio

        return await files_watch.need(self._watch).wait_newer(generation)

    async def __aenter__(self) -> Self:
        """Look at the files, and watch them from here on.

        It does not fail when they are not there yet: ask `wait_ready`, or `health`.
        """
        from handfast.sources import files_watch  # noqa: PLC0415 - only here is trio

        self._watch = await files_watch.begin(self, self._watch)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop watching. The last snapshot stays, as it was."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.end()

    def __repr__(self) -> str:
        return f"<FileSource {self._directory}: {self.health.state}>"
