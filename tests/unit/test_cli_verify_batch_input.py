# SPDX-License-Identifier: Apache-2.0
"""What `handfast verify --batch` takes for chains in files and streams."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from tests.support import batch
from tests.support.batch_command import Chain, corpus, pem

from handfast import InvalidCertificate, Reason
from handfast.certificates import is_ca, read_certificate
from handfast.cli.verify_batch_input import Inputs
from handfast.cli.verify_batch_read import read_certificates
from handfast.cli.verify_batch_split import says_ca, split_chains


@pytest.fixture
def some() -> tuple[Chain, ...]:
    return corpus()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "pem_invalid"),
        (b"no certificates in here\n", "pem_invalid"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "pem_invalid"),
        (
            b"x -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "pem_invalid",
        ),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "pem_invalid"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "pem_invalid",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nA:A\n-----END CERTIFICATE-----\n",
            "pem_invalid",
        ),
        (b"-----END CERTIFICATE-----\n", "pem_invalid"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n", "pem_invalid"),
        (b"\x30\x84\xff\xff\xff\xff", "chain_too_large"),
        (b"\x30\x82\x01\x00\x00", "der_truncated"),
        (b"\x30\x80\x00\x00", "der_length"),
        (b"\x30\x85\x00\x00", "der_length"),
        (b"\x30\x82", "der_truncated"),
    ],
    ids=repr,
)
def test_streams_without_a_certificate_are_refused(data: bytes, reason: str) -> None:
    found = list(split_chains(read_certificates(io.BytesIO(data))))
    assert found == [Reason(reason)]


def test_blocks_are_found_wherever_pieces_end(
    tmp_path: Path, some: tuple[Chain, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream comes in pieces of any size; what is found does not depend on them."""
    good = pem(some[0], some[1]) + b"a comment\r\n" + pem(some[3])
    together = pem(some[0]).rstrip() + pem(some[1])  # two blocks on one line
    for text in (good, good[:700] + good, together + b"-----END X-----\n"):
        file = tmp_path / "corpus"
        file.write_bytes(text)
        found: list[list[Any]] = []
        for size in (1, 7, 64, 500, 1 << 20):
            monkeypatch.setattr("handfast.cli.verify_batch_read._PIECE", size)
            monkeypatch.setattr("handfast.cli.verify_batch_input.BLOCK_MAX", size - 1)
            found.append([it.chain for it in Inputs([file], split=True)])
        assert all(one == found[0] for one in found)
        assert list(some[3]) in found[0] or text is not good


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_ca_is_who_says_so_in_its_basic_constraints() -> None:
    """The quick look that splits streams agrees with `cryptography`'s."""
    seen: set[bool] = set()
    for der in {der for chain in batch.chains() for der in chain}:
        try:
            expected = is_ca(read_certificate(der))
        except InvalidCertificate:
            says_ca(der)  # whatever it is, an answer and no exception
            continue
        assert says_ca(der) is expected
        seen.add(expected)
        for cut in range(0, len(der), 7):
            assert says_ca(der[:cut]) is False
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.CHAIN_EMPTY),
        (b" \n", Reason.CHAIN_EMPTY),
        (bytes(1_100_000), Reason.CHAIN_TOO_LARGE),
        (b"-----BEGIN CERTIFICATE-----\n", Reason.PEM_INVALID),
    ],
    ids=["empty", "blank", "large", "torn"],
)
def test_a_file_without_a_chain_has_a_reason(
    tmp_path: Path, content: bytes, reason: Reason
) -> None:
    file = tmp_path / "odd.pem"
    file.write_bytes(content)
    assert [it.chain for it in Inputs([file], split=False)] == [reason]
