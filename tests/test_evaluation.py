"""Scores, intervals, tests, calibration: numbers by hand, and against scikit-learn."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm
from sklearn import metrics

from ham.config import CODES
from ham.evaluation import (
    SCORES,
    Answers,
    EvaluationError,
    Interval,
    calibrate,
    calibration_error_by_chance,
    class_roc,
    compare,
    conformal_sets,
    conformal_threshold,
    decimal,
    evaluate,
    evaluate_recalls,
    evaluation_record,
    expected_calibration_error,
    fit_temperature,
    format_difference,
    format_score,
    logistic_regression_proba,
    majority_baseline,
    majority_proba,
    majority_title,
    malignant_proba,
    malignant_roc,
    malignant_threshold,
    mcnemar,
    operating_point,
    p_value,
    percent,
    prediction_sets,
    proportion,
    reliability,
    roc,
    shares,
    unpaired_difference,
    with_temperature,
)
from ham.evaluation import baselines as baselines_module
from ham.evaluation import scores as scores_module
from ham.evaluation.intervals import area_interval, effective_lesions
from ham.evaluation.metrics import ratio
from ham.evaluation.records import EvaluationRecord

MEL, BCC, AKIEC, NV, BKL, VASC, DF = range(7)
pytestmark = pytest.mark.every_draw
SHARES = [0.12, 0.06, 0.04, 0.6, 0.12, 0.03, 0.03]


def sure(answers: list[int], confidence: float = 0.7) -> np.ndarray:
    """Probabilities that name these classes with this confidence, the rest spread evenly."""
    proba = np.full((len(answers), 7), (1 - confidence) / 6)
    proba[np.arange(len(answers)), answers] = confidence
    return proba


def made_up(n: int, seed: int = 0, skill: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a model's float32 probabilities and lesions, as a run folder holds them."""
    random = np.random.default_rng(seed)
    y_true = random.choice(7, n, p=SHARES)
    logits = random.normal(size=(n, 7))
    logits[np.arange(n), y_true] += skill
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, proba.astype(np.float32), random.integers(0, max(1, 3 * n // 4), n)


# ------------------------------------------------------------------------------ scores


def test_scores_of_four_images_are_the_ones_counted_by_hand():
    # mel named mel, mel named nv, nv named nv twice
    found = evaluate(np.array([MEL, MEL, NV, NV]), sure([MEL, NV, NV, NV]), np.arange(4))
    values = {key: score.value for key, score in found.scores.items()}
    assert values["accuracy"] == 0.75
    assert values["balanced_accuracy"] == 0.75  # recalls 1/2 and 1
    assert values["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert values["malignant_sensitivity"] == 0.5
    assert values["malignant_specificity"] == 1.0
    assert values["malignant_auc"] == pytest.approx(0.75)  # 4 pairs: 2 won, 2 ties
    assert found.confusion[MEL].tolist() == [1, 0, 0, 1, 0, 0, 0]
    assert found.confusion[NV].tolist() == [0, 0, 0, 2, 0, 0, 0]
    assert (found.n_images, found.n_lesions) == (4, 4)
    nv = found.per_class.loc["nv"]
    assert (nv.support, nv.precision, nv.recall, nv.f1) == (
        2,
        pytest.approx(2 / 3),
        1,
        pytest.approx(4 / 5),
    )


def test_scores_are_those_of_scikit_learn():
    y_true, proba, lesions = made_up(800)
    exact = proba.astype(np.float64)  # scikit-learn would sum in float32
    exact /= exact.sum(axis=1, keepdims=True)
    found = evaluate(y_true, exact, lesions, resamples=10)
    answer, malignant = proba.argmax(axis=1), np.isin(y_true, [MEL, BCC, AKIEC])
    wanted = {
        "accuracy": metrics.accuracy_score(y_true, answer),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_true, answer),
        "macro_f1": metrics.f1_score(y_true, answer, average="macro"),
        "macro_auc": np.mean([metrics.roc_auc_score(y_true == k, proba[:, k]) for k in range(7)]),
        "malignant_sensitivity": metrics.recall_score(
            malignant, np.isin(answer, [MEL, BCC, AKIEC])
        ),
        "malignant_specificity": metrics.recall_score(
            ~malignant, ~np.isin(answer, [MEL, BCC, AKIEC])
        ),
        "malignant_auc": metrics.roc_auc_score(malignant, malignant_proba(proba)),
        "brier": metrics.brier_score_loss(y_true, exact, labels=range(7)),
        "log_loss": metrics.log_loss(y_true, y_proba=exact, labels=range(7)),
    }
    assert {key: score.value for key, score in found.scores.items()} == pytest.approx(
        wanted, abs=1e-9
    )
    assert (
        found.confusion.tolist()
        == metrics.confusion_matrix(y_true, answer, labels=range(7)).tolist()
    )
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        y_true, answer, labels=range(7)
    )
    assert found.per_class.support.tolist() == support.tolist()
    for name, values in {"precision": precision, "recall": recall, "f1": f1}.items():
        assert found.per_class[name].to_numpy() == pytest.approx(values)


def test_auc_counts_ties_half_as_scikit_learn_does():
    y_true, proba, lesions = made_up(300)
    coarse = np.round(proba.astype(float) * 8 + 0.5)
    coarse /= coarse.sum(axis=1, keepdims=True)
    found = evaluate(y_true, coarse, lesions, resamples=2).per_class.auc
    assert found.tolist() == pytest.approx(
        [metrics.roc_auc_score(y_true == k, coarse[:, k]) for k in range(7)]
    )


def test_a_class_that_is_not_in_the_test_part_has_no_recall_and_does_not_enter_the_means():
    y_true = np.array([MEL, MEL, NV, NV])
    found = evaluate(y_true, sure([MEL, DF, NV, NV]), np.arange(4))
    df = found.per_class.loc["df"]
    assert df.support == 0
    assert df[["recall", "f1", "auc"]].isna().all()
    assert df.precision == 0.0  # named once, wrongly
    assert math.isnan(found.per_class.precision["bkl"])  # never named
    assert found.scores["balanced_accuracy"].value == 0.75
    assert found.scores["macro_f1"].value == pytest.approx((2 / 3 + 1) / 2)
    assert np.isfinite(found.scores["macro_auc"].value)


def test_a_score_that_cannot_be_computed_is_nan_without_interval():
    only_benign = evaluate(np.array([NV, NV, BKL]), sure([NV, NV, NV]), np.arange(3))
    assert all(math.isnan(x) for x in vars(only_benign.scores["malignant_sensitivity"]).values())
    assert math.isnan(only_benign.scores["malignant_auc"].value)
    assert only_benign.scores["malignant_specificity"].value == 1.0


def test_a_perfect_model_scores_one_throughout():
    y_true = np.arange(70) % 7
    found = evaluate(y_true, sure(y_true.tolist(), 0.99), np.arange(70))
    shares = [score for key, score in found.scores.items() if SCORES[key].higher_is_better]
    assert {(score.value, score.high) for score in shares} == {(1.0, 1.0)}
    # none is certain of 70 images
    assert all(0.8 < score.low < 0.96 for score in shares)
    brier, log_loss = found.scores["brier"], found.scores["log_loss"]
    assert brier.value == pytest.approx(0.01**2 * (1 + 1 / 6))
    # at most: half the score varies as a share of 70 lesions does
    assert (brier.low, brier.high) == pytest.approx(
        (0, 2 * wilson_high(brier.value / 2, 70)), abs=1e-6
    )
    # every image costs the same, and nothing says how much another could
    assert (log_loss.value, log_loss.has_width) == (pytest.approx(-math.log(0.99)), False)


# ------------------------------------------------------------------------------ intervals


def test_lesions_are_resampled_and_not_images():
    # 50 images of one lesion right, 50 of another wrong: a resample holds both, or one of them
    # twice
    y_true, answers = np.full(100, NV), [NV] * 50 + [MEL] * 50
    by_lesion = evaluate(y_true, sure(answers), np.repeat([0, 1], 50)).scores["accuracy"]
    by_image = evaluate(y_true, sure(answers), np.arange(100)).scores["accuracy"]
    assert (by_lesion.value, by_lesion.low, by_lesion.high) == (0.5, 0.0, 1.0)
    assert by_image.low == pytest.approx(0.4, abs=0.03)
    assert by_image.high == pytest.approx(0.6, abs=0.03)


def test_the_interval_of_an_accuracy_is_the_binomial_one_when_lesions_are_single():
    y_true, answers = np.full(1000, NV), [NV] * 750 + [MEL] * 250
    found = evaluate(y_true, sure(answers), np.arange(1000)).scores["accuracy"]
    assert found.low == pytest.approx(binom.ppf(0.025, 1000, 0.75) / 1000, abs=0.004)
    assert found.high == pytest.approx(binom.ppf(0.975, 1000, 0.75) / 1000, abs=0.004)


def macro_f1(y_true, answer):
    return metrics.f1_score(
        y_true, answer, labels=np.unique(y_true), average="macro", zero_division=0
    )


def recall(y_true, answer):
    """0, not an error, of a class that a draw has none of."""
    return metrics.recall_score(
        y_true, answer, labels=np.unique(y_true), average="macro", zero_division=0
    )


#: scikit-learn's, of labels and probabilities.
SLOW = {
    "accuracy": lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)),
    "balanced_accuracy": lambda y, p: recall(y, p.argmax(axis=1)),
    "macro_f1": lambda y, p: macro_f1(y, p.argmax(axis=1)),
    "malignant_sensitivity": lambda y, p: np.mean(p.argmax(axis=1)[y <= AKIEC] <= AKIEC),
    "malignant_specificity": lambda y, p: np.mean(p.argmax(axis=1)[y > AKIEC] > AKIEC),
    "brier": lambda y, p: ((p - np.eye(7)[y]) ** 2).sum(axis=1).mean(),
    "log_loss": lambda y, p: -np.log(p[np.arange(len(y)), y]).mean(),
    "malignant_auc": lambda y, p: metrics.roc_auc_score(y <= AKIEC, malignant_proba(p)),
}


@pytest.mark.parametrize("key", SLOW)
def test_intervals_are_those_of_a_slow_bootstrap_that_copies_images(key):
    """Those of shares bias-corrected, accelerated (Efron 1987), macro F1's expanded too (Hesterberg
    2015), others plain. What they hold was simulated: benchmarks/coverage.py.
    """
    y_true, proba, lesions = made_up(120)
    found = evaluate(y_true, proba, lesions, resamples=60, seed=5).scores[key]
    names = np.unique(lesions)
    images = [np.flatnonzero(lesions == name) for name in names]

    def of(lesions_drawn):
        rows = np.concatenate([images[j] for j in lesions_drawn])
        return SLOW[key](y_true[rows], proba[rows].astype(float))

    everyone = np.arange(len(names))
    drawn = np.array(
        [of(draw) for draw in np.random.default_rng(5).integers(0, len(names), (60, len(names)))]
    )
    value, wide = of(everyone), norm.ppf(0.975)
    shift = acceleration = 0.0
    if key not in ("brier", "log_loss", "malignant_auc"):
        left = np.array([of(np.delete(everyone, j)) for j in everyone])
        influence = left.mean() - left
        acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
        shift = norm.ppf(((drawn < value).mean() + (drawn <= value).mean()) / 2)
        assert acceleration != 0
    if key == "macro_f1":
        rarest = min(len(np.unique(lesions[y_true == k])) for k in np.unique(y_true))
        assert rarest > 1
        wide *= np.sqrt(rarest / (rarest - 1))
    ends = shift + np.array([-wide, wide])
    low, high = np.quantile(drawn, norm.cdf(shift + ends / (1 - acceleration * ends)))
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=1e-9)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    y_true, proba, lesions = made_up(200)
    first, again, other = (evaluate(y_true, proba, lesions, seed=seed).scores for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {k: v.value for k, v in first.items()} == {k: v.value for k, v in other.items()}


def test_lesions_may_have_any_names_and_images_any_order():
    y_true, proba, lesions = made_up(200)
    named = np.array([f"HAM_{number:07d}" for number in lesions])
    order = np.random.default_rng(3).permutation(200)
    plain = evaluate(y_true, proba, lesions)
    assert evaluate(y_true, proba, named).scores == plain.scores
    shuffled = evaluate(y_true[order], proba[order], lesions[order]).scores
    assert {k: v.low for k, v in shuffled.items()} == pytest.approx(
        {k: v.low for k, v in plain.scores.items()}
    )


def test_two_thousand_resamples_are_scored_a_block_at_a_time_and_never_image_by_image(monkeypatch):
    blocks = []

    def counted(y_true, proba, lesion, counts, keys):
        if len(keys) == len(SCORES):  # and macro F1 alone with each lesion left out
            blocks.append(len(counts))
        return score(y_true, proba, lesion, counts, keys)

    score = scores_module.scores_by_draw
    monkeypatch.setattr(scores_module, "scores_by_draw", counted)
    evaluate(*made_up(2000))
    assert blocks == [1] + [250] * 8  # the images as they are, then 2,000 draws of their lesions
    blocks.clear()
    evaluate(*made_up(20_000), resamples=250)
    assert blocks == [1, 100, 100, 50]  # of more images fewer at once, so that memory stays small


def test_shares_have_the_intervals_that_scores_have():
    y_true, proba, lesions = made_up(300)
    right = proba.argmax(axis=1) == y_true
    found = shares(
        {
            "all": (right, np.ones(300, bool)),
            "nv": (right, y_true == NV),
            "none": (right, y_true > 9),
        },
        lesions,
    )
    whole = evaluate(y_true, proba, lesions)
    assert found["all"] == whole.scores["accuracy"]
    assert found["nv"].value == pytest.approx(whole.per_class.loc["nv", "recall"])
    assert all(math.isnan(x) for x in vars(found["none"]).values())


def test_the_interval_of_a_proportion_is_wilsons():
    # 5 of 10: centre 1/2, half width z / sqrt(n + z²) / 2 with z = 1.96
    found = proportion(5, 10)
    half = 1.95996 / math.sqrt(10 + 1.95996**2) / 2
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.5, 0.5 - half, 0.5 + half), abs=1e-5
    )
    assert proportion(0, 12).high == pytest.approx(1.95996**2 / (12 + 1.95996**2), abs=1e-5)
    assert math.isnan(proportion(0, 0).value)
    assert percent(proportion(1, 1)) == "100 %"  # one image proves nothing


# --------------------------------------------------------- intervals where all draws agree


def wilson_low(n: float) -> float:
    """Of n of n, by hand: n / (n + z²)."""
    return n / (n + 1.959964**2)


def wilson_high(share: float, n: float) -> float:
    """The largest p of which this share of n is 1.96 standard errors away."""
    return brentq(lambda p: (share - p) ** 2 - 1.959964**2 * p * (1 - p) / n, share, 1)


def test_none_of_six_malignant_images_found_may_be_two_of_five():
    # six lesions, 0 found: 0 to z² / (6 + z²) = 39 %; six benign, all spared: from 61 %
    found = evaluate(
        np.array([MEL, BCC, AKIEC] * 2 + [NV] * 6), sure([NV] * 12), np.arange(12)
    ).scores
    assert percent(found["malignant_sensitivity"]) == "0 % (0 to 39)"
    assert percent(found["malignant_specificity"]) == "100 % (61 to 100)"
    assert found["malignant_sensitivity"].high == pytest.approx(1 - wilson_low(6), abs=1e-6)


@pytest.mark.parametrize("right", [True, False])
def test_of_one_lesion_there_is_no_interval_however_many_images_show_it(right):
    answers = sure([NV if right else MEL] * 5)
    found = evaluate(np.full(5, NV), answers, np.zeros(5))
    assert [
        percent(found.scores[key])
        for key in ("accuracy", "balanced_accuracy", "malignant_specificity")
    ] == ["100 %" if right else "0 %"] * 3
    assert all(math.isnan(score.low) and math.isnan(score.high) for score in found.scores.values())
    mixed = evaluate(np.full(3, NV), sure([NV, NV, MEL]), np.zeros(3)).scores["accuracy"]
    assert percent(mixed) == "67 %"
    record = evaluation_record(found)["scores"]["accuracy"]
    assert record == {"value": float(right), "low": None, "high": None}


def test_one_malignant_lesion_among_many_has_no_interval_and_the_others_keep_theirs():
    found = evaluate(
        np.array([MEL, MEL, *[NV] * 10]),
        sure([MEL, MEL, *[NV] * 8, MEL, MEL]),
        np.array([0, 0, *range(1, 11)]),
    ).scores
    assert percent(found["malignant_sensitivity"]) == "100 %"
    assert found["malignant_specificity"].has_width
    # 2 of 10 above or level with it; the draws, which know one malignant lesion, see far less
    assert found["malignant_auc"].low < 0.4
    assert found["malignant_auc"].high > 0.99


def test_images_of_few_lesions_count_as_so_many_lesions():
    # 12 images: of 12 lesions, of 3 with 4 each, of one with 10 and two with one: 144 / 102 = 1.41
    y_true, proba = np.full(12, NV), sure([NV] * 12)
    for lesions, n in (
        (np.arange(12), 12),
        (np.repeat([0, 1, 2], 4), 3),
        (np.array([0] * 10 + [1, 2]), 144 / 102),
    ):
        found = evaluate(y_true, proba, lesions).scores["accuracy"]
        assert (found.low, found.high) == (pytest.approx(wilson_low(n), abs=1e-6), 1.0)
        assert effective_lesions(lesions) == pytest.approx(n)


def test_lesions_that_are_all_half_right_have_an_interval_around_the_half():
    # four lesions, one of two images right in each: every draw gives 1/2
    found = evaluate(np.full(8, NV), sure([NV, MEL] * 4), np.repeat(np.arange(4), 2)).scores[
        "accuracy"
    ]
    half = 1.959964 / math.sqrt(4 + 1.959964**2) / 2
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.5, 0.5 - half, 0.5 + half), abs=1e-5
    )


def test_draws_that_differ_keep_the_bootstrap_also_where_they_are_few():
    found = evaluate(np.full(3, NV), sure([NV, NV, MEL]), np.arange(3)).scores["accuracy"]
    assert (found.low, found.high) == (0.0, 1.0)  # all wrong in 1 of 27 draws, all right in 8


def test_the_mean_of_recalls_that_are_all_one_is_as_unsure_as_they_are_together():
    # four mel and nine nv lesions, all right: 1 - sqrt(sum of (1 - low)²) / 2
    y_true = np.array([MEL] * 4 + [NV] * 9)
    found = evaluate(y_true, sure(y_true.tolist()), np.arange(13)).scores
    low = 1 - math.hypot(1 - wilson_low(4), 1 - wilson_low(9)) / 2
    assert found["balanced_accuracy"].low == pytest.approx(low, abs=1e-6)
    # F1 by s, the share of right ones among the images of the class or named it: 2 s / (1 + s)
    f1 = [2 * s / (1 + s) for s in (wilson_low(4), wilson_low(9))]
    assert found["macro_f1"].low == pytest.approx(
        1 - math.hypot(1 - f1[0], 1 - f1[1]) / 2, abs=1e-6
    )
    assert found["balanced_accuracy"].high == found["macro_f1"].high == 1.0


def test_a_class_that_is_never_right_has_an_f1_of_zero_with_an_interval():
    found = evaluate(np.array([MEL] * 3 + [BCC] * 3), sure([NV] * 6), np.arange(6)).scores
    upper = 1 - wilson_low(3)
    assert found["macro_f1"].value == found["macro_f1"].low == 0
    assert found["macro_f1"].high == pytest.approx(
        math.sqrt(2) / 2 * 2 * upper / (1 + upper), abs=1e-6
    )


def test_a_perfect_area_is_no_certainty():
    # one lesion a side: one pair, won; Wilson's 1 of 1
    assert area_interval(1.0, 1, 1).low == pytest.approx(wilson_low(1), abs=1e-6)
    assert area_interval(0.0, 1, 1).high == pytest.approx(1 - wilson_low(1), abs=1e-6)
    few, more, many = (area_interval(1.0, n, n) for n in (5, 10, 100))
    assert few.low < more.low < many.low < few.high == more.high == many.high == 1.0
    # the limit is where 1 is 1.96 standard errors away, by Hanley and McNeil
    q = few.low
    variance = q * (1 - q) * (1 + 4 * ((1 - q) / (2 - q) + q / (1 + q))) / 25
    assert (1 - q) / math.sqrt(variance) == pytest.approx(1.959964)
    y_true = np.array([MEL] * 5 + [NV] * 5)
    found = evaluate(y_true, sure(y_true.tolist()), np.arange(10)).scores
    assert (found["malignant_auc"].low, found["malignant_auc"].high) == pytest.approx(
        (few.low, 1.0)
    )
    # the mean of two
    assert found["macro_auc"].low == pytest.approx(1 - (1 - few.low) / math.sqrt(2))


def test_areas_of_ties_have_an_interval_around_the_half():
    found = evaluate(np.array([MEL, MEL, NV, NV]), sure([NV] * 4), np.arange(4)).scores[
        "malignant_auc"
    ]
    assert (found.value, found.low + found.high) == (0.5, pytest.approx(1.0))
    assert found.low < 0.2


def test_operating_points_and_shares_have_the_same_intervals():
    y_true, proba = np.array([MEL] * 6 + [NV] * 6), sure([MEL] * 6 + [NV] * 6)
    point = operating_point(y_true, proba, np.arange(12), 0.5)
    assert [percent(point.sensitivity), percent(point.specificity)] == ["100 % (61 to 100)"] * 2
    single = operating_point(y_true, proba, np.array([0] * 6 + [*range(1, 7)]), 0.5)
    assert [percent(single.sensitivity), percent(single.specificity)] == [
        "100 %",
        "100 % (61 to 100)",
    ]
    right = evaluate_recalls(Answers(y_true, proba, np.arange(12)))
    assert [percent(right[key]) for key in ("mel", "nv")] == ["100 % (61 to 100)"] * 2
    assert (
        right["balanced_accuracy"]
        == evaluate(y_true, proba, np.arange(12)).scores["balanced_accuracy"]
    )


def test_two_models_that_answer_alike_may_differ_as_far_as_none_of_n_allows():
    # other probabilities, the same answers on 20 lesions: |difference| up to z² / (20 + z²)
    y_true = np.array([MEL] * 8 + [NV] * 12)
    answers = [MEL] * 6 + [NV] * 14
    found = compare(y_true, sure(answers, 0.6), sure(answers, 0.8), np.arange(20))
    upper = 1 - wilson_low(20)
    assert (
        found["accuracy"].value,
        found["accuracy"].low,
        found["accuracy"].high,
    ) == pytest.approx((0, -upper, upper), abs=1e-6)
    assert found["malignant_sensitivity"].high == pytest.approx(1 - wilson_low(8), abs=1e-6)
    assert math.isnan(found["macro_f1"].low)
    assert math.isnan(found["malignant_auc"].low)
    one = compare(y_true, sure(answers, 0.6), sure(answers, 0.8), np.zeros(20))["accuracy"]
    assert format_difference("accuracy", one) == "0 points"


def test_a_model_that_is_right_where_the_other_never_is_differs_by_less_than_all():
    found = compare(np.full(10, NV), sure([NV] * 10), sure([MEL] * 10), np.arange(10))["accuracy"]
    # only ours right: 10 of 10; only theirs: 0 of 10; both limits are 1 - low away
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - math.sqrt(2) * (1 - wilson_low(10)), abs=1e-6)


def test_a_difference_of_two_sets_that_are_all_right_and_all_wrong_has_newcombes_interval():
    ours = Answers(np.full(8, NV), sure([NV] * 8), np.arange(8))
    theirs = Answers(np.full(5, NV), sure([MEL] * 5), 100 + np.arange(5))
    found = unpaired_difference(ours, theirs)
    low = 1 - math.hypot(1 - wilson_low(8), 1 - wilson_low(5))
    for key in ("accuracy", "balanced_accuracy", "nv"):
        assert (found[key].value, found[key].low, found[key].high) == pytest.approx(
            (1.0, low, 1.0), abs=1e-6
        )
    assert math.isnan(found["mel"].value)
    alone = unpaired_difference(ours, Answers(theirs.y_true, theirs.proba, np.zeros(5) + 100))
    assert (alone["nv"].value, math.isnan(alone["nv"].low)) == (1.0, True)


def test_a_recall_of_one_lesion_takes_the_interval_of_its_difference_away():
    # a mel lesion against ten, nv against nv: the draws of the ten say nothing of the one
    ours = Answers(np.array([MEL, *[NV] * 10]), sure([MEL, *[NV] * 10]), np.arange(11))
    theirs = Answers(
        np.array([MEL] * 10 + [NV] * 10), sure([MEL] * 5 + [NV] * 15), 100 + np.arange(20)
    )
    found = unpaired_difference(ours, theirs)
    assert (found["mel"].value, math.isnan(found["mel"].low)) == (0.5, True)
    assert found["nv"].has_width


@pytest.mark.parametrize("key", SCORES)
def test_no_interval_is_ever_without_width_or_beside_its_value(key):
    random = np.random.default_rng(1)
    for n in (1, 2, 3, 5, 9):
        for _ in range(6):
            y_true, answers = random.choice([MEL, NV, BKL], n), random.choice([MEL, NV], n)
            lesions = random.integers(0, n, n)
            score = evaluate(y_true, sure(answers.tolist()), lesions, resamples=60).scores[key]
            if math.isfinite(score.low):
                assert SCORES[key].low <= score.low <= score.value
                assert score.value <= score.high <= SCORES[key].high
                assert score.low < score.high


# ------------------------------------------------------------------------------ two models


def test_mcnemar_counts_the_images_that_only_one_names_right():
    y_true = np.full(20, NV)
    a = sure([NV] * 18 + [MEL] * 2)  # right: first 18
    b = sure([NV] * 10 + [MEL] * 8 + [NV, MEL])  # right: first 10 and the 19th
    found = mcnemar(y_true, a, b)
    assert (found.b, found.c) == (8, 1)
    assert found.p == pytest.approx(2 * (1 + 9) / 2**9)  # two-sided: 2 P(at most 1 of 9 heads)


def test_mcnemar_of_two_equal_models_finds_nothing():
    y_true, proba, _ = made_up(50)
    assert (mcnemar(y_true, proba, proba).b, mcnemar(y_true, proba, proba).p) == (0, 1.0)


def test_a_model_does_not_differ_from_itself():
    y_true, proba, lesions = made_up(200)
    assert set(compare(y_true, proba, proba, lesions).values()) == {
        Interval(0.0, math.nan, math.nan)
    }


def test_the_paired_difference_is_ours_minus_the_baseline_and_narrower_than_the_scores():
    y_true, proba, lesions = made_up(600)
    right = proba.argmax(axis=1) == y_true
    better = proba.copy()
    mended = np.flatnonzero(~right)[:30]
    better[mended] = sure(y_true[mended].tolist())
    difference = compare(y_true, better, proba, lesions)["accuracy"]
    assert difference.value == pytest.approx(30 / 600)
    assert 0 < difference.low < 0.05 < difference.high
    alone = evaluate(y_true, proba, lesions).scores["accuracy"]
    assert difference.high - difference.low < (alone.high - alone.low) / 1.5


# ------------------------------------------------------------- malignant against benign


def test_malignant_probability_is_the_sum_over_mel_bcc_and_akiec():
    assert malignant_proba(np.array([[0.1, 0.2, 0.3, 0.4, 0, 0, 0]])) == pytest.approx([0.6])


def test_the_threshold_finds_the_share_asked_for_and_no_more_than_needed():
    # malignant images at 0.1, 0.2 … 1.0; nine of ten lie at 0.2 or above
    scores = np.arange(1, 11) / 10
    proba = np.zeros((11, 7))
    proba[:10, MEL], proba[:10, NV] = scores, 1 - scores
    proba[10, NV] = 1  # one benign image
    y_true = np.array([MEL] * 10 + [NV])
    threshold = malignant_threshold(y_true, proba, 0.9)
    assert threshold == pytest.approx(0.2)
    point = operating_point(y_true, proba, np.arange(11), threshold)
    assert (point.sensitivity.value, point.specificity.value) == (0.9, 1.0)
    everything = operating_point(y_true, proba, np.arange(11), 0.0)
    assert (everything.sensitivity.value, everything.specificity.value) == (1.0, 0.0)


def test_an_operating_point_counts_what_is_missed_and_what_is_called_malignant_for_nothing():
    # malignant at 0.9, 0.6 and 0.2; benign at 0.7, 0.4, 0.1 and 0.1
    proba = np.zeros((7, 7))
    proba[:, MEL] = [0.9, 0.6, 0.2, 0.7, 0.4, 0.1, 0.1]
    proba[:, NV] = 1 - proba[:, MEL]
    y_true = np.array([MEL, BCC, AKIEC, NV, BKL, VASC, DF])
    point = operating_point(y_true, proba, np.arange(7), 0.3)
    assert (point.n_malignant, point.missed, point.n_benign, point.false_alarms) == (3, 1, 4, 2)
    assert (point.sensitivity.value, point.specificity.value) == (pytest.approx(2 / 3), 0.5)
    named = operating_point(y_true, proba, np.arange(7))
    assert (named.threshold, named.missed, named.false_alarms) == (None, 1, 1)


def test_by_the_class_named_sensitivity_and_specificity_are_those_of_the_scores():
    y_true, proba, lesions = made_up(400)
    point, found = operating_point(y_true, proba, lesions), evaluate(y_true, proba, lesions).scores
    assert (point.sensitivity, point.specificity) == (
        found["malignant_sensitivity"],
        found["malignant_specificity"],
    )


def test_the_roc_curve_passes_through_every_operating_point_and_its_area_is_the_auc():
    y_true, proba, lesions = made_up(400)
    curve = malignant_roc(y_true, proba)
    assert curve.iloc[0][["false_alarms", "sensitivity"]].tolist() == [0, 0]
    assert curve.iloc[-1][["false_alarms", "sensitivity"]].tolist() == [1, 1]
    threshold = malignant_threshold(y_true, proba, 0.8)
    point = operating_point(y_true, proba, lesions, threshold, resamples=2)
    # on a step of the curve
    cost, found = 1 - point.specificity.value + 1e-12, point.sensitivity.value
    assert curve[curve.false_alarms < cost - 2e-12].sensitivity.max() <= found
    assert found <= curve[curve.false_alarms <= cost].sensitivity.max()
    found = evaluate(y_true, proba, lesions, resamples=2)
    assert np.trapezoid(curve.sensitivity, curve.false_alarms) == pytest.approx(
        found.scores["malignant_auc"].value
    )
    of_class = class_roc(y_true, proba, BKL)
    assert np.trapezoid(of_class.sensitivity, of_class.false_alarms) == pytest.approx(
        found.per_class.loc["bkl", "auc"]
    )


def test_the_roc_curve_of_four_images_by_hand():
    # from high to low: positive, negative, positive, negative
    curve = roc(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert curve.false_alarms.tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize("positive", [True, False])
def test_where_one_side_has_no_image_there_is_no_roc_curve(positive):
    assert roc(np.full(3, positive), np.array([0.1, 0.2, 0.3])).empty


def test_a_threshold_needs_a_malignant_image():
    with pytest.raises(EvaluationError, match="No malignant image"):
        malignant_threshold(np.array([NV, NV]), sure([NV, NV]))


# ------------------------------------------------------------ calibration, prediction sets


def test_the_temperature_undoes_overconfidence():
    y_true, proba, _ = made_up(4000)
    logits = np.log(proba.astype(float))
    honest = fit_temperature(y_true, proba)
    sharpened = fit_temperature(y_true, with_temperature(proba, 1 / 3))
    assert sharpened == pytest.approx(3 * honest, rel=0.01)
    assert with_temperature(proba, 2.0) == pytest.approx(
        np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    )


def test_a_temperature_never_changes_the_answer_and_one_changes_nothing():
    _, proba, _ = made_up(100)
    assert with_temperature(proba, 1.0) == pytest.approx(proba, abs=1e-6)
    assert (with_temperature(proba, 5.0).argmax(axis=1) == proba.argmax(axis=1)).all()


def test_a_temperature_survives_probabilities_of_exactly_zero():
    proba = np.eye(7)[[MEL, NV, NV]]
    assert np.isfinite(with_temperature(proba, 2.0)).all()
    assert math.isfinite(fit_temperature(np.array([MEL, NV, MEL]), proba))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    # 0.7 sure and right in 50 of 100: gap 0.2; the same confidence everywhere is one bin
    answers = [NV] * 50 + [MEL] * 50
    table = reliability(np.full(100, NV), sure(answers))
    assert len(table) == 1
    assert (table.n[0], table.confidence[0], table.accuracy[0]) == (100, pytest.approx(0.7), 0.5)
    assert expected_calibration_error(np.full(100, NV), sure(answers)) == pytest.approx(0.2)


def test_calibration_error_of_two_bins_by_hand():
    # 50 at 0.6 of which 40 right (gap 0.2), 50 at 0.9 of which 45 right (gap 0)
    answers = [NV] * 40 + [MEL] * 10 + [NV] * 45 + [MEL] * 5
    proba = np.concatenate([sure(answers[:50], 0.6), sure(answers[50:], 0.9)])
    assert expected_calibration_error(np.full(100, NV), proba) == pytest.approx(0.1)


def test_a_calibrated_model_shows_some_calibration_error_by_chance():
    # 100 images at 0.5 in one bin: the mean distance of their accuracy from 0.5 is 0.05 sqrt(2
    # / pi)
    proba = np.zeros((100, 7))
    proba[:, [MEL, NV]] = 0.5
    by_chance = calibration_error_by_chance(reliability(np.full(100, NV), proba))
    assert by_chance == pytest.approx(0.05 * math.sqrt(2 / math.pi))
    drawn = np.random.default_rng(0).binomial(100, 0.5, 4000) / 100
    assert by_chance == pytest.approx(np.abs(drawn - 0.5).mean(), abs=0.002)
    assert calibration_error_by_chance(reliability(np.full(100, NV), np.eye(7)[[NV] * 100])) == 0


def test_bins_hold_equally_many_images_and_do_not_depend_on_their_order():
    y_true, proba, _ = made_up(1500)
    table = reliability(y_true, proba)
    assert table.n.tolist() == [100] * 15
    order = np.random.default_rng(1).permutation(1500)
    assert expected_calibration_error(y_true[order], proba[order]) == pytest.approx(
        expected_calibration_error(y_true, proba)
    )
    assert (
        (table.low < table.accuracy) & (table.accuracy <= table.high + 1e-12) & (table.high <= 1)
    ).all()


def test_the_conformal_threshold_is_the_score_of_the_right_rank():
    # true-class probabilities 0.1 … 0.9: ceil(10 x 0.8) = 8th smallest of the scores 0.1 … 0.9
    proba = np.zeros((9, 7))
    proba[:, MEL], proba[:, NV] = np.arange(1, 10) / 10, 1 - np.arange(1, 10) / 10
    y_true = np.full(9, MEL)
    assert conformal_threshold(y_true, proba, 0.8) == pytest.approx(0.8)
    assert conformal_threshold(y_true, proba, 0.9) == pytest.approx(0.9)
    assert conformal_threshold(y_true, proba, 0.95) == math.inf  # nine images cannot promise 95 %


def test_sets_hold_what_is_probable_enough_and_are_never_empty():
    proba = np.array([[0.5, 0.3, 0.2, 0, 0, 0, 0], [0.3, 0.25, 0.15, 0.1, 0.1, 0.05, 0.05]])
    assert [np.flatnonzero(row).tolist() for row in conformal_sets(proba, 0.7)] == [
        [MEL, BCC],
        [MEL],
    ]
    assert [np.flatnonzero(row).tolist() for row in conformal_sets(proba, 0.4)] == [[MEL], [MEL]]
    assert conformal_sets(proba, math.inf).all()


def test_sets_are_counted_by_size_and_by_class():
    # threshold 0.7 takes what has 0.3 or more; df is never in a set
    proba = np.array(
        [
            [0.5, 0.4, 0.1, 0, 0, 0, 0],
            [0.4, 0.3, 0.3, 0, 0, 0, 0],
            [0, 0, 0, 0.9, 0, 0, 0.1],
            [0, 0, 0, 0.8, 0, 0, 0.2],
        ]
    )
    found = prediction_sets(np.array([BCC, MEL, NV, DF]), proba, np.arange(4), 0.7)
    assert found.sizes.tolist() == [2, 1, 1, 0, 0, 0, 0]
    assert found.mean_size == pytest.approx((2 + 3 + 1 + 1) / 4)
    assert found.coverage.value == 0.75
    assert found.by_class["n"].tolist() == [1, 1, 0, 1, 0, 0, 1]
    assert found.by_class["covered"].tolist() == [1, 1, 0, 1, 0, 0, 0]
    assert (found.by_class.loc["bcc", "mean_size"], found.by_class.loc["df", "coverage"]) == (2, 0)
    assert math.isnan(found.by_class.loc["bkl", "coverage"])


def test_coverage_of_all_images_has_an_interval_over_lesions_and_that_of_a_class_wilsons():
    # 100 images, 90 covered; where 10 images show a lesion, one lesion of 10 is missed
    y_true = np.full(100, NV)
    proba = np.eye(7)[np.array([NV] * 90 + [BKL] * 10)]
    alone = prediction_sets(y_true, proba, np.arange(100), 0.5)
    together = prediction_sets(y_true, proba, np.repeat(np.arange(10), 10), 0.5)
    assert alone.coverage.value == together.coverage.value == 0.9
    # binomial
    assert (alone.coverage.low, alone.coverage.high) == pytest.approx((0.84, 0.95), abs=0.011)
    # 4 of 10 drawn, or none
    assert (together.coverage.low, together.coverage.high) == pytest.approx((0.6, 1.0))
    for found, wilson in ((alone, proportion(90, 100)), (together, proportion(9, 10))):
        assert found.by_class.loc["nv", ["coverage", "low", "high"]].tolist() == pytest.approx(
            [wilson.value, wilson.low, wilson.high]
        )


def test_sets_that_hold_every_true_class_are_not_sure_to_and_of_one_lesion_none_is():
    y_true = np.array([NV] * 6 + [MEL] * 3)
    found = prediction_sets(y_true, sure(y_true.tolist()), np.array([*range(6), 6, 6, 6]), 0.5)
    # 9 images, 9² / (6 + 3²)
    assert percent(found.coverage) == f"100 % ({100 * wilson_low(81 / 15):.0f} to 100)"
    assert found.by_class.loc["nv", "low"] == pytest.approx(wilson_low(6), abs=1e-6)
    assert math.isnan(found.by_class.loc["mel", "low"])


def test_sets_cover_nine_of_ten_images_they_have_not_seen():
    validation, test = made_up(3000, seed=1), made_up(3000, seed=2)
    found = calibrate(*validation[:2], *test[:2])
    assert found.coverage == pytest.approx(0.9, abs=0.02)
    assert 1 <= found.mean_set_size < 3
    assert found.ece_after < found.ece_before  # the made-up model is unsure of itself
    assert found.ece_after < 0.03


# ------------------------------------------------------------------------------ baselines


def test_the_majority_baseline_always_answers_the_training_parts_majority():
    proba = majority_proba(np.array([NV, NV, NV, MEL]), 5)
    assert proba.shape == (5, 7)
    assert proba[0].tolist() == [0.25, 0, 0, 0.75, 0, 0, 0]
    found = evaluate(np.array([NV, NV, NV, MEL, BKL]), proba, np.arange(5)).scores
    assert found["accuracy"].value == 0.6
    assert found["balanced_accuracy"].value == pytest.approx(1 / 3)
    assert found["macro_auc"].value == 0.5


def test_the_majority_answers_the_majority_of_training_also_where_the_test_part_has_another():
    counts = np.array([1, 0, 0, 9, 0, 0, 0])  # nv
    found = majority_baseline(counts, np.array([MEL] * 6 + [NV] * 2), np.arange(8)).scores
    assert majority_title(counts) == "Always melanocytic nevus (nv)"
    assert found["accuracy"].value == 0.25
    assert found["accuracy"].has_width
    assert majority_title(np.array([5, 4, 4, 4, 0, 0, 0])) == "Always melanoma (mel)"


def test_what_a_baseline_scores_by_construction_has_no_interval():
    # resamples of few images lack a class, which moves the mean of recalls but says nothing of it
    found = majority_baseline(np.eye(7)[NV] * 9, np.array([MEL, MEL, BKL, NV]), np.arange(4)).scores
    written = {key: format_score(key, score) for key, score in found.items()}
    assert written == written | {
        "balanced_accuracy": "33 %",
        "macro_auc": "0.50",
        "malignant_sensitivity": "0 %",
        "malignant_specificity": "100 %",
        "malignant_auc": "0.50",
    }
    assert written["accuracy"].startswith("25 % (0 to ")


def test_logistic_regression_tells_dark_images_from_light_ones():
    random = np.random.default_rng(0)
    labels = np.array([MEL, NV] * 20)
    images = random.integers(0, 60, (40, 28, 28, 3)) + (labels == NV)[:, None, None, None] * 120
    proba = logistic_regression_proba(
        images[:30].astype(np.uint8), labels[:30], images[30:].astype(np.uint8)
    )
    assert proba.argmax(axis=1).tolist() == labels[30:].tolist()
    assert proba[:, [BCC, AKIEC, BKL, VASC, DF]].max() == 0
    assert proba.sum(axis=1) == pytest.approx(1)


def test_logistic_regression_on_one_class_always_answers_it():
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 3), np.uint8)
    proba = logistic_regression_proba(images[:3], np.full(3, NV), images[3:])
    assert proba.tolist() == [[0, 0, 0, 1, 0, 0, 0]] * 2


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((3, 28, 28, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), np.uint8),
    ],
    ids=["all the same", "three only"],
)
def test_logistic_regression_survives_what_it_cannot_learn_from(images):
    proba = logistic_regression_proba(images, np.array([NV, NV, DF]), images)
    assert proba.sum(axis=1) == pytest.approx(1)
    assert proba[:, [MEL, BCC, AKIEC, BKL, VASC]].max() == 0


def test_logistic_regression_that_does_not_converge_is_a_baseline_without_a_warning(monkeypatch):
    monkeypatch.setattr(baselines_module, "ITERATIONS", 1)
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 3), np.uint8)
    proba = logistic_regression_proba(images, np.arange(40) % 7, images)
    assert proba.sum(axis=1) == pytest.approx(1)


def test_many_images_are_reduced_in_blocks_to_the_same_answers(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28, 3), np.uint8)
    at_once = logistic_regression_proba(images, np.arange(30) % 7, images)
    monkeypatch.setattr(baselines_module, "BLOCK", 7)
    assert logistic_regression_proba(images, np.arange(30) % 7, images) == pytest.approx(
        at_once, abs=1e-4
    )


# ----------------------------------------------------------------------- words and JSON


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.7512, 0.7321, 0.7698), "75.1 % (73.2 to 77.0)"),
        (Interval(0.7512, 0.70, 0.7999), "75.1 % (70.0 to 80.0)"),  # just under 10 points
        (Interval(0.5234, 0.4623, 0.5801), "52 % (46 to 58)"),  # wider: a decimal would pretend
        (Interval(0.0, 0.0, 0.3903), "0 % (0 to 39)"),
        (Interval(1.0, 0.95, 1.0), "100.0 % (95.0 to 100.0)"),
        (Interval(1.0, 1.0, 1.0), "100 %"),  # an older version's: no interval, and no certainty
        (Interval(0.071, 0.071, 0.071), "7 %"),
        (Interval(1 / 7, math.nan, math.nan), "14 %"),
        (Interval(0.5, math.nan, math.nan), "50 %"),
        (Interval(math.nan, math.nan, math.nan), "–"),
    ],
)
def test_a_percentage_shows_no_digit_that_its_interval_does_not_support(
    interval: Interval, text: str
):
    assert percent(interval) == text


def test_areas_and_differences_are_written_in_their_own_units():
    assert decimal(Interval(0.9204, 0.9051, 0.9338)) == "0.920 (0.905 to 0.934)"
    assert decimal(Interval(0.9204, 0.80, 0.98)) == "0.92 (0.80 to 0.98)"
    assert format_score("accuracy", Interval(0.5, 0.48, 0.52)) == "50.0 % (48.0 to 52.0)"
    assert format_score("macro_auc", Interval(0.5, 0.48, 0.52)) == "0.500 (0.480 to 0.520)"
    assert (
        format_difference("accuracy", Interval(0.013, -0.004, 0.031))
        == "+1.3 points (−0.4 to +3.1)"
    )
    assert (
        format_difference("macro_auc", Interval(-0.012, -0.028, 0.0)) == "−0.012 (−0.028 to 0.000)"
    )
    assert format_difference("macro_f1", Interval(0.10, 0.02, 0.19)) == "+10 points (+2 to +19)"
    assert decimal(Interval(1.0, 0.74, 1.0)) == "1.00 (0.74 to 1.00)"


def test_without_an_interval_a_number_has_no_digit_to_spare():
    assert decimal(Interval(0.5, math.nan, math.nan)) == decimal(Interval(0.5, 0.5, 0.5)) == "0.50"
    assert format_difference("accuracy", Interval(0.0, math.nan, math.nan)) == "0 points"
    assert format_difference("accuracy", Interval(-0.125, math.nan, math.nan)) == "−12 points"
    assert format_difference("macro_auc", Interval(0.0, 0.0, 0.0)) == "0.00"
    assert format_score("malignant_auc", Interval(math.nan, math.nan, math.nan)) == "–"


@pytest.mark.parametrize(
    ("p", "words"), [(0.0004, "< 0.001"), (0.0123, "= 0.012"), (0.5, "= 0.50"), (1.0, "= 1.00")]
)
def test_p_values_are_written_with_the_digits_that_matter(p, words):
    assert p_value(p) == words


def test_the_record_is_json():
    found = evaluate(np.array([NV, NV, BKL]), sure([NV, NV, NV]), np.arange(3))
    record = json.loads(json.dumps(evaluation_record(found), allow_nan=False))
    assert (record["n_images"], record["n_lesions"]) == (3, 3)
    assert set(record["scores"]) == set(SCORES)
    assert record["scores"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert record["scores"]["malignant_sensitivity"] == {"value": None, "low": None, "high": None}
    assert record["per_class"]["nv"]["support"] == 2
    assert list(record["per_class"]) == list(CODES)
    assert record["confusion"][NV][NV] == 2


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("y_true", "proba", "lesions", "why"),
    [
        ([NV, NV], sure([NV]), [0, 1], "the same n"),
        ([NV], np.full((1, 6), 1 / 6), [0], "with the same n"),
        ([], np.zeros((0, 7)), [], "no image"),
        ([7], sure([NV]), [0], "from 0 to 6"),
        ([-1], sure([NV]), [0], "from 0 to 6"),
        ([0.5], sure([NV]), [0], "whole numbers"),
        ([NV, NV], np.vstack([sure([NV]), np.full((1, 7), np.nan)]), [0, 1], "row 1 holds"),
        (
            [NV, NV],
            np.vstack([sure([NV]), sure([NV]) * 2]),
            [0, 1],
            "row 1 is no probability distribution",
        ),
        ([NV], np.array([[1.5, -0.5, 0, 0, 0, 0, 0]]), [0], "row 0 is no probability distribution"),
        ([NV, NV], sure([NV, NV]), [0], "one lesion"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_reason(y_true, proba, lesions, why):
    with pytest.raises(EvaluationError, match=why):
        evaluate(np.array(y_true), proba, np.array(lesions))


def test_rounding_in_float16_is_not_taken_for_an_error():
    y_true, proba, lesions = made_up(50)
    evaluate(y_true, proba.astype(np.float16), lesions, resamples=2)


# ------------------------------------------------------------------- a score of one's own


def cohens_kappa(draws) -> np.ndarray:
    """Agreement beyond chance (Cohen, Educational and Psychological Measurement 20:37, 1960)."""
    n = draws.support.sum(axis=1)
    by_chance = (draws.support * draws.predicted).sum(axis=1) / n**2
    return ratio(draws.correct.sum(axis=1) / n - by_chance, 1 - by_chance)


def test_a_score_that_is_declared_is_computed_compared_and_written(monkeypatch):
    """What CONTRIBUTING.md says of a metric: one entry, and it is everywhere."""
    from ham.evaluation import Score

    stored_before = EvaluationRecord.of(
        evaluate(np.array([NV, BKL]), sure([NV, NV]), np.arange(2), resamples=50)
    )
    monkeypatch.setitem(
        SCORES,
        "kappa",
        Score("Cohen's kappa", "Agreement beyond chance.", False, cohens_kappa, low=-1.0),
    )
    assert "kappa" not in stored_before.to_scores()
    y_true = np.array([0, 0, 3, 3, 3, 3, 3, 3])
    answers = np.array([0, 3, 3, 3, 3, 3, 3, 0])
    proba = np.eye(7)[answers]
    found = evaluate(y_true, proba, np.arange(8))
    # 6 of 8 agree; by chance 2 * 2 + 6 * 6 of 64 would: (0.75 - 0.625) / 0.375
    assert found.scores["kappa"].value == pytest.approx(1 / 3)
    assert found.scores["kappa"].low < 1 / 3 < found.scores["kappa"].high
    assert EvaluationRecord.of(found).to_scores()["kappa"] == found.scores["kappa"]
    assert format_score("kappa", found.scores["kappa"]).startswith("0.33")
    assert compare(y_true, np.eye(7)[y_true], proba, np.arange(8))["kappa"].value == pytest.approx(
        2 / 3
    )
    perfect = evaluate(y_true, np.eye(7)[y_true], np.arange(8)).scores["kappa"]
    # it declares no interval for where all draws agree
    assert (perfect.value, perfect.has_width) == (1, False)
