"""What a leak is worth: one model on test images whose lesion its training has seen, and on the
others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ham.config import CODES
from ham.evaluation.differences import unpaired_difference
from ham.evaluation.intervals import Interval
from ham.evaluation.scores import Answers, evaluate_recalls


@dataclass(frozen=True)
class Part:
    """Some of the test images."""

    n_images: int
    n_lesions: int
    support: dict[str, int]  # images by code, of the classes that it has
    scores: dict[str, Interval]  # keys of `evaluate_recalls`


@dataclass(frozen=True)
class Leak:
    """A model's score as it would be published, and the same model on the two kinds of test image.

    `gap` is seen minus unseen, its balanced accuracy over `gap_classes`, those that both kinds
    have. Parts without an image are None, and then so is the gap.
    """

    whole: Part
    seen: Part | None
    unseen: Part | None
    gap: dict[str, Interval] | None
    gap_classes: tuple[str, ...] = ()


def measure_leak(
    answers: Answers, seen: np.ndarray, resamples: int | None = None, seed: int = 0
) -> Leak:
    """`seen`: bool (n,), whether training has seen the image's lesion. Of several runs the
    answers stand one after the other, a lesion under one label in all of them. Raises
    EvaluationError.
    """
    seen = np.asarray(seen, bool)
    with_seen, without = answers.where(seen), answers.where(~seen)
    whole = _part(answers, resamples, seed)
    if not (len(with_seen) and len(without)):
        return Leak(whole, whole if len(with_seen) else None, whole if len(without) else None, None)
    known, new = (_part(part, resamples, seed) for part in (with_seen, without))
    return Leak(
        whole,
        known,
        new,
        unpaired_difference(with_seen, without, resamples, seed),
        tuple(code for code in known.support if code in new.support),
    )


def joined(answers: list[Answers]) -> Answers:
    """Those of several runs, one after the other."""
    return Answers(
        *(
            np.concatenate([getattr(one, name) for one in answers])
            for name in ("y_true", "proba", "lesions")
        )
    )


def _part(answers: Answers, resamples: int | None, seed: int) -> Part:
    scores = evaluate_recalls(answers, resamples, seed)
    support = np.bincount(answers.y_true, minlength=len(CODES))
    return Part(
        len(answers),
        len(np.unique(answers.lesions)),
        {code: int(n) for code, n in zip(CODES, support, strict=True) if n},
        scores,
    )
