"""One reader for the tables people have: metadata and labels, however they were exported.

UTF-8 and UTF-16 with and without byte order mark, any line ends, comma, semicolon or tab,
quoted fields, blank lines, separators at the end of a line.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ham.config import DataError
from ham.data.names import shown as shown_path

SEPARATORS = ",;\t"
SAVE_AGAIN = "Save it as CSV in UTF-8."
#: How a value that is not known is written; compared without case.
MISSING = frozenset(
    {
        "",
        "nan",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "<na>",
        "nat",
        "none",
        "null",
        "unknown",
        "undefined",
        "unspecified",
        "missing",
        "-",
        "--",
        "?",
        "not available",
        "not_available",
        "not known",
        "not specified",
        "not reported",
        "not recorded",
    }
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Table:
    """A header and its rows; every field is text without blanks around it."""

    shown: str  # the file, as messages name it
    header: tuple[str, ...]  # as written
    line: int  # of the header, as an editor counts
    written: list[tuple[int, list[str]]]  # (line, its fields) of every line that is not blank
    todo: str  # what messages advise

    @cached_property
    def rows(self) -> list[tuple[int, list[str]]]:
        """(line, as many fields as the header has). Raises DataError where a line has not."""
        return [(line, self._fitted(line, fields)) for line, fields in self.written]

    def _fitted(self, line: int, fields: list[str]) -> list[str]:
        """Separators at the end of a line are no fields."""
        n = len(self.header)
        if len(fields) > n:
            fields = fields[:n] + _without_empty_end(fields[n:])
        if len(fields) != n:
            counted = f"{len(fields)} {'field' if len(fields) == 1 else 'fields'}"
            raise DataError(
                self.where(line), f"it has {counted} where the header has {n}.", self.todo
            )
        return fields

    def column(self, *names: str) -> int | None:
        """Where the first of these columns stands that there is. Case does not matter.

        Raises DataError where a column of this name stands there twice.
        """
        written = [name.casefold() for name in self.header]
        for name in names:
            if written.count(name.casefold()) > 1:
                raise DataError(
                    self.where(self.line),
                    f"the header is {self.header_shown}: it has the column {name} twice.",
                    "Remove or rename one of the two.",
                )
            if name.casefold() in written:
                return written.index(name.casefold())
        return None

    def where(self, line: int) -> str:
        return f"{self.shown}, line {line}"

    @property
    def header_shown(self) -> str:
        return ",".join(self.header)[:200]


def read_table(
    source: str | os.PathLike[str] | bytes, shown: str = "", todo: str = SAVE_AGAIN
) -> Table:
    """The table in a file, or in the bytes of one. Raises DataError, with the line where there
    is one.

    `shown` is what messages call it; `todo` what they advise.
    """
    if isinstance(source, bytes):
        content, shown = source, shown or "The table"
    else:
        shown = shown or shown_path(source)
        try:
            content = Path(source).read_bytes()
        except (OSError, ValueError) as error:  # a NUL in its name
            why = getattr(error, "strerror", None) or error
            raise DataError(
                shown, f"the file cannot be read ({why}).", "Check its name."
            ) from error
    text = _decoded(content, shown, todo)
    lines = _rows(text, shown, todo)
    if not lines:
        raise DataError(shown, "the file is empty.", todo)
    (first, header), *rows = lines
    return Table(shown, tuple(_without_empty_end(header)), first, rows, todo)


def missing(text: str) -> bool:
    """Whether this field says that its value is not known."""
    return text.strip().casefold() in MISSING


def number(text: str) -> float | None:
    """The number in a field, a comma taken for a point; None where it is none or not finite."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?[0-9]{0,15}([.,][0-9]*)?([eE][+-]?[0-9]{1,3})?", text, re.ASCII):
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# ------------------------------------------------------------------------------ reading


def _decoded(content: bytes, shown: str, todo: str) -> str:
    if content.startswith(b"PK\3\4"):
        raise DataError(shown, "it is an Excel workbook or another zip archive, no text.", todo)
    mark, encoding = next(
        ((mark, name) for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)),
        (b"", _guessed(content)),
    )
    body = content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall("\r\n|\r|\n", body[: error.start].decode(encoding, "replace"))) + 1
        name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        raise DataError(
            f"{shown}, line {line}", f"it is no {name} text (byte {len(mark) + error.start}).", todo
        ) from error
    if "\0" in text:
        line = len(re.findall("\r\n|\r|\n", text[: text.index("\0")])) + 1
        raise DataError(
            f"{shown}, line {line}",
            "it has a NUL character: the file is no text, or it is damaged.",
            todo,
        )
    return text.lstrip("\ufeff")  # some exports write the mark twice


def _guessed(content: bytes) -> str:
    """UTF-16 without a mark has a NUL beside every ASCII character."""
    start = content[:64]
    if len(start) >= 4 and len(start) % 2 == 0:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if odd == len(start) // 2 and not even:
            return "utf-16-le"
        if even == len(start) // 2 and not odd:
            return "utf-16-be"
    return "utf-8"


def _rows(text: str, shown: str, todo: str) -> list[tuple[int, list[str]]]:
    """(line, fields without blanks around them) of every line that is not blank."""
    text, skipped, separator = _separator(text)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        strict=True,
        skipinitialspace=separator != "\t",
    )
    rows, line = [], 1
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                rows.append((line + skipped, stripped))
            line = reader.line_num + 1
    except csv.Error as error:
        why = {"unexpected end of data": "a quotation mark is opened and not closed"}.get(
            str(error), str(error)
        )
        raise DataError(
            f"{shown}, line {line + skipped}", f"it is no CSV ({why}).", todo
        ) from error
    return rows


def _separator(text: str) -> tuple[str, int, str]:
    """The table, how many lines were cut off above it, and what stands between its columns.

    Excel writes a line `sep=;` above some; else it is what the first line has most of.
    """
    first = next((line for line in re.split("[\r\n]", text[:100_000]) if line.strip()), "")
    told = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", first, re.IGNORECASE)
    if told and told[1] in SEPARATORS:
        table = re.sub("^(\r\n|\r|\n)", "", text.partition(first)[2])
        return table, len(re.findall("\r\n|\r|\n", text.removesuffix(table))), told[1]
    outside = re.sub(r'"[^"]*"', "", first)
    return text, 0, max(SEPARATORS, key=outside.count)


def _without_empty_end(fields: list[str]) -> list[str]:
    while fields and not fields[-1]:
        fields = fields[:-1]
    return fields
