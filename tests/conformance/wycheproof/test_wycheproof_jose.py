# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's JOSE vectors through what reads and verifies our tokens (J1, J2).

Their payloads are no claims, so that the layer below is asked: reading, choosing the
key, the signature. What Wycheproof would take and we do not is listed with its reason;
nothing that it would refuse is taken.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.conformance.wycheproof import jose_vectors as vectors

from handfast import HandfastError, JwtBundle, Reason
from handfast.jws import NotAJws, check_signature, read_jws
from handfast.key_bundle import key_for

_FOLDER = vectors.find_folder()

_HMAC = "a secret that both ends share is no JWT-SVID's key: JWT-05"
_JWE = "an encrypted token: JWT-02"
_OTHER = "its key says that it is for another algorithm than the token's"
_NO_ALGORITHM = "its key says that it is for ES521, which is the name of nothing"
_SPACES = "characters that base64url has not, and HMAC besides: J2"
#: What Wycheproof takes and we refuse.
STRICTER = {
    "json_web_crypto:1": _HMAC,
    "json_web_crypto:48": _HMAC,
    "json_web_crypto:50": _JWE,
    "json_web_crypto:67": _JWE,
    "json_web_key:2": _HMAC,
    "json_web_key:13": _HMAC,
    "json_web_key:14": _HMAC,
    "json_web_key:15": _HMAC,
    "json_web_signature:1": _HMAC,
    "json_web_signature:346": _OTHER,
    "json_web_signature:347": _NO_ALGORITHM,
    "json_web_signature:348": _HMAC,
    "json_web_signature:350": _OTHER,
    "json_web_signature:351": _NO_ALGORITHM,
    "json_web_signature:352": _HMAC,
    "json_web_signature:357": _HMAC,
    "json_web_signature:358": _HMAC,
    "json_web_signature:359": _HMAC,
    "json_web_signature:372": _SPACES,
    "json_web_signature:373": _HMAC,
    "json_web_signature:376": _HMAC,
    "json_web_signature:377": _HMAC,
}
#: Which reasons say so.
REASONS = {
    _HMAC: Reason.JWT_ALGORITHM,
    _JWE: Reason.JWT_MALFORMED,
    _OTHER: Reason.JWT_KEY_MISMATCH,
    _NO_ALGORITHM: Reason.JWT_UNKNOWN_KEY,
    _SPACES: Reason.JWT_MALFORMED,
}


def refusal(vector: vectors.Vector) -> Reason | None:
    """Why a token is refused; None when it is taken."""
    try:
        bundle = JwtBundle.from_jwks("a.example", json.dumps(vector.keys))
        jws = read_jws(vector.token, ("JWT", "JOSE"))
        check_signature(jws, key_for(jws, bundle))
    except NotAJws as error:
        return error.detail.reason
    except HandfastError as error:
        return error.reason
    return None


if _FOLDER is None:

    def test_there_are_no_jose_vectors_here(capsys: pytest.CaptureFixture[str]) -> None:
        """Said plainly: none of them was run."""
        with capsys.disabled():
            sys.stdout.write(f"\n{vectors.NOTHING}\n")
        assert vectors.find_folder() is None

else:

    @pytest.fixture(scope="module")
    def verdicts() -> dict[str, tuple[vectors.Vector, Reason | None]]:
        assert _FOLDER is not None
        return {one.name: (one, refusal(one)) for one in vectors.read(_FOLDER)}

    Verdicts = dict[str, tuple[vectors.Vector, Reason | None]]

    def test_the_figures_are_shown(
        verdicts: Verdicts, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Every vector is judged, good and bad."""
        taken = sum(reason is None for _, reason in verdicts.values())
        counted = Counter(str(reason) for _, reason in verdicts.values() if reason)
        shown = ", ".join(
            f"{number} {name}" for name, number in sorted(counted.items())
        )
        with capsys.disabled():
            sys.stdout.write(
                f"\nwycheproof: {len(verdicts)} JOSE vectors, {taken} taken, "
                f"{len(STRICTER)} refused that it would take; refused as {shown}\n"
            )
        assert len(verdicts) == 510
        assert taken == 35

    def test_nothing_is_taken_that_wycheproof_refuses(verdicts: Verdicts) -> None:
        """J1, J2, JWT-17: other algorithms, other keys, other paddings, other texts."""
        wrong = {
            name: one.about
            for name, (one, reason) in verdicts.items()
            if reason is None and not one.valid
        }
        assert wrong == {}

    def test_what_is_refused_beyond_that_is_listed(verdicts: Verdicts) -> None:
        """JWT-02, JWT-05: and refused for what the list says."""
        found = {
            name: reason
            for name, (one, reason) in verdicts.items()
            if reason is not None and one.valid
        }
        assert found == {name: REASONS[why] for name, why in STRICTER.items()}


def test_a_named_folder_that_has_no_files_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever names a folder wants it run."""
    monkeypatch.setenv("HANDFAST_JOSE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="not Wycheproof's JOSE files"):
        vectors.find_folder()
