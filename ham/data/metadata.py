"""The metadata of a data set, read and checked row by row.

Every error names the file and, where there is one, the row: its line as an editor counts
them, the header being line 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ham.config import CODES, DataError
from ham.data import delimited
from ham.data.diagnoses import class_of, counted
from ham.data.names import image_key, image_name, shown
from ham.data.packed import read_metadata_bytes

METADATA_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
#: The clinic and device an image comes from: `dataset` in HAM10000's original at Harvard Dataverse.
SOURCE_COLUMN = "source"
COLUMN_TYPES = {
    name: "float64" if name == "age" else "str" for name in (*METADATA_COLUMNS, SOURCE_COLUMN)
}
OLDEST = 130.0  # years
CORRECT = "Correct the file, or take it from the data set's download again."

_ALSO_CALLED = {"image_id": ("image",), SOURCE_COLUMN: ("dataset",)}
_NEEDED = METADATA_COLUMNS[:3]
_SEXES = {"m": "male", "f": "female"}


@dataclass(frozen=True, eq=False)
class Metadata:
    """What a metadata file says, and what of it could not be used."""

    #: METADATA_COLUMNS, then SOURCE_COLUMN where the file has one. age: float, years, NaN where it
    #: is not known; all else text, "unknown" where it is not known.
    table: pd.DataFrame
    lines: np.ndarray  # int64 (n,), the line of each row
    # rows of classes that the models do not know: (line, diagnosis)
    left_out: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]  # what was left out or not understood, in words


def read_metadata(path: Path) -> Metadata:
    """The checked metadata. Columns stand in any order, others beside them. Raises DataError."""
    table = delimited.read_table(read_metadata_bytes(Path(path)), shown(path), todo=CORRECT)
    columns = _columns(table)
    rows, lines, left_out, bad_ages = [], [], [], []
    line_of: dict[str, int] = {}
    for line, fields in table.rows:
        row = {name: fields[place] for name, place in columns.items()}
        for name in ("lesion_id", "image_id"):
            if delimited.missing(row[name]):
                raise DataError(table.where(line), f"the {name} is empty.", CORRECT)
        first = line_of.setdefault(image_key(row["image_id"]), line)
        if first != line:
            raise DataError(
                table.where(line),
                f"image {row['image_id']} stands in line {first} already.",
                "Remove one of the two, or download the file again.",
            )
        label = class_of(row["dx"])
        if label is None:
            left_out.append((line, "no diagnosis" if delimited.missing(row["dx"]) else row["dx"]))
            continue
        years = _years(row.get("age", ""))
        if years is None:
            bad_ages.append((line, row["age"]))
        rows.append(_checked(row, CODES[label], years))
        lines.append(line)
    if not rows:
        why = "there is no row below the header."
        if left_out:
            why = (
                f"no row has a diagnosis dx that the models know ({', '.join(CODES)}): "
                f"{counted(dx for _, dx in left_out)}."
            )
        raise DataError(table.shown, why, CORRECT)
    frame = pd.DataFrame(rows, columns=[name for name in COLUMN_TYPES if name in rows[0]])
    return Metadata(
        frame.astype({name: COLUMN_TYPES[name] for name in frame}),
        np.array(lines, np.int64),
        tuple(left_out),
        tuple(_notes(Path(path).name, columns, left_out, bad_ages)),
    )


def _columns(table: delimited.Table) -> dict[str, int]:
    """Column -> where it stands, of those that there are."""
    found = {
        name: place
        for name in COLUMN_TYPES
        if (place := table.column(name, *_ALSO_CALLED.get(name, ()))) is not None
    }
    absent = [name for name in _NEEDED if name not in found]
    if absent:
        raise DataError(
            table.where(table.line),
            f"the header is {table.header_shown}: there is no "
            f"column {' and no column '.join(absent)}.",
            f"The first line must name the columns {', '.join(METADATA_COLUMNS)}.",
        )
    return found


def _checked(row: dict[str, str], dx: str, years: float | None) -> dict[str, str | float]:
    known = {name: "unknown" if delimited.missing(text) else text for name, text in row.items()}
    sex = known.get("sex", "unknown").casefold()
    checked: dict[str, str | float] = {
        "lesion_id": row["lesion_id"],
        "image_id": image_name(row["image_id"]),
        "dx": dx,
        "dx_type": known.get("dx_type", "unknown").casefold(),
        "age": math.nan if years is None else years,
        "sex": _SEXES.get(sex, sex),
        "localization": known.get("localization", "unknown").casefold(),
    }
    return checked | {SOURCE_COLUMN: known[SOURCE_COLUMN]} if SOURCE_COLUMN in row else checked


def _years(text: str) -> float | None:
    """NaN where the age is not known, None where the text is no age."""
    if delimited.missing(text):
        return math.nan
    years = delimited.number(text)
    return years if years is not None and 0 <= years <= OLDEST else None


def _notes(
    file: str,
    columns: dict[str, int],
    left_out: list[tuple[int, str]],
    bad_ages: list[tuple[int, str]],
) -> list[str]:
    notes = []
    if left_out:
        n = len(left_out)
        notes.append(
            f"{n:,} {'row' if n == 1 else 'rows'} of {file} left out, of classes that "
            "the models "
            f"do not know: {counted(dx for _, dx in left_out)}."
        )
    if bad_ages:
        n = len(bad_ages)
        listed = ", ".join(f"{text[:20]!r} in line {line}" for line, text in bad_ages[:3])
        notes.append(
            f"{n:,} {'age' if n == 1 else 'ages'} of {file} count as not known, being no number of "
            f"years: {listed}{', …' * (n > 3)}."
        )
    absent = [name for name in METADATA_COLUMNS if name not in columns]
    if absent:
        notes.append(
            f"{file} has no column {' and no column '.join(absent)}: not known of any image."
        )
    return notes
