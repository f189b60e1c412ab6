# SPDX-License-Identifier: Apache-2.0
"""`handfast authority`: a trust domain of one's own, from one process."""

from __future__ import annotations

import click

from handfast.cli.authority.distrust import distrust
from handfast.cli.authority.entry import entry
from handfast.cli.authority.node import join, node, token
from handfast.cli.authority.records import audit, bundle, crl
from handfast.cli.authority.run import reload, run
from handfast.cli.authority.setting_up import csr, import_signed, init, rotate, status

__all__ = ["authority"]


@click.group()
def authority() -> None:
    """Run an authority, and manage what it gives to whom."""


for _command in (
    init,
    run,
    reload,
    status,
    entry,
    token,
    join,
    node,
    bundle,
    audit,
    crl,
    rotate,
    distrust,
    csr,
    import_signed,
):
    authority.add_command(_command)
