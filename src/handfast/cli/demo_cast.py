# SPDX-License-Identifier: Apache-2.0
"""Who appears in the demo: two workloads, and five callers who must not get in."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import trio

from handfast import TrustBundleSet, WorkloadApiSource, X509Svid
from handfast.cli.demo_setting import CALLER, DOMAIN, SERVER, VISITOR, Setting
from handfast.testing import forge

_HOUR = 3600
_TWENTY_MINUTES = 1200
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An identity, and files that hold it for programs that know no agent."""

    svid: X509Svid
    cert_file: Path
    key_file: Path
    bundle_file: Path

    @property
    def name(self) -> str:
        """Its SPIFFE ID."""
        return str(self.svid.spiffe_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intruder:
    """A caller who must not get in. It runs on Python's own ``ssl``."""

    key: str
    title: str
    workload: Workload

    def try_to_call(self, port: int) -> str:
        """Call the server; return the TLS alert that it answered with.

        Raises:
            RuntimeError: it was let in.
        """
        context = ssl.create_default_context(cafile=str(self.workload.bundle_file))
        context.check_hostname = False  # SPIFFE: who it is stands in the ID
        context.load_cert_chain(self.workload.cert_file, self.workload.key_file)
        try:
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                context.wrap_socket(plain) as stream,
            ):
                # In TLS 1.3 the client is done before the server has judged it.
                stream.sendall(b"let me in\n")
                answer = stream.recv(100)
        except ssl.SSLError as refused:
            return _alert_name(refused)
        except OSError as reset:
            return f"nothing ({reset.strerror})"
        raise RuntimeError(f"{self.key} was let in and got {answer!r}")


def _alert_name(error: ssl.SSLError) -> str:
    reason = (error.reason or "no alert").lower()
    return reason.partition("alert_")[2] or reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everybody in the demo."""

    bundles: TrustBundleSet
    server: Workload
    caller: Workload
    intruders: tuple[Intruder, ...]


async def _fetch(endpoint: str) -> tuple[dict[str, X509Svid], TrustBundleSet]:
    async with WorkloadApiSource(endpoint) as source:
        snapshot = await source.wait_ready(_PATIENCE)
        return {svid.hint: svid for svid in snapshot.svids}, snapshot.bundles


def _write(folder: Path, name: str, svid: X509Svid) -> Workload:
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(svid.to_pem_chain())
    key_file.touch(mode=0o600)
    key_file.write_bytes(svid.to_pem_key())
    return Workload(
        svid=svid,
        cert_file=cert_file,
        key_file=key_file,
        bundle_file=folder / "bundle.pem",
    )


def meet(setting: Setting) -> Cast:
    """Ask the agent who we are, as any workload does, and forge the rest."""
    svids, bundles = trio.run(_fetch, setting.endpoint)
    folder, forger = setting.folder, setting.forger
    (folder / "bundle.pem").write_bytes(bundles[DOMAIN].to_pem())

    def intruder(key: str, title: str, svid: X509Svid) -> Intruder:
        return Intruder(key=key, title=title, workload=_write(folder, key, svid))

    return Cast(
        bundles=bundles,
        server=_write(folder, SERVER.hint, svids[SERVER.hint]),
        caller=_write(folder, CALLER.hint, svids[CALLER.hint]),
        intruders=(
            intruder(
                "expired",
                "Its SVID expired an hour ago",
                forge(forger, CALLER.name, not_before=-2 * _HOUR, not_after=-_HOUR),
            ),
            intruder(
                "not_yet_valid",
                "Its SVID begins in twenty minutes: a clock is wrong",
                forge(forger, CALLER.name, not_before=_TWENTY_MINUTES, not_after=_HOUR),
            ),
            intruder(
                "wrong_authority",
                "It names demo.example, but partner.example's authority signed it",
                forge(setting.partner, CALLER.name),
            ),
            intruder(
                "no_spiffe_id",
                "Its certificate has a host name and no SPIFFE ID",
                forge(forger, CALLER.name, uris=(), dns_names=("orders.demo.example",)),
            ),
            intruder(
                "not_authorized",
                "It is who it says, but nobody let it in",
                svids[VISITOR.hint],
            ),
        ),
    )
