"""The baseline that needs the training images: computed once a split, kept in the cache."""

from __future__ import annotations

import logging
from pathlib import Path

from ham import io
from ham.config import cache_folder
from ham.data import LesionDataset, Split
from ham.evaluation import (
    INTERVALS,
    Baselines,
    EvaluationRecord,
    baselines_from,
    evaluate,
    evaluation_record,
    logistic_regression_proba,
)

log = logging.getLogger(__name__)


def pixel_baseline(dataset: LesionDataset, split: Split) -> Baselines:
    """The logistic regression, on the split's test part.

    From HAM_HOME/cache/baselines where an earlier run on the same split left it. A damaged file
    there is computed anew, and one that cannot be written costs the next run a few seconds.
    Empty where it cannot be computed: a training that went well does not end badly for want of a
    baseline.
    """
    path, what = (
        cache_folder() / "baselines" / f"{split.fingerprint}.json",
        "the baseline of a split",
    )
    found = io.read_kept(path, lambda kept: _read(kept, len(split.test)), what)
    if found is not None:
        return found
    try:
        proba = logistic_regression_proba(
            dataset.images[split.train], dataset.labels[split.train], dataset.images[split.test]
        )
    except (MemoryError, ValueError) as error:  # what scikit-learn and SciPy raise
        log.warning(
            "The logistic regression on the pixels was left out: %s",
            str(error) or type(error).__name__,
        )
        return Baselines()
    scored = evaluate(dataset.labels[split.test], proba, dataset.groups[split.test])
    content = {"logistic_regression": evaluation_record(scored)}
    io.keep(path, lambda draft: draft.write_bytes(io.json_bytes(content)), what)
    return Baselines(EvaluationRecord.of(scored))


def _read(path: Path, n_test: int) -> Baselines:
    """Raises one of io.DAMAGED, for the scores of another test part or with other intervals too."""
    found = baselines_from(io.read_json(path))
    scored = found.logistic_regression
    if scored is None or scored.n_images != n_test:
        raise ValueError(f"it is not of these {n_test:,} images")
    if scored.intervals != INTERVALS:
        raise ValueError("its intervals were found in another way")
    return found
