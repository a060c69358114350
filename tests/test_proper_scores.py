"""Brier score and log loss and their parts, calibration by class, precision-recall, costs, net
benefit, predictive values, risk and coverage, sets by class: by hand, and against scikit-learn
and SciPy.
"""

import dataclasses
import math

import numpy as np
import pytest
from scipy.special import rel_entr
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from ham.config import CODES
from ham.evaluation import (
    PARTS,
    SIDE_COSTS,
    EvaluationError,
    answer_above,
    area_under_risk,
    average_precision,
    best_area,
    by_true_class,
    class_costs,
    class_reliability,
    class_thresholds,
    compare,
    conformal_sets,
    conformal_threshold,
    decompose,
    evaluate,
    evaluate_scores,
    expected_costs,
    format_difference,
    format_score,
    judge_alarm,
    least_confidence,
    least_cost_action,
    majority_baseline,
    malignant_proba,
    means,
    net_benefit,
    net_benefit_at,
    precision_recall,
    predicted_action,
    prediction_sets,
    risk_coverage,
    threshold_of,
)
from ham.evaluation.intervals import Interval

MEL, BCC, AKIEC, NV, BKL, VASC, DF = range(7)
SHARES = [0.12, 0.06, 0.04, 0.6, 0.12, 0.03, 0.03]
MALIGNANT = [MEL, BCC, AKIEC]


@pytest.fixture(scope="module")
def made_up() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, float64 probabilities that are too sure, lesions of two images; with ties."""
    random, n = np.random.default_rng(7), 600
    y_true = np.concatenate([np.arange(7), random.choice(7, n - 7, p=SHARES)])
    logits = 1.5 * random.normal(size=(n, 7))
    logits[np.arange(n), y_true] += 2
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    proba[100:150] = proba[100]
    return y_true, proba, np.arange(n) // 2


def two_class(mel: list[float]) -> np.ndarray:
    """Probabilities of mel and nv alone."""
    proba = np.zeros((len(mel), 7))
    proba[:, MEL], proba[:, NV] = mel, 1 - np.array(mel)
    return proba


# --------------------------------------------------------------- Brier score and log loss


def test_brier_score_and_log_loss_are_the_ones_computed_by_hand():
    found = evaluate_scores(["brier", "log_loss"], [MEL, NV], two_class([0.8, 0.5]), [0, 1])
    # (0.2² + 0.2² + 0.5² + 0.5²) / 2
    assert found["brier"].value == pytest.approx(0.29)
    assert found["log_loss"].value == pytest.approx(-(math.log(0.8) + math.log(0.5)) / 2)


def test_a_class_that_was_held_impossible_costs_36_and_not_infinitely_much():
    found = evaluate_scores(["brier", "log_loss"], [MEL, NV], two_class([0.0, 0.0]), [0, 1])
    assert found["brier"].value == 1  # 2 and 0
    assert found["log_loss"].value == pytest.approx(-math.log(np.finfo(float).eps) / 2)
    exact = metrics.log_loss([MEL, NV], y_proba=two_class([0.0, 0.0]), labels=range(7))
    assert found["log_loss"].value == pytest.approx(exact, abs=1e-9)


def test_the_intervals_of_some_scores_are_those_of_all(made_up):
    every = evaluate(*made_up, resamples=50).scores
    some = evaluate_scores(["log_loss", "accuracy"], *made_up, resamples=50)
    assert some == {key: every[key] for key in ("log_loss", "accuracy")}


@pytest.mark.every_draw
def test_lesions_and_not_images_are_drawn_for_the_brier_score():
    # 40 lesions of 5 images each, all alike: as few as 40, not 200
    y_true = np.repeat(np.arange(40) % 2 * NV, 5)
    proba = two_class(np.repeat(np.linspace(0.05, 0.95, 40), 5).tolist())
    lesions = np.repeat(np.arange(40), 5)
    by_lesion, by_image = (
        evaluate_scores(["brier"], y_true, proba, of)["brier"] for of in (lesions, np.arange(200))
    )
    width = by_lesion.high - by_lesion.low
    assert width / (by_image.high - by_image.low) == pytest.approx(math.sqrt(5), rel=0.1)
    terms = ((proba - np.eye(7)[y_true]) ** 2).sum(axis=1)[::5]
    error = terms.std() / math.sqrt(40)
    assert width == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_a_difference_of_log_losses_is_ours_minus_theirs(made_up):
    y_true, proba, lesions = made_up
    better = 0.7 * proba + 0.3 * np.eye(7)[y_true]
    found = compare(y_true, better, proba, lesions)
    ours, theirs = (metrics.log_loss(y_true, y_proba=p, labels=range(7)) for p in (better, proba))
    assert found["log_loss"].value == pytest.approx(ours - theirs, abs=1e-9)
    assert found["log_loss"].high < 0
    assert format_difference("log_loss", found["log_loss"]).startswith("−")


def test_who_knows_nothing_of_an_image_gives_the_classes_shares():
    counts, y_true = np.array([10, 0, 0, 30, 0, 0, 0]), np.array([MEL, NV, NV, NV])
    found = majority_baseline(counts, y_true, np.arange(4)).scores
    assert found["accuracy"].value == 0.75
    assert found["log_loss"].value == pytest.approx(-(math.log(0.25) + 3 * math.log(0.75)) / 4)
    assert found["brier"].value == pytest.approx(2 * (0.75**2 + 3 * 0.25**2) / 4)
    assert found["macro_auc"].value == 0.5


@pytest.mark.parametrize(
    ("key", "interval", "words"),
    [
        ("brier", Interval(0.2926, 0.26, 0.33), "0.293 (0.260 to 0.330)"),
        ("log_loss", Interval(0.84, 0.76, 0.91), "0.84 (0.76 to 0.91)"),
        ("log_loss", Interval(11.92, 10.21, 13.1), "11.9 (10.2 to 13.1)"),
    ],
)
def test_they_are_written_with_the_digits_that_the_interval_bears(key, interval, words):
    assert format_score(key, interval) == words


# ------------------------------------------------------------------------ decomposition


def recalibrated(y_true: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Each class's probability by scikit-learn's isotonic regression on itself."""
    fits = [
        IsotonicRegression(out_of_bounds="clip").fit_transform(proba[:, k], y_true == k)
        for k in range(7)
    ]
    return np.stack(fits, axis=1)


def test_the_parts_are_those_of_scikit_learns_isotonic_regression_and_sum_to_the_score(made_up):
    y_true, proba, _ = made_up
    found = decompose(y_true, proba, draws=2)
    best, share = recalibrated(y_true, proba), np.bincount(y_true, minlength=7) / len(y_true)
    truth = np.eye(7)[y_true]
    brier = metrics.brier_score_loss(y_true, proba, labels=range(7))
    log_loss = metrics.log_loss(y_true, y_proba=proba, labels=range(7))
    own = {
        "brier": (brier, ((best - truth) ** 2).sum(axis=1).mean(), (share * (1 - share)).sum()),
        "log_loss": (
            log_loss,
            rel_entr(truth, best).sum(axis=1).mean(),  # -log of the true class's
            -(share * np.log(share)).sum(),
        ),
    }
    for name, (score, least, uncertainty) in own.items():
        one = found[name]
        assert [one.score, one.miscalibration, one.discrimination, one.uncertainty] == (
            pytest.approx([score, score - least, uncertainty - least, uncertainty], abs=1e-9)
        )
        assert one.miscalibration - one.discrimination + one.uncertainty == pytest.approx(
            score, abs=1e-12
        )
        assert one.by_class[list(PARTS)].sum().tolist() == pytest.approx(
            [score, score - least, uncertainty - least, uncertainty], abs=1e-9
        )
        assert (one.by_class >= 0).all().all()
        # too sure of itself: more than chance would show
        assert one.miscalibration > 1.2 * one.by_chance > 0


def test_murphys_parts_of_two_forecasts_by_hand():
    # 4 say 0.25 and 1 of them is; 4 say 0.5 and 3 of them are
    y_true = np.array([MEL, NV, NV, NV, MEL, MEL, MEL, NV])
    found = decompose(y_true, two_class([0.25] * 4 + [0.5] * 4), draws=1)["brier"]
    # of each of the two classes: reliability half of 0 and 0.25², resolution 0.25², 1/4
    assert found.miscalibration == pytest.approx(2 * 0.25**2 / 2)
    assert found.discrimination == pytest.approx(2 * 0.25**2)
    assert found.uncertainty == pytest.approx(2 * 0.25)


def test_calibrated_probabilities_have_the_miscalibration_of_chance_and_classes_shares_have_none():
    random, n = np.random.default_rng(0), 2000
    proba = random.dirichlet(np.ones(7), n)
    drawn = np.array([random.choice(7, p=p) for p in proba])
    found = decompose(drawn, proba, draws=30)["log_loss"]
    assert found.miscalibration == pytest.approx(found.by_chance, rel=0.35)
    shares = np.tile(np.bincount(drawn, minlength=7) / n, (n, 1))
    constant = decompose(drawn, shares, draws=1)["brier"]
    assert (constant.miscalibration, constant.discrimination) == pytest.approx((0, 0), abs=1e-12)


def test_an_absent_class_adds_only_what_was_given_to_it():
    found = decompose(np.array([NV, NV]), two_class([0.2, 0.2]), draws=1)
    assert found["brier"].by_class.loc["mel"].tolist() == pytest.approx([0.04, 0.04, 0, 0])
    assert found["log_loss"].score == pytest.approx(-math.log(0.8))
    assert found["log_loss"].uncertainty == pytest.approx(0, abs=1e-12)


def test_a_class_is_as_calibrated_as_its_isotonic_bins(made_up):
    y_true, proba, _ = made_up
    table, best = class_reliability(y_true, proba, BKL), recalibrated(y_true, proba)[:, BKL]
    assert table["n"].sum() == 600
    order = np.argsort(proba[:, BKL], kind="stable")
    assert np.repeat(table["observed"], table["n"]).to_numpy() == pytest.approx(
        best[order], abs=1e-9
    )
    assert (np.diff(table["observed"]) > 0).all()
    assert table["said"].is_monotonic_increasing
    assert ((table["lowest"] <= table["said"]) & (table["said"] <= table["highest"])).all()
    assert np.average(table["said"], weights=table["n"]) == pytest.approx(proba[:, BKL].mean())


# --------------------------------------------------------------------- precision, recall


@pytest.mark.parametrize("classes", [[MEL], [DF], MALIGNANT])
def test_precision_and_recall_are_those_of_scikit_learn(made_up, classes):
    y_true, proba, _ = made_up
    positive, score = np.isin(y_true, classes), proba[:, classes].sum(axis=1)
    table = precision_recall(positive, score)
    precision, recall, threshold = metrics.precision_recall_curve(positive, score)
    assert table["precision"].to_numpy() == pytest.approx(precision, abs=1e-9)
    assert table["recall"].to_numpy() == pytest.approx(recall, abs=1e-9)
    assert table["threshold"].to_numpy()[:-1] == pytest.approx(threshold, abs=1e-9)
    assert average_precision(table) == pytest.approx(
        metrics.average_precision_score(positive, score), abs=1e-9
    )


def test_without_an_image_of_the_class_there_is_no_curve():
    table = precision_recall(np.zeros(3, bool), np.arange(3))
    assert table.empty
    assert math.isnan(average_precision(table))


# --------------------------------------------------------------------------------- costs


def test_the_least_cost_is_where_the_ratio_of_the_costs_says():
    # a miss costs 10, a false alarm 1: act from 1 in 11 on
    proba = two_class([1 / 11 - 1e-6, 1 / 11 + 1e-6, 0.6])
    costs = by_true_class(SIDE_COSTS)
    assert least_cost_action(proba, costs).tolist() == [1, 0, 0]
    assert predicted_action(proba, costs).tolist() == [1, 1, 0]


def test_expected_costs_are_those_counted_from_the_confusion_matrix(made_up):
    y_true, proba, lesions = made_up
    costs = class_costs() + 0.3 * (1 - np.eye(7))
    named = predicted_action(proba, costs)
    least = least_cost_action(proba, costs)
    found = expected_costs(y_true, {"named": named, "least": least}, costs, lesions, resamples=20)
    for name, action in (("named", named), ("least", least)):
        confusion = metrics.confusion_matrix(y_true, action, labels=range(7), normalize="all")
        assert found[name].value == pytest.approx((confusion * costs).sum(), abs=1e-9)
    assert found["least minus named"].value == pytest.approx(
        found["least"].value - found["named"].value, abs=1e-12
    )
    assert found["least"].value < found["named"].value


def test_costs_of_two_sides_are_costs_of_seven_classes():
    found = class_costs(np.array([[1.0, 10.0], [2.0, 0.0]]), among_malignant=0.5)
    assert found[MEL].tolist() == [1, 1.5, 1.5, 10, 10, 10, 10]
    assert found[NV].tolist() == [2, 2, 2, 0, 0, 0, 0]
    assert by_true_class(SIDE_COSTS)[[MEL, NV]].tolist() == [[0, 10], [1, 0]]


@pytest.mark.parametrize(
    ("costs", "why"),
    [(np.zeros((3, 3)), "2x2 or 7x7"), ([[0, math.nan], [1, 0]], "number"), (-np.eye(2), "0 or")],
)
def test_costs_that_mean_nothing_are_refused(costs, why):
    with pytest.raises(EvaluationError, match=why):
        by_true_class(np.array(costs))


def test_means_over_images_have_the_intervals_that_the_brier_score_has(made_up):
    y_true, proba, lesions = made_up
    squared = ((proba.astype(float) - np.eye(7)[y_true]) ** 2).sum(axis=1)
    found = means({"squared": squared}, lesions, resamples=40)["squared"]
    whole = evaluate_scores(["brier"], *made_up, resamples=40)["brier"]
    assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(whole), abs=1e-12)


# --------------------------------------------------------------------- decision curve


def test_net_benefit_is_the_one_counted_by_hand(made_up):
    y_true, proba, lesions = made_up
    table = net_benefit(y_true, proba, np.array([0.1, 0.25]))
    malignant, score = np.isin(y_true, MALIGNANT), malignant_proba(proba)
    for row, t in zip(table.itertuples(), (0.1, 0.25), strict=True):
        tn, fp, fn, tp = metrics.confusion_matrix(malignant, score >= t).ravel()
        n = tn + fp + fn + tp
        assert row.net_benefit == pytest.approx(tp / n - fp / n * t / (1 - t), abs=1e-9)
        assert row.treat_all == pytest.approx((tp + fn) / n - (tn + fp) / n * t / (1 - t), abs=1e-9)
    at = net_benefit_at(y_true, proba, lesions, 0.25, resamples=30)
    assert at["model"].value == pytest.approx(table["net_benefit"][1], abs=1e-12)
    assert at["model minus treat_all"].low > 0


# ------------------------------------------------------------------- predictive values


def test_at_one_in_a_hundred_most_alarms_of_a_good_test_are_false():
    # sensitivity 90 of 100, specificity 180 of 200
    positive = np.arange(300) < 100
    alarm = np.concatenate([np.arange(100) < 90, np.arange(200) < 20])
    found = judge_alarm(positive, alarm, np.arange(300))
    assert (found.sensitivity.value, found.specificity.value) == (0.9, 0.9)
    right = found.right(0.01)
    assert right.value == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.99), abs=1e-12)
    assert 0.05 < right.low < right.value < right.high < 0.13
    assert found.clear(0.01).value == pytest.approx(0.9 * 0.99 / (0.9 * 0.99 + 0.1 * 0.01))
    # at the prevalence of these images they are what is counted on them
    assert found.right(1 / 3).value == pytest.approx(90 / 110)
    assert found.clear(1 / 3).value == pytest.approx(180 / 190)


def test_an_alarm_without_a_false_one_is_still_no_proof():
    positive = np.arange(40) < 10
    found = judge_alarm(positive, positive, np.arange(40))
    assert found.right(0.01).value == 1
    assert found.right(0.01).low < 0.2
    never = judge_alarm(positive, np.zeros(40, bool), np.arange(40))
    assert math.isnan(never.right(0.5).value)
    assert never.clear(0.5).value == 0.5


def test_a_threshold_of_a_class_finds_the_share_asked_for(made_up):
    y_true, proba, _ = made_up
    threshold = threshold_of(y_true == MEL, proba[:, MEL], 0.8)
    found = (proba[y_true == MEL, MEL] >= threshold).mean()
    assert 0.8 <= found < 0.8 + 1 / (y_true == MEL).sum()


# ------------------------------------------------------------------- risk and coverage


def test_risk_and_coverage_of_five_answers_by_hand():
    # sure 0.9 right, 0.8 wrong, 0.7 right twice, 0.6 wrong
    y_true = np.array([MEL, NV, MEL, MEL, NV])
    table = risk_coverage(y_true, two_class([0.9, 0.8, 0.7, 0.7, 0.6]))
    assert table["confidence"].tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert table["answered"].tolist() == pytest.approx([0.2, 0.4, 0.8, 1.0])
    assert table["risk"].tolist() == pytest.approx([0, 1 / 2, 1 / 4, 2 / 5])
    assert area_under_risk(table) == pytest.approx((0 + 1 / 2 + 1 / 4 + 1 / 4 + 2 / 5) / 5)
    # both wrong ones last: 0, 0, 0, 1/4, 2/5
    assert best_area(table) == pytest.approx((1 / 4 + 2 / 5) / 5)
    assert least_confidence(y_true, two_class([0.9, 0.8, 0.7, 0.7, 0.6]), 0.25) == 0.7
    assert least_confidence(y_true[1:2], two_class([0.8]), 0.25) == math.inf


def test_what_is_answered_above_a_confidence_is_counted(made_up):
    y_true, proba, lesions = made_up
    found = answer_above(y_true, proba, lesions, 0.6, resamples=30)
    kept = proba.max(axis=1) >= 0.6
    assert (found.n_answered, found.answered.value) == (kept.sum(), kept.mean())
    wrong = 1 - metrics.accuracy_score(y_true[kept], proba[kept].argmax(axis=1))
    assert found.risk.value == pytest.approx(wrong, abs=1e-12)
    assert found.risk.low < found.risk.value < found.risk.high
    nothing = answer_above(y_true, proba, lesions, math.inf, resamples=30)
    assert (nothing.n_answered, math.isnan(nothing.risk.value)) == (0, True)


# ------------------------------------------------------------------------- sets by class


def test_each_class_has_the_threshold_of_its_own_images(made_up):
    y_true, proba, lesions = made_up
    found = class_thresholds(y_true, proba)
    for k in (MEL, NV):
        own = y_true == k
        assert found[k] == conformal_threshold(y_true[own], proba[own])
    few = class_thresholds(np.array([*[NV] * 9, *[MEL] * 8]), two_class([0.3] * 17))
    assert few[NV] == pytest.approx(0.3)
    assert (few[MEL], few[DF]) == (math.inf, math.inf)  # 8 are too few for 90 %, and so is none
    judged = prediction_sets(y_true, proba, lesions, found)
    sets = conformal_sets(proba, found)
    assert judged.threshold is None
    assert judged.mean_size == sets.sum() / 600
    assert judged.by_class.loc["mel", "coverage"] == sets[y_true == MEL, MEL].mean() >= 0.9
    assert list(judged.by_class.index) == list(CODES)
