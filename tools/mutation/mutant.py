# SPDX-License-Identifier: Apache-2.0
"""One small change of a source file, and how it is told from all others."""

from __future__ import annotations

from dataclasses import dataclass


def squeeze(text: str) -> str:
    """Put text on one line, so that a formatter's line breaks do not matter."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace `source[start:end]` of `file` by `text`.

    `before` and `after` are the statement or line around the change. With the file and
    the function they name a mutant across edits elsewhere: line numbers would not.
    """

    file: str
    function: str
    line: int
    operator: str
    start: int
    end: int
    text: str
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the list of explained survivors has of it."""
        return self.file, self.function, self.before, self.after

    def apply(self, source: str) -> str:
        """Return the source with this change, on as many lines in C."""
        lost = source.count("\n", self.start, self.end) - self.text.count("\n")
        # Failures carry __LINE__: without this no multi-line statement is "same code".
        lines = "\n" * lost if self.file.endswith(".c") else ""
        return source[: self.start] + self.text + lines + source[self.end :]

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.function}"
        return f"{place}\n    - {self.before}\n    + {self.after}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change before it is known what stands around it."""

    operator: str
    start: int
    end: int
    text: str


def describe(
    source: str, file: str, function: str, edit: Edit, around: tuple[int, int]
) -> Mutant:
    """Make a mutant of an edit; `around` is the text shown for it."""
    first, last = around
    before = squeeze(source[first:last])
    after = squeeze(source[first : edit.start] + edit.text + source[edit.end : last])
    line = source.count("\n", 0, edit.start) + 1
    start, end, text = edit.start, edit.end, edit.text
    return Mutant(file, function, line, edit.operator, start, end, text, before, after)
