"""How far a run falls when the test images are changed or shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ham.config import CLASSES
from ham.evaluation import Answers, Interval, evaluate_recalls, percent, shares
from ham.report.words import whole_percent
from ham.store import Predictions

#: What is told of each change: key -> word.
ROBUSTNESS: dict[str, str] = {
    "accuracy": "Accuracy",
    "malignant_sensitivity": "Malignant sensitivity",
}
#: What is told of shuffled images.
ARRANGEMENT: dict[str, str] = {
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
}
_MALIGNANT = np.array([c.malignant for c in CLASSES])


@dataclass(frozen=True, eq=False)
class Robustness:
    """A run on its test images as they are (strength 0) and changed, from one view of an image."""

    test: Predictions
    answers: Mapping[str, np.ndarray]  # by kind of change: float32 (1 + strengths, n, 7)
    #: By kind of change and key of ROBUSTNESS or ARRANGEMENT: the score at each strength from 0 on.
    scores: dict[str, dict[str, list[Interval]]]

    def flipped(self, kind: str, level: int) -> np.ndarray:
        """Places of the test images whose predicted class is another one then, those first whose
        new answer is the surest.
        """
        before, after = self.answers[kind][0], self.answers[kind][level]
        flipped = np.flatnonzero(before.argmax(axis=1) != after.argmax(axis=1))
        return flipped[np.argsort(-after[flipped].max(axis=1), kind="stable")]


def robustness_of(test: Predictions, answers: Mapping[str, np.ndarray]) -> Robustness:
    """Scores with intervals from the same draws of lesions for every change and strength.

    `answers`: by kind of change the probabilities at strengths 0 and on, float (1 + strengths, n,
    7), rows as in `test`. Raises EvaluationError.
    """
    every = np.ones(len(test.y_true), bool)
    malignant = _MALIGNANT[test.y_true]
    counted: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for kind, proba in answers.items():
        for level, found in enumerate(proba):
            answer = found.argmax(axis=1)
            counted[f"{kind} {level} accuracy"] = (answer == test.y_true, every)
            called = _MALIGNANT[answer]
            counted[f"{kind} {level} malignant_sensitivity"] = (called, malignant)
    intervals = shares(counted, test.lesion)
    scores = {
        kind: {
            key: [intervals[f"{kind} {level} {key}"] for level in range(len(proba))]
            for key in ROBUSTNESS
        }
        for kind, proba in answers.items()
    }
    return Robustness(test, answers, scores)


def arrangement_of(test: Predictions, answers: Mapping[str, np.ndarray]) -> Robustness:
    """As `robustness_of`, with the scores of ARRANGEMENT."""
    scores: dict[str, dict[str, list[Interval]]] = {}
    for kind, proba in answers.items():
        found = [evaluate_recalls(Answers(test.y_true, one, test.lesion)) for one in proba]
        scores[kind] = {key: [one[key] for one in found] for key in ARRANGEMENT}
    return Robustness(test, answers, scores)


def robustness_in_words(found: Robustness, titles: Mapping[str, str]) -> str:
    """Which change costs most accuracy, and which least, at the highest strength."""
    falls = {
        kind: of_kind["accuracy"][0].value - of_kind["accuracy"][-1].value
        for kind, of_kind in found.scores.items()
    }
    worst, least = max(falls, key=falls.__getitem__), min(falls, key=falls.__getitem__)
    before, after = (found.scores[worst]["accuracy"][place] for place in (0, -1))
    return (
        f"falls furthest with {titles[worst].lower()}: accuracy {percent(after)} instead of "
        f"{percent(before)}. {titles[least]} costs least: "
        f"{percent(found.scores[least]['accuracy'][-1])}."
    )


def arrangement_in_words(found: Robustness, titles: Mapping[str, str], one_class: float) -> str:
    """What each shuffle costs a run, and what that says; the last kind leaves the colours alone.

    `one_class`: balanced accuracy of always naming one class, 0 to 1.
    """

    def written(one: Interval) -> str:
        return whole_percent(one.value)

    of_kind = {kind: scores["balanced_accuracy"] for kind, scores in found.scores.items()}
    own, left = next(iter(of_kind.values()))[0], list(of_kind.values())[-1][-1]
    falls = [f"{written(one[-1])} with {titles[kind].lower()}" for kind, one in of_kind.items()]
    chance = f"{whole_percent(one_class)} of always naming one class"
    verdict = (
        f"more than the {chance}: what remains is colour."
        if left.low > one_class
        else f"no more than the {chance}: all it knew was in the arrangement."
    )
    return (
        f"{written(own)} balanced accuracy on the images as they are; {', '.join(falls)}, {verdict}"
    )
