"""No answer below a confidence: what the answers that are left are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.evaluation.intervals import Interval
from ham.evaluation.metrics import MALIGNANT
from ham.evaluation.scores import check, shares

RISK = 0.10  # share of wrong answers that one may accept


@dataclass(frozen=True)
class Selective:
    """Answers of a confidence chosen on validation, on the test images."""

    confidence: float  # the least that is answered; infinity: none is
    answered: Interval  # share of the images; bootstrap over lesions
    risk: Interval  # share of the answers that are wrong; NaN without an answer
    malignant: Interval  # share of the malignant images that are answered
    n_answered: int
    n_wrong: int


def risk_coverage(y_true: np.ndarray, proba: np.ndarray) -> pd.DataFrame:
    """A row a confidence, the surest first: confidence, n, answered (share of the images that are
    as sure), risk (share of those that are wrong).

    Confidence is the highest of the seven probabilities; images of equal confidence stay together
    (El-Yaniv, Wiener, JMLR 11:1605, 2010; Geifman, El-Yaniv, NeurIPS 2017). Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    confidence, wrong = proba.max(axis=1), proba.argmax(axis=1) != y_true
    values, place, n = np.unique(-confidence, return_inverse=True, return_counts=True)
    answered = n.cumsum()
    return pd.DataFrame(
        {
            "confidence": -values,
            "n": n,
            "answered": answered / len(y_true),
            "risk": np.bincount(place, wrong).cumsum() / answered,
        }
    )


def area_under_risk(table: pd.DataFrame) -> float:
    """Mean risk over all shares answered, of a `risk_coverage` table: AURC (Geifman, Uziel,
    El-Yaniv, ICLR 2019). Lower is better; a confidence that knows nothing has the error rate.
    """
    return float(np.average(table["risk"], weights=table["n"]))


def best_area(table: pd.DataFrame) -> float:
    """The AURC of as many errors if the wrong answers were the least sure ones: no order of the
    answers does better.
    """
    n = int(table["n"].sum())
    wrong = round(float(table["risk"].iloc[-1]) * n)
    rank = np.arange(1, n + 1)
    return float((np.maximum(0, rank - (n - wrong)) / rank).mean())


def least_confidence(y_true: np.ndarray, proba: np.ndarray, risk: float = RISK) -> float:
    """The lowest confidence from which on at most this share of the answers is wrong; infinity
    where there is none. To be chosen on validation. Raises EvaluationError.
    """
    table = risk_coverage(y_true, proba)
    good = table.loc[table["risk"] <= risk + 1e-12, "confidence"]
    return float(good.min()) if len(good) else math.inf


def answer_above(
    y_true: np.ndarray,
    proba: np.ndarray,
    lesions: np.ndarray,
    confidence: float,
    resamples: int | None = None,
) -> Selective:
    """How answers of this confidence or more do on these images. Raises EvaluationError."""
    y_true, proba = check(y_true, proba)
    answered, wrong = proba.max(axis=1) >= confidence, proba.argmax(axis=1) != y_true
    found = shares(
        {
            "answered": (answered, np.ones(len(y_true), bool)),
            "risk": (wrong, answered),
            "malignant": (answered, MALIGNANT[y_true]),
        },
        lesions,
        resamples,
    )
    return Selective(
        confidence,
        found["answered"],
        found["risk"],
        found["malignant"],
        int(answered.sum()),
        int((answered & wrong).sum()),
    )
