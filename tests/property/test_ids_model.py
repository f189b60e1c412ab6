# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs against a second reading of the rules.

The model below was written from the checklist alone: it walks over bytes with a
table and shares neither code nor method with the library.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from tests.property.strategies import IN_NAME, IN_SEGMENT, nearly_ids, valid_ids

from handfast import InvalidId, SpiffeId, TrustDomain


def model(text: bytes) -> tuple[bytes, list[bytes]] | None:  # noqa: PLR0911
    """Name and segments, or None for what is no SPIFFE ID."""
    if len(text) > 2048:  # ID-17
        return None
    for have, want in zip(text, b"spiffe://", strict=False):  # ID-01
        if have != want:
            return None
    if len(text) < 9:
        return None
    parts: list[list[int]] = [[]]
    for byte in text[9:]:
        if byte == 0x2F:
            parts.append([])
        elif byte in (IN_SEGMENT if len(parts) > 1 else IN_NAME):
            parts[-1].append(byte)
        else:  # ID-03 to ID-09, ID-12, ID-16
            return None
    name, *segments = (bytes(part) for part in parts)
    if not 1 <= len(name) <= 255:  # ID-02, ID-19
        return None
    if any(segment in {b"", b".", b".."} for segment in segments):  # ID-13 to ID-15
        return None
    return name, segments


def check_printable(error: InvalidId) -> None:
    assert str(error).isprintable()


def parsed(text: str) -> tuple[bytes, list[bytes]] | None:
    try:
        spiffe_id = SpiffeId.parse(text)
    except InvalidId as error:
        check_printable(error)
        return None
    assert str(spiffe_id) == text, "what is accepted is never changed"
    name = spiffe_id.trust_domain.name.encode()
    return name, [segment.encode() for segment in spiffe_id.segments]


def long_id(name: int, path: int) -> str:
    return f"spiffe://{'n' * name}/{'p' * path}"


@given(st.one_of(valid_ids, nearly_ids(), st.text(max_size=40)))
@example("spiffe://a/\ud800")
@example("spiffe://A@b:c?d#e%f")
def test_library_and_model_agree(text: str) -> None:
    """ID-01 to ID-21, I3: the same verdict and the same parts."""
    assert parsed(text) == model(text.encode("utf-8", "surrogatepass"))


@given(st.integers(250, 260), st.integers(1770, 1790))
def test_they_agree_at_the_limits(name: int, path: int) -> None:
    """ID-17, ID-19: near 255 bytes of name and 2,048 bytes of ID."""
    text = long_id(name, path)
    assert parsed(text) == model(text.encode())


@given(valid_ids)
def test_valid_ids_round_trip(text: str) -> None:
    """ID-16, ID-21: apart and together again."""
    spiffe_id = SpiffeId.parse(text)
    domain = spiffe_id.trust_domain
    assert SpiffeId.from_segments(domain, *spiffe_id.segments) == spiffe_id
    assert SpiffeId(domain, spiffe_id.path) == spiffe_id
    assert spiffe_id.is_member_of(TrustDomain(domain.name))


@given(st.one_of(valid_ids, nearly_ids()))
def test_lenient_is_strict_after_folding_ascii(text: str) -> None:
    """ID-20: fold A to Z before the third slash, byte by byte, and parse."""
    folded = bytearray(text.encode())
    slashes = 0
    for place, byte in enumerate(folded):
        slashes += byte == 0x2F
        if slashes < 3 and 0x41 <= byte <= 0x5A:
            folded[place] = byte + 0x20
    expected = model(bytes(folded))
    try:
        lenient: str | None = str(SpiffeId.parse_lenient(text))
    except InvalidId:
        lenient = None
    assert lenient == (None if expected is None else folded.decode())


@given(valid_ids, valid_ids)
def test_ids_are_equal_when_every_byte_is(one: str, two: str) -> None:
    """I3."""
    assert (SpiffeId.parse(one) == SpiffeId.parse(two)) is (one == two)
