"""Differences of two models, and of one model on two sets of images: paired and unpaired,
McNemar's test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ham.config import CODES
from ham.evaluation.intervals import (
    NO_INTERVAL,
    Interval,
    bootstrap_intervals,
    combined,
    of_one_lesion,
)
from ham.evaluation.metrics import SCORES, hits, images_of, interval_instead, share_terms
from ham.evaluation.scores import (
    Answers,
    check,
    lesion_numbers,
    recalls_by_draw,
    right_by_lesion,
    scores_by_draw,
    undrawn,
)


@dataclass(frozen=True)
class McNemar:
    """Images that only one of two models classifies correctly, and the two-sided exact p-value."""

    b: int  # a right, b wrong
    c: int  # a wrong, b right
    p: float


def compare(
    y_true: np.ndarray,
    proba: np.ndarray,
    baseline: np.ndarray,
    lesions: np.ndarray,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """Scores of `proba` minus scores of `baseline` on the same images; paired bootstrap over
    lesions.

    Both models are scored on the same resamples, so what makes an image hard for both cancels out.
    Where all draws agree, a difference of shares has the interval of the images that only one of
    the two has right; F1 and AUCs have none, and so has a model against itself.
    Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    _, baseline = check(y_true, baseline)
    lesion, n_lesions = lesion_numbers(lesions, len(y_true))

    def difference(counts: np.ndarray) -> dict[str, np.ndarray]:
        ours, theirs = (scores_by_draw(y_true, p, lesion, counts) for p in (proba, baseline))
        return {key: ours[key] - theirs[key] for key in SCORES}

    return bootstrap_intervals(
        difference,
        len(y_true),
        n_lesions,
        resamples,
        seed,
        lambda key: _paired_instead(key, y_true, proba, baseline, lesion),
        undrawn(y_true, lesion),
    )


def unpaired_difference(
    ours: Answers, theirs: Answers, resamples: int | None = None, seed: int = 0
) -> dict[str, Interval]:
    """The scores of `evaluate_recalls` of one set of images minus those of another: another test
    part, or another kind of image within one.

    The lesions of both sides are drawn together (the cluster bootstrap of `evaluate`), so one
    with images on both counts on both. The balanced accuracies are means over the classes that
    both sides have, in each resample too: else a class that only one of them has would pass for
    a difference. Where all draws agree, the interval is that of two shares of different lesions;
    the same answers on the same images have none. Raises EvaluationError.
    """
    checked = [check(side.y_true, side.proba) for side in (ours, theirs)]
    lesion, n_lesions = lesion_numbers(
        np.concatenate([ours.lesions, theirs.lesions]), sum(len(y) for y, _ in checked)
    )
    n_ours = len(checked[0][0])
    (right, whole), (their_right, their_whole) = (
        right_by_lesion(*side, own, n_lesions)
        for side, own in zip(checked, (lesion[:n_ours], lesion[n_ours:]), strict=True)
    )

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        support, their_support = counts @ whole, counts @ their_whole
        both = (support > 0) & (their_support > 0)
        first = recalls_by_draw(counts @ right, support, both)
        second = recalls_by_draw(counts @ their_right, their_support, both)
        return {key: first[key] - second[key] for key in first}

    return bootstrap_intervals(
        score,
        len(lesion),
        n_lesions,
        resamples,
        seed,
        lambda key: _unpaired_instead(key, ours, theirs),
        [key for key in ("accuracy", *CODES) if _one_sided(key, ours, theirs)],
    )


def differences_apart(
    keys: Iterable[str], ours: Answers, theirs: Answers, resamples: int | None = None, seed: int = 0
) -> dict[str, Interval]:
    """Scores of SCORES of one set of images minus those of another that shares no lesion with it.

    The lesions of both are drawn together, as in `unpaired_difference`. Where all draws agree, the
    intervals of both sides are combined. Raises EvaluationError.
    """
    sides = []
    for side in (ours, theirs):
        y_true, proba = check(side.y_true, side.proba)
        sides.append((y_true, proba, *lesion_numbers(side.lesions, len(y_true))))
    n_ours = sides[0][3]
    wanted = tuple(keys)

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        first, second = (
            scores_by_draw(y_true, proba, lesion, drawn, wanted)
            for (y_true, proba, lesion, _), drawn in zip(
                sides, (counts[:, :n_ours], counts[:, n_ours:]), strict=True
            )
        )
        return {key: first[key] - second[key] for key in wanted}

    def instead(key: str) -> Interval:
        first, second = (interval_instead(key, *side[:3]) for side in sides)
        return combined([(1, first), (-1, second)])

    return bootstrap_intervals(
        score,
        sum(len(side[0]) for side in sides),
        sum(side[3] for side in sides),
        resamples,
        seed,
        instead,
        undrawn(*sides[0][::2]) | undrawn(*sides[1][::2]),
    )


def mcnemar(y_true: np.ndarray, proba_a: np.ndarray, proba_b: np.ndarray) -> McNemar:
    """McNemar's exact test: does one model classify more images correctly than the other?

    The images that only one of the two classifies correctly are coin flips where neither is better
    (McNemar, Psychometrika 12:153, 1947; exact binomial form: Dietterich, Neural Computation
    10:1895, 1998). It takes images as independent; the paired bootstrap of `compare` does not.
    """
    from scipy.special import bdtr

    y_true, proba_a = check(y_true, proba_a)
    _, proba_b = check(y_true, proba_b)
    right_a, right_b = (p.argmax(axis=1) == y_true for p in (proba_a, proba_b))
    b, c = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    # of fair coins, both sides
    return McNemar(b, c, float(min(1.0, 2 * bdtr(min(b, c), b + c, 0.5))))


# ------------------------------------------------------------------- where draws agree


def _paired_instead(
    key: str, y_true: np.ndarray, proba: np.ndarray, baseline: np.ndarray, lesion: np.ndarray
) -> Interval:
    """Of a difference of two models: the share that only one has right minus that of the other.

    Where both answer alike on n lesions, none of n differ, and the difference is as far from 0 as
    the upper limit of 0 of n at most.
    """
    parts = images_of(key, y_true)
    if not parts or of_one_lesion(lesion[np.any(parts, axis=0)]) or np.array_equal(proba, baseline):
        return NO_INTERVAL
    ours, theirs = (hits(key, y_true, p.argmax(axis=1)) for p in (proba, baseline))
    return combined(
        share_terms(1, ours & ~theirs, parts, lesion)
        + share_terms(-1, theirs & ~ours, parts, lesion)
    )


def _unpaired_instead(key: str, ours: Answers, theirs: Answers) -> Interval:
    """Of a difference of `evaluate_recalls` between two sets of images; none where one is of one
    lesion.
    """
    same = all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in vars(ours))
    if same or _one_sided(key, ours, theirs):
        return NO_INTERVAL
    both, terms = np.intersect1d(ours.y_true, theirs.y_true), []
    for factor, side in ((1, ours), (-1, theirs)):
        parts = (
            [side.y_true == k for k in both]
            if key == "balanced_accuracy"
            else images_of(key, side.y_true)
        )
        terms += share_terms(factor, side.y_true == side.proba.argmax(axis=1), parts, side.lesions)
    return combined(terms)


def _one_sided(key: str, *sides: Answers) -> bool:
    """Whether a side has one lesion only, whose chance no draw shows."""
    return any(
        of_one_lesion(side.lesions[np.any(images_of(key, side.y_true), axis=0)]) for side in sides
    )
