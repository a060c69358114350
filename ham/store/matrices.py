"""The confusion matrix of validation after every epoch: validation_matrices.csv, a line an epoch.

Runs of an earlier time have none, and no run depends on it.
"""

from __future__ import annotations

import numpy as np

from ham import io
from ham.config import CODES, N_CLASSES
from ham.store.files import reading, writing
from ham.store.folder import Run

MATRICES_FILE = "validation_matrices.csv"
_HEADER = ",".join(["epoch", *(f"{true}_as_{predicted}" for true in CODES for predicted in CODES)])
_MOST = 10**9  # images in a cell


def append_validation_matrix(run: Run, epoch: int, confusion: np.ndarray) -> None:
    """Adds an epoch's; `confusion`: int (7, 7), rows true, columns predicted. Raises StoreError."""
    with writing(run.folder):
        path = run.folder / MATRICES_FILE
        new = not path.exists()
        with path.open("a", newline="") as file:
            if new:
                file.write(f"{_HEADER}\n")
            file.write(",".join(map(str, [epoch, *confusion.ravel().tolist()])) + "\n")


def truncate_validation_matrices(run: Run, epochs: int) -> None:
    """Keeps those of the first `epochs`, as a resume from that epoch needs. A damaged file goes."""
    path = run.folder / MATRICES_FILE
    if not path.exists():
        return
    try:
        found = parse_validation_matrices(path.read_bytes())
    except io.DAMAGED:
        found = {}
    with writing(run.folder):
        path.unlink()
    for epoch, confusion in found.items():
        if epoch <= epochs:
            append_validation_matrix(run, epoch, confusion)


def read_validation_matrices(run: Run) -> dict[int, np.ndarray]:
    """By epoch int64 (7, 7), rows true, columns predicted; empty where the run kept none.

    A last line that a crash cut short is left out. Raises StoreError on anything else.
    """
    path = run.folder / MATRICES_FILE
    with reading(path):
        return parse_validation_matrices(path.read_bytes()) if path.exists() else {}


def parse_validation_matrices(content: bytes) -> dict[int, np.ndarray]:
    """Raises one of io.DAMAGED."""
    whole = content[: content.rfind(b"\n") + 1]  # a line that was cut short has no end
    header, *lines = whole.decode().splitlines() or [""]
    if lines and header != _HEADER:
        raise ValueError("line 1: it does not name the cells of a confusion matrix")
    found = {}
    for number, line in enumerate(lines, start=2):
        epoch, *cells = map(int, line.split(","))
        if epoch < 1 or len(cells) != N_CLASSES**2 or not all(0 <= n <= _MOST for n in cells):
            raise ValueError(f"line {number}: it is no confusion matrix of an epoch")
        found[epoch] = np.array(cells, np.int64).reshape(N_CLASSES, N_CLASSES)
    return found
