"""The floor that needs the training images: computed once a split, kept in the cache."""

from __future__ import annotations

import logging
from pathlib import Path

import orjson

from ham import store
from ham.config import cache_folder
from ham.data import LesionDataset, Split
from ham.evaluation import evaluate, evaluation_from_record, evaluation_record, logistic_regression_proba

log = logging.getLogger(__name__)


def floors(dataset: LesionDataset, split: Split) -> dict[str, dict]:
    """{"logistic_regression": its `evaluation_record` on the split's test part}, JSON-ready.

    From HAM_HOME/cache/floors where an earlier run on the same split left it. A damaged file there is computed
    anew, and one that cannot be written costs the next run a few seconds. Empty where it cannot be computed: a
    training that went well does not end badly for want of a floor.
    """
    path = cache_folder() / "floors" / f"{split.fingerprint}.json"
    found = _read(path, len(split.test))
    if found is not None:
        return found
    try:
        proba = logistic_regression_proba(dataset.images[split.train], dataset.labels[split.train],
                                          dataset.images[split.test])
    except (MemoryError, ValueError) as error:  # what scikit-learn and SciPy raise
        log.warning("The logistic regression on the pixels was left out: %s", str(error) or type(error).__name__)
        return {}
    found = {"logistic_regression": evaluation_record(
        evaluate(dataset.labels[split.test], proba, dataset.groups[split.test]))}
    _write(path, found)
    return found


def _read(path: Path, n_test: int) -> dict[str, dict] | None:
    """None where there is no such file, or one that is not whole."""
    try:
        found = orjson.loads(path.read_bytes())
        if evaluation_from_record(found["logistic_regression"]).n_images == n_test:
            return found
    except FileNotFoundError:
        return None
    except (*store.DAMAGED, TypeError, AttributeError) as error:
        log.warning("The floor in %s is damaged and will be computed again: %s", path, error)
    return None


def _write(path: Path, found: dict[str, dict]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_file(path, orjson.dumps(found))
    except OSError as error:
        log.warning("The floor cannot be kept in %s: %s", path, error)
