"""What Brier score and log loss are made of: miscalibration, discrimination, uncertainty; and the
calibration of each class's own probability.

The CORP decomposition (Dimitriadis, Gneiting, Jordan, PNAS 118:e2016191118, 2021), which is
Murphy's (J. Applied Meteorology 12:595, 1973) with bins that isotonic regression chooses, so that
the parts sum to the score exactly and none is below zero. For seven classes it is taken class by
class and added up: the Brier score is the sum over the classes of (p - y)², and the log loss that
of p - y - y log p, as the probabilities and the classes of an image each sum to 1. Both are
consistent for a probability, so that one isotonic regression is the best recalibration by either
(Robertson, Wright, Dykstra, Order restricted statistical inference, 1988, theorem 1.5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CODES, N_CLASSES
from ham.evaluation.scores import check, proportion

CHANCE_DRAWS = 50  # read when it is asked for: tests that look at other things lower it
PARTS = ("score", "miscalibration", "discrimination", "uncertainty")
Terms = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Decomposition:
    """score = miscalibration - discrimination + uncertainty."""

    score: float
    miscalibration: float  # what the best monotone recalibration of each class would save
    discrimination: float  # what the recalibrated probabilities save against the classes' shares
    uncertainty: float  # of always giving the classes' shares on these images
    by_chance: float  # about what miscalibration perfectly calibrated probabilities would show
    by_class: pd.DataFrame  # index: codes; columns PARTS; rows sum to the above


def decompose(
    y_true: np.ndarray, proba: np.ndarray, draws: int | None = None, seed: int = 0
) -> dict[str, Decomposition]:
    """Of "brier" and "log_loss". Raises EvaluationError.

    Isotonic regression fits chance too, so that no finite number of images shows a miscalibration
    of 0: `by_chance` is its mean over `draws`, CHANCE_DRAWS where none are named, of the classes
    from the probabilities themselves (Bröcker, Smith, Weather and Forecasting 22:651, 2007), each
    image by itself. Rows that rounding keeps from summing to 1 are divided by their sum.
    """
    y_true, proba = check(y_true, proba)
    proba, draws = proba / proba.sum(axis=1, keepdims=True), draws or CHANCE_DRAWS
    fits = [Isotonic(proba[:, k]) for k in range(N_CLASSES)]
    random, chance = np.random.default_rng(seed), dict.fromkeys(_TERMS, 0.0)
    highest = proba.cumsum(axis=1)
    for _ in range(draws):
        drawn = (random.random((len(proba), 1)) > highest[:, :-1]).sum(axis=1)
        for name, rows in _parts(drawn, proba, fits).items():
            chance[name] += float(rows[:, PARTS.index("miscalibration")].sum()) / draws
    found = {}
    for name, rows in _parts(y_true, proba, fits).items():
        table = pd.DataFrame(rows, pd.Index(CODES, name="code"), list(PARTS))
        score, miscalibration, discrimination, uncertainty = rows.sum(axis=0).tolist()
        found[name] = Decomposition(
            score, miscalibration, discrimination, uncertainty, chance[name], table
        )
    return found


def class_reliability(y_true: np.ndarray, proba: np.ndarray, k: int) -> pd.DataFrame:
    """A row a bin of class k's probability: n, lowest, highest, said (its mean), observed (the
    share of the class), low, high (95 %, Wilson over the images).

    The bins are those that isotonic regression chooses: the CORP reliability diagram. Raises
    EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    fit, hit = Isotonic(proba[:, k]), y_true == k
    number = fit.bins(hit)
    n = np.bincount(number)
    said, held = (np.bincount(number, of) for of in (proba[:, k], hit))
    shares = [proportion(int(part), int(whole)) for part, whole in zip(held, n, strict=True)]
    lowest, highest = np.full(len(n), np.inf), np.zeros(len(n))
    np.minimum.at(lowest, number, proba[:, k])
    np.maximum.at(highest, number, proba[:, k])
    return pd.DataFrame(
        {
            "n": n,
            "lowest": lowest,
            "highest": highest,
            "said": said / n,
            "observed": [share.value for share in shares],
            "low": [share.low for share in shares],
            "high": [share.high for share in shares],
        }
    )


class Isotonic:
    """Isotonic regression of hits on one score, (n,), for any hits; equal scores stay together."""

    def __init__(self, score: np.ndarray):
        _, self._place, self._n = np.unique(score, return_inverse=True, return_counts=True)

    def values(self, hit: np.ndarray) -> np.ndarray:
        """The share of hits that each image's score stands for, float (n,)."""
        return self._fit(hit)[0][self._place]

    def bins(self, hit: np.ndarray) -> np.ndarray:
        """The number of each image's bin, int (n,), the lowest score's 0."""
        starts = self._fit(hit)[1]
        return (np.searchsorted(starts, self._place, side="right") - 1).astype(np.int64)

    def _fit(self, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from scipy.optimize import isotonic_regression

        found = isotonic_regression(np.bincount(self._place, hit) / self._n, weights=self._n)
        return found.x, found.blocks[:-1]


def _parts(y_true: np.ndarray, proba: np.ndarray, fits: list[Isotonic]) -> dict[str, np.ndarray]:
    """By score float (7, 4): PARTS of each class."""
    rows: dict[str, list[list[float]]] = {name: [] for name in _TERMS}
    for k, fit in enumerate(fits):
        hit = (y_true == k).astype(np.float64)
        recalibrated, share = fit.values(hit), np.full(len(hit), hit.mean())
        for name, terms in _TERMS.items():
            score, best, base = (
                float(terms(hit, p).mean()) for p in (proba[:, k], recalibrated, share)
            )
            rows[name].append([score, score - best, base - best, base])
    return {name: np.array(found) for name, found in rows.items()}


def _squared(hit: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (p - hit) ** 2


def _logarithmic(hit: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Clipped as `log_loss_terms` is."""
    smallest = np.finfo(np.float64).eps
    return p - hit - hit * np.log(np.clip(p, smallest, 1 - smallest))


_TERMS: dict[str, Terms] = {"brier": _squared, "log_loss": _logarithmic}
