"""Labelled images from anywhere: a CSV that names images and their classes, and the files that it names.

Two forms of the CSV are read, their columns in any order and others beside them: `image,dx` with dx a class
code, and ISIC 2018's ground truth, `image` with a column a class that is 1 for the true one and 0 for the rest.
Images are found by name, wherever in the folder they lie; whether they can be read is for whoever opens them.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ham.config import CLASS_INDEX, CLASSES, CODES, DataError

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png")
NAME_COLUMNS = ("image", "image_id")  # ISIC's ground truth has the first, HAM10000's own metadata the second
ISIC_COLUMNS = tuple(c.isic_column for c in CLASSES)
FORMS = f"The first line names the columns, with commas between them: image,dx or image,{','.join(ISIC_COLUMNS)}."


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Image files with their classes, in the order of the CSV; not opened yet."""

    names: tuple[str, ...]  # without extension, each once
    paths: tuple[str, ...]
    labels: np.ndarray  # int64 (n,), index in CLASSES
    lesions: np.ndarray  # int64 (n,): images of one lesion share it
    missing: dict[str, str]  # labelled images that are not among the above: name -> why
    n_unlabelled: int  # images in the folder that the CSV does not name
    notes: tuple[str, ...]  # what a reader of the scores should know, in words

    @property
    def n_labelled(self) -> int:
        return len(self.names) + len(self.missing)


@dataclass(frozen=True)
class _Row:
    line: int
    label: int  # index in CLASSES
    lesion: str  # "" where it is not given


def find_labelled_images(folder: str | os.PathLike, labels: str | os.PathLike) -> LabelledImages:
    """The images in this folder, or below it, that the CSV `labels` names. Raises DataError.

    A name matches with any of IMAGE_EXTENSIONS, so `ISIC_0034321` and `ISIC_0034321.png` both find
    `ISIC_0034321.jpg`. Hidden files are left out: some archives hold a `._` twin of every image.
    """
    rows, notes = _read_labels(Path(labels))
    files = _find_images(Path(folder))
    missing = {}
    for name in rows:
        if name not in files:
            missing[name] = "there is no image of this name."
        elif len(files[name]) > 1:
            shown = [os.path.relpath(path, folder) for path in files[name]]
            missing[name] = f"{len(shown)} files have this name: {', '.join(shown[:3])}{', …' * (len(shown) > 3)}."
    found = {name: row for name, row in rows.items() if name not in missing}
    numbers: dict[tuple, int] = {}  # an image without a lesion of its own name is numbered by its own
    lesions = [numbers.setdefault((row.lesion, "" if row.lesion else name), len(numbers))
               for name, row in found.items()]
    return LabelledImages(tuple(found), tuple(files[name][0] for name in found),
                          np.array([row.label for row in found.values()], np.int64), np.array(lesions, np.int64),
                          missing, sum(len(paths) for name, paths in files.items() if name not in rows), tuple(notes))


def _find_images(folder: Path) -> dict[str, list[str]]:
    """Name without extension -> files of that name, at any depth."""
    files: dict[str, list[str]] = {}
    try:
        if not folder.is_dir():
            raise DataError(f"The image folder {folder}", "it is no folder that exists here.", "Check its name.")
        for parent, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                stem, extension = os.path.splitext(name)
                if extension.lower() in IMAGE_EXTENSIONS and not name.startswith("."):
                    files.setdefault(stem, []).append(os.path.join(parent, name))
    except OSError as error:
        raise DataError(f"The image folder {folder}", f"it cannot be read ({error}).",
                        "Give yourself the right to read it, or choose another folder.") from error
    return files


def _raise(error: OSError) -> None:
    raise error


# ------------------------------------------------------------------------------ the CSV


def _read_labels(path: Path) -> tuple[dict[str, _Row], list[str]]:
    """Image name without extension -> its row; and notes. Raises DataError."""
    lines = _lines(path)
    first, header = next(lines, (0, []))
    if not header:
        raise DataError(str(path), "the file is empty.", FORMS)
    columns = _columns(header, f"{path}, line {first}")
    rows: dict[str, _Row] = {}
    repeated = 0
    for line, fields in lines:
        where = f"{path}, line {line}"
        if len(fields) != len(header):
            raise DataError(where, f"it has {len(fields)} fields where the header has {len(header)}.",
                            "Correct it, or export the file again.")
        name = _without_extension(fields[columns["image"]])
        if not name:
            raise DataError(where, "it names no image.", "Name it, or remove the line.")
        label = _dx(fields[columns["dx"]], where) if "dx" in columns else _one_hot(fields, columns, where)
        row = _Row(line, label, fields[columns["lesion_id"]] if "lesion_id" in columns else "")
        repeated += name in rows
        _check_repeated(name, rows.setdefault(name, row), row, where)
    if not rows:
        raise DataError(str(path), "there is no line below the header.", FORMS)
    return rows, _notes(path.name, rows, columns, repeated)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, its fields without blanks around them), lines without content left out. Raises DataError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(str(path), f"the file cannot be read ({error.strerror}).", "Check its name.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}", f"it is no UTF-8 text (byte {error.start}).",
                        "Save it as CSV in UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}", f"it is no CSV ({error}).",
                        "Save it as CSV in UTF-8.") from error


def _columns(header: list[str], where: str) -> dict[str, int]:
    """Where the columns stand that are read: image, lesion_id if there is one, dx or else all of ISIC_COLUMNS."""
    names = [name.lower() for name in header]
    shown = ",".join(header)[:200]
    for name in ("dx", "lesion_id", *NAME_COLUMNS, *(column.lower() for column in ISIC_COLUMNS)):
        if names.count(name) > 1:
            raise DataError(where, f"the header is {shown}: it has the column {name} twice.", FORMS)
    image = next((name for name in NAME_COLUMNS if name in names), None)
    if image is None:
        raise DataError(where, f"the header is {shown}: there is no column image.", FORMS)
    found = {"image": names.index(image)} | {name: names.index(name) for name in ("dx", "lesion_id") if name in names}
    absent = [column for column in ISIC_COLUMNS if column.lower() not in names]
    if "dx" not in found and absent:
        some = len(absent) < len(ISIC_COLUMNS)
        raise DataError(where, f"the header is {shown}: there is no column "
                        f"{' and no column '.join(absent) if some else 'dx, nor one for each class'}.", FORMS)
    return found if "dx" in found else found | {column: names.index(column.lower()) for column in ISIC_COLUMNS}


def _without_extension(name: str) -> str:
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in IMAGE_EXTENSIONS else name  # "site.2" has no extension


def _dx(text: str, where: str) -> int:
    if text.lower() not in CLASS_INDEX:
        raise DataError(where, f"the class dx is {text[:40]!r}, not one of {', '.join(CODES)}.",
                        "Correct it, or remove the line.")
    return CLASS_INDEX[text.lower()]


def _one_hot(fields: list[str], columns: dict[str, int], where: str) -> int:
    true = []
    for label, column in enumerate(ISIC_COLUMNS):
        text = fields[columns[column]]
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if value not in (0.0, 1.0):
            raise DataError(where, f"{column} is {text[:40]!r}, not 1 or 0.", "Give every image its one true class.")
        if value:
            true.append(label)
    if len(true) != 1:
        named = " and ".join(ISIC_COLUMNS[label] for label in true)
        raise DataError(where, f"{named} are 1 at once." if true else "none of the classes' columns is 1.",
                        "Give every image its one true class, or remove the line.")
    return true[0]


def _check_repeated(name: str, first: _Row, row: _Row, where: str) -> None:
    """An image may stand in the file twice if both lines say the same of it."""
    if row.label != first.label:
        raise DataError(where, f"image {name} is {CODES[row.label]} here and {CODES[first.label]} in line "
                        f"{first.line}.", "Remove the wrong one of the two lines.")
    if row.lesion != first.lesion:
        raise DataError(where, f"image {name} belongs to lesion {row.lesion or '(none)'} here and to "
                        f"{first.lesion or '(none)'} in line {first.line}.", "Remove the wrong one of the two lines.")


def _notes(file: str, rows: dict[str, _Row], columns: dict[str, int], repeated: int) -> list[str]:
    notes = []
    if "lesion_id" not in columns:
        notes.append(f"Every image counts as a lesion of its own: {file} has no column lesion_id.")
    elif alone := sum(not row.lesion for row in rows.values()):
        notes.append(f"{alone:,} labelled {'image' if alone == 1 else 'images'} without lesion_id: each counts as a "
                     "lesion of its own.")
    if repeated:
        notes.append(f"{repeated:,} {'line' if repeated == 1 else 'lines'} of {file} left out: the image stands above "
                     "with the same label.")
    return notes
