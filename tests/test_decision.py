"""What validation settles for one more image, and what it says where it can settle nothing."""

import numpy as np
import pytest

from ham import store
from ham.config import CLASS_INDEX, CODES
from ham.evaluation import conformal_sets, fit_temperature, with_temperature
from ham.report import DecisionRule, RunReport, decision_rule
from ham.store import Predictions
from tests.run_factory import finished_run

MALIGNANT = [CLASS_INDEX[code] for code in ("mel", "bcc", "akiec")]


def part(n: int, seed: int, classes: int = len(CODES)) -> Predictions:
    """n images, a lesion each; a model that is right in about two thirds and too sure."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % classes if classes == len(CODES) else np.full(n, CLASS_INDEX["nv"])
    logits = rng.normal(0, 2.2, (n, len(CODES)))
    logits[np.arange(n), y_true] += 3
    proba = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    names = np.array([f"I{seed}-{i}" for i in range(n)], dtype="U16")
    return Predictions(names, np.arange(n), y_true, proba.astype(np.float32))


@pytest.fixture
def run(ham_home) -> store.Run:
    return finished_run(validation=part(210, 1), test=part(140, 2))


def test_everything_is_chosen_on_validation_and_on_the_calibrated_scale(run):
    rule, validation = decision_rule(run), store.read_predictions(run)["validation"]
    assert rule.temperature == pytest.approx(
        fit_temperature(validation.y_true, validation.proba), abs=1e-6
    )
    assert rule.temperature > 1.3  # the model is too sure
    scaled = with_temperature(validation.proba, rule.temperature)
    malignant = np.isin(validation.y_true, MALIGNANT)
    found = scaled[:, MALIGNANT].sum(axis=1) >= rule.malignant_threshold
    assert 0.9 <= found[malignant].mean() < 0.92  # of 90 images one more or less
    sets = conformal_sets(scaled, rule.set_threshold)
    held = sets[np.arange(210), validation.y_true]
    assert 0.9 <= held.mean() < 0.92
    assert rule.missing == ()


def test_what_it_is_worth_was_seen_on_test(run):
    rule, test = decision_rule(run), store.read_predictions(run)["test"]
    scaled = with_temperature(test.proba, rule.temperature)
    malignant = np.isin(test.y_true, MALIGNANT)
    found = scaled[:, MALIGNANT].sum(axis=1) >= rule.malignant_threshold
    assert rule.point.sensitivity.value == pytest.approx(found[malignant].mean())
    assert rule.point.specificity.value == pytest.approx(1 - found[~malignant].mean())
    assert rule.sets.coverage.value == RunReport(run).sets.coverage.value


def test_one_answer_hangs_together(run):
    rule = decision_rule(run)
    raw = part(9, 3).proba
    proba = rule.calibrated(raw)
    assert proba.sum(axis=1) == pytest.approx(1)
    assert (proba.argmax(axis=1) == raw.argmax(axis=1)).all()
    for row in proba:
        held = rule.prediction_set(row)
        assert held[0] == CODES[row.argmax()]
        assert [row[CLASS_INDEX[code]] for code in held] == sorted(
            (row[CLASS_INDEX[code]] for code in held), reverse=True
        )
        assert min(row[CLASS_INDEX[code]] for code in held[1:] or held) >= min(
            1 - rule.set_threshold, row.max()
        )
        assert rule.calls_malignant(row) == (row[MALIGNANT].sum() >= rule.malignant_threshold)


def test_without_malignant_validation_images_there_is_no_threshold_but_a_set(ham_home):
    run = finished_run(validation=part(60, 1, classes=1), test=part(70, 2))
    rule = decision_rule(run)
    assert rule.malignant_threshold is None
    assert rule.calls_malignant(np.full(7, 1 / 7)) is None
    assert rule.prediction_set(np.full(7, 1 / 7)) is not None
    assert "no malignant image" in " ".join(rule.missing)


def test_too_small_a_validation_part_holds_every_class(ham_home):
    run = finished_run(validation=part(7, 1), test=part(70, 2))
    rule = decision_rule(run)
    assert sorted(rule.prediction_set(np.full(7, 1 / 7))) == sorted(CODES)
    assert "too small for prediction sets" in " ".join(rule.missing)


def test_without_predictions_the_probabilities_stay_and_the_rule_says_why(run):
    for damage in (lambda path: path.write_bytes(b"no npz"), lambda path: path.unlink()):
        damage(run.folder / "predictions.npz")
        rule = decision_rule(run)
        assert rule == DecisionRule(run.id, missing=rule.missing)
        assert rule.missing[0].startswith("Nothing could be chosen on validation: ")
        raw = part(3, 3).proba
        assert np.array_equal(rule.calibrated(raw), raw.astype(np.float64))
        assert rule.prediction_set(raw[0]) is None
