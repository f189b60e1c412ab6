# SPDX-License-Identifier: Apache-2.0
"""Who appears in the demo: two workloads, and five callers who must not get in."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handfast import TrustBundleSet, TrustDomain, X509Svid
from handfast.authority import Authority
from handfast.testing import forge

_HOUR = 3600
_TWENTY_MINUTES = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An identity, and the files that hold it."""

    svid: X509Svid
    cert_file: Path
    key_file: Path
    bundle_file: Path

    @property
    def name(self) -> str:
        """Its SPIFFE ID."""
        return str(self.svid.spiffe_id)

    @property
    def domain(self) -> str:
        """Its trust domain's name."""
        return str(self.svid.spiffe_id.trust_domain)

    def options(self) -> list[str]:
        """What our command line needs to be this workload."""
        identity = ["--cert", str(self.cert_file), "--key", str(self.key_file)]
        return [*identity, "--bundle", f"{self.domain}={self.bundle_file}"]


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

    trust_domain: TrustDomain
    bundles: TrustBundleSet
    server: Workload
    caller: Workload
    partner: Workload
    intruders: tuple[Intruder, ...]


def _writer(folder: Path, bundle_file: Path) -> Callable[[str, X509Svid], Workload]:
    def write(name: str, svid: X509Svid) -> Workload:
        cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
        cert_file.write_bytes(svid.to_pem_chain())
        key_file.touch(mode=0o600)
        key_file.write_bytes(svid.to_pem_key())
        return Workload(
            svid=svid, cert_file=cert_file, key_file=key_file, bundle_file=bundle_file
        )

    return write


def make_cast(folder: Path) -> Cast:
    """Make two trust domains and everybody in them, with files in a private folder."""
    authority = Authority("demo.example", intermediate=True)
    partner = Authority("partner.example")
    files = {a: folder / f"{a.trust_domain}.bundle.pem" for a in (authority, partner)}
    for each, file in files.items():
        file.write_bytes(each.bundle.to_pem())
    write = _writer(folder, files[authority])
    caller = "spiffe://demo.example/shop/orders"

    def intruder(key: str, title: str, svid: X509Svid) -> Intruder:
        return Intruder(key=key, title=title, workload=write(key, svid))

    return Cast(
        trust_domain=authority.trust_domain,
        bundles=TrustBundleSet([authority.bundle, partner.bundle]),
        server=write("server", authority.issue("spiffe://demo.example/shop/stock")),
        caller=write("caller", authority.issue(caller)),
        partner=_writer(folder, files[partner])(
            "partner", partner.issue("spiffe://partner.example/delivery")
        ),
        intruders=(
            intruder(
                "expired",
                "Its SVID expired an hour ago",
                forge(authority, caller, not_before=-2 * _HOUR, not_after=-_HOUR),
            ),
            intruder(
                "not_yet_valid",
                "Its SVID begins in twenty minutes: a clock is wrong",
                forge(authority, caller, not_before=_TWENTY_MINUTES, not_after=_HOUR),
            ),
            intruder(
                "wrong_authority",
                "It names demo.example, but partner.example's authority signed it",
                forge(partner, caller),
            ),
            intruder(
                "no_spiffe_id",
                "Its certificate has a host name and no SPIFFE ID",
                forge(authority, caller, uris=(), dns_names=("orders.demo.example",)),
            ),
            intruder(
                "not_authorized",
                "It is who it says, but nobody let it in",
                authority.issue("spiffe://demo.example/shop/visitor"),
            ),
        ),
    )
