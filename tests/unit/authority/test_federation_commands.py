# SPDX-License-Identifier: Apache-2.0
"""Two trust domains by commands alone: each authority has the other's bundle."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import pytest
from tests.interop.world import Running, handfast, running
from tests.unit.authority.test_node_commands import run

from handfast.cli.authority.federation import Federation

OURS, PARTNER = "a.example", "partner.example"


def begin(
    folder: Path, name: str, *more: str | Path
) -> AbstractContextManager[Running]:
    """Run the authority of a trust domain."""
    return running(
        *handfast("authority", "run", "--state", folder / name, "--json"),
        *("--trust-domain", name, "--socket", folder / f"{name}.sock", *more),
    )


def relationship(folder: Path, event: dict[str, Any]) -> Path:
    """Write down what people tell each other: endpoint, ID, the first bundle."""
    bundle = folder / "partner.json"
    bundle.write_text(run("bundle", "show", "--state", folder / PARTNER))
    file = folder / "federate.toml"
    file.write_text(
        "[[federate]]\n"
        f'trust_domain = "{PARTNER}"\n'
        f'url = "https://127.0.0.1:{event["bundle_port"]}/"\n'
        f'profile = "{event["bundle_profile"]}"\n'
        f'endpoint_id = "{event["bundle_endpoint_id"]}"\n'
        'bundle = "partner.json"\n'
        'allow_networks = ["127.0.0.0/8"]\n'
    )
    return file


def test_a_partner_is_federated_with_by_commands(tmp_path: Path) -> None:
    """FED-10, FED-11, FED-24: served by one `authority run`, fetched by another.

    FED-61: and both say so.
    """
    with begin(tmp_path, PARTNER, "--bundle-endpoint", "127.0.0.1:0") as partner:
        event = partner.event("serving")
        assert event["bundle_profile"] == "https_spiffe"
        file = relationship(tmp_path, event)
        with begin(tmp_path, OURS, "--federate", file) as ours:
            assert "bundle_port" not in ours.event("serving")
            ours.wait_for(f"bundle of {PARTNER} was handed on")
            listed = run("bundle", "list", "--state", tmp_path / OURS, "--json")
    facts = json.loads(listed)
    assert (facts["trust_domain"], facts["x509_authorities"]) == (PARTNER, 1)


@pytest.mark.parametrize(
    "given",
    [
        {"bundle_cert": Path("cert.pem")},
        {"bundle_cert": Path("cert.pem"), "bundle_key": Path("key.pem")},
        {"bundle_key": Path("key.pem"), "bundle_endpoint": "8443"},
        {"bundle_endpoint": "::1:8443"},
    ],
)
def test_options_that_do_not_fit_together_are_refused(given: dict[str, Any]) -> None:
    every = dict.fromkeys(["bundle_endpoint", "bundle_cert", "bundle_key", "federate"])
    with pytest.raises(click.UsageError):
        Federation.take(every | given)
