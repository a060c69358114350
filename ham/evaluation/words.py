"""Scores as words, with no digit that the interval does not support, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from ham import io
from ham.config import CODES, N_CLASSES
from ham.evaluation.intervals import Interval, wilson
from ham.evaluation.metrics import SCORES, Score
from ham.evaluation.scores import Evaluation

Stored = TypeVar("Stored")

_BY_CLASS = ("precision", "recall", "f1", "auc")


def percent(interval: Interval) -> str:
    """ "75.1 % (73.2 to 77.0)": one decimal where the interval is narrower than 10 points, else
    none.

    So the interval always spans at least about ten steps of the last digit shown. Without an
    interval (one lesion) there is no decimal either: "75 %". "–" where undefined.
    """
    return _written(interval, lambda x: f"{100 * x:.{_narrow(interval)}f}", " %")


def decimal(interval: Interval) -> str:
    """ "0.920 (0.905 to 0.934)": three decimals where the interval is narrower than 0.10, else
    two.
    """
    return _written(interval, lambda x: f"{x:.{2 + _narrow(interval)}f}", "")


def format_score(key: str, interval: Interval) -> str:
    """A score of SCORES with its interval, in its own unit."""
    return percent(interval) if SCORES[key].percent else decimal(interval)


def format_difference(key: str, interval: Interval) -> str:
    """ "+1.3 points (−0.4 to +3.1)"; AUCs without the word: "+0.012 (−0.004 to +0.028)"."""
    scale, unit, digits = (100, " points", 0) if SCORES[key].percent else (1, "", 2)
    return _written(interval, lambda x: _signed(scale * x, digits + _narrow(interval)), unit)


def p_value(p: float) -> str:
    """ "< 0.001", "= 0.012", "= 0.50"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _narrow(interval: Interval) -> int:
    """1 where the interval bears one more decimal, else 0."""
    return int(interval.has_width and interval.high - interval.low < 0.10)


def _written(interval: Interval, number: Callable[[float], str], unit: str) -> str:
    if not math.isfinite(interval.value):
        return "–"
    limits = f" ({number(interval.low)} to {number(interval.high)})" if interval.has_width else ""
    return f"{number(interval.value)}{unit}{limits}"


def evaluation_record(evaluation: Evaluation) -> dict:
    """JSON-ready: n_images, n_lesions, scores {key: {value, low, high}}, per_class {code: …},
    confusion.

    NaN is None.
    """
    return {
        "n_images": evaluation.n_images,
        "n_lesions": evaluation.n_lesions,
        "scores": intervals_record(evaluation.scores),
        "per_class": {
            code: {
                "support": int(row["support"]),
                **{name: _json_number(row[name]) for name in _BY_CLASS},
            }
            for code, row in evaluation.per_class.iterrows()
        },
        "confusion": evaluation.confusion.tolist(),
    }


def intervals_record(intervals: dict[str, Interval]) -> dict:
    """JSON-ready: {key: {value, low, high}} of scores, or of differences. NaN is None."""
    return {
        key: {name: _json_number(getattr(interval, name)) for name in ("value", "low", "high")}
        for key, interval in intervals.items()
    }


def scores_from_record(record: dict) -> dict[str, Interval]:
    """The scores of a stored `evaluation_record`, by the keys of SCORES that it has. Raises
    ValueError.

    Earlier versions stored limits that agree where they had no interval. An accuracy then gets
    Wilson's over the lesions; of the other scores the record does not say how many lesions they
    rest on, and they get none.
    """
    return _whole(_scores, record)


def evaluation_from_record(record: dict) -> Evaluation:
    """The Evaluation of a stored `evaluation_record`. Raises ValueError where it is not whole."""
    return _whole(_evaluation, record)


def _whole(read: Callable[[dict], Stored], record: dict) -> Stored:
    try:
        return read(record)
    except io.DAMAGED as error:
        raise ValueError(
            f"these are no scores of an evaluation: {type(error).__name__}, {error}"
        ) from error


def _scores(record: dict) -> dict[str, Interval]:
    n_lesions, stored, found = _count(record["n_lesions"]), record["scores"], {}
    for key, score in SCORES.items():
        try:
            one = _interval(stored[key], score, key)
        except io.DAMAGED:
            if not score.later:
                raise
            continue  # it is computed, as for a run from before it
        if math.isfinite(one.low) and not one.has_width:
            one = (
                wilson(one.value, n_lesions)
                if key == "accuracy" and n_lesions > 1
                else one.without()
            )
        found[key] = one
    return found


def _interval(row: dict, score: Score, key: str) -> Interval:
    found = Interval(
        *(_number(row[name], score.low, score.high) for name in ("value", "low", "high"))
    )
    if found.low > found.high:
        raise ValueError(f"{key} has its limits the wrong way round")
    return found


def _evaluation(record: dict) -> Evaluation:
    per_class = {
        code: {"support": _count(row["support"])} | {name: _number(row[name]) for name in _BY_CLASS}
        for code, row in ((code, record["per_class"][code]) for code in CODES)
    }
    confusion = np.array([[_count(n) for n in row] for row in record["confusion"]], np.int64)
    if confusion.shape != (N_CLASSES, N_CLASSES):
        raise ValueError(f"the confusion matrix has shape {confusion.shape}")
    table = pd.DataFrame.from_dict(per_class, orient="index").rename_axis("code")
    return Evaluation(
        _count(record["n_images"]), _count(record["n_lesions"]), _scores(record), table, confusion
    )


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f"{str(value)[:40]!r} is no number of images")
    return value


def _number(value: object, low: float = 0.0, high: float = 1.0) -> float:
    """From low to high; None is NaN."""
    if value is None:
        return math.nan
    if type(value) not in (int, float) or not low - 1e-9 <= value <= high + 1e-9:
        raise ValueError(f"{str(value)[:40]!r} is no number from {low:g} to {high:g}")
    return float(value)


def _json_number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
