"""What the probabilities are worth: temperature and prediction sets, chosen on validation,
looked at on test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CODES, N_CLASSES
from ham.evaluation.intervals import Interval, share_interval
from ham.evaluation.scores import check, lesion_numbers, proportion, shares

CALIBRATION_BINS = 15
COVERAGE = 0.90


@dataclass(frozen=True)
class PredictionSets:
    """Sets of classes that are to hold the true one for 9 of 10 images, and how they do on test."""

    #: On `1 - probability after temperature`, chosen on validation; None: each class has its own.
    threshold: float | None
    coverage: Interval  # share of the images whose set holds the true class; bootstrap over lesions
    mean_size: float
    sizes: np.ndarray  # int64 (7,): images whose set holds 1, 2 … 7 classes
    # index: codes; n, covered (int), coverage, low, high (Wilson), mean_size
    by_class: pd.DataFrame


@dataclass(frozen=True)
class Calibration:
    """What validation says about the probabilities, and how it holds on test."""

    temperature: float  # above 1: the model is too sure of itself
    ece_before: float
    ece_after: float
    threshold: float  # conformal, on `1 - probability after temperature`
    coverage: float  # share of test images whose set holds the true class
    mean_set_size: float


def fit_temperature(y_true: np.ndarray, proba: np.ndarray) -> float:
    """The one temperature that minimises the negative log-likelihood; to be fitted on validation.

    Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks, ICML 2017, on
    log-probabilities, which are logits up to a constant a row. Between 0.05 and 20.
    """
    from scipy.optimize import minimize_scalar

    y_true, proba = check(y_true, proba)
    rows = np.arange(len(y_true))

    def loss(log_temperature: float) -> float:
        return -np.log(
            with_temperature(proba, math.exp(log_temperature))[rows, y_true] + 1e-300
        ).mean()

    return math.exp(
        minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded").x
    )


def with_temperature(proba: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log(proba) / temperature), float64 (n, 7); the most probable class stays the same."""
    logits = np.log(np.maximum(np.asarray(proba, np.float64), 1e-12)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def reliability(
    y_true: np.ndarray, proba: np.ndarray, bins: int = CALIBRATION_BINS
) -> pd.DataFrame:
    """A row a bin: n, confidence (mean of the highest probability), accuracy, low, high (95 %,
    Wilson).

    Bins hold equally many images (Nguyen, O'Connor, EMNLP 2015); images of equal confidence stay
    together, so the table does not depend on the order of the images. Empty bins are left out.
    """
    y_true, proba = check(y_true, proba)
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y_true
    # of the first image of equal confidence
    rank = np.searchsorted(np.sort(confidence), confidence)
    number = rank * bins // len(y_true)
    n = np.bincount(number, minlength=bins)
    held = n > 0
    sure, correct = (np.bincount(number, of, bins)[held] for of in (confidence, right))
    n = n[held]
    found = [proportion(part, whole) for part, whole in zip(correct, n, strict=True)]
    return pd.DataFrame(
        {
            "n": n,
            "confidence": sure / n,
            "accuracy": [share.value for share in found],
            "low": [share.low for share in found],
            "high": [share.high for share in found],
        }
    )


def expected_calibration_error(
    y_true: np.ndarray, proba: np.ndarray, bins: int = CALIBRATION_BINS
) -> float:
    """Mean over the images of |accuracy - confidence| of their bin (Naeini, Cooper, Hauskrecht,
    AAAI 2015).
    """
    table = reliability(y_true, proba, bins)
    return float(np.average((table.accuracy - table.confidence).abs(), weights=table.n))


def calibration_error_by_chance(table: pd.DataFrame) -> float:
    """About what calibration error a perfectly calibrated model would show in the bins of a
    `reliability` table.

    So few images a bin are right a bit more or less often than their confidence says: the mean
    distance of a normal variable from its mean, sqrt(2 p (1 - p) / (pi n)), averaged over the
    images.
    """
    p = table.confidence.clip(0, 1)
    return float(np.average(np.sqrt(2 * p * (1 - p) / (np.pi * table.n)), weights=table.n))


def conformal_threshold(y_true: np.ndarray, proba: np.ndarray, coverage: float = COVERAGE) -> float:
    """The largest score `1 - proba` of a class that a set still takes; to be computed on
    validation.

    Split-conformal with the score 1 - probability of the true class, which gives the smallest
    sets on average (Sadinle, Lei, Wasserman, JASA 114:223, 2019): the ceil((n + 1) coverage)-th
    smallest score. Infinity (every class is in the set) when there are too few images for the
    coverage asked for.
    """
    y_true, proba = check(y_true, proba)
    scores = np.sort(1 - proba[np.arange(len(y_true)), y_true])
    position = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(scores[position - 1]) if position <= len(scores) else math.inf


def class_thresholds(
    y_true: np.ndarray, proba: np.ndarray, coverage: float = COVERAGE
) -> np.ndarray:
    """`conformal_threshold` of each class from its own images alone, float (7,); to be computed
    on validation.

    Then the coverage is aimed at for every class by itself: label-conditional, or Mondrian,
    conformal prediction (Vovk, Gammerman, Shafer, Algorithmic learning in a random world, 2005,
    section 4.5; Ding et al., NeurIPS 2023). Infinity, so that the class is in every set, where it
    has too few images: below 9 for a coverage of 90 %.
    """
    y_true, proba = check(y_true, proba)
    found = [
        conformal_threshold(y_true[own], proba[own], coverage) if own.any() else math.inf
        for own in (y_true == k for k in range(N_CLASSES))
    ]
    return np.array(found)


def conformal_sets(proba: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """bool (n, 7): the classes in each image's set. The most probable class is always in it, so
    that none is empty. `threshold`: one, or one a class, (7,).
    """
    proba = np.asarray(proba, np.float64)
    sets = 1 - proba <= threshold
    sets[np.arange(len(proba)), proba.argmax(axis=1)] = True
    return sets


def prediction_sets(
    y_true: np.ndarray, proba: np.ndarray, lesions: np.ndarray, threshold: float | np.ndarray
) -> PredictionSets:
    """How sets with a threshold chosen on validation do on these images. Raises EvaluationError.

    Coverage of all images has the interval of `evaluate`. A class has Wilson's over its lesions
    (`share_interval`): of some there are too few for the bootstrap.
    """
    y_true, proba = check(y_true, proba)
    lesions = lesion_numbers(lesions, len(y_true))[0]
    sets, whole = conformal_sets(proba, threshold), np.ones(len(y_true), bool)
    size, covered = sets.sum(axis=1), sets[np.arange(len(y_true)), y_true]
    rows = []
    for k in range(N_CLASSES):
        own = y_true == k
        share = share_interval(covered[own], lesions[own])
        rows.append(
            {
                "n": int(own.sum()),
                "covered": int(covered[own].sum()),
                "coverage": share.value,
                "low": share.low,
                "high": share.high,
                "mean_size": float(size[own].mean()) if own.any() else math.nan,
            }
        )
    return PredictionSets(
        None if isinstance(threshold, np.ndarray) else threshold,
        shares({"coverage": (covered, whole)}, lesions)["coverage"],
        float(size.mean()),
        np.bincount(size, minlength=N_CLASSES + 1)[1:],
        pd.DataFrame(rows, index=pd.Index(CODES, name="code")),
    )


def calibrate(
    validation_true: np.ndarray,
    validation_proba: np.ndarray,
    test_true: np.ndarray,
    test_proba: np.ndarray,
) -> Calibration:
    """Temperature and prediction sets fitted on validation, looked at on test. Raises
    EvaluationError.
    """
    temperature = fit_temperature(validation_true, validation_proba)
    test_true, test_proba = check(test_true, test_proba)
    scaled = with_temperature(test_proba, temperature)
    threshold = conformal_threshold(
        validation_true, with_temperature(validation_proba, temperature)
    )
    sets = conformal_sets(scaled, threshold)
    return Calibration(
        temperature,
        expected_calibration_error(test_true, test_proba),
        expected_calibration_error(test_true, scaled),
        threshold,
        float(sets[np.arange(len(sets)), test_true].mean()),
        float(sets.sum(axis=1).mean()),
    )
