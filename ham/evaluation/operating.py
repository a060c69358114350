"""Malignant against benign: the threshold that validation chooses, what it finds and costs on
test, ROC curves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.evaluation.intervals import Interval
from ham.evaluation.metrics import MALIGNANT, malignant_proba
from ham.evaluation.scores import EvaluationError, check, shares

TARGETS = (0.80, 0.90, 0.95)  # sensitivities to choose from


@dataclass(frozen=True)
class OperatingPoint:
    """What calling images malignant finds and costs. Sensitivity is NaN without malignant
    images, and so on.
    """

    threshold: float | None  # on `malignant_proba`; None: where the predicted class is malignant
    sensitivity: Interval  # bootstrap over lesions
    specificity: Interval
    n_malignant: int
    missed: int
    n_benign: int
    false_alarms: int


def malignant_threshold(y_true: np.ndarray, proba: np.ndarray, sensitivity: float = 0.9) -> float:
    """The highest threshold on `malignant_proba` that still finds this share of the malignant
    images.

    To be chosen on validation. Raises EvaluationError when there is no malignant image.
    """
    y_true, proba = check(y_true, proba)
    if not MALIGNANT[y_true].any():
        raise EvaluationError(
            "No malignant image",
            "sensitivity cannot be set without one.",
            "Choose the threshold on a validation part with all classes.",
        )
    return threshold_of(MALIGNANT[y_true], malignant_proba(proba), sensitivity)


def threshold_of(positive: np.ndarray, score: np.ndarray, sensitivity: float = 0.9) -> float:
    """The highest threshold on `score`, (n,), that still finds this share of `positive`, bool
    (n,), of which there is one at least.
    """
    scores = np.sort(score[positive])
    return float(scores[len(scores) - math.ceil(sensitivity * len(scores) - 1e-9)])


def operating_point(
    y_true: np.ndarray,
    proba: np.ndarray,
    lesions: np.ndarray,
    threshold: float | None = None,
    resamples: int | None = None,
) -> OperatingPoint:
    """What calling images malignant finds and costs on these images, with intervals and counts.

    With a threshold where `malignant_proba >= threshold`, without one where the most probable
    class is malignant. Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    malignant = MALIGNANT[y_true]
    called = (
        MALIGNANT[proba.argmax(axis=1)]
        if threshold is None
        else malignant_proba(proba) >= threshold
    )
    found = shares(
        {"sensitivity": (called, malignant), "specificity": (~called, ~malignant)},
        lesions,
        resamples,
    )
    return OperatingPoint(
        threshold,
        found["sensitivity"],
        found["specificity"],
        int(malignant.sum()),
        int((malignant & ~called).sum()),
        int((~malignant).sum()),
        int((called & ~malignant).sum()),
    )


def roc(positive: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    """A row a corner of the ROC curve from (0, 0) to (1, 1): threshold, false_alarms,
    sensitivity (0 to 1).

    `positive`: bool (n,); `score`: (n,), higher for positive. Empty where one side has no image:
    no curve then.
    """
    from sklearn.metrics import roc_curve

    columns = ["threshold", "false_alarms", "sensitivity"]
    if positive.all() or not positive.any():
        return pd.DataFrame(columns=columns, dtype=float)
    false_alarms, sensitivity, threshold = roc_curve(positive, score)
    return pd.DataFrame(np.stack([threshold, false_alarms, sensitivity], axis=1), columns=columns)


def precision_recall(positive: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    """A row a threshold, from the lowest: threshold, precision, recall (0 to 1); the last is the
    end of the curve, where nothing is called. Empty where no image is positive.

    `positive`: bool (n,); `score`: (n,), higher for positive. What guessing reaches is the share
    of the positive images (Saito, Rehmsmeier, PLoS ONE 10:e0118432, 2015).
    """
    from sklearn.metrics import precision_recall_curve

    columns = ["threshold", "precision", "recall"]
    if not positive.any():
        return pd.DataFrame(columns=columns, dtype=float)
    precision, recall, threshold = precision_recall_curve(positive, score)
    rows = np.stack([np.append(threshold, math.inf), precision, recall], axis=1)
    return pd.DataFrame(rows, columns=columns)


def average_precision(table: pd.DataFrame) -> float:
    """Sum over the steps of recall of the precision there, of a `precision_recall` table; NaN
    of an empty one. Unlike the area under straight lines it is not too good (Davis, Goadrich,
    ICML 2006).
    """
    if table.empty:
        return math.nan
    steps = -np.diff(table["recall"].to_numpy())
    return float((steps * table["precision"].to_numpy()[:-1]).sum())


def malignant_roc(y_true: np.ndarray, proba: np.ndarray) -> pd.DataFrame:
    """`roc` of malignant against benign, by the summed probability of the malignant classes."""
    y_true, proba = check(y_true, proba)
    return roc(MALIGNANT[y_true], malignant_proba(proba))


def class_roc(y_true: np.ndarray, proba: np.ndarray, k: int) -> pd.DataFrame:
    """`roc` of class k against the rest, by its probability."""
    y_true, proba = check(y_true, proba)
    return roc(y_true == k, proba[:, k])
