"""An evaluation as a run's record holds it: JSON-ready, and decoded again."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
from msgspec import Meta, Struct

from ham.config import CODES, N_CLASSES
from ham.evaluation.intervals import Interval, wilson
from ham.evaluation.metrics import SCORES
from ham.evaluation.scores import Evaluation
from ham.io import Count, Number, Share, typed

#: What lists of runs show without a look at the predictions, so that every run with a model has
#: it. Any other score that a run lacks, or holds out of its range, is computed when it is asked
#: for.
LISTED = ("accuracy", "balanced_accuracy")
#: How the limits of a stored evaluation were found; what was stored before has "" and is scored
#: anew where its answers are at hand.
INTERVALS = "bootstrap over lesions, BCa for shares"
Many = Annotated[int, Meta(ge=1, lt=2**31)]
Row = Annotated[tuple[Count, ...], Meta(min_length=N_CLASSES, max_length=N_CLASSES)]
Matrix = Annotated[tuple[Row, ...], Meta(min_length=N_CLASSES, max_length=N_CLASSES)]


# ------------------------------------------------------------------------------- written


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """JSON-ready, as `EvaluationRecord` declares it. NaN is None."""
    return {
        "n_images": evaluation.n_images,
        "n_lesions": evaluation.n_lesions,
        "scores": intervals_record(evaluation.scores),
        "per_class": {
            code: {
                name: int(row[name]) if name == "support" else _json_number(row[name])
                for name in ClassRecord.__struct_fields__
            }
            for code, row in evaluation.per_class.iterrows()
        },
        "confusion": evaluation.confusion.tolist(),
        "intervals": INTERVALS,
    }


def intervals_record(intervals: dict[str, Interval]) -> dict[str, dict[str, float | None]]:
    """JSON-ready: {key: {value, low, high}} of scores, or of differences. NaN is None."""
    return {
        key: {name: _json_number(getattr(interval, name)) for name in ScoreRecord.__struct_fields__}
        for key, interval in intervals.items()
    }


def _json_number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# ---------------------------------------------------------------------------------- read


class ScoreRecord(Struct, frozen=True):
    """A score with its 95 % interval; None where there is nothing to measure it on."""

    value: Number | None
    low: Number | None
    high: Number | None


class ClassRecord(Struct, frozen=True):
    """A class on the test images."""

    support: Count
    precision: Share | None
    recall: Share | None
    f1: Share | None
    auc: Share | None


class EvaluationRecord(Struct, frozen=True):
    """An Evaluation, stored."""

    n_images: Many
    n_lesions: Many
    scores: dict[str, ScoreRecord]  # by keys of SCORES, those of its version
    per_class: dict[str, ClassRecord]  # by code
    confusion: Matrix  # rows true, columns predicted
    intervals: str = ""  # INTERVALS, or what was that before

    @classmethod
    def of(cls, evaluation: Evaluation) -> EvaluationRecord:
        return typed(evaluation_record(evaluation), cls)

    def to_evaluation(self) -> Evaluation:
        """With the scores of `to_scores`."""
        rows = {
            code: {name: _nan(getattr(row, name)) for name in ClassRecord.__struct_fields__}
            for code, row in ((code, self.per_class[code]) for code in CODES)
        }
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("code")
        confusion = np.array(self.confusion, np.int64)
        return Evaluation(self.n_images, self.n_lesions, self.to_scores(), table, confusion)

    def to_scores(self) -> dict[str, Interval]:
        """Those of SCORES that it holds within their range.

        Earlier versions stored limits that agree where they had no interval. An accuracy then
        gets Wilson's over the lesions; of the other scores the record does not say how many
        lesions they rest on, and they get none.
        """
        found = {}
        for key, score in SCORES.items():
            row = self.scores.get(key)
            if row is None or not score.holds(row.value, row.low, row.high):
                continue
            one = Interval(_nan(row.value), _nan(row.low), _nan(row.high))
            if math.isfinite(one.low) and not one.has_width:
                wide = key == "accuracy" and self.n_lesions > 1
                one = wilson(one.value, self.n_lesions) if wide else one.without()
            found[key] = one
        return found

    def check(self, place: str) -> None:
        """What lists and tables need is there, and the numbers agree. Raises ValueError in words
        about an entry of this name.
        """
        for code in CODES:
            if code not in self.per_class:
                raise ValueError(f"its {place}.per_class.{code} is missing")
        for key in LISTED:
            if key not in self.scores:
                raise ValueError(f"its {place}.scores.{key} is missing")
            row = self.scores[key]
            if not SCORES[key].holds(row.value, row.low, row.high):
                raise ValueError(f"its {place}.scores.{key} is not from 0 to 1")
        support = [self.per_class[code].support for code in CODES]
        if (
            any(_wrong_way_round(row) for row in self.scores.values())
            or support != [sum(row) for row in self.confusion]
            or not self.n_lesions <= self.n_images == sum(support)
        ):
            raise ValueError(f"the numbers in its {place} do not agree")


class Baselines(Struct, frozen=True, omit_defaults=True):
    """What takes no network, on a run's test images."""

    logistic_regression: EvaluationRecord | None = None


def baselines_from(content: object) -> Baselines:
    """Raises ValueError where they are none of ours."""
    found = typed(content, Baselines)
    if found.logistic_regression is not None:
        found.logistic_regression.check("logistic_regression")
    return found


def _wrong_way_round(row: ScoreRecord) -> bool:
    return row.low is not None and row.high is not None and row.low > row.high


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
