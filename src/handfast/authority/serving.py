# SPDX-License-Identifier: Apache-2.0
"""Serving the Workload API on a socket, to whom attestation says who they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import trio

from handfast.authority.attest import Attestor
from handfast.authority.workload_socket import (
    WORKLOAD_SOCKET_MODE,
    open_workload_socket,
)
from handfast.workload_api.service import serve_workload_api

if TYPE_CHECKING:
    from handfast.authority.issuer import AttestedCaller, EntryIssuer
    from handfast.workload_api.service import ServiceLimits

__all__ = ["serve_workloads"]

_KEPT = -1


def _user_of(caller: AttestedCaller) -> int:
    """Processes of one user share their limits."""
    return caller.uid


async def serve_workloads(  # noqa: PLR0913 - all but two by keyword
    issuer: EntryIssuer,
    path: Path,
    *,
    mode: int = WORKLOAD_SOCKET_MODE,
    uid: int = _KEPT,
    gid: int = _KEPT,
    limits: ServiceLimits | None = None,
    attestor: Attestor | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Attest who connects to a Unix socket, and answer, until cancelled.

    Each caller takes three descriptors: see to it that the process may have as many.

    Args:
        issuer: An authority's, or another host's agent's.
        path: The socket's file, in a folder that only its owner may write to.
        mode: Who may connect; who gets what is decided by attestation.
        uid: Whose file it is; -1 for our own.
        gid: Of which group; -1 for our own.
        limits: What is taken from clients.
        attestor: Says who calls. Executables are hashed when an entry asks for it.
        task_status: Told when it serves.

    Cancellation: is how it ends; connections are closed, the socket's file is removed.

    Raises:
        OSError: The socket cannot be made, or somebody listens there.
    """
    attestor = attestor or Attestor(hash_executables="when asked")
    with open_workload_socket(path, mode=mode, uid=uid, gid=gid) as listener:
        await serve_workload_api(
            [attestor.watch(listener)],
            issuer,
            identify=attestor.attest,
            share_of=_user_of,
            limits=limits,
            task_status=task_status,
        )
