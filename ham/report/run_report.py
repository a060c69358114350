"""What one run's answers are worth, from its predictions: computed when asked for, then kept."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from math import nan

import pandas as pd

from ham import store
from ham.data import WATCHED_SPLITS
from ham.evaluation import (
    LOGISTIC_REGRESSION,
    NO_INTERVAL,
    SCORES,
    TARGETS,
    Calibration,
    Evaluation,
    EvaluationError,
    OperatingPoint,
    PredictionSets,
    calibrate,
    calibration_error_by_chance,
    class_roc,
    evaluate,
    evaluate_scores,
    majority_baseline,
    majority_title,
    malignant_roc,
    malignant_threshold,
    operating_point,
    prediction_sets,
    reliability,
    with_temperature,
)
from ham.report.kept import kept_evaluation, kept_intervals
from ham.store import Predictions, Run

BY_CLASS = "predicted_class"  # key of the operating point without a threshold


@dataclass(frozen=True)
class Calibrated:
    """A run's probabilities, judged on the images it is asked about."""

    summary: Calibration
    before: pd.DataFrame  # rows of `evaluation.reliability`, as the model gives the probabilities
    after: pd.DataFrame  # after the temperature
    by_chance: float  # calibration error that a perfectly calibrated model would show
    confidence: float  # mean probability of the predicted class, before the temperature


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
        """As stored when the run ended, with what scores that lacks; on other images computed."""
        stored = self.run.record.evaluation
        if self.own_test and stored is not None:
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
