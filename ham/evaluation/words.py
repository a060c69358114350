"""Scores as words, with no digit that the interval does not support, and as JSON."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ham.evaluation.scores import SCORES, Evaluation, Interval


def percent(interval: Interval) -> str:
    """"75.1 % (73.2 to 77.0)": one decimal where the interval is narrower than 10 points, else none.

    So the interval always spans at least about ten steps of the last digit shown. "–" where undefined.
    """
    digits = 1 if interval.high - interval.low < 0.10 else 0
    return _written([f"{100 * x:.{digits}f}" for x in (interval.value, interval.low, interval.high)], " %", interval)


def decimal(interval: Interval) -> str:
    """"0.920 (0.905 to 0.934)": three decimals where the interval is narrower than 0.10, else two."""
    digits = 3 if interval.high - interval.low < 0.10 else 2
    return _written([f"{x:.{digits}f}" for x in (interval.value, interval.low, interval.high)], "", interval)


def format_score(key: str, interval: Interval) -> str:
    """A score of SCORES with its interval, in its own unit."""
    return percent(interval) if SCORES[key].percent else decimal(interval)


def format_difference(key: str, interval: Interval) -> str:
    """"+1.3 points (−0.4 to +3.1)"; AUCs without the word: "+0.012 (−0.004 to +0.028)"."""
    scale, unit, finer = (100, " points", 1) if SCORES[key].percent else (1, "", 3)
    digits = finer if interval.high - interval.low < 0.10 else finer - 1
    written = [_signed(scale * x, digits) for x in (interval.value, interval.low, interval.high)]
    return _written(written, unit, interval)


def p_value(p: float) -> str:
    """"< 0.001", "= 0.012", "= 0.50"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _written(numbers: list[str], unit: str, interval: Interval) -> str:
    if not math.isfinite(interval.value):
        return "–"
    value, low, high = numbers
    return f"{value}{unit} ({low} to {high})" if math.isfinite(interval.low) else f"{value}{unit}"


def evaluation_record(evaluation: Evaluation) -> dict:
    """JSON-ready: n_images, n_lesions, scores {key: {value, low, high}}, per_class {code: …}, confusion.

    NaN is None.
    """
    return {
        "n_images": evaluation.n_images,
        "n_lesions": evaluation.n_lesions,
        "scores": intervals_record(evaluation.scores),
        "per_class": {code: {"support": int(row["support"]), **{name: _json_number(row[name]) for name in
                                                                ("precision", "recall", "f1", "auc")}}
                      for code, row in evaluation.per_class.iterrows()},
        "confusion": evaluation.confusion.tolist(),
    }


def intervals_record(intervals: dict[str, Interval]) -> dict:
    """JSON-ready: {key: {value, low, high}} of scores, or of differences. NaN is None."""
    return {key: {name: _json_number(getattr(interval, name)) for name in ("value", "low", "high")}
            for key, interval in intervals.items()}


def scores_from_record(record: dict) -> dict[str, Interval]:
    """The intervals of a stored `evaluation_record`."""
    return {key: Interval(*(math.nan if score[name] is None else score[name] for name in ("value", "low", "high")))
            for key, score in record["scores"].items()}


def evaluation_from_record(record: dict) -> Evaluation:
    """The Evaluation of a stored `evaluation_record`."""
    per_class = pd.DataFrame.from_dict(record["per_class"], orient="index").rename_axis("code")
    return Evaluation(record["n_images"], record["n_lesions"], scores_from_record(record),
                      per_class.astype({"support": int} | dict.fromkeys(("precision", "recall", "f1", "auc"), float)),
                      np.array(record["confusion"], np.int64))


def _json_number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
