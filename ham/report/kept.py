"""Scores that take seconds to draw lesions for, kept on disk by what they are of.

A file is named by the answers, the code, the draws and NumPy's version: what changed has another
name, so nothing here is ever out of date. It carries a hash of its own, and one that is damaged is
made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ham import io
from ham.config import cache_folder
from ham.evaluation import (
    Evaluation,
    EvaluationRecord,
    Interval,
    ScoreRecord,
    evaluation_record,
    intervals_record,
    scores_version,
)

MOST_FILES = 500  # of about 1 kB; those that were asked for longest ago go first
Result = TypeVar("Result")
_WHAT = "what drawing lesions gave"


def kept_intervals(
    make: Callable[[], dict[str, Interval]], name: str, *arrays: np.ndarray
) -> dict[str, Interval]:
    """What `make()` gives, computed once for these arrays under this name.

    `arrays`: all that `make` computes from, in an order of its own; of what is no number it may
    only matter which are equal.
    """

    def read(content: object) -> dict[str, Interval]:
        found = io.typed(content, dict[str, ScoreRecord])
        return {
            key: Interval(_nan(one.value), _nan(one.low), _nan(one.high))
            for key, one in found.items()
        }

    return _kept(make, read, intervals_record, name, arrays)


def kept_evaluation(make: Callable[[], Evaluation], name: str, *arrays: np.ndarray) -> Evaluation:
    """As `kept_intervals`, of a whole evaluation."""

    def read(content: object) -> Evaluation:
        return io.typed(content, EvaluationRecord).to_evaluation()

    return _kept(make, read, evaluation_record, name, arrays)


def _kept(
    make: Callable[[], Result],
    read: Callable[[object], Result],
    record: Callable[[Result], dict[str, Any]],
    name: str,
    arrays: tuple[np.ndarray, ...],
) -> Result:
    path = cache_folder() / "intervals" / f"{_key(name, arrays)}.json"

    def read_whole(path: Path) -> Result:
        content = io.read_json(path)
        if content.get("sha256") != _hash(content.get("kept")):
            raise ValueError("it is not what was written")
        return read(content["kept"])

    found = io.read_kept(path, read_whole, _WHAT)
    if found is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
        return found
    found = make()
    kept = record(found)
    content = {"kept": kept, "sha256": _hash(kept)}
    if io.keep(path, lambda draft: draft.write_bytes(io.json_bytes(content)), _WHAT):
        _remove_oldest(path.parent)
    return found


def _key(name: str, arrays: tuple[np.ndarray, ...]) -> str:
    found = hashlib.sha256(f"{name}, {scores_version()}".encode())
    for array in arrays:
        if array.dtype.kind not in "biuf":  # lesions of other data have names
            array = np.unique(array, return_inverse=True)[1]
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]


def _hash(kept: object) -> str:
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _remove_oldest(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another process does the same
        files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_FILES]:
            path.unlink(missing_ok=True)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
