# SPDX-License-Identifier: Apache-2.0
"""Files and messages with every wrong thing in every place: refused, in our own words.

What reads them lets out no error of Python's, which an operator could do nothing with,
and which would end an agent that was told such a thing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.authority_state import DOMAIN, entry
from tests.support.nodes_world import NODE

from handfast import BundleDocument, ConfigError, HandfastError
from handfast.authority import Authority
from handfast.authority.agent.identity import NodeIdentity
from handfast.authority.agent.mirror import Mirror
from handfast.authority.entries import Entry
from handfast.authority.entries_file import parse_entries
from handfast.authority.nodes.proto import WatchResponse
from handfast.federation import read_endpoints

_ONE = 'entries:\n - spiffe_id: /web\n   selectors: ["unix:uid:1"]\n'
_FIELDS = ("hint", "x509_ttl", "dns_names", "federates_with", "notes", "node", "x")


@pytest.mark.parametrize(
    "value",
    [
        '!!int ""',
        '!!float ""',
        "!!bool x",
        "!!timestamp x",
        '!!int "-"',
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        "9" * 5000,
        "2001-99-99",
    ],
)
@pytest.mark.parametrize("field", _FIELDS)
def test_yaml_that_python_stumbles_over_is_refused(field: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_entries(f"{_ONE}   {field}: {value}\n".encode(), "yaml", DOMAIN)
    assert str(caught.value).isprintable()
    with pytest.raises(ConfigError):
        parse_entries(value.encode(), "yaml", DOMAIN)


def test_yaml_deeper_than_python_goes_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse_entries(b"[" * 1500, "yaml", DOMAIN)


@pytest.mark.parametrize("value", ["0x" + "f" * 5000, "9" * 5000, "[" * 3000, "nan"])
@pytest.mark.parametrize("field", _FIELDS)
def test_toml_that_python_stumbles_over_is_refused(field: str, value: str) -> None:
    text = f'[[entries]]\nspiffe_id="/web"\nselectors=["unix:uid:1"]\n{field}={value}\n'
    with pytest.raises(ConfigError) as caught:
        parse_entries(text.encode(), "toml", DOMAIN)
    assert str(caught.value).isprintable()


_WEB = """[[federate]]
trust_domain = "b.example"
url = "https://b.example/"
profile = "https_web"
"""


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 3000,
        '"\\u001b[31m" = 1',
        _WEB + '"\\u001b[31m" = 1',
        _WEB + 'roots = "a\\u0000b"',
        _WEB + 'allow_networks = ["fe80::%eth0/10"]',
        _WEB + 'allow_networks = ["10.0.0.0/' + "9" * 5000 + '"]',
        _WEB.replace('"https_web"', '"\\u001b"'),
        _WEB.replace('"b.example"', "1e999"),
    ],
)
def test_an_endpoints_file_with_odd_texts_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "endpoints.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(HandfastError) as caught:
        read_endpoints(file)
    assert str(caught.value).isprintable()


_WRONG: tuple[Any, ...] = (None, True, -1, 1e300, 10**30, "\ud800", "x", [], [1], {})


def test_an_entry_of_which_a_fact_is_something_else_is_none() -> None:
    """An authority's message, and what was kept of it, are JSON of any kind."""
    good = entry("spiffe://a.example/db", node=NODE).to_facts()
    names = [*good, "x509_ttl", "jwt_ttl", "hint", "dns_names", "federates_with"]
    refused = 0
    for name in (*names, "notes"):
        for value in _WRONG:
            try:
                found = Entry.from_facts(good | {name: value})
            except HandfastError:
                refused += 1
            else:
                assert isinstance(found.to_text(), str)
    assert refused > 60
    for name in ("spiffe_id", "selectors"):
        with pytest.raises(HandfastError):
            Entry.from_facts({it: value for it, value in good.items() if it != name})


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        '{"spiffe_id": "spiffe://a.example/db", "selectors": ["a:b"], "hint": 7}',
        '{"spiffe_id": "spiffe://a.example/db", "selectors": [7]}',
        '{"spiffe_id": "spiffe://a.example/db", "spiffe_id": "x", "selectors": []}',
    ],
)
def test_an_agent_outlives_whatever_its_authority_says(text: str) -> None:
    authority = Authority("a.example")
    document = BundleDocument.of(authority.bundle)
    mirror = Mirror(NODE, document)
    told = WatchResponse(entries=[text], bundle=document.to_json())
    with pytest.raises((HandfastError, ValueError)):
        mirror.take(told)
    assert not mirror.is_told


def test_an_agents_own_file_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    authority = Authority("a.example")
    identity = NodeIdentity(
        authority=("authority.example", 8443),
        svid=authority.issue(NODE),
        bundle=BundleDocument.of(authority.bundle),
    )
    folder = tmp_path / "agent"
    identity.save(folder)
    file = folder / "node.json"
    good = json.loads(file.read_bytes())
    ports = [{"authority": {"host": "x", "port": it}} for it in (*_WRONG, 0, 65536)]
    hosts = [{"authority": {"host": it, "port": 1}} for it in _WRONG if it != "x"]
    others = [{name: value} for name in good for value in _WRONG]
    for change in (*ports, *hosts, *others):
        file.write_text(json.dumps(good | change), "ascii")
        with pytest.raises(ConfigError, match="Join again") as caught:
            NodeIdentity.load(folder)
        assert str(caught.value).isprintable()
    for text in ("[" * 3000, "[]", '{"version": 1, "version": 1}', "", "NaN"):
        file.write_text(text, "ascii")
        with pytest.raises(ConfigError, match="Join again"):
            NodeIdentity.load(folder)
