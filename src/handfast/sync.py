# SPDX-License-Identifier: Apache-2.0
"""The Workload API for scripts: ask once, get an answer, no event loop to be seen.

Each function connects, asks, and is done; a program that runs on wants a
:class:`~handfast.WorkloadApiSource`, which follows what changes.

Example:
    >>> from handfast import sync
    >>> snapshot = sync.fetch_x509()  # doctest: +SKIP
    >>> sync.write_files("/run/identity", snapshot)  # doctest: +SKIP
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import trio

from handfast.errors import Reason, UsageError, detail_for
from handfast.sources.file_sets import (
    FileSetWriter,
    PlannedFile,
    plan_bundles,
    plan_identity,
    plan_jwt,
)
from handfast.sources.workload_api import WorkloadApiSource

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Sequence

    from handfast.bundle import TrustBundleSet
    from handfast.ids import SpiffeId
    from handfast.jwt_bundle import JwtBundleSet
    from handfast.jwt_svid import JwtSvid
    from handfast.sources.base import SourceSnapshot
    from handfast.workload_api.endpoint import Endpoint

__all__ = [
    "fetch_jwt_bundles",
    "fetch_jwt_svid",
    "fetch_x509",
    "fetch_x509_bundles",
    "validate_jwt_svid",
    "write_files",
]

_T = TypeVar("_T")


def fetch_x509(
    endpoint: Endpoint | str | None = None,
    *,
    hint: str | None = None,
    timeout: float = 30.0,
) -> SourceSnapshot:
    """Fetch our identity and whom to trust.

    Args:
        endpoint: Where the agent is; None takes ``SPIFFE_ENDPOINT_SOCKET``.
        hint: Which of several identities; the first when left out.
        timeout: Seconds to wait for an agent that is not there yet, or has no identity
            for us yet.

    Raises:
        SourceError: there is none; the reason says why.
        ConfigError: the endpoint is not one.
        UsageError: an event loop runs in this thread: use `WorkloadApiSource` there.
    """
    source = WorkloadApiSource(endpoint, hint=hint)
    return _run(source, partial(source.wait_ready, timeout))


def fetch_x509_bundles(
    endpoint: Endpoint | str | None = None, *, timeout: float = 30.0
) -> TrustBundleSet:
    """Fetch whom to trust, without an identity; the rest is as for `fetch_x509`."""
    source = WorkloadApiSource(endpoint, x509="bundles")
    return _run(source, partial(source.wait_bundles, timeout))


def fetch_jwt_svid(
    audience: str | Sequence[str],
    spiffe_id: SpiffeId | str | None = None,
    *,
    endpoint: Endpoint | str | None = None,
    hint: str | None = None,
    timeout: float = 30.0,
) -> JwtSvid:
    """Fetch a token that shows us to somebody; asked for once.

    Args:
        audience: Whom it is to be shown to.
        spiffe_id: Which of our identities; the default one when left out.
        endpoint: As for `fetch_x509`.
        hint: As for `fetch_x509`.
        timeout: Seconds for the call.

    Raises:
        SourceError: the agent has none for us, or cannot be reached.
        ConfigError: there is no audience, or the endpoint is not one.
        UsageError: as for `fetch_x509`.
    """
    source = WorkloadApiSource(endpoint, x509=None, hint=hint, first_answer=timeout)
    return _run(source, partial(source.fetch_jwt_svid, audience, spiffe_id))


def fetch_jwt_bundles(
    endpoint: Endpoint | str | None = None, *, timeout: float = 30.0
) -> JwtBundleSet:
    """Fetch whose tokens to take; the rest is as for `fetch_x509`."""
    source = WorkloadApiSource(endpoint, x509=None, jwt_bundles=True)
    return _run(source, partial(source.wait_jwt_bundles, timeout))


def validate_jwt_svid(
    token: str,
    audience: str | Sequence[str],
    *,
    endpoint: Endpoint | str | None = None,
    timeout: float = 30.0,
) -> JwtSvid:
    """Have the agent judge a token that somebody showed us (WAPI-62).

    Raises:
        VerificationError: it is not good, or not for us.
        SourceError: the agent cannot be reached.
        UsageError: as for `fetch_x509`.
    """
    source = WorkloadApiSource(endpoint, x509=None, first_answer=timeout)
    return _run(source, partial(source.validate_jwt_svid, token, audience))


def write_files(
    directory: str | os.PathLike[str],
    snapshot: SourceSnapshot | None = None,
    *,
    bundles: TrustBundleSet | None = None,
    jwt_svid: JwtSvid | None = None,
    jwt_bundles: JwtBundleSet | None = None,
) -> None:
    """Write what was fetched to files, all of them replaced at once.

    ``svid.pem``, ``svid_key.pem`` (0600) and ``svid_bundle.pem``; other trust domains'
    in ``bundles/``, revocation lists in ``crls/``; ``jwt_svid.token`` (0600) and
    ``jwt_bundles/``. `FileSource` reads them, and so does what spiffe-helper serves.

    Args:
        directory: Where; made when it is not there.
        snapshot: Of `fetch_x509`.
        bundles: Of `fetch_x509_bundles`, where there is no snapshot.
        jwt_svid: Of `fetch_jwt_svid`.
        jwt_bundles: Of `fetch_jwt_bundles`.

    Raises:
        OSError: they cannot be written; what was there before still is.
        UsageError: there is nothing to write.
    """
    plan: dict[str, PlannedFile] = plan_jwt(jwt_svid, jwt_bundles)
    if snapshot is not None:
        plan |= plan_identity(snapshot)
    elif bundles is not None:
        plan |= plan_bundles(bundles)
    if not plan:
        detail = detail_for(
            Reason.WRONG_STATE, expected="something to write", seen="nothing"
        )
        raise UsageError(detail)
    FileSetWriter(directory).write(plan)


def _run(source: WorkloadApiSource, get: Callable[[], Awaitable[_T]]) -> _T:
    """Open a source for one question."""
    if trio.lowlevel.in_trio_run() or _in_asyncio():
        detail = detail_for(
            Reason.WRONG_STATE,
            expected="a thread without an event loop",
            seen="one in which a loop runs, which would stand still meanwhile",
            hint="inside of trio use WorkloadApiSource; elsewhere a thread of its own",
        )
        raise UsageError(detail)
    return trio.run(_ask, source, get)


def _in_asyncio() -> bool:
    # Whoever runs in it has imported it.
    if "asyncio" not in sys.modules:
        return False
    import asyncio  # noqa: PLC0415

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _ask(source: WorkloadApiSource, get: Callable[[], Awaitable[_T]]) -> _T:
    async with source:
        return await get()
