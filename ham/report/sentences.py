"""Findings in words, with the numbers they rest on. Plain text, without Markdown."""

from __future__ import annotations

import numpy as np

from ham import store
from ham.config import CLASSES, CODES, StoreError
from ham.evaluation import (
    COVERAGE,
    Interval,
    OperatingPoint,
    PredictionSets,
    format_difference,
    majority_class,
    p_value,
    percent,
)
from ham.report.comparison import Difference
from ham.report.names import RunName
from ham.report.run_report import Calibrated, RunReport
from ham.store import Run


def difference_in_words(name: RunName, baseline: RunName, found: Difference) -> str:
    """The difference in accuracy in one sentence, and McNemar's test in another."""
    words = format_difference("accuracy", found.scores["accuracy"])
    sure = "more than chance" if found.sure("accuracy") else "not more than chance would give"
    return (
        f"accuracy {words} against {baseline.short}, {sure}. {found.test.c:,} images are correct "
        f"by {name.short} only, {found.test.b:,} by {baseline.short} only (McNemar's test, which "
        f"takes every image as independent: p {p_value(found.test.p)})."
    )


def calibration_in_words(found: Calibrated, accuracy: Interval) -> str:
    """Over- or under-confident, judged by the interval of the accuracy, and where most."""
    says, correct = f"{100 * found.confidence:.0f} %", percent(accuracy)
    if not accuracy.has_width:
        verdict = (
            f"says {says} on average, and is correct in {correct}: "
            "of one lesion, which proves neither."
        )
    elif found.confidence > accuracy.high:
        verdict = f"is over-confident: on average it says {says}, and is correct in {correct}."
    elif found.confidence < accuracy.low:
        verdict = f"is under-confident: on average it says {says}, and is correct in {correct}."
    else:
        verdict = (
            f"is on average as sure as it is correct: it says {says}, and is correct in {correct}."
        )
    table = found.before
    outside = table[(table.confidence < table.low) | (table.confidence > table.high)]
    if outside.empty:
        return f"{verdict} In no bin is it further off than chance allows."
    row = outside.loc[(outside.confidence - outside.accuracy).abs().idxmax()]
    correct = percent(Interval(row.accuracy, row.low, row.high))
    return (
        f"{verdict} It is furthest off where it says {100 * row.confidence:.0f} %: "
        f"there it is correct in {correct}."
    )


def coverage_in_words(found: PredictionSets) -> str:
    """Whether the sets cover what they aim at, and which classes they do not cover."""
    aim = f"{100 * COVERAGE:.0f} %"
    if not found.coverage.has_width:
        kept = f"of one lesion, which says nothing of the {aim} aimed at"
    elif found.coverage.high < COVERAGE:
        kept = f"less than the {aim} aimed at"
    elif found.coverage.low > COVERAGE:
        kept = f"more than the {aim} aimed at"
    else:
        kept = f"as aimed at ({aim})"
    missing = [code for code in CODES if found.by_class.loc[code, "high"] < COVERAGE]
    words = [
        f"{code} {found.by_class.loc[code, 'covered']:,.0f} of {found.by_class.loc[code, 'n']:,.0f}"
        for code in missing
    ]
    gaps = (
        f" Covered less than aimed at, beyond chance: {', '.join(words)}."
        if words
        else " No class is covered less than aimed at beyond chance."
    )
    return (
        f"sets of {found.mean_size:.1f} classes on average hold the true class in "
        f"{percent(found.coverage)} of the test images, {kept}.{gaps}"
    )


def operating_point_in_words(
    point: OperatingPoint | None, by_class: OperatingPoint, why_none: str = ""
) -> str:
    """What is found, and what it costs, in counts. None: validation could choose no threshold, for
    `why_none` or as it has no malignant image.
    """
    if not (by_class.n_malignant and by_class.n_benign):
        return f"the test part has no {'benign' if by_class.n_malignant else 'malignant'} image."
    chosen = (
        why_none or "no threshold can be chosen, as no validation image is malignant."
        if point is None
        else f"finds {_found(point)} malignant test images and calls {point.false_alarms:,} of "
        f"{point.n_benign:,} benign ones malignant."
    )
    return (
        f"{chosen} By the predicted class it finds {_found(by_class)}, misses "
        f"{by_class.missed:,}, and calls {by_class.false_alarms:,} benign ones malignant."
    )


def _found(point: OperatingPoint) -> str:
    """ "188 of 197 (95 in 100)"."""
    found = point.n_malignant - point.missed
    return f"{found:,} of {point.n_malignant:,} ({100 * found / point.n_malignant:.0f} in 100)"


def answer_in_words(letter: str, proba: np.ndarray, true: int) -> str:
    """ "A: nv 71 %, mel 24 %": the predicted class, and the true one where that is another."""
    named = int(proba.argmax())
    words = f"{letter}: {CLASSES[named].code} {100 * proba[named]:.0f} %"
    return words if named == true else f"{words}, {CLASSES[true].code} {100 * proba[true]:.0f} %"


def baseline_in_words(run: Run) -> str:
    """ "always predicting melanocytic nevus (nv) scores 67 %": the training part's majority, on
    test.

    "" where neither the record nor the predictions of an older run say what that is.
    """
    try:
        always = majority_class(store.train_counts(run))
        support = RunReport(run).evaluation.per_class["support"]
    except StoreError:  # damaged: said where they are needed
        return ""
    right = support[always.code] / support.sum()
    return f"always predicting {always.name.lower()} ({always.code}) scores {100 * right:.0f} %"
