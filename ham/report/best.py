"""The best run of each architecture, for a first look."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

from ham import io, store
from ham.evaluation import Interval
from ham.store import Run

_SCORE = "balanced_accuracy"


@dataclass(frozen=True)
class BestRun:
    """A run that stands for its architecture."""

    run: Run
    balanced_accuracy: Interval  # on its test images, 0 to 1
    one_class: float  # balanced accuracy of always predicting one class


def best_runs(runs: Iterable[Run]) -> list[BestRun]:
    """Of each architecture the run with the highest balanced accuracy on validation, which has
    not seen the test images; the highest on test first.

    Only runs that were tested on the same images stand side by side: on those that the most
    architectures were tested on, real ones before synthetic ones. Runs whose split leaks are left
    out.
    """
    of_parts: dict[tuple[bool, str | None], dict[str, list[Run]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in runs:
        if not run.leaking and run.scores and _SCORE in run.scores:
            part = (not run.synthetic, run.record.split.test_fingerprint)
            of_parts[part][run.config.model].append(run)
    if not of_parts:
        return []
    part = max(of_parts, key=lambda part: (part[0], len(of_parts[part])))
    chosen = [max(of_model, key=validation_score) for of_model in of_parts[part].values()]
    found = [BestRun(run, (run.scores or {})[_SCORE], _one_class(run)) for run in chosen]
    return sorted(found, key=lambda best: best.balanced_accuracy.value, reverse=True)


def validation_score(run: Run) -> float:
    """Balanced accuracy on validation at the epoch kept; below all where it is not known."""
    return _score_at(run.status.best_epoch, *store.history_version(run))


@functools.lru_cache(maxsize=8192)
def _score_at(epoch: int | None, path: str, written: int, size: int) -> float:
    """Of 2,000 runs each history is read once; when it was written and its size tell of a new
    one.
    """
    try:
        history = store.parse_history(Path(path).read_bytes())
    except io.DAMAGED:
        return -inf
    scores = history["validation_balanced_accuracy"].to_numpy()
    kept = scores[history["epoch"].to_numpy() == epoch]
    return float(kept[0]) if kept.size and isfinite(kept[0]) else -inf


def _one_class(run: Run) -> float:
    record = run.record.evaluation
    tested = sum(row.support > 0 for row in record.per_class.values()) if record else 0
    return 1 / tested if tested else 0.0
