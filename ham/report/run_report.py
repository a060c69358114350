"""What one run's answers are worth, from its predictions: computed when asked for, then kept."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from math import inf, nan

import numpy as np
import pandas as pd

from ham import store
from ham.config import CODES, N_CLASSES
from ham.data import WATCHED_SPLITS
from ham.evaluation import (
    INTERVALS,
    LOGISTIC_REGRESSION,
    MALIGNANT,
    NO_INTERVAL,
    SCORES,
    TARGETS,
    Alarm,
    Calibration,
    Decomposition,
    Evaluation,
    EvaluationError,
    Interval,
    OperatingPoint,
    PredictionSets,
    Selective,
    answer_above,
    average_precision,
    by_true_class,
    calibrate,
    calibration_error_by_chance,
    class_reliability,
    class_roc,
    class_thresholds,
    decompose,
    evaluate,
    evaluate_scores,
    expected_costs,
    judge_alarm,
    least_confidence,
    least_cost_action,
    majority_baseline,
    majority_title,
    malignant_roc,
    malignant_threshold,
    net_benefit,
    net_benefit_at,
    operating_point,
    precision_recall,
    predicted_action,
    prediction_sets,
    reliability,
    risk_coverage,
    threshold_of,
    with_temperature,
)
from ham.report.kept import kept_evaluation, kept_intervals
from ham.store import Predictions, Run

BY_CLASS = "predicted_class"  # key of the operating point without a threshold
MALIGNANT_SIDE = "malignant"  # key of the malignant classes together, beside those of one class
PREDICTED, LEAST = "Predicted class", "Least expected cost"  # ways to decide


@dataclass(frozen=True)
class Calibrated:
    """A run's probabilities, judged on the images it is asked about."""

    summary: Calibration
    before: pd.DataFrame  # rows of `evaluation.reliability`, as the model gives the probabilities
    after: pd.DataFrame  # after the temperature
    by_chance: float  # calibration error that a perfectly calibrated model would show
    confidence: float  # mean probability of the predicted class, before the temperature


@dataclass(frozen=True)
class ClassSets:
    """Prediction sets with a threshold a class, and what they were chosen on."""

    thresholds: dict[str, float]  # by code; infinity: it has too few images and is in every set
    n_validation: dict[str, int]  # images by code
    sets: PredictionSets

    @property
    def always(self) -> list[str]:
        """Codes of the classes that are in every set."""
        return [code for code, threshold in self.thresholds.items() if threshold == inf]


class RunReport:
    """A run with a model, on its own test images or, with `part`, on any other labelled ones.

    What was chosen (temperature, sets, thresholds) was chosen on the run's own validation images.
    Every property may raise StoreError, where the predictions are missing or damaged, and
    EvaluationError, where they cannot be scored.
    """

    def __init__(self, run: Run, part: Predictions | None = None):
        self.run = run
        self._other = part

    @property
    def own_test(self) -> bool:
        """Whether these are the run's own test images."""
        return self._other is None

    @cached_property
    def _parts(self) -> dict[str, Predictions]:
        return store.read_predictions(self.run)

    def read(self) -> None:
        """Reads the predictions now, where damage shall be known before anything else is done."""
        self.validation  # noqa: B018  (a property that reads a file)

    @property
    def nothing_to_choose_on(self) -> str:
        """Why this run has no temperature, set and threshold, in a sentence; "" where it has them.

        They would be chosen on the very images that they are judged on.
        """
        if self.run.config.split not in WATCHED_SPLITS:
            return ""
        return (
            "Its validation part is its test part, so no image is left to choose a temperature, "
            "prediction sets or a threshold on."
        )

    def _check_choice(self) -> None:
        if self.nothing_to_choose_on:
            raise EvaluationError(
                self.run.title, self.nothing_to_choose_on, "Train it by another split."
            )

    @property
    def validation(self) -> Predictions:
        return self._parts["validation"]

    @property
    def test(self) -> Predictions:
        """The answers that are judged."""
        return self._parts["test"] if self._other is None else self._other

    @cached_property
    def evaluation(self) -> Evaluation:
        """As stored when the run ended, with what scores that lacks; on other images, and where
        the limits were found in another way then, computed.
        """
        stored = self.run.record.evaluation
        if self.own_test and stored is not None and stored.intervals == INTERVALS:
            return self._completed(stored.to_evaluation())
        test = self.test
        return kept_evaluation(
            lambda: evaluate(test.y_true, test.proba, test.lesion),
            "evaluation",
            *(test.y_true, test.proba, test.lesion),
        )

    def _completed(self, found: Evaluation) -> Evaluation:
        """With every score of SCORES: those that it lacks are computed, the others stay."""
        missing = [key for key in SCORES if key not in found.scores]
        if not missing:
            return found
        test = self.test
        more = kept_intervals(
            lambda: evaluate_scores(missing, test.y_true, test.proba, test.lesion),
            f"scores {', '.join(missing)}",
            *(test.y_true, test.proba, test.lesion),
        )
        scores = found.scores | more
        return dataclasses.replace(found, scores={key: scores[key] for key in SCORES})

    @cached_property
    def calibration(self) -> Calibrated:
        self._check_choice()
        test = self.test
        summary = calibrate(self.validation.y_true, self.validation.proba, test.y_true, test.proba)
        before = reliability(test.y_true, test.proba)
        after = reliability(test.y_true, with_temperature(test.proba, summary.temperature))
        return Calibrated(
            summary,
            before,
            after,
            calibration_error_by_chance(before),
            float(test.proba.max(axis=1).mean()),
        )

    @cached_property
    def sets(self) -> PredictionSets:
        """Prediction sets, after the temperature."""
        chosen = self.calibration.summary
        scaled = with_temperature(self.test.proba, chosen.temperature)
        return prediction_sets(self.test.y_true, scaled, self.test.lesion, chosen.threshold)

    @cached_property
    def calibrated(self) -> np.ndarray:
        """The judged probabilities after the temperature, float64 (n, 7)."""
        return with_temperature(self.test.proba, self.calibration.summary.temperature)

    @cached_property
    def _calibrated_validation(self) -> np.ndarray:
        return with_temperature(self.validation.proba, self.calibration.summary.temperature)

    @cached_property
    def class_sets(self) -> ClassSets:
        """Prediction sets whose coverage is aimed at for every class by itself."""
        y_true, test = self.validation.y_true, self.test
        thresholds = class_thresholds(y_true, self._calibrated_validation)
        counts = np.bincount(y_true, minlength=N_CLASSES)
        return ClassSets(
            dict(zip(CODES, thresholds.tolist(), strict=True)),
            dict(zip(CODES, counts.tolist(), strict=True)),
            prediction_sets(test.y_true, self.calibrated, test.lesion, thresholds),
        )

    @cached_property
    def decompositions(self) -> dict[str, dict[str, Decomposition]]:
        """By "before" and, where there is a temperature, "after" it: by "brier" and "log_loss"."""
        found = {"before": decompose(self.test.y_true, self.test.proba)}
        if not self.nothing_to_choose_on:
            found["after"] = decompose(self.test.y_true, self.calibrated)
        return found

    def class_reliability(self, k: int, which: str = "before") -> pd.DataFrame:
        """Rows of `evaluation.class_reliability`, "before" or "after" the temperature."""
        proba = self.test.proba if which == "before" else self.calibrated
        return class_reliability(self.test.y_true, proba, k)

    def precision_recall(self, disease: str) -> pd.DataFrame:
        """Rows of `evaluation.precision_recall` of a class by its code, or of MALIGNANT_SIDE."""
        classes, test = _classes_of(disease), self.test
        return precision_recall(classes[test.y_true], test.proba[:, classes].sum(axis=1))

    @cached_property
    def average_precision(self) -> dict[str, float]:
        """By MALIGNANT_SIDE and class code; NaN without an image."""
        return {
            disease: average_precision(self.precision_recall(disease))
            for disease in (MALIGNANT_SIDE, *CODES)
        }

    def alarm(self, disease: str, by: str = BY_CLASS) -> Alarm | None:
        """An alarm for MALIGNANT_SIDE or a class by its code, raised by BY_CLASS or a threshold for
        the sensitivity sought on validation, "0.8", "0.9", "0.95": on the probability as the
        model gives it, as `operating_points`. None where no threshold can be chosen, or the test
        part has only one side.
        """
        if (disease, by) not in self._alarms:
            self._alarms[disease, by] = self._judged_alarm(_classes_of(disease), by)
        return self._alarms[disease, by]

    @cached_property
    def _alarms(self) -> dict[tuple[str, str], Alarm | None]:
        return {}

    def _judged_alarm(self, classes: np.ndarray, by: str) -> Alarm | None:
        test = self.test
        positive = classes[test.y_true]
        if not positive.any() or positive.all():
            return None
        if by == BY_CLASS:
            return judge_alarm(positive, classes[test.proba.argmax(axis=1)], test.lesion)
        own = self.validation
        sick = classes[own.y_true]
        if self.nothing_to_choose_on or not sick.any():
            return None
        scores, own_scores = (of.proba[:, classes].sum(axis=1) for of in (test, own))
        called = scores >= threshold_of(sick, own_scores, float(by))
        return judge_alarm(positive, called, test.lesion)

    @cached_property
    def risk_coverage(self) -> pd.DataFrame:
        """Rows of `evaluation.risk_coverage`, after the temperature."""
        return risk_coverage(self.test.y_true, self.calibrated)

    def answering_above(self, risk: float) -> Selective:
        """Answers of the confidence from which on at most this share is wrong on validation."""
        confidence = least_confidence(self.validation.y_true, self._calibrated_validation, risk)
        return answer_above(self.test.y_true, self.calibrated, self.test.lesion, confidence)

    @cached_property
    def net_benefit(self) -> pd.DataFrame:
        """Rows of `evaluation.net_benefit`, of the malignant probability after the temperature."""
        return net_benefit(self.test.y_true, self.calibrated)

    def net_benefit_at(self, threshold: float) -> dict[str, Interval]:
        """As `evaluation.net_benefit_at`, after the temperature."""
        return net_benefit_at(self.test.y_true, self.calibrated, self.test.lesion, threshold)

    def expected_costs(self, costs: np.ndarray) -> dict[str, Interval]:
        """Mean cost an image, by PREDICTED, LEAST (under the probabilities after the temperature,
        where there is one) and what takes no model; and the differences to PREDICTED.

        `costs`: (2, 2), malignant first, or (7, 7); rows the truth, columns the decision. Always
        one class: the training's most frequent, and the one of the least expected cost there.
        """
        costs, test = by_true_class(costs), self.test
        actions = {PREDICTED: predicted_action(test.proba, costs)}
        if not self.nothing_to_choose_on:
            actions[LEAST] = least_cost_action(self.calibrated, costs)
        always = {"Always malignant": 0, "Always benign": 1}
        if costs.shape[1] == N_CLASSES:
            counts = store.train_counts(self.run)
            best = int(least_cost_action(counts / counts.sum(), costs))
            always = {f"Always {CODES[k]}": k for k in (int(counts.argmax()), best)}
        for name, action in always.items():
            actions[name] = np.full(len(test.y_true), action)
        return expected_costs(test.y_true, actions, costs, test.lesion)

    @cached_property
    def operating_points(self) -> dict[str, OperatingPoint]:
        """By BY_CLASS and by the sensitivity sought on validation: "0.8", "0.9", "0.95".

        The latter are left out where validation has no malignant image, or is the test part.
        """
        thresholds: dict[str, float | None] = {BY_CLASS: None}
        with suppress(EvaluationError):  # no threshold can be chosen
            self._check_choice()
            thresholds |= {
                f"{target:g}": malignant_threshold(
                    self.validation.y_true, self.validation.proba, target
                )
                for target in TARGETS
            }
        return {
            name: operating_point(self.test.y_true, self.test.proba, self.test.lesion, threshold)
            for name, threshold in thresholds.items()
        }

    @cached_property
    def _curves(self) -> dict[int | None, pd.DataFrame]:
        return {}

    def roc(self, k: int | None = None) -> pd.DataFrame:
        """Rows of `evaluation.roc` of class k against the rest, or of malignant against benign."""
        if k not in self._curves:
            test = self.test
            self._curves[k] = (
                malignant_roc(test.y_true, test.proba)
                if k is None
                else class_roc(test.y_true, test.proba, k)
            )
        return self._curves[k]

    def predicted_as(self, k: int) -> tuple[float, float]:
        """Share of the other images and of class k's own that are predicted as k; NaN without."""
        confusion = self.evaluation.confusion
        own, others = confusion[k].sum(), confusion.sum() - confusion[k].sum()
        wrong = confusion[:, k].sum() - confusion[k, k]
        return wrong / others if others else nan, confusion[k, k] / own if own else nan

    @cached_property
    def baselines(self) -> dict[str, Evaluation]:
        """What takes no network, by name.

        Always answering the training's most frequent class; and the logistic regression, which was
        scored when the run ended and has no answers on other images, nor to a newer score.
        """
        counts, test = store.train_counts(self.run), self.test
        majority = kept_evaluation(
            lambda: majority_baseline(counts, test.y_true, test.lesion),
            "majority",
            *(counts, test.y_true, test.lesion),
        )
        found = {majority_title(counts): majority}
        stored = self.run.record.baselines
        if self.own_test and stored is not None and stored.logistic_regression is not None:
            scored = stored.logistic_regression.to_evaluation()
            found[LOGISTIC_REGRESSION] = dataclasses.replace(
                scored, scores=dict.fromkeys(SCORES, NO_INTERVAL) | scored.scores
            )
        return found


def _classes_of(disease: str) -> np.ndarray:
    """bool (7,), of MALIGNANT_SIDE or a class code."""
    return MALIGNANT if disease == MALIGNANT_SIDE else np.array(CODES) == disease
