"""Answers in words. Plain text, without Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ham.config import CLASSES, CODES
from ham.evaluation import COVERAGE, percent
from ham.prediction.answers import Answer, calls
from ham.prediction.predictor import Prediction
from ham.report.decision import SENSITIVITY
from ham.report.words import listed

_NAMES = {c.code: c.name.lower() for c in CLASSES}


UNLIKE = (
    "This does not look like a dermatoscopic photograph like those that the models learned from"
)


def doubt_in_words(answer: Answer) -> str:
    """Why an answer means nothing, in a sentence; "" where nobody doubts."""
    return f"{UNLIKE}: {answer.doubt}." if answer.doubt else ""


def verdict(answer: Answer, names: Mapping[str, str]) -> str:
    """What the runs say together, in one sentence: whether they agree, and on malignant.

    `names`: a short name by run id.
    """
    said = answer.predictions
    classes = [CLASSES[p.label].name.lower() for p in said]
    malignant = [names[p.run_id] for p in said if calls(p)]
    if len(said) == 1:
        kind = "malignant" if malignant else "benign"
        return f"{names[said[0].run_id]} says {classes[0]} and calls it {kind}."
    if answer.agree:
        found = f"{_all(len(said))} models say {classes[0]}"
    else:
        by_class = {
            name: [names[p.run_id] for p, own in zip(said, classes, strict=True) if own == name]
            for name in dict.fromkeys(classes)
        }
        parts = "; ".join(f"{listed(who)} {name}" for name, who in by_class.items())
        found = f"The models disagree: {parts}"
    if not malignant:
        return f"{found}. None calls it malignant."
    if len(malignant) == len(said):
        return f"{found}. {_all(len(said))} call it malignant."
    others = [names[p.run_id] for p in said if not calls(p)]
    return (
        f"{found}. Split on malignant: {listed(malignant)} {_verb(malignant)} it malignant, "
        f"{listed(others)} {'does' if len(others) == 1 else 'do'} not."
    )


def _all(count: int) -> str:
    return "Both" if count == 2 else f"All {count}"


def _verb(who: Sequence[str]) -> str:
    return "calls" if len(who) == 1 else "call"


def set_in_words(codes: Sequence[str] | None) -> str:
    """ "melanoma or nevus"; a dash where there is no set."""
    if codes is None:
        return "–"
    if len(codes) == len(CODES):
        return "any of the seven classes"
    return listed([_NAMES[code] for code in codes], "or")


def set_explained(prediction: Prediction) -> str:
    """What such a set is worth."""
    sets = prediction.rule.sets
    if sets is None:
        return " ".join(prediction.rule.missing)
    return (
        f"Such sets hold the true class in {round(10 * COVERAGE)} of 10 images like those of the "
        f"test part; there they held it in {percent(sets.coverage)}."
    )


def call_explained(prediction: Prediction) -> str:
    """What the threshold finds, and what it costs."""
    point = prediction.rule.point
    if point is None:
        return " ".join(prediction.rule.missing)
    return (
        f"The threshold was chosen on validation to find {100 * SENSITIVITY:.0f} % of the "
        f"malignant images. On test its sensitivity is {percent(point.sensitivity)} and its "
        f"specificity {percent(point.specificity)}: {point.false_alarms:,} of {point.n_benign:,} "
        "benign images are called malignant."
    )
