"""Trainings that were repeated: mean, spread, and what a difference of two means is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ham.evaluation.intervals import CONFIDENCE, Interval


@dataclass(frozen=True)
class Spread:
    """A score over trainings that differ in seed or fold alone; those without it do not count."""

    n: int
    mean: float
    sd: float  # sample standard deviation; NaN of one
    low: float  # the lowest seen
    high: float


@dataclass(frozen=True)
class PairedTest:
    """Mean of paired differences with its 95 % interval and two-sided p-value; NaN where there is
    none.
    """

    n: int
    difference: Interval
    p: float


def spread(values: np.ndarray) -> Spread:
    """Of the finite values, float (n,). NaN where there is none."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return Spread(0, math.nan, math.nan, math.nan, math.nan)
    sd = float(kept.std(ddof=1)) if len(kept) > 1 else math.nan
    return Spread(len(kept), float(kept.mean()), sd, float(kept.min()), float(kept.max()))


def corrected_t_test(differences: np.ndarray, test_to_train: float) -> PairedTest:
    """The corrected resampled t-test of paired differences, float (n,), one a fold or random split.

    Trainings on overlapping images are not independent, so the variance of the mean is taken as
    (1/n + n_test/n_train) s² instead of s²/n, with n - 1 degrees of freedom (Nadeau, Bengio,
    Machine Learning 52:239, 2003, their equation 9; for folds of a cross-validation as well:
    Bouckaert, Frank, PAKDD 2004). `test_to_train` is n_test/n_train; 0 makes it the paired t-test,
    for trainings on the same images that differ in their seed. No interval and no p of fewer than
    two differences, nor where all are the same.
    """
    from scipy.special import stdtr, stdtrit

    kept = differences[np.isfinite(differences)]
    n = len(kept)
    mean = float(kept.mean()) if n else math.nan
    sd = float(kept.std(ddof=1)) if n > 1 else 0.0
    if not sd > 1e-12:
        return PairedTest(n, Interval(mean, math.nan, math.nan), math.nan)
    error = sd * math.sqrt(1 / n + test_to_train)
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return PairedTest(n, Interval(mean, mean - half, mean + half), p)
