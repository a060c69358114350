"""What a training leaves in its folder: history, predictions, log, model."""

from __future__ import annotations

import csv
import hashlib
import math
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from ham import io
from ham.config import CODES, N_CLASSES, HamError, StoreError
from ham.evaluation.scores import check
from ham.store.files import reading, writing
from ham.store.folder import Run
from ham.store.runs import write_record

HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "balanced_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_balanced_accuracy",
    "learning_rate",
    "seconds",
    *(f"recall_{code}" for code in CODES),
)
PARTS = ("validation", "test")
EXTERNAL = "external"  # the folder of answers on images from elsewhere
_MOST_EPOCHS = 1_000_000
_MOST_BYTES = 256 * 2**20  # of the arrays of predictions.npz; those of HAM10000 have 0.2 million
_KEY = re.compile(r"#[0-9a-f]{16}")


@dataclass(frozen=True)
class Predictions:
    """A model's answers on one part of a split, rows in the order of the part."""

    image_id: np.ndarray  # str (n,); in a run that ships their `image_keys`
    lesion: np.ndarray  # int64 (n,), rows of one lesion share a number
    y_true: np.ndarray  # int64 (n,), index in CLASSES
    proba: np.ndarray  # float32 (n, 7), rows sum to 1, columns in CLASSES order


PREDICTION_ARRAYS = tuple(
    f"{part}_{name}" for part in PARTS for name in Predictions.__dataclass_fields__
)


# ------------------------------------------------------------------------------ history


def append_history(run: Run, row: dict[str, float]) -> None:
    """Adds an epoch's row; `row` has HISTORY_COLUMNS. Raises StoreError."""
    with writing(run.folder):
        path = run.folder / "history.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, HISTORY_COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)


def truncate_history(run: Run, epochs: int) -> pd.DataFrame:
    """Keeps the first `epochs` rows, as a resume from that epoch needs; returns them.

    With none to keep a damaged file is no obstacle.
    """
    history = read_history(run) if epochs else parse_history(b"")
    kept = history[history["epoch"] <= epochs].drop_duplicates("epoch", keep="last")
    with writing(run.folder):
        if kept.empty:
            (run.folder / "history.csv").unlink(missing_ok=True)
        else:
            io.write_file(
                run.folder / "history.csv", kept.to_csv(index=False, na_rep="nan").encode()
            )
    return kept


def read_history(run: Run) -> pd.DataFrame:
    """A row an epoch, HISTORY_COLUMNS as float64 but `epoch` as int64; empty before the first.

    A last row that a crash cut short is left out. Raises StoreError on anything else.
    """
    path = run.folder / "history.csv"
    with reading(path):
        return parse_history(path.read_bytes() if path.exists() else b"")


def parse_history(content: bytes) -> pd.DataFrame:
    """A last row that was cut short is left out. Raises one of io.DAMAGED."""
    # else an empty field at the end is NaN
    cut = not content.endswith(b"\n") and content.endswith(b",")
    lines = list(csv.reader(StringIO(content.decode() + ("cut" if cut else ""), newline="")))
    if len(lines) > 1 and tuple(lines[0]) != HISTORY_COLUMNS:
        raise ValueError("line 1: it does not name the columns of a history")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows.append(_history_row(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"line {number}: {error}") from error
    # ten times as fast as a DataFrame of rows: every page reads every run's
    table = np.array(rows, np.float64).reshape(-1, len(HISTORY_COLUMNS))
    columns: dict[str, np.ndarray] = dict(zip(HISTORY_COLUMNS, table.T, strict=True))
    return pd.DataFrame(columns | {"epoch": columns["epoch"].astype(int)})


def _history_row(line: list[str]) -> list[float]:
    """In the order of HISTORY_COLUMNS; NaN is what there was nothing to measure on. Raises
    ValueError.
    """
    row = [float(value or "nan") for value in line]
    if len(row) != len(HISTORY_COLUMNS):
        raise ValueError("wrong number of fields")
    epoch, seconds = row[0], row[HISTORY_COLUMNS.index("seconds")]
    if not (1 <= epoch <= _MOST_EPOCHS and epoch == int(epoch)):
        raise ValueError(f"its epoch is {line[0][:40]}")
    if not seconds >= 0 or any(map(math.isinf, row)):
        raise ValueError("it holds numbers that no training has")
    return row


# -------------------------------------------------------------------------- predictions


def write_predictions(run: Run, parts: dict[str, Predictions]) -> None:
    """Writes "validation" and "test". Raises StoreError."""
    arrays = {
        f"{part}_{name}": getattr(predictions, name)
        for part, predictions in parts.items()
        for name in Predictions.__dataclass_fields__
    }
    with writing(run.folder):
        io.write_arrays(run.folder / "predictions.npz", arrays)


def predictions_version(run: Run) -> tuple[str, int, int]:
    """Changes when the run's predictions do: a key for what is kept of them in memory."""
    return _version(run.folder / "predictions.npz")


def history_version(run: Run) -> tuple[str, int, int]:
    """As `predictions_version`, of its history."""
    return _version(run.folder / "history.csv")


def _version(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def read_predictions(run: Run) -> dict[str, Predictions]:
    """ "validation" and "test". Raises StoreError where the file is missing or damaged."""
    path = run.folder / "predictions.npz"
    with reading(path):
        return predictions_from(io.read_arrays(path, _MOST_BYTES))


def predictions_from(arrays: dict[str, np.ndarray]) -> dict[str, Predictions]:
    """Raises ValueError where the arrays are not those of PREDICTION_ARRAYS, or hold no answers
    to be scored.
    """
    if missing := [name for name in PREDICTION_ARRAYS if name not in arrays]:
        raise ValueError(f"it has no {missing[0]}")
    parts = {
        part: Predictions(*(arrays[f"{part}_{name}"] for name in Predictions.__dataclass_fields__))
        for part in PARTS
    }
    for part in parts.values():
        check_part(part)
    return parts


def check_part(part: Predictions) -> None:
    """Raises ValueError where its arrays are no answers to be scored."""
    n = len(part.y_true) if part.y_true.ndim == 1 else 0
    if part.proba.shape != (n, N_CLASSES) or any(
        array.shape != (n,) for array in (part.image_id, part.lesion, part.y_true)
    ):
        raise ValueError("its arrays do not fit together")
    kinds = "".join(
        array.dtype.kind for array in (part.image_id, part.lesion, part.y_true, part.proba)
    )
    if kinds != "Uiif":
        raise ValueError("its arrays have other types than ours")
    try:
        check(part.y_true, part.proba)
    except HamError as error:
        raise ValueError(error.why.removesuffix(".")) from error


def train_counts(run: Run) -> np.ndarray:
    """Images of each class in the run's training part, int64 (7,), in CLASSES order.

    Runs of versions that did not record them have the counts of their validation part, which was
    drawn from the same images. Raises StoreError where that cannot be read.
    """
    recorded = run.record.split.train_counts
    if recorded is not None and any(recorded.values()):
        return np.array([recorded[code] for code in CODES], np.int64)
    return np.bincount(read_predictions(run)["validation"].y_true, minlength=N_CLASSES)


def image_keys(image_ids: Iterable[str]) -> np.ndarray:
    """'#' and the first 16 hex digits of each id's SHA-256, str (n,); what is a key already stays.

    No row of the data set may be passed on, so a run that ships names its images by these.
    """
    return np.array(
        [
            name if _KEY.fullmatch(name) else "#" + hashlib.sha256(name.encode()).hexdigest()[:16]
            for name in map(str, image_ids)
        ],
        dtype="U17",
    )


def aligned(*parts: Predictions) -> tuple[Predictions, ...]:
    """The same images in the same order. Raises StoreError where they are not the same."""
    ordered, keys = [], []
    for part in parts:
        found = image_keys(part.image_id)
        order = np.argsort(found, kind="stable")
        keys.append(found[order])
        ordered.append(
            Predictions(
                *(values[order] for values in (part.image_id, part.lesion, part.y_true, part.proba))
            )
        )
    for part, found in zip(ordered, keys, strict=True):
        if not (np.array_equal(found, keys[0]) and np.array_equal(part.y_true, ordered[0].y_true)):
            raise StoreError(
                "The predictions of two runs",
                "their test images are not those that their folders say.",
                "Train the runs again, or leave them out.",
            )
    return tuple(ordered)


def same_test_images(run: Run, other: Run) -> bool:
    """Whether the scores of the two may be compared.

    Never between synthetic and real data. Between one's own runs the content of the data counts
    too. A run that ships was made from one copy of the photographs and meets others (Kaggle's
    pixels, JPEGs of any size), whose fingerprints differ by a rounding: there the ids of the
    test images decide, and `aligned` compares the labels.
    """
    if run.synthetic != other.synthetic:
        return False
    ours, theirs = (one.record.split.test_fingerprint for one in (run, other))
    if ours is None or ours != theirs:
        return False
    return (
        run.shipped or other.shipped or run.record.data.fingerprint == other.record.data.fingerprint
    )


# ------------------------------------------------------------------------ log and model


def withdraw_results(run: Run) -> Run:
    """The run without the model and scores of an earlier end, on disk too, as when it trains again.

    Raises StoreError.
    """
    run = write_record(run, model=None, evaluation=None, baselines=None)
    with writing(run.folder):
        for name in ("model.keras", "predictions.npz"):
            (run.folder / name).unlink(missing_ok=True)
        shutil.rmtree(run.folder / EXTERNAL, ignore_errors=True)  # answers of that model
    return run


def write_log(run: Run, line: str, *, now: float | None = None) -> None:
    """Adds a line to log.txt, with the time. Raises StoreError."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    with writing(run.folder), (run.folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{stamp}  {line}\n")


def read_log(run: Run) -> str:
    """ "" where nothing was written yet. Raises StoreError."""
    return _read_text(run.folder / "log.txt")


def _read_text(path: Path) -> str:
    with reading(path):
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def checked_model_path(run: Run) -> Path:
    """model.keras, after its SHA-256 was found to be the recorded one. Raises StoreError."""
    path = run.folder / "model.keras"
    with reading(path):
        found = io.file_sha256(path)
    if run.record.model is None or found != run.record.model.sha256:
        raise StoreError(
            f"The model of {run.id}",
            "its file is not the one this run saved (SHA-256 differs).",
            "Train it again; a changed model file is never loaded.",
        )
    return path
