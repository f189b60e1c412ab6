# SPDX-License-Identifier: Apache-2.0
"""The options that say whom we trust and whom we let in; what files hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import click

from handfast import (
    SpiffeId,
    TrustBundle,
    TrustBundleSet,
    TrustDomain,
    X509Svid,
    authorize,
)
from handfast.authorize import Authorizer
from handfast.bundle_forms import read_any_bundle
from handfast.cli.certificates import naming
from handfast.pem import is_pem

# Not exists=True: a file that cannot be read is a failure of input (3), not of usage.
FILE = click.Path(path_type=Path)

_AUTHORIZE = (
    click.option("--allow", multiple=True, metavar="ID", help="Let in exactly this."),
    click.option(
        "--allow-prefix", multiple=True, metavar="ID", help="This ID and below it."
    ),
    click.option(
        "--allow-trust-domain", multiple=True, metavar="NAME", help="Its members."
    ),
    click.option(
        "--allow-any", is_flag=True, help="Everybody who can be authenticated."
    ),
)

Command = Callable[..., Any]


def authorize_options(command: Command) -> Command:
    """Add the --allow family."""
    for option in reversed(_AUTHORIZE):
        command = option(command)
    return command


def read_svid(cert: Path, key: Path) -> X509Svid:
    """Read our own SVID, PEM or DER."""
    chain, secret = cert.read_bytes(), key.read_bytes()
    with naming(cert):
        if is_pem(chain):
            return X509Svid.from_pem(chain, secret)
        return X509Svid.from_der(chain, secret)


def name_and_file(text: str, default: TrustDomain | None) -> tuple[TrustDomain, Path]:
    """Take ``[trust-domain=]file`` apart.

    Raises:
        click.UsageError: no trust domain is named and none can be inferred.
    """
    name, separator, file = text.partition("=")
    if not separator:
        name, file = "", text
    if name:
        return TrustDomain.parse(name), Path(file)
    if default is None:
        raise click.UsageError(f"--bundle {text}: write TRUST-DOMAIN=FILE")
    return default, Path(file)


def read_bundle(text: str, default: TrustDomain | None) -> TrustBundle:
    """Read ``[trust-domain=]file``.

    Raises:
        click.UsageError: no trust domain is named and none can be inferred.
    """
    domain, file = name_and_file(text, default)
    data = file.read_bytes()
    with naming(file):
        return read_any_bundle(domain, data)


def read_bundles(
    texts: Sequence[str], default: TrustDomain | None = None
) -> TrustBundleSet:
    """Read every --bundle into one set, one bundle a trust domain."""
    return TrustBundleSet(read_bundle(text, default) for text in texts)


def read_authorizer(
    allow: Sequence[str],
    allow_prefix: Sequence[str],
    allow_trust_domain: Sequence[str],
    allow_any: bool = False,  # noqa: FBT002 - a flag of the command line
) -> Authorizer:
    """Combine the --allow family. Nothing given is refused: there is no silent default.

    Raises:
        click.UsageError: none of the options was given.
    """
    parts: list[Authorizer] = []
    if allow:
        parts.append(authorize.exactly(*(SpiffeId.parse(text) for text in allow)))
    parts += [authorize.prefix(SpiffeId.parse(text)) for text in allow_prefix]
    parts += [authorize.any_in(TrustDomain.parse(name)) for name in allow_trust_domain]
    if allow_any:
        parts.append(authorize.anyone())
    if not parts:
        raise click.UsageError(
            "say whom to let in: --allow ID, --allow-prefix ID, "
            "--allow-trust-domain NAME or --allow-any"
        )
    return reduce(lambda either, other: either | other, parts)


class Moment(click.ParamType[datetime]):
    """A time: ISO 8601 or seconds since 1970."""

    name = "time"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """Read the text as an aware UTC time."""
        if isinstance(value, datetime):
            return value
        try:
            if str(value).isdigit():
                return datetime.fromtimestamp(int(value), tz=UTC)
            moment = datetime.fromisoformat(str(value))
        except (ValueError, OverflowError):
            expected = "2026-11-22T10:00:00Z, or seconds since 1970"
            self.fail(f"{value!r} is not a time: {expected}", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
