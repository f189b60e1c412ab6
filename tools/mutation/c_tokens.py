# SPDX-License-Identifier: Apache-2.0
"""Just enough of C's grammar to change a function in a sensible place.

Tokens with their places, and the functions of a file. Comments, strings and the
preprocessor's lines are tokens, too, so that nothing inside them is taken for code;
the one thing read from the latter is a constant after #define.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+ | /\*.*?\*/)
  | (?P<directive>^\#(?:[^\n\\]|\\.)*)
  | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])+')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]* | [0-9]+[uUlL]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>\.\.\. | <<= | >>= | -> | \+\+ | -- | << | >> | <= | >= | == | != | &&
      | \|\| | [-+*/%&|^]= | .)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, string, directive or mark; `match` places a bracket's other."""

    kind: str
    text: str
    start: int
    end: int
    match: int = -1


@dataclass(frozen=True, slots=True)
class Function:
    """A definition: its name, what it returns, and the tokens of its braces."""

    name: str
    returns: str
    first: int
    last: int


def _raw_tokens(source: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(source):
        kind = found.lastgroup or "mark"
        if kind != "skip":
            yield Token(kind, found.group(), found.start(), found.end())


def tokenize(source: str) -> list[Token]:
    """Return the tokens; brackets know the index of their partners."""
    tokens = list(_raw_tokens(source))
    partner: dict[int, int] = {}
    open_at: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in _PAIRS:
            open_at.append(index)
        elif token.text in _PAIRS.values():
            start = open_at.pop()
            partner[start], partner[index] = index, start
    return [
        Token(t.kind, t.text, t.start, t.end, partner.get(i, -1))
        for i, t in enumerate(tokens)
    ]


def functions(tokens: list[Token]) -> Iterator[Function]:
    """Find every definition: `name ( ... ) {` outside of all braces."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text != "{" or token.kind != "mark":
            index += 1
            continue
        before = tokens[index - 1]
        if before.text == ")" and before.match > 0:
            name = tokens[before.match - 1].text
            returns = _return_type(tokens, before.match - 2)
            yield Function(name, returns, index, token.match)
        index = token.match + 1


def _return_type(tokens: list[Token], at: int) -> str:
    words: list[str] = []
    while at >= 0 and tokens[at].kind != "directive" and tokens[at].text not in ";}":
        words.append(tokens[at].text)
        at -= 1
    return " ".join(w for w in reversed(words) if w not in {"static", "inline"})


def split_arguments(tokens: list[Token], opening: int) -> list[tuple[int, int]]:
    """Return the token ranges between the commas of one pair of brackets."""
    ranges: list[tuple[int, int]] = []
    start = index = opening + 1
    while index < tokens[opening].match:
        if tokens[index].text == "," and tokens[index].kind == "mark":
            ranges.append((start, index))
            start = index + 1
        # What is bracketed is one thing.
        match = tokens[index].match
        index = match + 1 if match > index else index + 1
    return [*ranges, (start, tokens[opening].match)]
