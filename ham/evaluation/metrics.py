"""The scores, one declaration each: name, words, formula, range, and its interval where all
draws agree.

A score that is added to SCORES is computed, stored, compared, drawn and printed everywhere; a
stored run that lacks it gets it computed from its predictions. How to add one is in
CONTRIBUTING.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from ham.config import CLASSES, CODES, N_CLASSES
from ham.evaluation.intervals import (
    NO_INTERVAL,
    Interval,
    area_interval,
    combined,
    effective_lesions,
    f1_interval,
    of_one_lesion,
    share,
    wilson,
)

Name = TypeVar("Name")
MALIGNANT = np.array([c.malignant for c in CLASSES])  # bool (7,)


# ------------------------------------------------------------------------------- draws


class Draws:
    """A model's answers on R draws of lesions at once: what formulas are made of.

    `counts`: float (R, n_lesions), how often each lesion is counted; `lesion`: int (n,), its
    number of each image.
    """

    def __init__(
        self, y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray, counts: np.ndarray
    ):
        self._y_true, self._proba, self._lesion, self._counts = y_true, proba, lesion, counts

    @cached_property
    def confusion(self) -> np.ndarray:
        """float (R, 7, 7): rows true, columns predicted."""
        by_lesion = np.zeros((self._counts.shape[1], N_CLASSES * N_CLASSES))
        cells = self._y_true * N_CLASSES + self._proba.argmax(axis=1)
        np.add.at(by_lesion, (self._lesion, cells), 1)
        return (self._counts @ by_lesion).reshape(-1, N_CLASSES, N_CLASSES)

    @cached_property
    def correct(self) -> np.ndarray:
        """Images of each class that are given it, (R, 7)."""
        return np.diagonal(self.confusion, axis1=1, axis2=2)

    @cached_property
    def support(self) -> np.ndarray:
        """Images of each class, (R, 7)."""
        return self.confusion.sum(axis=2)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Images that are given each class, (R, 7)."""
        return self.confusion.sum(axis=1)

    @cached_property
    def auc(self) -> np.ndarray:
        """Of each class against the rest, (R, 7); NaN where a side has no image."""
        found = [
            area_under_curve(self._proba[:, k], self._y_true == k, self._weights)
            for k in range(N_CLASSES)
        ]
        return np.stack(found, axis=1)

    @cached_property
    def malignant_auc(self) -> np.ndarray:
        """Of the malignant classes' summed probability, (R,)."""
        return area_under_curve(
            malignant_proba(self._proba), MALIGNANT[self._y_true], self._weights
        )

    @cached_property
    def brier(self) -> np.ndarray:
        """Mean over the images of `brier_terms`, (R,)."""
        return self.mean(brier_terms(self._y_true, self._proba))

    @cached_property
    def log_loss(self) -> np.ndarray:
        """Mean over the images of `log_loss_terms`, (R,)."""
        return self.mean(log_loss_terms(self._y_true, self._proba))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the images of a number of each, float (n,): (R,). A draw is a dot product."""
        n_lesions = self._counts.shape[1]
        sums = [np.bincount(self._lesion, of, n_lesions) for of in (values, np.ones(len(values)))]
        part, whole = (self._counts @ np.stack(sums, axis=1)).T
        return ratio(part, whole)

    @cached_property
    def _weights(self) -> np.ndarray:
        """How often each image is counted, (n, R)."""
        return self._counts.T[self._lesion]

    def share_kept(self, classes: np.ndarray) -> np.ndarray:
        """Of the images of these classes, bool (7,), those that are given any of them, (R,)."""
        own = self.confusion[:, classes].sum(axis=1)
        return ratio(own[:, classes].sum(axis=1), own.sum(axis=1))


# ------------------------------------------------------------------------------ scores


def _same_class(y_true: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return answer == y_true


def _same_side(y_true: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return MALIGNANT[answer] == MALIGNANT[y_true]


@dataclass(frozen=True)
class Score:
    """How a score is called, explained, computed and written.

    Where all draws of lesions agree the bootstrap has no width. A score that is a mean of shares
    then has the interval of those shares: `parts` are the images, bool (n,) each, of y_true, and
    `hit` which answers count. Any other may give one of its own, `instead(y_true, proba,
    lesion)`; without either it has none. `corrected`: its percentiles are, as draws of
    a share near its end are skewed, and those of a mean of ratios of few images lie too low; what
    is no share does better without (`benchmarks.coverage`).
    """

    title: str
    help: str
    percent: bool  # written as "75.1 %"; otherwise as "0.920"
    formula: Callable[[Draws], np.ndarray]  # (R,), NaN where it is not defined
    parts: Callable[[np.ndarray], list[np.ndarray]] | None = None
    # of y_true and the predicted classes
    hit: Callable[[np.ndarray, np.ndarray], np.ndarray] = _same_class
    instead: Callable[[np.ndarray, np.ndarray, np.ndarray], Interval] | None = None
    corrected: bool = False
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0

    @property
    def word(self) -> str:
        """Within a sentence: "macro AUC"; who gave it a name keeps the capital."""
        named = self.title.startswith("Brier")
        return self.title if named else self.title[:1].lower() + self.title[1:]

    @property
    def superlative(self) -> str:
        """What the best of several is: "highest", or "lowest"."""
        return "highest" if self.higher_is_better else "lowest"

    def best(self, values: Mapping[Name, float]) -> Name:
        """The name of the best value, the first of several; NaN is worse than all."""
        sign = 1 if self.higher_is_better else -1
        known = {name: sign * value for name, value in values.items()}
        return max(known, key=lambda name: known[name] if known[name] == known[name] else -math.inf)

    def holds(self, *values: float | None) -> bool:
        """Whether all are in its range; None is what has no number."""
        low, high = self.low - 1e-9, self.high + 1e-9
        return all(value is None or low <= value <= high for value in values)


def _macro_auc_interval(y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray) -> Interval:
    return _mean([_area(proba[:, k], y_true == k, lesion) for k in np.unique(y_true)])


def _macro_f1_interval(y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray) -> Interval:
    answer = proba.argmax(axis=1)
    return _mean([f1_interval(y_true == k, answer == k, lesion) for k in np.unique(y_true)])


def _malignant_auc_interval(y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray) -> Interval:
    return _area(malignant_proba(proba), MALIGNANT[y_true], lesion)


def _brier_interval(y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray) -> Interval:
    """Wilson's of half the score: numbers from 0 to 1 vary about their mean at most as much as
    hits and misses do (Bhatia, Davis, American Mathematical Monthly 107:353, 2000).
    """
    half = wilson(float(brier_terms(y_true, proba).mean()) / 2, effective_lesions(lesion))
    limits = (half.value, half.low, half.high)
    return NO_INTERVAL if of_one_lesion(lesion) else Interval(*(2 * limit for limit in limits))


SCORES: dict[str, Score] = {
    "accuracy": Score(
        "Accuracy",
        "Share of the test images that are predicted correctly.",
        True,
        lambda draws: ratio(draws.correct.sum(axis=1), draws.support.sum(axis=1)),
        parts=lambda y_true: [np.ones(len(y_true), bool)],
        corrected=True,
    ),
    "balanced_accuracy": Score(
        "Balanced accuracy",
        "Mean of the classes' recalls: every class counts the same, however rare (the ISIC 2018 "
        "metric).",
        True,
        lambda draws: mean_of_defined(ratio(draws.correct, draws.support)),
        parts=lambda y_true: [y_true == k for k in np.unique(y_true)],
        corrected=True,
    ),
    "macro_f1": Score(
        "Macro F1",
        "Mean over the classes of F1, the harmonic mean of precision and recall.",
        True,
        lambda draws: mean_of_defined(f1(draws.correct, draws.support, draws.predicted)),
        instead=_macro_f1_interval,
        corrected=True,
    ),
    "macro_auc": Score(
        "Macro AUC",
        "Mean over the classes of the area under the one-against-the-rest ROC curve; 0.5 "
        "is guessing.",
        False,
        lambda draws: mean_of_defined(draws.auc),
        instead=_macro_auc_interval,
    ),
    "malignant_sensitivity": Score(
        "Malignant sensitivity",
        "Share of the malignant images (mel, bcc, akiec) predicted as any malignant class.",
        True,
        lambda draws: draws.share_kept(MALIGNANT),
        parts=lambda y_true: [MALIGNANT[y_true]],
        hit=_same_side,
        corrected=True,
    ),
    "malignant_specificity": Score(
        "Malignant specificity",
        "Share of the benign images predicted as any benign class.",
        True,
        lambda draws: draws.share_kept(~MALIGNANT),
        parts=lambda y_true: [~MALIGNANT[y_true]],
        hit=_same_side,
        corrected=True,
    ),
    "malignant_auc": Score(
        "Malignant AUC",
        "Area under the ROC curve of the summed probability of the malignant classes; 0.5 is "
        "guessing.",
        False,
        lambda draws: draws.malignant_auc,
        instead=_malignant_auc_interval,
    ),
    "brier": Score(
        "Brier score",
        "Mean over the images of the summed squared differences of the seven probabilities from "
        "1 for the true class and 0 for the others: 0 to 2, lower is better. It falls where "
        "the probabilities are right, not only the predicted class.",
        False,
        lambda draws: draws.brier,
        instead=_brier_interval,
        higher_is_better=False,
        high=2.0,
    ),
    "log_loss": Score(
        "Log loss",
        "Mean over the images of minus the natural logarithm of the probability of the true "
        "class: lower is better. An answer that is sure and wrong costs most.",
        False,
        lambda draws: draws.log_loss,
        higher_is_better=False,
        high=math.inf,
    ),
}


# ------------------------------------------------------------------- where draws agree


def interval_instead(
    key: str, y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray
) -> Interval:
    """Of a score of SCORES, or of the recall of a class by its code, without a draw."""
    score = SCORES.get(key)
    if score is not None and score.instead is not None:
        return score.instead(y_true, proba, lesion)
    parts = images_of(key, y_true)
    if not parts or of_one_lesion(lesion[np.any(parts, axis=0)]):
        return NO_INTERVAL
    return combined(share_terms(1, hits(key, y_true, proba.argmax(axis=1)), parts, lesion))


def rarest_class(y_true: np.ndarray, lesion: np.ndarray) -> int:
    """Lesions of the class that has the fewest."""
    return min(len(np.unique(lesion[y_true == k])) for k in np.unique(y_true))


def images_of(key: str, y_true: np.ndarray) -> list[np.ndarray]:
    """The images, bool (n,) each, whose shares of hits the score is the mean of; none where it
    is no such mean.
    """
    if key in CODES:
        return [y_true == CODES.index(key)]
    parts = SCORES[key].parts
    return parts(y_true) if parts is not None else []


def hits(key: str, y_true: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """The answers that count for this score, bool (n,)."""
    return (SCORES[key].hit if key in SCORES else _same_class)(y_true, answer)


def share_terms(
    factor: int, hit: np.ndarray, parts: list[np.ndarray], lesion: np.ndarray
) -> list[tuple[float, Interval]]:
    """The terms of `combined` for factor times the mean of the shares of hits in these parts."""
    return [(factor / len(parts), share(hit[part], lesion[part])) for part in parts]


def _mean(found: list[Interval]) -> Interval:
    return combined([(1 / len(found), one) for one in found])


def _area(score: np.ndarray, positive: np.ndarray, lesion: np.ndarray) -> Interval:
    area = float(area_under_curve(score, positive, np.ones((len(score), 1)))[0])
    return area_interval(
        area, effective_lesions(lesion[positive]), effective_lesions(lesion[~positive])
    )


# -------------------------------------------------------------------------- arithmetic


def brier_terms(y_true: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Of each image the sum over the classes of (probability - 1 or 0)², 0 to 2, float (n,).

    Brier, Monthly Weather Review 78:1, 1950: his sum over all classes. With two classes it is
    twice what scikit-learn gives for one of them.
    """
    return ((proba - np.eye(N_CLASSES)[y_true]) ** 2).sum(axis=1)


def log_loss_terms(y_true: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Of each image minus the natural logarithm of its true class's probability, float (n,).

    Good, J. R. Stat. Soc. B 14:107, 1952. Clipped as scikit-learn does it, a rounding error away
    from 0 and 1, so that a probability of 0 costs 36 and not infinitely much.
    """
    smallest = np.finfo(np.float64).eps
    given = np.asarray(proba, np.float64)[np.arange(len(y_true)), y_true]
    return -np.log(np.clip(given, smallest, 1 - smallest))


def area_under_curve(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted area under the ROC curve, (R,), for weights (n, R); NaN where a side has no weight.

    The Mann-Whitney form: the weighted share of pairs in which the positive scores higher, ties
    half (Hanley, McNeil, Radiology 143:29, 1982).
    """
    order = np.argsort(score[~positive], kind="stable")
    negatives = score[~positive][order]
    below = np.zeros((len(negatives) + 1, weights.shape[1]))
    np.cumsum(weights[~positive][order], axis=0, out=below[1:])
    lower = below[np.searchsorted(negatives, score[positive], "left")]
    lower += below[np.searchsorted(negatives, score[positive], "right")]
    pairs = np.einsum("ir,ir->r", weights[positive], lower) / 2
    return ratio(pairs, weights[positive].sum(axis=0) * below[-1])


def f1(correct: np.ndarray, support: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """From counts of images; NaN for a class without images."""
    return ratio(2 * correct, np.where(support > 0, support + predicted, 0))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not NaN."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def malignant_proba(proba: np.ndarray) -> np.ndarray:
    """Summed probability of the malignant classes, (n,)."""
    return np.asarray(proba)[:, MALIGNANT].sum(axis=1)
