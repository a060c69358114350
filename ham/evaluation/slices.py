"""Scores of one model on parts of the images, and of each part against all the others.

The parts share the images out: by age, by site, or by where they come from. All scores of a call
come from the same draws of lesions, those of `evaluate`, so a lesion with images in two parts
counts in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ham.config import N_CLASSES
from ham.evaluation.intervals import (
    NO_INTERVAL,
    Interval,
    bootstrap_intervals,
    combined,
    of_one_lesion,
)
from ham.evaluation.metrics import (
    MALIGNANT,
    SCORES,
    Draws,
    interval_instead,
    malignant_proba,
    ratio,
)
from ham.evaluation.scores import Answers, EvaluationError, check, lesion_numbers

#: The scores that are told of parts, keys of SCORES: counted in confusion matrices, or an area.
SLICED = (
    "accuracy",
    "balanced_accuracy",
    "malignant_sensitivity",
    "malignant_specificity",
    "malignant_auc",
)
_Sides = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class SliceScores:
    """One part of the images; by keys of SLICED, NaN where there is nothing to measure on."""

    scores: dict[str, Interval]
    minus_rest: dict[str, Interval]  # its scores minus those of all other images


def slice_scores(
    answers: Answers, slices: np.ndarray, resamples: int | None = None, seed: int = 0
) -> list[SliceScores]:
    """Of every part in the order of its number.

    `slices`: int (n,), the part of each image, numbered from 0 without a gap. What stands where
    all draws agree is that of `evaluate`; differences have there what `unpaired_difference` has,
    and none where a side is of one lesion. The difference of the balanced accuracies is over the
    classes that both sides have, in each draw too. Raises EvaluationError.
    """
    one = _Sliced(answers, slices)

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        alone, minus = one.by_draw(counts)
        return {f"{key} of {s}": alone[key][:, s] for key, s in one.cells()} | {
            f"{key} minus {s}": minus[key][:, s] for key, s in one.cells()
        }

    def instead(name: str) -> Interval:
        key, kind, s = name.split()
        own = one.answers.where(one.slices == int(s))
        return _alone(key, own) if kind == "of" else one.minus_instead(key, int(s))

    found = one.intervals(score, instead, resamples, seed)
    return [
        SliceScores(
            {key: found[f"{key} of {s}"] for key in SLICED},
            {key: found[f"{key} minus {s}"] for key in SLICED},
        )
        for s in range(one.n_slices)
    ]


def slice_differences(
    answers: Answers,
    baseline: np.ndarray,
    slices: np.ndarray,
    resamples: int | None = None,
    seed: int = 0,
) -> list[dict[str, Interval]]:
    """Within every part the scores of a model minus those of another, from the same draws.

    `baseline`: the other's probabilities, float (n, 7). Where all draws agree there is no
    interval. Raises EvaluationError.
    """
    one = _Sliced(answers, slices)
    other = _Sliced(Answers(answers.y_true, baseline, answers.lesions), slices)

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        ours, theirs = (side.by_draw(counts)[0] for side in (one, other))
        return {f"{key} of {s}": (ours[key] - theirs[key])[:, s] for key, s in one.cells()}

    found = one.intervals(score, lambda name: NO_INTERVAL, resamples, seed)
    return [{key: found[f"{key} of {s}"] for key in SLICED} for s in range(one.n_slices)]


class _Sliced:
    """Answers with what of them is counted once for all draws."""

    def __init__(self, answers: Answers, slices: np.ndarray):
        y_true, proba = check(answers.y_true, answers.proba)
        lesion, self.n_lesions = lesion_numbers(answers.lesions, len(y_true))
        self.slices = np.asarray(slices)
        whole = self.slices.shape == y_true.shape and self.slices.min() == 0
        if not whole or not np.bincount(self.slices).all():
            raise EvaluationError(
                f"Parts {self.slices.shape} of {len(y_true)} images",
                "every image needs its one part, and every part an image.",
                "Number the parts from 0 without a gap.",
            )
        self.n_slices = int(self.slices.max()) + 1
        self.answers = Answers(y_true, proba, lesion)
        cells = (self.slices * N_CLASSES + y_true) * N_CLASSES + proba.argmax(axis=1)
        self._by_lesion = np.zeros((self.n_lesions, self.n_slices * N_CLASSES**2))
        np.add.at(self._by_lesion, (lesion, cells), 1)
        self._positive = MALIGNANT[y_true]
        self._score = malignant_proba(proba)

    def cells(self) -> Iterator[tuple[str, int]]:
        return ((key, s) for key in SLICED for s in range(self.n_slices))

    def intervals(
        self,
        score: Callable[[np.ndarray], dict[str, np.ndarray]],
        instead: Callable[[str], Interval],
        resamples: int | None,
        seed: int,
    ) -> dict[str, Interval]:
        from threadpoolctl import threadpool_limits

        # beside a training, threads that wait for each other took twenty times as long
        with threadpool_limits(1):
            return bootstrap_intervals(
                score,
                len(self.slices) * max(1, self.n_slices // 4),  # so much memory a draw
                self.n_lesions,
                resamples,
                seed,
                instead,
                self._undrawn(),
            )

    def by_draw(self, counts: np.ndarray) -> _Sides:
        """By key, (R, n_slices) each: the parts' scores, and those minus the scores of the rest.

        `counts`: float (R, n_lesions), how often each lesion is counted.
        """
        shape = (len(counts), self.n_slices, N_CLASSES, N_CLASSES)
        own = (counts @ self._by_lesion).reshape(shape)
        rest = own.sum(axis=1, keepdims=True) - own
        area, rest_area = self._areas(counts)
        alone, others = _scores(own, area), _scores(rest, rest_area)
        both = (own.sum(axis=3) > 0) & (rest.sum(axis=3) > 0)  # classes that are on both sides
        ours, theirs = (_scores(side * both[..., np.newaxis], area) for side in (own, rest))
        minus = {key: alone[key] - others[key] for key in SLICED}
        minus["balanced_accuracy"] = ours["balanced_accuracy"] - theirs["balanced_accuracy"]
        return alone, minus

    def _areas(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The malignant AUC of every part, and of all other images, (R, n_slices) each.

        Pairs of a malignant image of part s and a benign one of part t that are in the right
        order, ties half, are counted for all s and t: from these both are sums.
        """
        positive, (n, parts) = self._positive, (len(counts), self.n_slices)
        weights = counts.T[self.answers.lesions]  # (n, R)
        of_positive = (self.slices[positive] == np.arange(parts)[:, np.newaxis]).astype(float)
        ours, pairs = weights[positive], np.zeros((parts, parts, n))
        totals = np.zeros((2, parts, n))
        totals[0] = of_positive @ ours
        for t in range(parts):
            benign = np.flatnonzero(~positive & (self.slices == t))
            benign = benign[np.argsort(self._score[benign], kind="stable")]
            below = np.zeros((len(benign) + 1, n))
            np.cumsum(weights[benign], axis=0, out=below[1:])
            totals[1, t] = below[-1]
            found = (self._score[benign], self._score[positive])
            lower = below[np.searchsorted(*found, "left")]
            lower += below[np.searchsorted(*found, "right")]
            pairs[:, t] = of_positive @ (ours * lower) / 2
        own = np.einsum("ssr->sr", pairs)
        rest = pairs.sum(axis=(0, 1)) - pairs.sum(axis=0) - pairs.sum(axis=1) + own
        left = totals.sum(axis=1, keepdims=True) - totals
        return ratio(own, totals[0] * totals[1]).T, ratio(rest, left[0] * left[1]).T

    def minus_instead(self, key: str, s: int) -> Interval:
        """Of a difference that is the same in every draw: from the intervals of both sides."""
        sides = [self.answers.where(self.slices == s), self.answers.where(self.slices != s)]
        if key == "balanced_accuracy":
            both = np.intersect1d(sides[0].y_true, sides[1].y_true)
            sides = [side.where(np.isin(side.y_true, both)) for side in sides]
        found = [_alone(key, side) for side in sides]
        if not all(math.isfinite(one.low) for one in found):
            return NO_INTERVAL
        return combined([(1, found[0]), (-1, found[1])])

    def _undrawn(self) -> list[str]:
        """Scores with a side of one lesion only, whose chance no draw shows."""
        found = []
        for s in range(self.n_slices):
            sides = [self.slices == s, self.slices != s]
            lone = [[self._of_one(side & part) for part in self._benign_or_not()] for side in sides]
            if any(lone[0]):
                found.append(f"malignant_auc of {s}")
            if any(lone[0] + lone[1]):
                found.append(f"malignant_auc minus {s}")
            if any(self._of_one(side) for side in sides):
                found += [f"{key} minus {s}" for key in SLICED]
            for key, place in (("malignant_sensitivity", 0), ("malignant_specificity", 1)):
                if lone[0][place] or lone[1][place]:
                    found.append(f"{key} minus {s}")
        return found

    def _benign_or_not(self) -> tuple[np.ndarray, np.ndarray]:
        return self._positive, ~self._positive

    def _of_one(self, images: np.ndarray) -> bool:
        return of_one_lesion(self.answers.lesions[images])


class _Counted(Draws):
    """Draws of which the confusion matrices, (R, 7, 7), and areas, (R,), are known."""

    def __init__(self, confusion: np.ndarray, malignant_auc: np.ndarray):
        self.confusion = confusion
        self.malignant_auc = malignant_auc


def _scores(confusion: np.ndarray, area: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of SLICED, (R, S) each, of matrices (R, S, 7, 7) and areas (R, S)."""
    draws = _Counted(confusion.reshape(-1, N_CLASSES, N_CLASSES), area.ravel())
    return {key: SCORES[key].formula(draws).reshape(area.shape) for key in SLICED}


def _alone(key: str, answers: Answers) -> Interval:
    if not len(answers):
        return NO_INTERVAL
    return interval_instead(key, answers.y_true, answers.proba, answers.lesions)
