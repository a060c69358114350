"""The cross-validation that ships: numbers of trainings whose models do not."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from msgspec import Struct

from ham import io
from ham.config import TrainConfig, reference_folder
from ham.io import Count, Number, Text, typed

FILE = "folds.json"
log = logging.getLogger(__name__)


class FoldResult(Struct, frozen=True):
    """One training on one fold, and what it scored on its test part."""

    cell: Text  # model, recipe and split: "cnn-improved", "lstm-described-by-image"
    config: TrainConfig
    data_fingerprint: Text
    test_fingerprint: Text
    n_train: Count
    n_test: Count
    scores: dict[str, Number]  # by keys of evaluation.SCORES, those of its version
    date: Text


class _Folds(Struct, frozen=True):
    folds: tuple[FoldResult, ...]


def shipped_folds() -> tuple[FoldResult, ...]:
    """In the order of cells and folds; none where the file is missing or damaged, which the log
    is told.
    """
    return _folds_in(reference_folder() / FILE)


@functools.lru_cache(maxsize=4)
def _folds_in(path: Path) -> tuple[FoldResult, ...]:
    try:
        return typed(io.read_json(path), _Folds).folds
    except io.DAMAGED as error:
        log.warning("%s ships with HAM Lab and is left out: %s", path, error)
        return ()
