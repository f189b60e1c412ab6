# SPDX-License-Identifier: Apache-2.0
"""Errors: one reason each, the same as in C, and a message that helps."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import reasons as tool
from handfast import errors
from handfast.errors import (
    Category,
    ErrorDetail,
    HandfastError,
    Reason,
    detail_for,
    error_for,
)
from handfast.reasons import ROWS
from handfast.text import escape


def header_rows() -> list[tool.Row]:
    return tool.read_header(tool.HEADER.read_text(encoding="utf-8"))[1]


def test_reasons_are_the_rows_of_the_tables() -> None:
    """C's first, then those that C never reports."""
    rows = [*header_rows(), *tool.read_parts()[1]]
    assert [reason.value for reason in Reason] == [row.name for row in rows]
    assert [reason.name for reason in Reason] == [row.name.upper() for row in rows]


def test_pythons_own_rows_are_out_of_cs_reach() -> None:
    categories, rows = tool.read_parts()
    assert len({category.number for category in categories}) == len(categories)
    for row in rows:
        ours = ROWS[Reason(row.name)]
        assert (ours.code, ours.text, ours.hint) == (row.code, row.text, row.hint)
        assert ours.code >> 8 >= tool.FIRST_OF_PYTHON
        assert ours.alert is None


@pytest.mark.parametrize(
    ("category", "numbers", "said"),
    [(63, "1", "category 63 is taken"), (64, "1 1", "number 1 is there twice")],
)
def test_a_table_of_python_that_takes_anothers_number_is_refused(
    category: int, numbers: str, said: str, tmp_path: Path
) -> None:
    rows = "".join(
        f'[[reason]]\nname = "x{place}"\nnumber = {number}\ntext = ""\nhint = ""\n'
        for place, number in enumerate(numbers.split())
    )
    head = f'[category]\nname = "x"\nnumber = {category}\ncomment = ""\n'
    (tmp_path / "x.toml").write_text(head + rows, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        tool.read_parts(tmp_path)


def test_rows_say_what_the_c_table_says() -> None:
    for row in header_rows():
        ours = ROWS[Reason(row.name)]
        assert (ours.code, ours.text, ours.hint) == (row.code, row.text, row.hint)
        assert ours.alert == (None if row.alert < 0 else row.alert)
        assert ours.code >> 8 == list(Category).index(ours.category) + 1


def test_the_generated_module_is_up_to_date() -> None:
    assert tool.main(["--check"]) == 0


def test_codes_are_never_shared() -> None:
    codes = [row.code for row in ROWS.values()]
    assert len(set(codes)) == len(codes)


def test_the_header_reader_skips_nothing_silently() -> None:
    text = tool.HEADER.read_text(encoding="utf-8")
    damaged = text.replace('"bad_argument", USAGE, 1', '"bad_argument", USAGE')
    assert damaged != text
    with pytest.raises(ValueError, match="not understood"):
        tool.read_header(damaged)


def test_message_is_one_paragraph_for_a_person() -> None:
    detail = replace(
        detail_for(
            Reason.CERTIFICATE_EXPIRED,
            expected="a time inside the validity",
            seen="7 s after its end",
            depth=0,
            claimed_id="spiffe://a.example/web",
        ),
        skew=timedelta(seconds=7),
    )
    assert str(error_for(detail)) == (
        "the certificate has expired: expected a time inside the validity, "
        "seen 7 s after its end "
        "(certificate 0, claims spiffe://a.example/web, not verified). "
        "Renew it: is the peer still in touch with its source?"
    )


def test_who_was_authenticated_is_and_does_not_merely_claim() -> None:
    """A policy is asked about proved identities only."""
    detail = detail_for(
        Reason.NOT_AUTHORIZED, depth=0, claimed_id="spiffe://a.example/web"
    )
    assert "(certificate 0, is spiffe://a.example/web)" in detail.message()


def test_message_without_facts_is_the_rule_alone() -> None:
    assert detail_for(Reason.ID_EMPTY).message() == "an empty text is not a SPIFFE ID"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_an_exception(reason: Reason) -> None:
    error = error_for(detail_for(reason))
    assert error.reason is reason
    assert type(error) is not HandfastError
    assert str(error).startswith(ROWS[reason].text)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.INTERNAL, errors.InternalError),
        (Reason.BAD_ARGUMENT, errors.ConfigError),
        (Reason.BUSY, errors.UsageError),
        (Reason.CONNECTION_RESET, errors.TransportError),
        (Reason.CLOSED, errors.ConnectionClosed),
        (Reason.TRUNCATED, errors.Truncated),
        (Reason.PEER_ALERT, errors.PeerAlert),
        (Reason.NOT_TLS, errors.PeerMisbehaved),
        (Reason.VERSION_MISMATCH, errors.PeerIncompatible),
        (Reason.CERTIFICATE_EXPIRED, errors.VerificationError),
        (Reason.UNKNOWN_AUTHORITY, errors.VerificationError),
        (Reason.NOT_AUTHORIZED, errors.NotAuthorized),
        (Reason.POLICY_INVALID, errors.ConfigError),
        (Reason.KEY_MISMATCH, errors.InvalidCertificate),
        (Reason.BUNDLE_DUPLICATE, errors.InvalidBundle),
        (Reason.JWT_EXPIRED, errors.VerificationError),
    ],
)
def test_the_category_chooses_the_class(
    reason: Reason, kind: type[HandfastError]
) -> None:
    assert type(error_for(detail_for(reason))) is kind


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("peer", errors.VerificationError),
        ("own", errors.InvalidCertificate),
        ("bundle", errors.InvalidBundle),
        ("id", errors.InvalidId),
    ],
)
def test_what_was_judged_chooses_the_class(
    subject: errors.Subject, kind: type[HandfastError]
) -> None:
    detail = detail_for(Reason.DER_TAG)
    assert type(error_for(detail, subject=subject)) is kind


def test_refusals_of_a_peer_are_peer_errors_and_carry_the_evidence() -> None:
    detail = detail_for(
        Reason.SVID_IS_CA, depth=0, certificate=b"0", claimed_id="spiffe://a.example/x"
    )
    error = error_for(detail)
    assert isinstance(error, errors.PeerError)
    assert isinstance(error, errors.VerificationError)
    assert (error.depth, error.certificate) == (0, b"0")
    assert error.claimed_id == "spiffe://a.example/x"
    assert error.skew is None
    assert error.hint == ROWS[Reason.SVID_IS_CA].hint


def test_invalid_values_are_value_errors_too() -> None:
    for kind in (errors.InvalidId, errors.InvalidCertificate, errors.InvalidBundle):
        assert issubclass(kind, ValueError)


def test_errors_survive_pickle_and_copy() -> None:
    detail: ErrorDetail = replace(detail_for(Reason.PEER_ALERT), alert=49)
    error = error_for(detail)
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(twin) is errors.PeerAlert
        assert twin.detail == detail
        assert twin.alert == 49


def test_strangers_text_is_escaped_and_cut() -> None:
    assert escape("a\x1b[31m\\é") == "a\\x1b[31m\\x5c\\xc3\\xa9"
    assert escape(b"\x00" * 200, limit=2) == "\\x00\\x00..."
