"""Choices made on validation: temperature, prediction sets, the threshold for malignant; how they hold on test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from ham.evaluation.scores import CONFIDENCE, MALIGNANT, EvaluationError, check, malignant_proba, ratio

CALIBRATION_BINS = 15
COVERAGE = 0.90


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
    y_true, proba = check(y_true, proba)
    rows = np.arange(len(y_true))

    def loss(log_temperature: float) -> float:
        return -np.log(with_temperature(proba, math.exp(log_temperature))[rows, y_true] + 1e-300).mean()

    return math.exp(minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded").x)


def with_temperature(proba: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log(proba) / temperature), float64 (n, 7); the most probable class stays the same."""
    logits = np.log(np.maximum(np.asarray(proba, np.float64), 1e-12)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def reliability(y_true: np.ndarray, proba: np.ndarray, bins: int = CALIBRATION_BINS) -> pd.DataFrame:
    """A row a bin: n, confidence (mean of the highest probability), accuracy, low, high (95 %, Wilson).

    Bins hold equally many images (Nguyen, O'Connor, EMNLP 2015); images of equal confidence stay
    together, so the table does not depend on the order of the images. Empty bins are left out.
    """
    y_true, proba = check(y_true, proba)
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y_true
    rank = np.searchsorted(np.sort(confidence), confidence)  # of the first image of equal confidence
    number = rank * bins // len(y_true)
    table = pd.DataFrame({"bin": number, "confidence": confidence, "accuracy": right}).groupby("bin").agg(
        n=("accuracy", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean"))
    limits = [binomtest(round(row.accuracy * row.n), int(row.n)).proportion_ci(CONFIDENCE, "wilson")
              for row in table.itertuples()]
    return table.assign(low=[limit.low for limit in limits],
                        high=[limit.high for limit in limits]).reset_index(drop=True)


def expected_calibration_error(y_true: np.ndarray, proba: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Mean over the images of |accuracy - confidence| of their bin (Naeini, Cooper, Hauskrecht, AAAI 2015)."""
    table = reliability(y_true, proba, bins)
    return float(np.average((table.accuracy - table.confidence).abs(), weights=table.n))


def conformal_threshold(y_true: np.ndarray, proba: np.ndarray, coverage: float = COVERAGE) -> float:
    """The largest score `1 - proba` of a class that a set still takes; to be computed on validation.

    Split-conformal with the score 1 - probability of the true class, which gives the smallest sets on
    average (Sadinle, Lei, Wasserman, JASA 114:223, 2019): the ceil((n + 1) coverage)-th smallest score.
    Infinity (every class is in the set) when there are too few images for the coverage asked for.
    """
    y_true, proba = check(y_true, proba)
    scores = np.sort(1 - proba[np.arange(len(y_true)), y_true])
    position = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(scores[position - 1]) if position <= len(scores) else math.inf


def conformal_sets(proba: np.ndarray, threshold: float) -> np.ndarray:
    """bool (n, 7): the classes in each image's set. The most probable class is always in it, so that none is empty."""
    proba = np.asarray(proba, np.float64)
    sets = 1 - proba <= threshold
    sets[np.arange(len(proba)), proba.argmax(axis=1)] = True
    return sets


def calibrate(validation_true: np.ndarray, validation_proba: np.ndarray, test_true: np.ndarray,
              test_proba: np.ndarray) -> Calibration:
    """Temperature and prediction sets fitted on validation, looked at on test. Raises EvaluationError."""
    temperature = fit_temperature(validation_true, validation_proba)
    test_true, test_proba = check(test_true, test_proba)
    scaled = with_temperature(test_proba, temperature)
    threshold = conformal_threshold(validation_true, with_temperature(validation_proba, temperature))
    sets = conformal_sets(scaled, threshold)
    return Calibration(temperature, expected_calibration_error(test_true, test_proba),
                       expected_calibration_error(test_true, scaled), threshold,
                       float(sets[np.arange(len(test_true)), test_true].mean()), float(sets.sum(axis=1).mean()))


def malignant_threshold(y_true: np.ndarray, proba: np.ndarray, sensitivity: float = 0.9) -> float:
    """The highest threshold on `malignant_proba` that still finds this share of the malignant images.

    To be chosen on validation. Raises EvaluationError when there is no malignant image.
    """
    y_true, proba = check(y_true, proba)
    scores = np.sort(malignant_proba(proba)[MALIGNANT[y_true]])
    if not len(scores):
        raise EvaluationError("No malignant image", "sensitivity cannot be set without one.",
                              "Choose the threshold on a validation part with all classes.")
    return float(scores[len(scores) - math.ceil(sensitivity * len(scores) - 1e-9)])


def at_threshold(y_true: np.ndarray, proba: np.ndarray, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity when `malignant_proba >= threshold` counts as malignant."""
    y_true, proba = check(y_true, proba)
    malignant, called = MALIGNANT[y_true], malignant_proba(proba) >= threshold
    return (float(ratio((called & malignant).sum(), malignant.sum())),
            float(ratio((~called & ~malignant).sum(), (~malignant).sum())))
