# SPDX-License-Identifier: Apache-2.0
"""What is changed in C: comparisons, logic, arithmetic, constants, guards, statements.

Not changed is what only people read: the texts and numbers in the last arguments of
HF_NEED_SEEN, HF_FAIL_SEEN and hf_error_set_seen. Nothing decides by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mutation.c_tokens import (
    Function,
    Token,
    functions,
    split_arguments,
    tokenize,
)
from mutation.mutant import Edit, Mutant, describe

_SWAPS = {
    "<": ("<=",),
    "<=": ("<",),
    ">": (">=",),
    ">=": (">",),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "&": ("|",),
    "|": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
    "+=": ("-=",),
    "-=": ("+=",),
    "|=": ("&=",),
    "&=": ("|=",),
    "^=": ("|=",),
    "++": ("--",),
    "--": ("++",),
}
# Which of these is a sign, an address or a pointer when nothing stands before it.
_MAY_BE_UNARY = {"+", "-", "&"}
_WORDS = {"true": "false", "false": "true"}
_KEYWORDS = set(
    "if else for while do switch case default return goto sizeof struct enum union "
    "static const unsigned signed int char long short void bool break continue".split()
)
_NO_TYPES = {"return", "case", "else", "goto", "do", "sizeof"}
# After how many arguments only the text of a failure follows.
_TELLING = {"HF_NEED_SEEN": 2, "HF_FAIL_SEEN": 1, "hf_error_set_seen": 1}
# A failure of the machine, not a verdict: which of these it is matters to nobody.
_INTERNAL = {"HF_E_INTERNAL", "HF_E_OPENSSL", "HF_E_OUT_OF_MEMORY"}
_DEFINE = re.compile(r"#define\s+\w+\s+\(?([0-9]+)[uU]?\)?\s*(?:/\*.*)?$")
_CAST = re.compile(
    r"(?:const |struct )*(?:void|bool|char|size_t|u?int\w*|\w+_t|long)\b"
)


class _File:
    """The mutants of one file, made while walking over its tokens."""

    def __init__(self, source: str, file: str) -> None:
        self.source = source
        self.file = file
        self.tokens = tokenize(source)
        self.spans = list(functions(self.tokens))
        self.silent = self._silent()
        self.sizes = self._sizes()
        self.bracketed = self._bracketed()

    def _silent(self) -> set[int]:
        """Return the tokens that only people read."""
        silent: set[int] = set()
        for index, token in enumerate(self.tokens[:-1]):
            kept = _TELLING.get(token.text)
            if kept is None or self.tokens[index + 1].text != "(":
                continue
            for first, last in split_arguments(self.tokens, index + 1)[kept:]:
                silent.update(range(first, last))
        return silent

    def _sizes(self) -> set[int]:
        """Return the tokens that say how large a local array is."""
        sizes: set[int] = set()
        for index, token in enumerate(self.tokens):
            if token.text != "[" or token.kind != "mark":
                continue
            name = index - 1
            while self.tokens[name].text == "]":
                name = self.tokens[name].match - 1
            # A declaration: a type stands before the name.
            before = self.tokens[name - 1]
            if before.kind == "word" and before.text not in _NO_TYPES:
                sizes.update(range(index, token.match))
        return sizes

    def _bracketed(self) -> set[int]:
        """Return the tokens in round brackets: a for's header has no statements."""
        inside: set[int] = set()
        for index, token in enumerate(self.tokens):
            if token.kind == "mark" and token.text == "(":
                inside.update(range(index, token.match))
        return inside

    def line_around(self, at: int) -> tuple[int, int]:
        """Return where the line begins and ends."""
        first = self.source.rfind("\n", 0, at) + 1
        last = self.source.find("\n", at)
        return first, len(self.source) if last < 0 else last

    def mutant(self, function: str, edit: Edit) -> Mutant:
        """Describe an edit by the lines it touches."""
        first, _ = self.line_around(edit.start)
        _, last = self.line_around(max(edit.start, edit.end - 1))
        return describe(self.source, self.file, function, edit, (first, last))

    def edits(self, function: Function) -> Iterator[Edit]:
        """Return every change of one function."""
        yield from self.early_return(function)
        for index in range(function.first + 1, function.last):
            if index in self.silent:
                continue
            yield from self.at_token(index)
            yield from self.at_condition(index)
            yield from self.at_statement(index)
            if function.returns == "bool":
                yield from self.at_return(index)

    def early_return(self, function: Function) -> Iterator[Edit]:
        """Answer before anything was looked at."""
        answers = {"hf_result": ("hf_ok()",), "bool": ("true", "false")}
        after = self.tokens[function.first].end
        for answer in answers.get(function.returns.split(" ")[-1], ()):
            yield Edit("early return", after, after, f" return {answer};")
        if function.returns == "void":
            yield Edit("early return", after, after, " return;")

    def at_token(self, index: int) -> Iterator[Edit]:
        """Change an operator, a constant or a code."""
        token = self.tokens[index]
        if token.kind == "number":
            # Nothing can go wrong in an array with room to spare.
            yield from list(constants(token))[1 if index in self.sizes else 0 :]
        if token.kind == "word":
            yield from self.words(index)
        if token.kind != "mark":
            return
        if token.text == "!":
            yield Edit("negation", token.start, token.end, "")
        if token.text in _MAY_BE_UNARY and not self.is_binary(index):
            return
        for text in _SWAPS.get(token.text, ()):
            yield Edit("operator", token.start, token.end, text)

    def words(self, index: int) -> Iterator[Edit]:
        """Change a truth value or the code of a refusal."""
        token = self.tokens[index]
        if token.text in _WORDS:
            yield Edit("constant", token.start, token.end, _WORDS[token.text])
        if token.text.startswith("HF_E_") and token.text not in _INTERNAL:
            yield Edit("code", token.start, token.end, "HF_E_INTERNAL")

    def is_binary(self, index: int) -> bool:
        """Tell whether an operand stands before."""
        before = self.tokens[index - 1]
        if before.text == ")" and before.match >= 0:
            inside = self.source[self.tokens[before.match].end : before.start]
            return _CAST.match(inside) is None
        if before.kind in {"number", "string"} or before.text == "]":
            return True
        return before.kind == "word" and before.text not in _KEYWORDS

    def at_condition(self, index: int) -> Iterator[Edit]:
        """Negate what an if, a while or a question mark asks."""
        token = self.tokens[index]
        if token.text in {"if", "while"} and token.kind == "word":
            opening = self.tokens[index + 1]
            start, end = opening.end, self.tokens[opening.match].start
            inside = self.source[start:end]
            yield Edit("condition", start, end, f"!({inside})")
        if token.text == "?" and token.kind == "mark":
            start = self.tokens[self.question_start(index)].start
            end = self.tokens[index - 1].end
            inside = self.source[start:end]
            yield Edit("condition", start, end, f"!({inside})")

    def question_start(self, index: int) -> int:
        """Return the first token of the condition before a question mark."""
        at = index - 1
        while True:
            token = self.tokens[at]
            if token.text in {")", "]"} and token.match >= 0:
                at = token.match
            elif token.text in {"=", "return", ",", "(", "[", ";", "{", "?", ":"}:
                return at + 1
            at -= 1

    def at_statement(self, index: int) -> Iterator[Edit]:
        """Leave out a statement that does something: a guard, a call, an assignment."""
        if not self.begins_statement(index):
            return
        end = self.statement_end(index)
        if end is not None:
            start, stop = self.tokens[index].start, self.tokens[end].end
            yield Edit("statement", start, stop, ";")

    def statement_end(self, index: int) -> int | None:
        """Return the semicolon; none when this is an element of an initialiser."""
        while self.tokens[index].text not in {";", "}"}:
            match = self.tokens[index].match
            index = match + 1 if match > index else index + 1
        return index if self.tokens[index].text == ";" else None

    def begins_statement(self, index: int) -> bool:
        """Tell a statement's first token; declarations and returns are none."""
        token, after = self.tokens[index], self.tokens[index + 1]
        before = self.tokens[index - 1]
        if index in self.bracketed or before.text not in {";", "{", "}"}:
            return False
        if token.text in {"break", "continue"}:
            return True
        if token.text in {"*", "++", "--", "("}:
            return True
        if token.kind != "word" or token.text in _KEYWORDS:
            return False
        # A type and a name, or a type and a pointer: a declaration.
        return after.kind == "mark" and after.text not in {"*", ":", "}", ","}

    def at_return(self, index: int) -> Iterator[Edit]:
        """Turn a truth value that is returned around."""
        end = self.statement_end(index)
        if self.tokens[index].text != "return" or end is None:
            return
        start, stop = self.tokens[index + 1].start, self.tokens[end].start
        inside = self.source[start:stop]
        if inside not in _WORDS:
            yield Edit("return", start, stop, f"!({inside})")

    def file_scope(self) -> Iterator[Edit]:
        """Change the numbers in tables and after #define."""
        bodies: set[int] = set()
        for function in self.spans:
            bodies.update(range(function.first, function.last + 1))
        depth = 0
        for index, token in enumerate(self.tokens):
            if index in bodies:
                continue
            if token.kind == "mark" and token.text in "{}":
                depth += 1 if token.text == "{" else -1
            if token.kind == "number" and depth > 0:
                yield from constants(token)
            found = _DEFINE.match(token.text) if token.kind == "directive" else None
            if found is not None:
                number = int(found.group(1))
                start = token.start + found.start(1)
                for other in (number + 1, number - 1):
                    yield Edit("constant", start, start + len(found[1]), str(other))


def constants(token: Token) -> Iterator[Edit]:
    """Change a number by one, both ways; nothing below zero."""
    digits = token.text.rstrip("uUlL")
    suffix = token.text[len(digits) :]
    is_octal = digits[:1] == "0" and digits.isdigit()
    number = int(digits, 8) if is_octal else int(digits, 0)
    for other in (number + 1, number - 1):
        if other >= 0:
            text = hex(other) if digits[:2].lower() == "0x" else str(other)
            yield Edit("constant", token.start, token.end, text + suffix)


def mutants(source: str, file: str) -> list[Mutant]:
    """Return all mutants of a C file, in the order of their places."""
    parsed = _File(source, file)
    found: dict[tuple[int, int, str], Mutant] = {}
    for edit in parsed.file_scope():
        made = parsed.mutant("(file)", edit)
        found.setdefault((edit.start, edit.end, edit.text), made)
    for function in parsed.spans:
        for edit in parsed.edits(function):
            made = parsed.mutant(function.name, edit)
            found.setdefault((edit.start, edit.end, edit.text), made)
    return [found[place] for place in sorted(found)]
