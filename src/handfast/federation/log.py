# SPDX-License-Identifier: Apache-2.0
"""The log of fetches, for whoever has to find out later what was trusted when (FED-61).

Each line has as fields what an inquiry asks for: URL, address, whom the server was
verified as and by which certificates, sequence, digest of the document.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from handfast.errors import InternalError, Reason

if TYPE_CHECKING:
    from handfast.errors import HandfastError
    from handfast.federation.endpoint import BundleEndpoint
    from handfast.federation.fetch import Fetched
    from handfast.ids import TrustDomain

__all__ = [
    "log_ended",
    "log_failed",
    "log_fetched",
    "log_override",
    "log_unsaved",
    "log_waiting",
]

_LOGGER = logging.getLogger("handfast.federation")


def _about(endpoint: BundleEndpoint) -> dict[str, object]:
    return {
        "trust_domain": endpoint.trust_domain.name,
        "url": str(endpoint.url),
        "profile": endpoint.profile.name,
    }


def log_fetched(
    endpoint: BundleEndpoint, fetched: Fetched, seconds: float, *, changed: bool
) -> None:
    """Log a bundle that came and may be used."""
    last = fetched.hops[-1]
    document = fetched.document
    _LOGGER.info(
        "%s bundle of %s from %s (%s, %s): %d and %d authorities, sequence %s",
        "new" if changed else "the same",
        endpoint.trust_domain,
        last.url,
        last.address,
        last.server,
        len(document.x509),
        len(document.jwt),
        document.sequence,
        extra=_about(endpoint)
        | {
            "hops": [
                f"{hop.status} {hop.url} {hop.address} {hop.server} {hop.certificate}"
                for hop in fetched.hops
            ],
            "sequence": document.sequence,
            "document_sha256": hashlib.sha256(fetched.body).hexdigest(),
            "document_bytes": len(fetched.body),
            "seconds": seconds,
            "changed": changed,
        },
    )


def log_failed(
    endpoint: BundleEndpoint, error: HandfastError, seconds: float, *, in_a_row: int
) -> None:
    """Log a fetch that brought no bundle; an attack's sign is louder than a pause."""
    ours = isinstance(error, InternalError)
    loud = ours or error.reason is Reason.BUNDLE_ROLLBACK
    _LOGGER.log(
        logging.ERROR if loud else logging.WARNING,
        "no bundle of %s from %s, %d times now: %s: %s",
        endpoint.trust_domain,
        endpoint.url,
        in_a_row,
        error.reason,
        error,
        exc_info=error if ours else None,
        extra=_about(endpoint)
        | {"reason": str(error.reason), "seconds": seconds, "in_a_row": in_a_row},
    )


def log_waiting(endpoint: BundleEndpoint, trust_domain: TrustDomain) -> None:
    """Log that an endpoint cannot be verified before somebody gives a bundle."""
    _LOGGER.warning(
        "%s is not asked before there is a bundle of %s to verify it by",
        endpoint.url,
        trust_domain,
        extra=_about(endpoint),
    )


def log_ended(trust_domain: TrustDomain) -> None:
    """Log the end of a relationship."""
    _LOGGER.warning(
        "federation with %s ended: its bundle is gone",
        trust_domain,
        extra={"trust_domain": trust_domain.name},
    )


def log_override(trust_domain: TrustDomain, sequence: int | None) -> None:
    """Log a bundle that was put in by hand."""
    _LOGGER.warning(
        "bundle of %s put in by hand, sequence %s, until the next fetch",
        trust_domain,
        sequence,
        extra={"trust_domain": trust_domain.name, "sequence": sequence},
    )


def log_unsaved(trust_domain: TrustDomain, error: OSError) -> None:
    """Log that the state could not be written: a restart would forget."""
    _LOGGER.error(
        "what is known of %s could not be saved: %s; it is in use all the same",
        trust_domain,
        error,
        extra={"trust_domain": trust_domain.name},
    )
