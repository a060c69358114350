"""Kaggle's CSV of 28x28 pixels, read and proven to stand in the metadata's order.

Every error names the file and the row: its line as an editor counts them, the header being line 1.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from ham.config import CLASS_INDEX, CLASSES, IMAGE_SIZE, KAGGLE_URL, DataError
from ham.data.metadata import Metadata
from ham.data.names import image_key, refuse_conflicts, shown
from ham.data.packed import MOST_PIXEL_BYTES, opened
from ham.data.photographs import read_jpegs, read_photograph
from ham.data.source import FETCH, METADATA_FILE, PIXEL_FILE, Report, Source

PIXELS = IMAGE_SIZE * IMAGE_SIZE * 3
PIXEL_HEADER = ",".join([f"pixel{i:04d}" for i in range(PIXELS)] + ["label"])
# Kaggle's label of each of our labels
CSV_LABELS = np.array([c.csv_label for c in CLASSES], dtype=np.uint8)
BLOCK_BYTES = 1 << 22  # of the pixel CSV read at once; 4 MiB was the fastest of 1, 4 and 8
LONGEST_LINE = 1 << 16  # bytes; a row has at most 9,412
PROBED_ROWS = 64
TOGETHER = (
    f"Take {METADATA_FILE} and {PIXEL_FILE} from one download of {KAGGLE_URL}, both as they are."
)
#: A row of the CSV and its JPEG may differ by this many grey levels on average, because the CSV may
#: come from larger JPEGs (at most 1.7 with originals shrunk ninefold). Different lesions differ
#: by 8 to 60.
PROBE_TOLERANCE = 8.0


def refuse_unknown_rows(source: Source, metadata: Metadata) -> None:
    """Raises DataError where rows were left out of the metadata whose pixels stand in the CSV."""
    if metadata.left_out and source.pixels:
        line, diagnosis = metadata.left_out[0]
        raise DataError(
            f"{shown(source.metadata)}, line {line}",
            f"the diagnosis dx is {diagnosis[:40]!r}, which the "
            f"models do not know, and its row of {shown(source.pixels.name)} cannot "
            "be told from the "
            "others.",
            "Correct it or remove the row from both files, or move the "
            "pixel CSV away: the "
            "photographs suffice.",
        )


def read_images(source: Source, metadata: Metadata, report: Report | None = None) -> np.ndarray:
    """From the pixel CSV where there is one, else from the photographs. Raises DataError.

    Two photographs of one name and different content are refused: one of them may be a mask. Beside
    a pixel CSV they are only shown, and not all read for that: their sizes tell.
    """
    named = (source.photographs.get(image_key(image_id)) for image_id in metadata.table["image_id"])
    refuse_conflicts(
        source.folder,
        (
            image
            for image in named
            if image is not None and (not source.pixels or image.sizes_differ)
        ),
    )
    if source.pixels is None:
        return read_jpegs(source, metadata, report)
    return _read_pixels(source, source.pixels, metadata, report)


def _read_pixels(
    source: Source, path: Path, metadata: Metadata, report: Report | None
) -> np.ndarray:
    """The images of the pixel CSV, uint8 (n, 28, 28, 3), proven to be in the metadata's order.
    Raises DataError.

    The order is proven by every row's label against its dx and, where there are JPEGs, by the
    pixels of some rows against theirs.
    """
    blocks, line, size = [], 2, 0
    try:
        with opened(path) as file:
            packed = getattr(file, "fileobj", file)  # what is unpacked on the way is counted packed
            total = packed.seek(0, os.SEEK_END)
            packed.seek(0)
            _check_pixel_header(path, file.readline(LONGEST_LINE))
            while block := file.read(BLOCK_BYTES):
                if (size := size + len(block)) > MOST_PIXEL_BYTES:
                    raise DataError(
                        shown(path),
                        f"it has more than {MOST_PIXEL_BYTES:,} bytes; Kaggle's has 91,820,383.",
                        f"Check that it is {PIXEL_FILE}.",
                    )
                blocks.append(_parse_block(block + file.readline(LONGEST_LINE), path, line))
                line += len(blocks[-1])
                if report:
                    report(packed.tell(), total, f"Reading {shown(path.name)}")
    except OSError as error:
        raise DataError(
            shown(path),
            f"the file cannot be read ({error.strerror}).",
            "Check that it is there and that you may read it.",
        ) from error
    table = np.concatenate(blocks) if blocks else np.empty((0, PIXELS + 1), np.uint8)
    _check_labels(path, table[:, -1], metadata)
    images = np.ascontiguousarray(table[:, :-1]).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3)
    _probe(source, path, images, metadata.table)
    return images


def _check_pixel_header(path: Path, first: bytes) -> None:
    if not first.strip():
        raise DataError(shown(path), "the file is empty.", FETCH)
    header = first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").decode("utf-8", "replace")
    if header != PIXEL_HEADER:
        seen = header if len(header) < 80 else f"{header[:40]} … {header[-30:]}"
        raise DataError(
            f"{shown(path)}, line 1",
            f"the header is {seen} ({header.count(',') + 1} columns), not "
            f"pixel0000,…,pixel{PIXELS - 1},label ({PIXELS + 1} columns).",
            f"Take the file of this name from {KAGGLE_URL}.",
        )


def _parse_block(block: bytes, path: Path, first_line: int) -> np.ndarray:
    """Whole lines of digits and commas as uint8 (rows, 2353).

    Strict where CSV readers are lenient (blanks, signs, floats, empty fields, 256 and more), and
    five times as fast as pyarrow's on 2,353 columns. The row is looked for only when a check fails.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    # blank lines at the end, or a last line without its newline
    block = block.rstrip(b"\n") + b"\n"
    if block == b"\n":
        return np.empty((0, PIXELS + 1), np.uint8)
    characters = np.frombuffer(block, np.uint8)
    digits = characters - np.uint8(ord("0"))  # wraps: whatever is no digit becomes 10 or more
    ends = np.flatnonzero(digits > 9)  # the separator after each value
    lengths = np.diff(ends, prepend=-1) - 1
    if ends.size % (PIXELS + 1) == 0 and lengths.min() >= 1 and lengths.max() <= 3:
        separators = characters[ends].reshape(-1, PIXELS + 1)
        values = digits[ends - 1].astype(np.uint16)
        values += np.where(lengths > 1, digits[ends - 2], 0) * np.uint16(10)
        values += np.where(lengths > 2, digits[ends - 3], 0) * np.uint16(100)
        commas, newlines = separators[:, :-1] == ord(","), separators[:, -1] == ord("\n")
        if commas.all() and newlines.all() and values.max() <= 255:
            return values.astype(np.uint8).reshape(-1, PIXELS + 1)
    raise _bad_line(block, path, first_line)


def _bad_line(block: bytes, path: Path, first_line: int) -> DataError:
    for line, row in enumerate(block.decode("utf-8", "replace").split("\n"), start=first_line):
        values = row.split(",")
        if len(values) != PIXELS + 1:
            return DataError(
                f"{shown(path)}, line {line}",
                f"it has {len(values)} values where the header has "
                f"{PIXELS + 1}; the file may be cut short or damaged.",
                FETCH,
            )
        for column, value in enumerate(values):
            if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= 255):
                name = "label" if column == PIXELS else f"pixel{column:04d}"
                return DataError(
                    f"{shown(path)}, line {line}",
                    f"{name} is {value[:20]!r}, not a whole number from 0 to 255.",
                    FETCH,
                )
    raise AssertionError("a block was refused, and each of its lines is fine")


def _check_labels(path: Path, csv_labels: np.ndarray, metadata: Metadata) -> None:
    table = metadata.table
    n_rows, n_metadata = len(csv_labels), len(table)
    if n_rows != n_metadata:
        raise DataError(
            f"{shown(path)}, line {min(n_rows, n_metadata) + 1}",
            f"the file has {n_rows} rows and "
            f"{METADATA_FILE} {n_metadata}: one is cut short, or they do not belong "
            "together.",
            TOGETHER,
        )
    labels = table["dx"].map(CLASS_INDEX).to_numpy()
    wrong = np.flatnonzero(csv_labels != CSV_LABELS[labels])
    if wrong.size:
        row = wrong[0]
        stated = next((c.code for c in CLASSES if c.csv_label == csv_labels[row]), "no class")
        more = (
            ""
            if wrong.size == 1
            else f" So do {wrong.size} of {n_rows} rows: the two files are out of step."
        )
        raise DataError(
            f"{shown(path)}, line {row + 2}",
            f"its label {csv_labels[row]} ({stated}) contradicts the "
            f"diagnosis {table['dx'][row]} of {table['image_id'][row]} in line "
            f"{metadata.lines[row]} of "
            f"{METADATA_FILE}.{more}",
            TOGETHER,
        )


def _probe(source: Source, path: Path, images: np.ndarray, metadata: pd.DataFrame) -> None:
    """Rows of equal label may be out of step too: only the JPEGs can tell."""
    rows = np.unique(np.linspace(0, len(images) - 1, PROBED_ROWS).astype(int))
    for row in rows:
        image_id = metadata["image_id"][row]
        photograph = source.photographs.get(image_key(image_id))
        if photograph is not None and os.path.exists(photograph.path):
            jpeg = read_photograph(photograph.path).astype(float)
            difference = np.abs(jpeg - images[row]).mean()
            if difference > PROBE_TOLERANCE:
                raise DataError(
                    f"{shown(path)}, line {row + 2}",
                    f"its pixels are not those of "
                    f"{image_id}'s photograph (they differ by {difference:.0f} grey "
                    "levels on "
                    f"average): the rows are out of step with {METADATA_FILE}.",
                    f"{TOGETHER} Or move {PIXEL_FILE} away: the photographs suffice.",
                )
