"""Scores as words, with no digit that the interval does not support."""

from __future__ import annotations

import math
from collections.abc import Callable

from ham.evaluation.intervals import Interval
from ham.evaluation.metrics import SCORES


def percent(interval: Interval) -> str:
    """ "75.1 % (73.2 to 77.0)": one decimal where the interval is narrower than 10 points, else
    none.

    So the interval always spans at least about ten steps of the last digit shown. Without an
    interval (one lesion) there is no decimal either: "75 %". "–" where undefined.
    """
    return _written(interval, lambda x: f"{100 * x:.{_narrow(interval)}f}", " %")


def decimal(interval: Interval) -> str:
    """ "0.920 (0.905 to 0.934)": three decimals where the interval is narrower than 0.10, two
    where it is narrower than 2, else one.
    """
    return _written(interval, lambda x: f"{x:.{_decimals(interval)}f}", "")


def format_score(key: str, interval: Interval) -> str:
    """A score of SCORES with its interval, in its own unit."""
    return percent(interval) if SCORES[key].percent else decimal(interval)


def format_difference(key: str, interval: Interval) -> str:
    """ "+1.3 points (−0.4 to +3.1)"; AUCs without the word: "+0.012 (−0.004 to +0.028)"."""
    if SCORES[key].percent:
        return _written(interval, lambda x: _signed(100 * x, _narrow(interval)), " points")
    return _written(interval, lambda x: _signed(x, _decimals(interval)), "")


def p_value(p: float) -> str:
    """ "< 0.001", "= 0.012", "= 0.50"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _narrow(interval: Interval) -> int:
    """1 where the interval bears one more decimal, else 0."""
    return int(interval.has_width and interval.high - interval.low < 0.10)


def _decimals(interval: Interval) -> int:
    """Of what is not written in per cent."""
    wide = interval.has_width and interval.high - interval.low >= 2
    return 1 if wide else 2 + _narrow(interval)


def _written(interval: Interval, number: Callable[[float], str], unit: str) -> str:
    if not math.isfinite(interval.value):
        return "–"
    limits = f" ({number(interval.low)} to {number(interval.high)})" if interval.has_width else ""
    return f"{number(interval.value)}{unit}{limits}"
