"""What a run's validation part settles for one more image, and what that was worth on test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ham.config import CODES, HamError, StoreError
from ham.evaluation import (
    EvaluationError,
    OperatingPoint,
    PredictionSets,
    conformal_sets,
    malignant_proba,
    malignant_threshold,
    operating_point,
    with_temperature,
)
from ham.report.run_report import RunReport
from ham.store import Run

SENSITIVITY = 0.9  # sought on validation by the threshold on the malignant probability


@dataclass(frozen=True)
class DecisionRule:
    """Temperature, prediction sets and malignant threshold of a run, all chosen on validation.

    Everything is on the scale of the calibrated probabilities, so that what one answer says
    hangs together: its bars, its set, its malignant probability and the threshold on it.
    """

    run_id: str
    temperature: float | None = None  # None: the probabilities stay as the model gives them
    set_threshold: float | None = None  # on 1 - probability; infinity: every class is in every set
    malignant_threshold: float | None = None
    sets: PredictionSets | None = None  # what such sets were worth on test
    point: OperatingPoint | None = None  # what the threshold finds and costs on test
    missing: tuple[str, ...] = ()  # what could not be chosen, and why, in words

    def calibrated(self, proba: np.ndarray) -> np.ndarray:
        """(n, 7) as the model gives them -> float64 (n, 7); the order of the classes stays."""
        if self.temperature is None:
            return np.asarray(proba, np.float64)
        return with_temperature(proba, self.temperature)

    def prediction_set(self, calibrated: np.ndarray) -> tuple[str, ...] | None:
        """Codes of the classes that cannot be left out, most probable first; `calibrated` (7,)."""
        if self.set_threshold is None:
            return None
        held = conformal_sets(calibrated[np.newaxis], self.set_threshold)[0]
        return tuple(CODES[k] for k in np.argsort(-calibrated, kind="stable") if held[k])

    def calls_malignant(self, calibrated: np.ndarray) -> bool | None:
        """Whether the malignant probability reaches the threshold; `calibrated` (7,)."""
        if self.malignant_threshold is None:
            return None
        return bool(malignant_proba(calibrated[np.newaxis])[0] >= self.malignant_threshold)


def decision_rule(run: Run) -> DecisionRule:
    """The run's rule; what cannot be chosen is None, and said in `missing`. Raises nothing: an
    answer without a rule is still an answer.
    """
    report = RunReport(run)
    if report.nothing_to_choose_on:
        return _no_rule(run, report.nothing_to_choose_on)
    try:
        validation, test = report.validation, report.test
        chosen, sets = report.calibration.summary, report.sets
    except (StoreError, EvaluationError) as error:
        return _no_rule(run, f"Nothing could be chosen on validation: {_in_words(error)}")
    scaled = with_temperature(validation.proba, chosen.temperature)
    missing: tuple[str, ...] = ()
    threshold: float | None = None
    point: OperatingPoint | None = None
    try:
        threshold = malignant_threshold(validation.y_true, scaled, SENSITIVITY)
        point = operating_point(
            test.y_true,
            with_temperature(test.proba, chosen.temperature),
            test.lesion,
            threshold,
        )
    except EvaluationError:
        missing = ("Its validation part has no malignant image: no threshold could be chosen.",)
    if math.isinf(chosen.threshold):
        missing += ("Its validation part is too small for prediction sets: all seven classes.",)
    return DecisionRule(
        run.id, chosen.temperature, chosen.threshold, threshold, sets, point, missing
    )


def _no_rule(run: Run, why: str) -> DecisionRule:
    return DecisionRule(run.id, missing=(why,))


def _in_words(error: HamError) -> str:
    return f"{error.what}: {error.why}"
