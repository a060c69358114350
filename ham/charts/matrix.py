"""Confusion matrices as tables: what each cell says, and in which colour. `ham.ui` lays them out.

A table is drawn in a fraction of a chart's time, is read out cell by cell, and grows with the
window.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ham.charts.base import Palette, blend, ink_on, palette
from ham.config import CLASSES, CODES
from ham.report import RunName

#: How the cells are counted: key -> words for the switch.
MATRIX_BY: dict[str, str] = {
    "count": "Images",
    "true": "% of the true class",
    "predicted": "% of the predicted class",
}


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, for eye and ear."""

    text: str
    label: str
    ground: str  # its colour, "#RRGGBB", and the text's
    ink: str


@dataclass(frozen=True)
class Matrix:
    """One table: rows true, columns predicted, 7 of 7 cells each."""

    key: str  # what a click on a cell names
    title: str
    note: str
    cells: list[list[Cell]]

    def as_data(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def shades(counts: np.ndarray, by: str, largest: int) -> np.ndarray:
    """Place of each cell on the colour scale, 0 to 1, float (7, 7).

    Shares as they are; counts by the square root of their share of `largest`, so that rare
    classes show at all.
    """
    return np.sqrt(counts / max(largest, 1)) if by == "count" else shares(counts, by)


def shares(counts: np.ndarray, by: str) -> np.ndarray:
    """Cells as shares of their row or column, 0 where it is empty."""
    whole = counts.sum(axis=0 if by == "predicted" else 1, keepdims=True)
    return np.divide(counts, whole, out=np.zeros(counts.shape), where=whole > 0)


def written(counts: np.ndarray, by: str) -> list[list[str]]:
    """The text of every cell; "" where no image is."""
    found = shares(counts, by)
    return [
        [
            "" if not n else f"{n:,}" if by == "count" else whole_percent(share)
            for n, share in zip(*rows, strict=True)
        ]
        for rows in zip(counts.tolist(), found.tolist(), strict=True)
    ]


def whole_percent(share: float) -> str:
    """ "12", "<1"."""
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def main_confusion(counts: np.ndarray) -> str:
    """The most frequent error in words."""
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return "No image is confused."
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f"Most frequent error: {CODES[i]} predicted as {CODES[j]}, {wrong[i, j]:,} of "
        f"{counts[i].sum():,}"
    )


def matrix_tables(
    confusions: dict[RunName, np.ndarray], keys: list[str], by: str = "count", dark: bool = False
) -> list[Matrix]:
    """A table a run, all on one colour scale.

    `confusions`: name -> int (7, 7), rows true, columns predicted; `keys`: of each run; `by`: a
    key of MATRIX_BY.
    """
    largest = max(int(np.max(counts)) for counts in confusions.values())
    return [
        Matrix(key, str(name), main_confusion(counts), _cells(counts, by, largest, palette(dark)))
        for key, (name, counts) in zip(keys, confusions.items(), strict=True)
    ]


def _cells(counts: np.ndarray, by: str, largest: int, colors: Palette) -> list[list[Cell]]:
    texts, found = written(counts, by), shades(counts, by, largest)
    rows = []
    for i, true in enumerate(CLASSES):
        row = []
        for j, predicted in enumerate(CLASSES):
            ground = blend(colors.sequential, found[i, j])
            label = (
                f"{true.title} predicted as {predicted.title}: {counts[i, j]:,} of "
                f"{counts[i].sum():,} true, {counts[:, j].sum():,} predicted"
            )
            row.append(Cell(texts[i][j], label, ground, ink_on(ground)))
        rows.append(row)
    return rows


def difference_table(
    key: str,
    name: RunName,
    first: RunName,
    counts: np.ndarray,
    of_first: np.ndarray,
    by: str = "count",
    dark: bool = False,
) -> Matrix:
    """Cell by cell a run's matrix minus the first one's, on the same images; `key` is the run's.

    In images, or in points of the true or the predicted class. One colour is for what is better,
    more on the diagonal or less beside it, the other for what is worse; none is zero.
    """
    factor = 1 if by == "count" else 100
    ours, theirs = (
        (one if by == "count" else shares(one, by)) * factor for one in (counts, of_first)
    )
    difference = ours - theirs
    reach, colors = max(float(np.abs(difference).max()), 1e-9), palette(dark)
    rows = []
    for i, true in enumerate(CLASSES):
        row = []
        for j, predicted in enumerate(CLASSES):
            found = float(difference[i, j])
            rounded = round(found)
            # more on the diagonal is better, more beside it is worse
            better = found if i == j else -found
            ground = blend(colors.diverging, 0.5 + better / reach / 2)
            text = f"{rounded:+,}".replace("-", "−") if rounded else "0" if found else ""
            unit = "images" if by == "count" else "points"
            label = (
                f"{true.title} predicted as {predicted.title}: {name.short} {counts[i, j]:,}, "
                f"{first.short} {of_first[i, j]:,} images; difference {text or '0'} {unit}"
            )
            row.append(Cell(text, label, ground, ink_on(ground)))
        rows.append(row)
    right = int(np.trace(counts) - np.trace(of_first))
    note = f"{abs(right):,} {'more' if right >= 0 else 'fewer'} images are correct"
    return Matrix(key, f"{name.short} minus {first.short} · {name.title}", note, rows)


def row_titles() -> list[dict[str, str]]:
    """Of every class the code and its name, in the order of rows and columns."""
    return [{"code": c.code, "name": c.name} for c in CLASSES]


FIRST_BENIGN = next(i for i, c in enumerate(CLASSES) if not c.malignant)
