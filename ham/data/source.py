"""The files of a data set in Kaggle's layout, read and checked.

Every error names the file and, where there is one, the row: its line as an editor counts
them, the header being line 1.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ham.config import CLASS_INDEX, CLASSES, CODES, IMAGE_SIZE, KAGGLE_URL, DataError

Report = Callable[[int, int, str], None]  # done, total, what is being done

METADATA_FILE = "HAM10000_metadata.csv"
PIXEL_FILE = "hmnist_28_28_RGB.csv"
METADATA_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
PIXELS = IMAGE_SIZE * IMAGE_SIZE * 3
PIXEL_HEADER = ",".join([f"pixel{i:04d}" for i in range(PIXELS)] + ["label"])
CSV_LABELS = np.array([c.csv_label for c in CLASSES], dtype=np.uint8)  # Kaggle's label of each of our labels
FETCH = f"Download the data set again from {KAGGLE_URL}, unpack it and choose its folder."
BLOCK_BYTES = 1 << 22  # of the pixel CSV read at once; 4 MiB was the fastest of 1, 4 and 8
CHUNK_IMAGES = 50  # JPEGs a thread takes at once; single ones were a quarter slower
PROBED_ROWS = 64
#: A row of the CSV and its JPEG may differ by this many grey levels on average, because the CSV may
#: come from larger JPEGs (at most 1.7 with originals shrunk ninefold). Different lesions differ by 8 to 60.
PROBE_TOLERANCE = 8.0


@dataclass(frozen=True)
class Source:
    """Where the files of a data set are. `pixels` is None without a CSV, `jpegs` empty without JPEGs."""

    folder: Path
    metadata: Path
    pixels: Path | None
    jpegs: dict[str, str]  # image id -> file; text, because ten thousand Path objects cost a quarter of a second

    def stamp(self) -> list[tuple[str, int, int, int]]:
        """Relative name, size, time of change and of status change of every file: differs when a file does."""
        files = [str(self.metadata), *([str(self.pixels)] if self.pixels else []), *self.jpegs.values()]
        stats = [(path.removeprefix(str(self.folder)), os.stat(path)) for path in files]
        return sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)


def find_source(path: str | os.PathLike) -> Source:
    """The data set in this folder or one level down. Raises DataError."""
    folder = Path(path)
    try:
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            raise DataError(f"The data folder {folder}", "it is no folder that exists here.",
                            "Check its name, or choose another folder.")
        found = [f for f in [folder, *_subfolders(folder)] if (f / METADATA_FILE).is_file()]
        if not found:
            raise DataError(f"The data folder {folder}", f"there is no {METADATA_FILE} in it or one level down.", FETCH)
        if len(found) > 1 and found[0] != folder:
            raise DataError(f"The data folder {folder}", f"several folders in it hold a {METADATA_FILE}: "
                            f"{', '.join(f.name for f in found)}.", "Choose one of these.")
        home = found[0]
        pixels = home / PIXEL_FILE if (home / PIXEL_FILE).is_file() else None
        jpegs = _find_jpegs(home)
    except (OSError, ValueError, RuntimeError) as error:  # no right to read it, a NUL in it, no such ~user
        raise DataError(f"The data folder {folder}", f"it cannot be read ({error}).",
                        "Give yourself the right to read it, or choose another folder.") from error
    if pixels is None and not jpegs:
        raise DataError(f"The data folder {home}", f"there is neither {PIXEL_FILE} nor a folder of JPEGs beside "
                        f"{METADATA_FILE}.", FETCH)
    return Source(home, home / METADATA_FILE, pixels, jpegs)


def _subfolders(folder: Path) -> list[Path]:
    """Kaggle's image folders first: their JPEGs win over others of the same name."""
    folders = [f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")]
    return sorted(folders, key=lambda f: (not f.name.lower().startswith("ham10000_images"), f.name))


def _find_jpegs(home: Path) -> dict[str, str]:
    jpegs: dict[str, str] = {}
    for folder in [*_subfolders(home), home]:
        for name in sorted(os.listdir(folder)):
            stem, extension = os.path.splitext(name)
            if extension.lower() in (".jpg", ".jpeg"):
                jpegs.setdefault(stem, os.path.join(folder, name))
    return jpegs


# ---------------------------------------------------------------------------- metadata


def read_metadata(path: Path) -> pd.DataFrame:
    """The checked metadata: METADATA_COLUMNS, age float (NaN where missing), the rest text. Raises DataError."""
    rows, image_ids = [], {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, None)
            if header is None:
                raise DataError(str(path), "the file is empty.", FETCH)
            if tuple(header[:7]) != METADATA_COLUMNS:
                raise DataError(f"{path}, line 1", f"the header is {','.join(header)[:200]}, not "
                                f"{','.join(METADATA_COLUMNS)}.", FETCH)
            for fields in filter(None, reader):  # an empty line gives no fields
                where = f"{path}, line {reader.line_num}"
                if reader.line_num != len(rows) + 2:
                    raise DataError(where, "there is an empty line above it, or a line break inside a field.", FETCH)
                rows.append(_metadata_row(fields, len(header), where))
                line = image_ids.setdefault(rows[-1][1], reader.line_num)
                if line != reader.line_num:
                    raise DataError(where, f"image {rows[-1][1]} stands in line {line} already.",
                                    "Remove one of the two, or download the file again.")
    except OSError as error:
        raise DataError(str(path), f"the file cannot be read ({error.strerror}).", FETCH) from error
    except UnicodeDecodeError as error:
        raise DataError(str(path), f"it is no UTF-8 text (byte {error.start}).", FETCH) from error
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}", f"it is no CSV ({error}).", FETCH) from error
    if not rows:
        raise DataError(str(path), "there is no row below the header.", FETCH)
    metadata = pd.DataFrame(rows, columns=list(METADATA_COLUMNS))
    return metadata.astype({name: "float64" if name == "age" else "str" for name in METADATA_COLUMNS})


def _metadata_row(fields: list[str], expected: int, where: str) -> tuple:
    if len(fields) != expected:
        raise DataError(where, f"it has {len(fields)} fields where the header has {expected}.", FETCH)
    lesion_id, image_id, dx, dx_type, age, sex, localization = (f.strip() for f in fields[:7])
    if not lesion_id or not image_id:
        raise DataError(where, "the lesion or image id is empty.", FETCH)
    if dx not in CLASS_INDEX:
        raise DataError(where, f"the diagnosis dx is {dx!r}, not one of {', '.join(CODES)}.", FETCH)
    try:
        years = math.nan if age.lower() in ("", "nan") else float(age)
    except ValueError:
        years = -1.0
    if years < 0 or years > 130:
        raise DataError(where, f"the age is {age!r}, not a number of years.", "Correct it, or leave it empty.")
    return lesion_id, image_id, dx, dx_type or "unknown", years, sex or "unknown", localization or "unknown"


# -------------------------------------------------------------------------- pixel CSV


def read_pixels(source: Source, metadata: pd.DataFrame, report: Report | None = None) -> np.ndarray:
    """The images of the pixel CSV, uint8 (n, 28, 28, 3), proven to be in the metadata's order. Raises DataError.

    The order is proven by every row's label against its dx and, where there are JPEGs, by the
    pixels of some rows against theirs.
    """
    path = source.pixels
    blocks, line = [], 2
    try:
        total = path.stat().st_size
        with open(path, "rb") as file:
            _check_pixel_header(path, file.readline())
            while block := file.read(BLOCK_BYTES):
                blocks.append(_parse_block(block + file.readline(), path, line))
                line += len(blocks[-1])
                if report:
                    report(file.tell(), total, f"Reading {path.name}")
    except OSError as error:
        raise DataError(str(path), f"the file cannot be read ({error.strerror}).", FETCH) from error
    table = np.concatenate(blocks) if blocks else np.empty((0, PIXELS + 1), np.uint8)
    _check_labels(path, table[:, -1], metadata)
    images = np.ascontiguousarray(table[:, :-1]).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3)
    _probe(source, images, metadata)
    return images


def _check_pixel_header(path: Path, first: bytes) -> None:
    if not first.strip():
        raise DataError(str(path), "the file is empty.", FETCH)
    header = first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").decode("utf-8", "replace")
    if header != PIXEL_HEADER:
        shown = header if len(header) < 80 else f"{header[:40]} … {header[-30:]}"
        raise DataError(f"{path}, line 1", f"the header is {shown} ({header.count(',') + 1} columns), not "
                        f"pixel0000,…,pixel{PIXELS - 1},label ({PIXELS + 1} columns).", FETCH)


def _parse_block(block: bytes, path: Path, first_line: int) -> np.ndarray:
    """Whole lines of digits and commas as uint8 (rows, 2353).

    Strict where CSV readers are lenient (blanks, signs, floats, empty fields, 256 and more), and
    five times as fast as pyarrow's on 2,353 columns. The row is looked for only when a check fails.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    block = block.rstrip(b"\n") + b"\n"  # blank lines at the end, or a last line without its newline
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
            return DataError(f"{path}, line {line}", f"it has {len(values)} values where the header has {PIXELS + 1}; "
                             "the file may be cut short or damaged.", FETCH)
        for column, value in enumerate(values):
            if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= 255):
                name = "label" if column == PIXELS else f"pixel{column:04d}"
                return DataError(f"{path}, line {line}", f"{name} is {value[:20]!r}, not a whole number from 0 to 255.",
                                 FETCH)
    raise AssertionError("a block was refused, and each of its lines is fine")


def _check_labels(path: Path, csv_labels: np.ndarray, metadata: pd.DataFrame) -> None:
    n_rows, n_metadata = len(csv_labels), len(metadata)
    if n_rows != n_metadata:
        raise DataError(f"{path}, line {min(n_rows, n_metadata) + 1}", f"the file has {n_rows} rows and "
                        f"{METADATA_FILE} {n_metadata}: one is cut short, or they do not belong together.", FETCH)
    labels = metadata["dx"].map(CLASS_INDEX).to_numpy()
    wrong = np.flatnonzero(csv_labels != CSV_LABELS[labels])
    if wrong.size:
        row = wrong[0]
        stated = next((c.code for c in CLASSES if c.csv_label == csv_labels[row]), "no class")
        more = "" if wrong.size == 1 else f" So do {wrong.size} of {n_rows} rows: the two files are out of step."
        raise DataError(f"{path}, line {row + 2}", f"its label {csv_labels[row]} ({stated}) contradicts the diagnosis "
                        f"{metadata['dx'][row]} of {metadata['image_id'][row]} in the same line of "
                        f"{METADATA_FILE}.{more}", FETCH)


def _probe(source: Source, images: np.ndarray, metadata: pd.DataFrame) -> None:
    """Rows of equal label may be out of step too: only the JPEGs can tell."""
    rows = np.unique(np.linspace(0, len(images) - 1, PROBED_ROWS).astype(int))
    for row in rows:
        image_id = metadata["image_id"][row]
        if image_id in source.jpegs:
            jpeg = _squash_jpeg(source.jpegs[image_id]).astype(float)
            difference = np.abs(jpeg - images[row]).mean()
            if difference > PROBE_TOLERANCE:
                raise DataError(f"{source.pixels}, line {row + 2}", f"its pixels are not those of {image_id}'s JPEG "
                                f"(they differ by {difference:.0f} grey levels on average): the rows are out of step "
                                f"with {METADATA_FILE}.", f"{FETCH} Or move {PIXEL_FILE} away: the JPEGs suffice.")


# -------------------------------------------------------------------------------- JPEGs


def squash(image: Image.Image) -> np.ndarray:
    """An image as the models see it, uint8 (28, 28, 3), RGB.

    The one step for the data and for uploads, and the one that Kaggle's pixel CSV was made with.
    """
    return np.array(image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS))


def read_jpegs(source: Source, metadata: pd.DataFrame, report: Report | None = None) -> np.ndarray:
    """The images of the JPEGs in the metadata's order, uint8 (n, 28, 28, 3), on all cores. Raises DataError."""
    image_ids = metadata["image_id"].tolist()
    missing = [i for i, image_id in enumerate(image_ids) if image_id not in source.jpegs]
    if missing:
        more = "" if len(missing) == 1 else f", nor for {len(missing) - 1} more rows"
        raise DataError(f"{source.metadata}, line {missing[0] + 2}",
                        f"there is no {image_ids[missing[0]]}.jpg for this row{more}.", FETCH)
    images = np.empty((len(image_ids), IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    chunks = [range(i, min(i + CHUNK_IMAGES, len(image_ids))) for i in range(0, len(image_ids), CHUNK_IMAGES)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # Pillow decodes and resizes outside the interpreter's lock
        tasks = [threads.submit(_squash_chunk, [source.jpegs[image_ids[i]] for i in chunk]) for chunk in chunks]
        try:
            for chunk, task in zip(chunks, tasks, strict=True):
                images[chunk.start:chunk.stop] = task.result()
                if report:
                    report(chunk.stop, len(image_ids), "Reading JPEGs")
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    return images


def _squash_chunk(paths: list[str]) -> np.ndarray:
    return np.stack([_squash_jpeg(path) for path in paths])


def _squash_jpeg(path: str) -> np.ndarray:
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            return squash(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(path, f"it is no whole JPEG ({error}).", FETCH) from error


def read_images(source: Source, metadata: pd.DataFrame, report: Report | None = None) -> np.ndarray:
    """From the pixel CSV where there is one, else from the JPEGs. Raises DataError."""
    return (read_pixels if source.pixels else read_jpegs)(source, metadata, report)
