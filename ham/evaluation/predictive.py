"""What an alarm means where the disease is rarer than in the test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ham.evaluation.intervals import Interval, bootstrap_intervals, share_interval
from ham.evaluation.metrics import ratio
from ham.evaluation.scores import lesion_numbers

#: A common figure for melanoma among lesions that are looked at; the pages let it be set.
PREVALENCE = 0.01


@dataclass(frozen=True)
class Alarm:
    """An alarm on the test images, whatever its threshold. All intervals over lesions."""

    sensitivity: Interval
    specificity: Interval
    #: Positive and negative predictive value if half of all had the disease.
    right_at_half: Interval
    clear_at_half: Interval
    n_positive: int
    n_negative: int

    @property
    def share(self) -> float:
        """Of the test images, those that have the disease."""
        return self.n_positive / (self.n_positive + self.n_negative)

    def right(self, prevalence: float) -> Interval:
        """Positive predictive value: the share of alarms that are right."""
        return _at(self.right_at_half, prevalence)

    def clear(self, prevalence: float) -> Interval:
        """Negative predictive value: the share without an alarm that are free of it."""
        return _at(self.clear_at_half, 1 - prevalence)


def judge_alarm(
    positive: np.ndarray, alarm: np.ndarray, lesions: np.ndarray, resamples: int | None = None
) -> Alarm:
    """`positive`, `alarm`: bool (n,): who has the disease, and who gets an alarm.

    By Bayes' theorem sensitivity and specificity give the predictive values at any prevalence
    (Altman, Bland, BMJ 309:102, 1994), and each draw of lesions gives its own. A predictive value
    rises with its value at a prevalence of one half alone, so those limits are moved along with it.
    Raises EvaluationError.
    """
    lesion, n_lesions = lesion_numbers(lesions, len(positive))
    cells = [
        np.bincount(lesion, group & called, n_lesions)
        for group in (positive, ~positive)
        for called in (alarm, ~alarm)
    ]

    def score(counts: np.ndarray) -> dict[str, np.ndarray]:
        hit, missed, false, spared = (counts @ cell for cell in cells)
        sensitivity, specificity = ratio(hit, hit + missed), ratio(spared, spared + false)
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "right": ratio(sensitivity, sensitivity + 1 - specificity),
            "clear": ratio(specificity, specificity + 1 - sensitivity),
        }

    def instead(key: str) -> Interval:
        found, spared = (
            share_interval(called[group], lesion[group])
            for group, called in ((positive, alarm), (~positive, ~alarm))
        )
        if key in ("sensitivity", "specificity"):
            return found if key == "sensitivity" else spared
        # the farthest that both limits allow
        first, second = (found, spared) if key == "right" else (spared, found)
        low, value, high = (
            float(ratio(np.array(a), np.array(a + 1 - b)))
            for a, b in (
                (first.low, second.low),
                (first.value, second.value),
                (first.high, second.high),
            )
        )
        return Interval(value, low, high)

    found = bootstrap_intervals(score, len(positive), n_lesions, resamples, 0, instead)
    return Alarm(
        found["sensitivity"],
        found["specificity"],
        found["right"],
        found["clear"],
        int(positive.sum()),
        int((~positive).sum()),
    )


def _at(half: Interval, share: float) -> Interval:
    """u -> u s / (u s + (1 - u)(1 - s))."""
    values = (
        float(ratio(np.array(u * share), np.array(u * share + (1 - u) * (1 - share))))
        for u in (half.value, half.low, half.high)
    )
    return Interval(*values)
