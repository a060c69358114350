"""Scores of one model, with their intervals over lesions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CODES, N_CLASSES, HamError
from ham.evaluation.intervals import (
    NO_INTERVAL,
    Corrected,
    Interval,
    bootstrap_intervals,
    of_one_lesion,
    share_interval,
    wilson,
)
from ham.evaluation.metrics import (
    MALIGNANT,
    SCORES,
    Draws,
    area_under_curve,
    f1,
    interval_instead,
    mean_of_defined,
    rarest_class,
    ratio,
)


class EvaluationError(HamError):
    """Labels and probabilities that cannot be scored."""


@dataclass(frozen=True)
class Evaluation:
    """What a model's probabilities on the test part are worth."""

    n_images: int
    n_lesions: int
    scores: dict[str, Interval]  # keys of SCORES
    # index: codes; support (int), precision, recall, f1, auc (0 to 1 or NaN)
    per_class: pd.DataFrame
    confusion: np.ndarray  # int64 (7, 7): rows true, columns predicted


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers on some images, rows in one order."""

    y_true: np.ndarray  # int (n,), index in CLASSES
    proba: np.ndarray  # float (n, 7), rows sum to 1, columns in CLASSES order
    lesions: np.ndarray  # (n,), equal where two images show one lesion

    def __len__(self) -> int:
        return len(self.y_true)

    def where(self, mask: np.ndarray) -> Answers:
        """Those of some of the images; `mask`: bool (n,)."""
        return Answers(self.y_true[mask], self.proba[mask], self.lesions[mask])


def evaluate(
    y_true: np.ndarray,
    proba: np.ndarray,
    lesions: np.ndarray,
    resamples: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Scores with 95 % percentile bootstrap intervals over lesions (Efron, Tibshirani 1993,
    chapter 13), corrected (BCa) where `Score.corrected` says so (`ham.evaluation.intervals`).

    Lesions, not images, are drawn with replacement, because images of one lesion are not
    independent (the cluster bootstrap: Field, Welsh, J. R. Stat. Soc. B 69:369, 2007). What
    stands where all draws agree says `ham.evaluation.intervals`; a malignant AUC with one lesion
    on a side, whose chance no draw shows, has that too. Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    lesion, n_lesions = lesion_numbers(lesions, len(y_true))
    found = evaluate_scores(SCORES, y_true, proba, lesion, resamples, seed)
    confusion = np.zeros((N_CLASSES, N_CLASSES), np.int64)
    np.add.at(confusion, (y_true, proba.argmax(axis=1)), 1)
    return Evaluation(
        len(y_true), n_lesions, found, _per_class(y_true, proba, confusion), confusion
    )


def evaluate_scores(
    keys: Iterable[str],
    y_true: np.ndarray,
    proba: np.ndarray,
    lesions: np.ndarray,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """Some scores of SCORES as `evaluate` gives them, from the same draws, without the others.

    Those that are means over images take a tenth of a second, the AUCs most of two. Raises
    EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    lesion, n_lesions = lesion_numbers(lesions, len(y_true))
    wanted = list(keys)
    few = [key for key in wanted if SCORES[key].corrected]
    corrected = Corrected(
        lambda counts: scores_by_draw(y_true, proba, lesion, counts, few),
        {"macro_f1": rarest_class(y_true, lesion)},
    )
    return bootstrap_intervals(
        lambda counts: scores_by_draw(y_true, proba, lesion, counts, wanted),
        len(y_true),
        n_lesions,
        resamples,
        seed,
        lambda key: interval_instead(key, y_true, proba, lesion),
        undrawn(y_true, lesion),
        corrected if few else None,
    )


def shares(
    counted: dict[str, tuple[np.ndarray, np.ndarray]],
    lesions: np.ndarray,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """By key the share of the images in `whole` that are also in `part`, (part, whole): bool
    (n,) each.

    With the intervals of `evaluate`, from the same draws of lesions. Raises EvaluationError.
    """
    n = len(lesions)
    lesion, n_lesions = lesion_numbers(lesions, n)
    by_lesion = {
        key: [np.bincount(lesion, images, n_lesions) for images in (part & whole, whole)]
        for key, (part, whole) in counted.items()
    }

    def instead(key: str) -> Interval:
        part, whole = counted[key]
        return share_interval(part[whole], lesion[whole])

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        return {
            key: ratio(counts @ part, counts @ whole) for key, (part, whole) in by_lesion.items()
        }

    return bootstrap_intervals(
        score, n, n_lesions, resamples, seed, instead, corrected=Corrected(score)
    )


def means(
    values: Mapping[str, np.ndarray], lesions: np.ndarray, resamples: int | None = None
) -> dict[str, Interval]:
    """By key the mean over the images of a number of each, float (n,), with the intervals that
    `evaluate` gives those, from the same draws of lesions; none where all draws agree. Raises
    EvaluationError.
    """
    n = len(lesions)
    lesion, n_lesions = lesion_numbers(lesions, n)
    sums = np.stack(
        [np.bincount(lesion, of, n_lesions) for of in (np.ones(n), *values.values())], axis=1
    )

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        images, *found = (counts @ sums).T
        return {key: ratio(one, images) for key, one in zip(values, found, strict=True)}

    return bootstrap_intervals(score, n, n_lesions, resamples, 0, lambda key: NO_INTERVAL)


def evaluate_recalls(
    answers: Answers, resamples: int | None = None, seed: int = 0
) -> dict[str, Interval]:
    """ "accuracy", "balanced_accuracy" and by class code its recall, with the intervals of
    `evaluate`.

    From the same draws of lesions as there and without the AUCs, which take most of its time.
    NaN is the recall of a class without images. Raises EvaluationError.
    """
    y_true, proba = check(answers.y_true, answers.proba)
    lesion, n_lesions = lesion_numbers(answers.lesions, len(y_true))
    right, whole = right_by_lesion(y_true, proba, lesion, n_lesions)

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        return recalls_by_draw(counts @ right, counts @ whole, np.ones((1, N_CLASSES), bool))

    return bootstrap_intervals(
        score,
        len(y_true),
        n_lesions,
        resamples,
        seed,
        lambda key: interval_instead(key, y_true, proba, lesion),
        corrected=Corrected(score),
    )


def proportion(part: int, whole: int) -> Interval:
    """part of whole with Wilson's interval, which takes every image as independent.

    NaN where whole is 0; one image alone has no interval.
    """
    if not whole:
        return Interval(math.nan, math.nan, math.nan)
    found = wilson(int(part) / int(whole), int(whole))
    return found.without() if whole == 1 else found


def check(y_true: np.ndarray, proba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`y_true` as int64 and `proba` as float64. Raises EvaluationError where they cannot be
    scored.
    """
    y_true, proba = np.asarray(y_true), np.asarray(proba, np.float64)
    problem = ""
    if y_true.ndim != 1 or proba.shape != (len(y_true), N_CLASSES):
        problem = f"labels must have shape (n,) and probabilities (n, {N_CLASSES}) with the same n."
    elif not len(y_true):
        problem = "there is no image to score."
    elif (
        not np.issubdtype(y_true.dtype, np.integer) or y_true.min() < 0 or y_true.max() >= N_CLASSES
    ):
        problem = f"labels must be whole numbers from 0 to {N_CLASSES - 1}."
    elif not np.isfinite(proba).all():
        row = int(np.argmin(np.isfinite(proba).all(axis=1)))
        problem = f"row {row} holds a probability that is no finite number."
    elif proba.min() < 0 or np.abs(proba.sum(axis=1) - 1).max() > 1e-3:
        row = int(np.argmax((proba < 0).any(axis=1) | (np.abs(proba.sum(axis=1) - 1) > 1e-3)))
        problem = (
            f"row {row} is no probability distribution: {proba[row].round(3).tolist()}, "
            f"sum {proba[row].sum():.3f}."
        )
    if problem:
        raise EvaluationError(
            f"Labels {y_true.shape} with probabilities {proba.shape}",
            problem,
            "Score the softmax output of a model that was trained to the end.",
        )
    return y_true.astype(np.int64), proba


def lesion_numbers(lesions: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """Lesions numbered from 0, int64 (n,), and how many there are."""
    lesions = np.asarray(lesions)
    if lesions.shape != (n,):
        raise EvaluationError(
            f"Lesions {lesions.shape} with {n} images",
            "every image needs its one lesion.",
            "Pass the lesion group of every test image.",
        )
    names, number = np.unique(lesions, return_inverse=True)
    return number, len(names)


def scores_by_draw(
    y_true: np.ndarray,
    proba: np.ndarray,
    lesion: np.ndarray,
    counts: np.ndarray,
    keys: Iterable[str] = SCORES,
) -> dict[str, np.ndarray]:
    """These scores of SCORES, (R,) each, when lesion j is counted `counts[r, j]` times, (R,
    n_lesions).
    """
    draws = Draws(y_true, proba, lesion, counts)
    return {key: SCORES[key].formula(draws) for key in keys}


def right_by_lesion(
    y_true: np.ndarray, proba: np.ndarray, lesion: np.ndarray, n_lesions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images predicted correctly, and all, of each lesion and true class; float (n_lesions, 7)
    each.
    """
    right, whole = np.zeros((2, n_lesions, N_CLASSES))
    np.add.at(whole, (lesion, y_true), 1)
    np.add.at(right, (lesion, y_true), proba.argmax(axis=1) == y_true)
    return right, whole


def recalls_by_draw(
    right: np.ndarray, whole: np.ndarray, counted: np.ndarray
) -> dict[str, np.ndarray]:
    """The scores of `evaluate_recalls`, (R,) each, from correct images and all by class, (R, 7).

    The balanced accuracy is over the classes `counted`, bool, (R, 7) or (1, 7).
    """
    recall = ratio(right, whole)
    return {
        "accuracy": ratio(right.sum(axis=1), whole.sum(axis=1)),
        "balanced_accuracy": mean_of_defined(np.where(counted, recall, np.nan)),
        **{code: recall[:, k] for k, code in enumerate(CODES)},
    }


def _per_class(y_true: np.ndarray, proba: np.ndarray, confusion: np.ndarray) -> pd.DataFrame:
    right, support, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    one = np.ones((len(y_true), 1))
    return pd.DataFrame(
        {
            "support": support,
            "precision": ratio(right, predicted),
            "recall": ratio(right, support),
            "f1": f1(right, support, predicted),
            "auc": [area_under_curve(proba[:, k], y_true == k, one)[0] for k in range(N_CLASSES)],
        },
        index=pd.Index(CODES, name="code"),
    )


# ------------------------------------------------------------------- where draws agree


def undrawn(y_true: np.ndarray, lesion: np.ndarray) -> set[str]:
    """The scores that have one side's only lesion in every draw, so that it passes for certain."""
    sides = (lesion[MALIGNANT[y_true]], lesion[~MALIGNANT[y_true]])
    return {"malignant_auc"} if any(of_one_lesion(side) for side in sides) else set()
