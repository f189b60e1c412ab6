# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs and trust domains, rule by rule (checklist, section 1)."""

from __future__ import annotations

import pickle
import re

import pytest

from handfast import InvalidId, Reason, SpiffeId, TrustDomain

NAME_CHARACTERS = set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
SEGMENT_CHARACTERS = NAME_CHARACTERS | set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def reason_of(text: str) -> Reason:
    with pytest.raises(InvalidId) as caught:
        SpiffeId.parse(text)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # ID-01: the scheme, exactly.
        ("", Reason.ID_EMPTY),
        ("a.example/web", Reason.ID_SCHEME),
        ("https://a.example/web", Reason.ID_SCHEME),
        ("spiffe:/a.example/web", Reason.ID_SCHEME),
        ("spiffe:a.example/web", Reason.ID_SCHEME),
        (" spiffe://a.example/web", Reason.ID_SCHEME),
        # ID-02: a trust domain.
        ("spiffe://", Reason.ID_NO_TRUST_DOMAIN),
        ("spiffe:///web", Reason.ID_NO_TRUST_DOMAIN),
        # ID-03: no query, not even a bare one.
        ("spiffe://a.example?", Reason.ID_QUERY),
        ("spiffe://a.example?x=/web", Reason.ID_QUERY),
        ("spiffe://a.example/web?", Reason.ID_QUERY),
        # ID-04: no fragment, not even a bare one.
        ("spiffe://a.example#", Reason.ID_FRAGMENT),
        ("spiffe://a.example/web#x", Reason.ID_FRAGMENT),
        # ID-05: no user information, empty or not.
        ("spiffe://user@a.example/web", Reason.ID_USERINFO),
        ("spiffe://user:pw@a.example/web", Reason.ID_USERINFO),
        ("spiffe://@a.example/web", Reason.ID_USERINFO),
        # ID-06: no port, empty or not.
        ("spiffe://a.example:80/web", Reason.ID_PORT),
        ("spiffe://a.example:/web", Reason.ID_PORT),
        # ID-07: lower case.
        ("spiffe://A.example/web", Reason.ID_UPPER_CASE),
        # ID-08, ID-10: nothing else, so no IPv6 literal either.
        ("spiffe://[::1]/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("spiffe://a example/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("spiffe://a\\b/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("spiffe://\u212aelvin/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
        # ID-09, ID-12: no percent-encoding.
        ("spiffe://a%2eexample/web", Reason.ID_PERCENT_ENCODING),
        ("spiffe://a.example/w%65b", Reason.ID_PERCENT_ENCODING),
        # ID-13: no empty segment.
        ("spiffe://a.example//web", Reason.ID_EMPTY_SEGMENT),
        ("spiffe://a.example/web//x", Reason.ID_EMPTY_SEGMENT),
        # ID-14: no dot segments.
        ("spiffe://a.example/.", Reason.ID_DOT_SEGMENT),
        ("spiffe://a.example/../web", Reason.ID_DOT_SEGMENT),
        # ID-15: no slash at the end.
        ("spiffe://a.example/", Reason.ID_TRAILING_SLASH),
        ("spiffe://a.example/web/", Reason.ID_TRAILING_SLASH),
        # ID-16: segments of letters, digits, '.', '-' and '_'.
        ("spiffe://a.example/w\x00b", Reason.ID_PATH_CHARACTER),
        ("spiffe://a.example/web\n", Reason.ID_PATH_CHARACTER),
        ("spiffe://a.example/w b", Reason.ID_PATH_CHARACTER),
        ("spiffe://a.example/w:b", Reason.ID_PATH_CHARACTER),
        ("spiffe://a.example/wéb", Reason.ID_PATH_CHARACTER),
        # ID-20: upper case is refused in the strict reading.
        ("SPIFFE://a.example/web", Reason.ID_SCHEME),
    ],
)
def test_what_is_not_an_id_is_refused_with_its_reason(
    text: str, reason: Reason
) -> None:
    assert reason_of(text) is reason


@pytest.mark.parametrize(
    "name", ["1.2.3.4", "a..b", ".a", "a.", "-a", "_", "0", "x" * 100, "..", "."]
)
def test_names_are_judged_by_their_characters_alone(name: str) -> None:
    """ID-10, ID-11: whether it could be an IP address or in DNS makes no difference."""
    assert SpiffeId.parse(f"spiffe://{name}/web").trust_domain.name == name


@pytest.mark.parametrize("segment", ["...", ".a", "a..", "-", "_", "A", "Z9", "a.b"])
def test_segments_that_look_odd_are_fine(segment: str) -> None:
    """ID-14, ID-16: only the exact dot segments are special."""
    assert SpiffeId.parse(f"spiffe://a/{segment}").segments == (segment,)


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_in_every_position(byte: int) -> None:
    """ID-08, ID-16, I3: a byte is allowed by the table or refused, wherever it is."""
    character = chr(byte)
    for name in (character, f"{character}b", f"a{character}b", f"a{character}"):
        fits = character in NAME_CHARACTERS
        # A slash ends the name; what is before or behind it decides.
        if character == "/":
            continue
        assert accepts(f"spiffe://{name}/web") is fits, name
    for segment in (f"{character}b", f"a{character}b", f"a{character}"):
        fits = character in SEGMENT_CHARACTERS or segment == "a/b"
        assert accepts(f"spiffe://a/{segment}") is fits, segment


def accepts(text: str) -> bool:
    try:
        parsed = SpiffeId.parse(text)
    except InvalidId:
        return False
    assert str(parsed) == text
    return True


@pytest.mark.parametrize(
    ("length", "fits"), [(2047, True), (2048, True), (2049, False)]
)
def test_ids_have_at_most_2048_bytes(length: int, fits: bool) -> None:
    """ID-17, ID-18: the limit counts scheme, separators, name and path."""
    text = "spiffe://a.example/"
    text += "x" * (length - len(text))
    assert accepts(text) is fits
    if not fits:
        assert reason_of(text) is Reason.ID_TOO_LONG
        with pytest.raises(InvalidId) as caught:
            SpiffeId(TrustDomain("a.example"), text.removeprefix("spiffe://a.example"))
        assert caught.value.reason is Reason.ID_TOO_LONG


def test_the_length_counts_bytes_not_characters() -> None:
    """ID-17: 700 characters of three bytes are 2,100 bytes."""
    assert reason_of("spiffe://a/" + "\u20ac" * 700) is Reason.ID_TOO_LONG


@pytest.mark.parametrize(("length", "fits"), [(254, True), (255, True), (256, False)])
def test_names_have_at_most_255_bytes(length: int, fits: bool) -> None:
    """ID-19."""
    assert accepts(f"spiffe://{'x' * length}/web") is fits
    if not fits:
        assert reason_of(f"spiffe://{'x' * length}") is Reason.ID_TRUST_DOMAIN_TOO_LONG


def test_lenient_folds_scheme_and_name_and_nothing_else() -> None:
    """ID-20: case does not matter before the path, and matters in it."""
    lenient = SpiffeId.parse_lenient("SPIFFE://A.Example/Web")
    assert str(lenient) == "spiffe://a.example/Web"
    assert lenient != SpiffeId.parse_lenient("spiffe://a.example/web")
    assert str(SpiffeId.parse_lenient("Spiffe://A.Example")) == "spiffe://a.example"
    assert str(SpiffeId.parse_lenient("spiffe://AZ/AZ")) == "spiffe://az/AZ"


def test_lenient_tells_characters_as_they_were_typed() -> None:
    """ID-20: what stands beside the letters in ASCII is not folded with them."""
    for character in "@[":
        with pytest.raises(InvalidId, match=re.escape(f"'{character}'")):
            SpiffeId.parse_lenient(f"spiffe://a{character}b")


@pytest.mark.parametrize(
    "text", ["SPIFFE://\u212a/web", "spiffe://a/w%41", "SPIFFE://a/", "", "A", "A/B/C"]
)
def test_lenient_forgives_nothing_but_ascii_case(text: str) -> None:
    """ID-20: KELVIN SIGN lower-cases to k in Unicode, and is no k here."""
    with pytest.raises(InvalidId):
        SpiffeId.parse_lenient(text)


def test_an_id_without_a_path_is_the_trust_domains_own() -> None:
    """ID-21."""
    own = SpiffeId.parse("spiffe://a.example")
    assert own.path == ""
    assert own.segments == ()
    assert own == TrustDomain("a.example").id


def test_trust_domains_that_differ_in_a_byte_are_different() -> None:
    """I3: staging is not prod, and a dot at the end is a byte too."""
    prod = TrustDomain.parse("prod.example.com")
    assert prod != TrustDomain.parse("prod.example.com.")
    web = SpiffeId.parse("spiffe://prod.example.com/web")
    assert web.is_member_of(prod)
    assert not web.is_member_of(TrustDomain("staging.example.com"))
    assert not web.is_member_of(TrustDomain("example.com"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", Reason.ID_NO_TRUST_DOMAIN),
        ("spiffe://a.example", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("a.example/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("a.example:80", Reason.ID_PORT),
        ("A", Reason.ID_UPPER_CASE),
        ("aZ", Reason.ID_UPPER_CASE),
        ("a[", Reason.ID_TRUST_DOMAIN_CHARACTER),
        ("x" * 256, Reason.ID_TRUST_DOMAIN_TOO_LONG),
    ],
)
def test_a_bare_name_follows_the_same_rules(name: str, reason: Reason) -> None:
    """ID-08, ID-19."""
    with pytest.raises(InvalidId) as caught:
        TrustDomain.parse(name)
    assert caught.value.reason is reason


def test_segments_cannot_smuggle_a_segment() -> None:
    """ID-16, I7: a name from a user becomes one segment or nothing."""
    domain = TrustDomain("a.example")
    made = SpiffeId.from_segments(domain, "ns", "shop")
    assert str(made) == "spiffe://a.example/ns/shop"
    assert SpiffeId.from_segments(domain) == domain.id
    for bad in ("a/b", "", "..", "a b", "/"):
        with pytest.raises(InvalidId):
            SpiffeId.from_segments(domain, "ns", bad)


def test_constructing_validates() -> None:
    with pytest.raises(InvalidId) as caught:
        SpiffeId(TrustDomain("a.example"), "web")
    assert caught.value.reason is Reason.ID_PATH_CHARACTER
    assert caught.value.seen == "'w'"


@pytest.mark.parametrize("value", [b"spiffe://a.example/web", None, 7])
def test_only_text_is_read(value: object) -> None:
    for parse in (SpiffeId.parse, SpiffeId.parse_lenient, TrustDomain.parse):
        with pytest.raises(TypeError, match="read from str, not from"):
            parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [b"/web", b"", (), None, 7])
def test_only_text_becomes_a_path(value: object) -> None:
    with pytest.raises(TypeError, match="read from str, not from"):
        SpiffeId(TrustDomain("a.example"), value)  # type: ignore[arg-type]


def test_ids_are_values() -> None:
    one, two = (SpiffeId.parse("spiffe://a.example/web") for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "SpiffeId('spiffe://a.example/web')"
    assert str(one.trust_domain) == "a.example"
    assert repr(one.trust_domain) == "TrustDomain('a.example')"
    assert sorted([SpiffeId.parse("spiffe://b/a"), one]) == [
        one,
        SpiffeId.parse("spiffe://b/a"),
    ]
    with pytest.raises(AttributeError):
        one.path = "/other"  # type: ignore[misc]


def test_what_is_shown_of_a_bad_id_is_printable() -> None:
    """I3: a terminal or a log never sees the stranger's bytes."""
    with pytest.raises(InvalidId) as caught:
        SpiffeId.parse("spiffe://a.example/\x1b[2J")
    assert str(caught.value).isprintable()
    assert "\\x1b" in caught.value.seen
