"""Numbers as the Training page writes them."""

from __future__ import annotations

from ham.config import StoreError
from ham.evaluation import (
    majority_class,
    percent,
    recorded_train_counts,
    scores_from_record,
    train_counts,
)
from ham.store import Run, read_predictions


def accuracy(run: Run) -> str:
    """ "Test accuracy **75.1 % (73.2 to 77.0)**"; "" without a result."""
    if not run.has_model:
        return ""
    return f"Test accuracy **{percent(scores_from_record(run.record['evaluation'])['accuracy'])}**"


def baseline(run: Run) -> str:
    """ "always answering melanocytic nevus (nv) scores 67 %": the training part's majority, on
    test.

    "" where neither the record nor the predictions of an older run say what that is.
    """
    counts = recorded_train_counts(run.record)
    if counts is None:
        try:
            counts = train_counts(run.record, read_predictions(run)["validation"].y_true)
        except StoreError:  # damaged: said where they are needed
            return ""
    always = majority_class(counts)
    support = {code: row["support"] for code, row in run.record["evaluation"]["per_class"].items()}
    right = support[always.code] / sum(support.values())
    return f"always answering {always.name.lower()} ({always.code}) scores {100 * right:.0f} %"


def share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def memory(size: int) -> str:
    """ "1.1 GB", kept on one line."""
    return f"{size / 1e9:.1f}\u00a0GB"
