"""Labelled images from anywhere: a table that names images and their classes, and the files that
it names.

Read are, columns in any order and others beside them: `image,dx` with a class code; a diagnosis in
words, as the ISIC archive exports it; and ISIC's ground truth of 2018 and 2019, `image` with a
column a class that is 1 for the true one and 0 for the rest. Images are found by name, wherever
in the folder they lie; whether they can be read is for whoever opens them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ham.config import CLASSES, CODES, DataError
from ham.data import delimited
from ham.data.diagnoses import OTHER_COLUMNS, class_of, counted
from ham.data.names import find_images, image_key, image_name, shown

#: ISIC's ground truth has the first, HAM10000's own metadata the second, the ISIC archive the
#: others.
NAME_COLUMNS = ("image", "image_id", "isic_id", "image_name", "filename", "file")
DX_COLUMNS = ("dx", "diagnosis", "diagnosis_3")
# read where there is nothing better: often they hold numbers of some order
LABEL_COLUMNS = ("label", "class")
ISIC_COLUMNS = tuple(c.isic_column for c in CLASSES)
FORMS = (
    "The first line names the columns: image,dx or image,diagnosis or "
    f"image,{','.join(ISIC_COLUMNS)}."
)
_BENIGN = {"benign": True, "malignant": False}


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Image files with their classes, in the order of the table; not opened yet."""

    names: tuple[str, ...]  # without extension, each once
    paths: tuple[str, ...]
    labels: np.ndarray  # int64 (n,), index in CLASSES
    lesions: np.ndarray  # int64 (n,): images of one lesion share it
    missing: dict[str, str]  # labelled images that are not among the above: name -> why
    n_unlabelled: int  # images in the folder that the table does not name
    notes: tuple[str, ...]  # what a reader of the scores should know, in words
    n_other: int = 0  # images left out, being of classes that the models do not know

    @property
    def n_labelled(self) -> int:
        """Images of the models' classes, found or not."""
        return len(self.names) + len(self.missing)


@dataclass(frozen=True)
class _Row:
    line: int
    name: str
    label: int | None  # index in CLASSES; None: the models do not know the class
    written: str  # the class as the table has it
    lesion: str  # "" where it is not given


def find_labelled_images(
    folder: str | os.PathLike[str], labels: str | os.PathLike[str]
) -> LabelledImages:
    """The images in this folder, or below it, that the table `labels` names. Raises DataError.

    `img/ISIC_0034321.png` in the table finds `part_1/isic_0034321.JPG`, as `names.image_key` has
    it.
    """
    rows, bad, notes = _read_labels(labels)
    files = find_images(folder)
    missing, found = bad, {}
    for key, row in rows.items():
        if row.label is None:
            continue
        if key not in files:
            missing[row.name] = "there is no image of this name."
        elif files[key].conflict:
            missing[row.name] = files[key].conflict
        else:
            found[key] = row
    # an image without a lesion of its own name is numbered by its own
    numbers: dict[tuple[str, str], int] = {}
    lesions = [
        numbers.setdefault((row.lesion, "" if row.lesion else key), len(numbers))
        for key, row in found.items()
    ]
    return LabelledImages(
        names=tuple(row.name for row in found.values()),
        paths=tuple(files[key].path for key in found),
        labels=np.array([row.label for row in found.values()], np.int64),
        lesions=np.array(lesions, np.int64),
        missing=missing,
        n_unlabelled=sum(key not in rows for key in files),
        notes=tuple(notes),
        n_other=sum(row.label is None for row in rows.values()),
    )


# ------------------------------------------------------------------------------ the table


def _read_labels(path: str | os.PathLike[str]) -> tuple[dict[str, _Row], dict[str, str], list[str]]:
    """Image key -> its row; what rows say nothing of use, and why; and notes. Raises DataError."""
    table = delimited.read_table(path, todo=f"{delimited.SAVE_AGAIN} {FORMS}")
    columns = _columns(table)
    rows: dict[str, _Row] = {}
    bad: dict[str, str] = {}
    repeated = 0
    for line, fields in table.rows:
        name = columns.name(fields, table.where(line))
        if not name:
            bad[f"line {line}"] = "it names no image."
            continue
        label, written = columns.label(fields, table.where(line))
        if label is None and not written:
            bad[name] = f"line {line} gives it no class."
            continue
        lesion = "" if columns.lesion is None else fields[columns.lesion]
        row = _Row(line, name, label, written, "" if delimited.missing(lesion) else lesion)
        key = image_key(name)
        repeated += key in rows
        _check_repeated(rows.setdefault(key, row), row, table.where(line))
    others = [row.written for row in rows.values() if row.label is None]
    if len(others) == len(rows):
        why = "there is no line below the header."
        if others:
            why = f"none of its images is of a class that the models know: {counted(others)}."
        elif bad:
            why = (
                "no line gives an image and its class: "
                f"{', '.join(f'{k}: {v}' for k, v in list(bad.items())[:3])}"
            )
        raise DataError(table.shown, why, f"{FORMS} The classes are {', '.join(CODES)}.")
    return rows, bad, list(_notes(shown(Path(path).name), rows, columns, repeated, others))


@dataclass(frozen=True)
class _Columns:
    """Where the columns stand that are read."""

    names: tuple[int, ...]  # the first is the image's name; others must agree
    lesion: int | None
    dx: tuple[int, ...]  # columns with a diagnosis in words; the first that is filled counts
    one_hot: tuple[tuple[int, int | None, str], ...]  # (place, class or None, name)
    benign: int | None

    def name(self, fields: list[str], where: str) -> str:
        given = [fields[place] for place in self.names if fields[place]]
        if len({image_key(text) for text in given}) > 1:
            raise DataError(
                where,
                f"it names two images, {given[0][:40]!r} and {given[1][:40]!r}.",
                "Correct it, or remove the wrong one of the columns.",
            )
        return image_name(given[0]) if given else ""

    def label(self, fields: list[str], where: str) -> tuple[int | None, str]:
        """The class, None for one that the models do not know, and the text that gives it, ""
        where none does.

        Raises DataError where columns contradict each other.
        """
        given = [fields[place] for place in self.dx if not delimited.missing(fields[place])]
        known = [(class_of(text), text) for text in given if class_of(text) is not None]
        label, written = known[0] if known else (None, given[0] if given else "")
        for other, text in known[1:]:
            if other != label:
                raise _contradiction(
                    where, f"one column says {written[:40]!r} and another {text[:40]!r}"
                )
        column = self._one_hot(fields, where)
        if column and not given:
            label, written = column
        elif column and column[0] != label:
            raise _contradiction(
                where, f"the diagnosis is {written[:40]!r}, and the column {column[1]} is 1"
            )
        if label is not None and self.benign is not None:
            self._check_benign(label, fields[self.benign].casefold(), where)
        return label, written

    def _one_hot(self, fields: list[str], where: str) -> tuple[int | None, str] | None:
        """The one column that is 1; None where none is. Beside a diagnosis in words, columns of
        probabilities say nothing of the truth.
        """
        values = [delimited.number(fields[place]) for place, _, _ in self.one_hot]
        for value, (place, _, column) in zip(values, self.one_hot, strict=True):
            if value not in (0.0, 1.0):
                if self.dx:
                    return None
                raise DataError(
                    where,
                    f"{column} is {fields[place][:40]!r}, not 1 or 0.",
                    "Give every image its one true class.",
                )
        true = [
            (label, column)
            for value, (_, label, column) in zip(values, self.one_hot, strict=True)
            if value
        ]
        if (
            len({label for label, _ in true}) > 1
            or len({c for label, c in true if label is None}) > 1
        ):
            raise DataError(
                where,
                f"{' and '.join(column for _, column in true)} are 1 at once.",
                "Give every image its one true class, or remove the line.",
            )
        return true[0] if true else None

    def _check_benign(self, label: int, text: str, where: str) -> None:
        """akiec counts here as malignant and there as benign: its word is no contradiction."""
        code = CODES[label]
        if text in _BENIGN and code != "akiec" and _BENIGN[text] == CLASSES[label].malignant:
            raise _contradiction(where, f"the diagnosis is {code}, and another column says {text}")


def _contradiction(where: str, what: str) -> DataError:
    return DataError(
        where,
        f"its columns contradict each other: {what}.",
        "Correct the line, or remove the wrong one of the columns.",
    )


def _columns(table: delimited.Table) -> _Columns:
    where = table.where(table.line)
    names = _places(table, NAME_COLUMNS)
    if not names:
        raise DataError(
            where, f"the header is {table.header_shown}: there is no column image.", FORMS
        )
    dx = _places(table, DX_COLUMNS)
    others = [
        (place, column) for place, column in enumerate(table.header) if place not in (*names, *dx)
    ]
    one_hot = [
        (place, class_of(column), column)
        for place, column in others
        if class_of(column) is not None or column.casefold() in OTHER_COLUMNS
    ]
    for _, _, column in one_hot:
        table.column(column)  # not twice
    there = {label for _, label, _ in one_hot}
    absent = [c.isic_column for label, c in enumerate(CLASSES) if label not in there]
    if absent and not dx:
        dx = _places(table, LABEL_COLUMNS)
    # beside a diagnosis in words some columns may still say what they say in ISIC's tables
    if absent:
        one_hot = [entry for entry in one_hot if entry[2].upper() in ISIC_COLUMNS]
    if absent and not dx:
        some = len(absent) < len(CLASSES)
        raise DataError(
            where,
            f"the header is {table.header_shown}: there is no column "
            f"{' and no column '.join(absent) if some else 'dx, nor one for each class'}.",
            FORMS,
        )
    return _Columns(
        names,
        table.column("lesion_id"),
        dx,
        tuple(one_hot),
        table.column("benign_malignant", "diagnosis_1"),
    )


def _places(table: delimited.Table, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(place for name in names if (place := table.column(name)) is not None)


def _check_repeated(first: _Row, row: _Row, where: str) -> None:
    """An image may stand in the table twice if both lines say the same of it."""
    if row.label != first.label:
        raise DataError(
            where,
            f"image {row.name} is {_code(row)} here and {_code(first)} in line {first.line}.",
            "Remove the wrong one of the two lines.",
        )
    if row.lesion != first.lesion:
        raise DataError(
            where,
            f"image {row.name} belongs to lesion {row.lesion or '(none)'} here and to "
            f"{first.lesion or '(none)'} in line {first.line}.",
            "Remove the wrong one of the two lines.",
        )


def _code(row: _Row) -> str:
    return row.written[:40] if row.label is None else CODES[row.label]


def _notes(
    file: str, rows: dict[str, _Row], columns: _Columns, repeated: int, others: list[str]
) -> Iterator[str]:
    if others:
        n = len(others)
        yield (
            f"{n:,} more {'image' if n == 1 else 'images'} of {file} left out, of classes that the "
            f"models do not know: {counted(others)}."
        )
    known = [row for row in rows.values() if row.label is not None]
    if columns.lesion is None:
        yield f"Every image counts as a lesion of its own: {file} has no column lesion_id."
    elif alone := sum(not row.lesion for row in known):
        yield (
            f"{alone:,} labelled {'image' if alone == 1 else 'images'} without lesion_id: each "
            "counts as a lesion of its own."
        )
    if repeated:
        yield (
            f"{repeated:,} {'line' if repeated == 1 else 'lines'} of {file} left out: the image "
            "stands above with the same label."
        )
