# SPDX-License-Identifier: Apache-2.0
"""The authority's own identity where agents connect, and whom it believes there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from handfast._clock import utc_now
from handfast.authority.nodes.names import authority_id
from handfast.authority.nodes.service import NodeService
from handfast.bundle import TrustBundleSet
from handfast.errors import ConfigError, Reason, SourceError, detail_for
from handfast.sources.base import SourceSnapshot
from handfast.svid import X509Svid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.authority.nodes.registered import Nodes
    from handfast.authority.state import AuthorityState
    from handfast.bundle import TrustBundle

__all__ = ["NodeDoor", "shown_root"]


def shown_root(
    state: AuthorityState, *, now: Callable[[], datetime] = utc_now
) -> bytes | None:
    """Return the root by which agents that know no bundle find the authority.

    It is the one that the authority's own newest SVID leads to. That SVID outlives the
    moment at which another root takes over, by hours; before there is one it is the
    root under which it would be signed.

    Returns:
        The certificate; None while nothing signs.
    """
    rows = state.database.rows(
        "SELECT signer FROM issued WHERE spiffe_id = ? AND not_after > ?"
        " AND revoked_at IS NULL ORDER BY issued_at DESC LIMIT 1",
        str(authority_id(state.settings.trust_domain)),
        now().timestamp(),
    )
    signers = state.signers
    signed = [name for (name,) in rows if signers.knows(name)]
    return signers.root_of(*signed or [signers.signs_now])


class NodeDoor:
    """A source: the authority's SVID, and the bundles to judge agents by.

    Those are the own trust domain's, for agents that have joined, and one for each join
    token that is good at this moment. Other trust domains have no agents here. A token
    that was used or is over is in no snapshot any more: TLS itself refuses it.

    With `shows_root` the chain goes on with the root, for an agent that has nothing but
    its fingerprint: whoever has a bundle passes it over.

    It is asked at each connection, before whoever connects has proved anything: so it
    answers from memory, with the same snapshot until something has changed.
    """

    def __init__(
        self,
        state: AuthorityState,
        nodes: Nodes,
        service: NodeService,
        *,
        shows_root: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._service = service
        self._shows_root = shows_root
        self._now = now
        self._lock = threading.Lock()
        self._last: SourceSnapshot | None = None
        self._made_of: tuple[X509Svid, int, list[TrustBundle]] | None = None

    def snapshot(self) -> SourceSnapshot:
        """Return what holds now.

        Raises:
            SourceError: nothing signs at present.
        """
        try:
            svid = self._service.own_svid()
        except ConfigError as error:
            detail = detail_for(Reason.SOURCE_UNAVAILABLE, seen=str(error))
            raise SourceError(detail) from error
        tokens = self._nodes.open_tokens()
        made_of = (svid, self._state.signers.sequence, tokens)
        with self._lock:
            last = self._last
            if last is not None and made_of == self._made_of:
                return last
            found = TrustBundleSet([self._state.signers.bundle, *tokens])
            if self._shows_root:
                svid = X509Svid(chain=(*svid.chain, *self._root()), key=svid.key)
            number = 1 if last is None else last.generation + 1
            self._last = SourceSnapshot(svid=svid, bundles=found, generation=number)
            self._made_of = made_of
            return self._last

    def _root(self) -> tuple[bytes, ...]:
        """The root of our own SVID. Twice: the engine leaves one off a chain's end."""
        root = shown_root(self._state, now=self._now)
        return () if root is None else (root, root)
