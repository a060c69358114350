"""The metadata of a data set, read and checked row by row.

Every error names the file and, where there is one, the row: its line as an editor counts
them, the header being line 1.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pandas as pd

from ham.config import CLASS_INDEX, CODES, DataError
from ham.data.source import FETCH

METADATA_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")



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
