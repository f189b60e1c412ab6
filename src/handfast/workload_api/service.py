# SPDX-License-Identifier: Apache-2.0
"""The Workload API, served: what the standard wants of a server, over any issuer.

The rules of the wire and of the messages are here; who gets what is the issuer's to
say.
"""

from __future__ import annotations

import json
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Hashable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NoReturn, TypeVar, cast

import trio
from google.protobuf.message import Message

from handfast.errors import InvalidId, VerificationError
from handfast.ids import SpiffeId
from handfast.workload_api import proto
from handfast.workload_api.answers import (
    jwt_bundles_answer,
    jwt_svids_answer,
    validated_answer,
    x509_bundles_answer,
    x509_svids_answer,
)
from handfast.workload_api.identities import IdentityIssuer
from handfast.workload_api.limits import ServerLimits
from handfast.workload_api.methods import Call, Method, ServerStream, Unary
from handfast.workload_api.rates import Rates
from handfast.workload_api.reflection import reflection_methods
from handfast.workload_api.serving import ServerStatistics, serve_calls
from handfast.workload_api.status import RpcError, StatusCode

__all__ = [
    "PROFILES",
    "Profile",
    "ServiceLimits",
    "read_audiences",
    "serve_workload_api",
    "service_methods",
]

_C = TypeVar("_C")
_M = TypeVar("_M", bound=Message)

#: A part of the API that an operator may switch off (WAPI-26).
Profile = Literal["x509", "jwt", "wit"]
#: Those that are not incubating.
PROFILES: Final[frozenset[Profile]] = frozenset(("x509", "jwt"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits(ServerLimits):
    """A Workload API server's bounds.

    Attributes:
        stream_burst: Streams that one caller may begin at once: who starts processes
            without end is told to slow down.
        stream_rate: How many of them a second it may begin for ever.
        jwt_burst: Calls for and about JWT-SVIDs that one caller may make at once.
        jwt_rate: How many of them a second it may make for ever.
        audiences: Of one JWT-SVID.
        audience_bytes: Of one audience, as JSON writes it.
        audiences_bytes: Of all audiences of one JWT-SVID: it is kept, they are logged,
            and a token above 16 KiB is taken by nobody.
    """

    stream_burst: int = 4096
    stream_rate: float = 200.0
    jwt_burst: int = 200
    jwt_rate: float = 50.0
    audiences: int = 32
    audience_bytes: int = 1024
    audiences_bytes: int = 4096


def _refuse(text: str) -> NoReturn:
    raise RpcError(StatusCode.INVALID_ARGUMENT, text)


def read_audiences(values: Sequence[str], limits: ServiceLimits) -> tuple[str, ...]:
    """Take the audiences that somebody asks a JWT-SVID for, each once.

    Raises:
        RpcError: there is none, one is empty, or they are too many or too long.
    """
    if not values or not all(values):
        _refuse("audience must be specified")  # WAPI-38, WAPI-54, WAPI-61
    if len(values) > limits.audiences:
        _refuse(f"more than {limits.audiences} audiences")
    # As a token has them: JSON makes up to six bytes out of one.
    sizes = [len(json.dumps(it)) - 2 for it in values]
    if max(sizes) > limits.audience_bytes:
        _refuse(f"an audience of more than {limits.audience_bytes} bytes")
    if sum(sizes) > limits.audiences_bytes:
        _refuse(f"audiences of more than {limits.audiences_bytes} bytes together")
    return tuple(dict.fromkeys(values))


class _Service(Generic[_C]):
    def __init__(
        self,
        issuer: IdentityIssuer[_C],
        share_of: Callable[[_C], Hashable] | None,
        limits: ServiceLimits,
    ) -> None:
        self._issuer = issuer
        self._share_of = share_of
        self._limits = limits
        self._rates = Rates(burst=limits.jwt_burst, rate=limits.jwt_rate)
        self._streams = Rates(burst=limits.stream_burst, rate=limits.stream_rate)

    # -- X.509

    def fetch_x509_svid(
        self, call: Call[_C], _: proto.X509SVIDRequest
    ) -> AsyncGenerator[proto.X509SVIDResponse, None]:
        async def look() -> proto.X509SVIDResponse:
            return x509_svids_answer(await self._issuer.x509_context(call.caller))

        return self.follow(call.caller, look)

    def fetch_x509_bundles(
        self, call: Call[_C], _: proto.X509BundlesRequest
    ) -> AsyncGenerator[proto.X509BundlesResponse, None]:
        async def look() -> proto.X509BundlesResponse:
            return x509_bundles_answer(await self._issuer.x509_bundles(call.caller))

        return self.follow(call.caller, look)

    # -- JWT

    async def fetch_jwt_svid(
        self, call: Call[_C], request: proto.JWTSVIDRequest
    ) -> proto.JWTSVIDResponse:
        audience = read_audiences(request.audience, self._limits)
        spiffe_id = None
        if request.spiffe_id:
            try:
                spiffe_id = SpiffeId.parse(request.spiffe_id)
            except InvalidId as error:
                raise RpcError(
                    StatusCode.INVALID_ARGUMENT, f"spiffe_id: {error}"
                ) from error
        self._pay(call.caller)
        svids = await self._issuer.jwt_svids(call.caller, audience, spiffe_id)
        return jwt_svids_answer(svids)

    def fetch_jwt_bundles(
        self, call: Call[_C], _: proto.JWTBundlesRequest
    ) -> AsyncGenerator[proto.JWTBundlesResponse, None]:
        async def look() -> proto.JWTBundlesResponse:
            return jwt_bundles_answer(await self._issuer.jwt_bundles(call.caller))

        return self.follow(call.caller, look)

    async def validate_jwt_svid(
        self, call: Call[_C], request: proto.ValidateJWTSVIDRequest
    ) -> proto.ValidateJWTSVIDResponse:
        # Only here, so that serving X.509 alone does without PyJWT.
        from handfast.jwt_svid import JwtSvid  # noqa: PLC0415

        (audience,) = read_audiences([request.audience], self._limits)
        if not request.svid:
            _refuse("svid must be specified")
        self._pay(call.caller)
        bundles = await self._issuer.jwt_bundles(call.caller)
        try:
            svid = JwtSvid.parse(request.svid, bundles, audience)
        except VerificationError as error:
            raise RpcError(StatusCode.INVALID_ARGUMENT, str(error)) from error
        return validated_answer(svid)

    # -- for all

    async def follow(
        self, caller: _C, look: Callable[[], Awaitable[_M]]
    ) -> AsyncGenerator[_M, None]:
        """Send everything at once, and again when it changes (WAPI-32 to WAPI-34)."""
        self._take(self._streams, caller, "streams")
        # Before the first look: a change between the two wakes the watch.
        watch = self._issuer.watch(caller)
        last: _M | None = None
        while True:
            found = await look()
            if found != last:
                last = found
                yield found
            await watch.wait()

    def _pay(self, caller: _C) -> None:
        self._take(self._rates, caller, "JWT-SVID calls")

    def _take(self, rates: Rates, caller: _C, what: str) -> None:
        share = None if self._share_of is None else self._share_of(caller)
        if not rates.take(share, now=trio.current_time()):
            text = f"too many {what}: slow down"
            raise RpcError(StatusCode.RESOURCE_EXHAUSTED, text)


def service_methods(
    issuer: IdentityIssuer[_C],
    *,
    share_of: Callable[[_C], Hashable] | None = None,
    profiles: frozenset[Profile] = PROFILES,
    limits: ServiceLimits | None = None,
) -> Mapping[str, Method[_C]]:
    """Make the methods of a Workload API server, for `serve_calls`.

    Without the WIT profile, which is incubating and has to be asked for, both its
    methods are Unimplemented (WAPI-70).

    Args:
        issuer: Who says what a caller gets; for the WIT profile a `WitIssuer` of
            handfast.workload_api.wit, too.
        share_of: Which callers share rates, of streams and of JWT-SVIDs; all of them,
            when left out.
        profiles: Which parts are served; the others' methods are Unimplemented.
        limits: Bounds.
    """
    service = _Service(issuer, share_of, limits or ServiceLimits())
    methods: dict[str, Method[Any]] = dict(reflection_methods())
    if "x509" in profiles:
        methods[proto.FETCH_X509_SVID] = ServerStream(
            proto.X509SVIDRequest, service.fetch_x509_svid
        )
        methods[proto.FETCH_X509_BUNDLES] = ServerStream(
            proto.X509BundlesRequest, service.fetch_x509_bundles
        )
    if "wit" in profiles:
        # Opt-in: nobody else loads it.
        from handfast.workload_api import wit  # noqa: PLC0415

        methods |= wit.wit_methods(cast("wit.WitIssuer[_C]", issuer), service.follow)
    if "jwt" in profiles:
        methods[proto.FETCH_JWT_SVID] = Unary(
            proto.JWTSVIDRequest, service.fetch_jwt_svid
        )
        methods[proto.FETCH_JWT_BUNDLES] = ServerStream(
            proto.JWTBundlesRequest, service.fetch_jwt_bundles
        )
        methods[proto.VALIDATE_JWT_SVID] = Unary(
            proto.ValidateJWTSVIDRequest, service.validate_jwt_svid
        )
    return methods


async def serve_workload_api(  # noqa: PLR0913 - all but two by keyword
    listeners: Sequence[trio.abc.Listener[trio.SocketStream]],
    issuer: IdentityIssuer[_C],
    *,
    identify: Callable[[trio.SocketStream], Awaitable[_C]],
    share_of: Callable[[_C], Hashable] | None = None,
    profiles: frozenset[Profile] = PROFILES,
    limits: ServiceLimits | None = None,
    statistics: ServerStatistics | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the Workload API until cancelled.

    Args:
        listeners: Where to accept: local sockets, unless the network itself proves who
            calls (WAPI-05).
        issuer: Who says what a caller gets.
        identify: Says who connected; see `serve_calls`.
        share_of: Which callers share their limits, such as those of one user.
        profiles: Which parts are served.
        limits: What is taken from clients.
        statistics: Counts, to be read by whoever passed it.
        task_status: Told when it serves.

    Cancellation: is how it ends. Connections are closed.
    """
    limits = limits or ServiceLimits()
    await serve_calls(
        listeners,
        service_methods(issuer, share_of=share_of, profiles=profiles, limits=limits),
        identify=identify,
        share_of=share_of,
        limits=limits,
        statistics=statistics,
        task_status=task_status,
    )
