# SPDX-License-Identifier: Apache-2.0
"""PEM and concatenated DER: read wholly or refused."""

from __future__ import annotations

import pytest

from handfast import InvalidCertificate, Reason
from handfast.der import split_der
from handfast.pem import CERTIFICATE, read_pem, write_pem

BLOCK = write_pem(CERTIFICATE, [b"\x30\x00"]).decode()


def pem_refused(text: str | bytes) -> bool:
    with pytest.raises(InvalidCertificate) as caught:
        read_pem(text, CERTIFICATE)
    return caught.value.reason is Reason.PEM_INVALID


def test_blocks_come_back_in_order() -> None:
    elements = [bytes([number]) * 100 for number in range(3)]
    text = write_pem(CERTIFICATE, elements)
    assert [der for _, der in read_pem(text, CERTIFICATE)] == elements
    assert max(map(len, text.splitlines())) == 64


def test_blanks_and_tabs_are_not_part_of_a_block() -> None:
    text = BLOCK.replace("MAA=", " M\tAA= ").replace("CATE-----", "CATE----- \t")
    assert read_pem(text, CERTIFICATE) == read_pem(BLOCK, CERTIFICATE)


def test_text_between_blocks_and_line_ends_do_not_matter() -> None:
    text = "# root of a.example\n" + BLOCK.replace("\n", "\r\n") + "\nthe end\n" + BLOCK
    assert len(read_pem(text, CERTIFICATE)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no block at all",
        BLOCK.replace("-----END CERTIFICATE-----\n", ""),
        BLOCK.replace("END CERTIFICATE", "END X509 CRL"),
        BLOCK.replace("-----BEGIN CERTIFICATE-----\n", ""),
        BLOCK.replace("-----END", "----END"),
        BLOCK.replace("MAA=", "M*A="),
        BLOCK.replace("MAA=", "MAA"),
        BLOCK.replace("MAA=", "Proc-Type: 4,ENCRYPTED\n\nMAA="),
        BLOCK + BLOCK.replace("-----END CERTIFICATE-----\n", ""),
        BLOCK.replace("-----BEGIN", " text -----BEGIN"),
        # Blanks to Python, and to no other reader of PEM.
        BLOCK.replace("MAA=", "MA\x0bA="),
        BLOCK.replace("MAA=", "MA\x85A="),
        BLOCK.replace("MAA=", "MA\u2003A="),
        BLOCK.replace("CERTIFICATE-----\nMAA=", "CERTIFICATE-----\x1c\nMAA="),
        BLOCK.replace("END CERTIFICATE-----", "END CERTIFICATE-----\xa0"),
        write_pem("PRIVATE KEY", [b"\x30\x00"]).decode(),
    ],
)
def test_damaged_or_foreign_blocks_are_refused(text: str) -> None:
    assert pem_refused(text)
    assert pem_refused(text.encode())


def test_der_is_cut_at_its_lengths() -> None:
    parts = (
        b"\x30\x00",
        b"\x30\x81\x80" + bytes(128),
        b"\x30\x82\x01\x00" + bytes(256),
    )
    assert split_der(b"".join(parts)) == parts
    assert split_der(b"") == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x02\x01\x00", Reason.DER_TAG),
        (b"\x30", Reason.DER_TRUNCATED),
        (b"\x30\x05\x00", Reason.DER_TRUNCATED),
        (b"\x30\x82\x01", Reason.DER_TRUNCATED),
        (b"\x30\x80\x00\x00", Reason.DER_LENGTH),
        (b"\x30\x81\x05" + bytes(5), Reason.DER_LENGTH),
        (b"\x30\x82\x00\x80" + bytes(128), Reason.DER_LENGTH),
        (b"\x30\x85" + bytes(9), Reason.DER_LENGTH),
        (b"\x30\x84\xff\xff\xff\xff", Reason.DER_TRUNCATED),
        (b"\x30\x00\x00", Reason.DER_TAG),
    ],
)
def test_what_is_not_der_outside_is_refused(data: bytes, reason: Reason) -> None:
    with pytest.raises(InvalidCertificate) as caught:
        split_der(data)
    assert caught.value.reason is reason
