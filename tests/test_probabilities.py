"""What the probabilities are worth on the Comparison page, in charts, words, tables and JSON."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from ham import charts, report, store
from ham.charts import decisions
from ham.charts.proper import class_calibration, score_parts
from ham.config import CLASSES, CODES
from ham.engine import Engine
from ham.evaluation import (
    SIDE_COSTS,
    Alarm,
    Interval,
    Selective,
    class_costs,
    malignant_proba,
)
from ham.report import BY_CLASS, MALIGNANT_SIDE, Comparison, RunName, RunReport, probabilities
from tests.page_driver import comparison_part, said
from tests.test_pages_comparison import alternatives, finished_run, open_page

MALIGNANT = [0, 1, 2]


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture
def two() -> list[store.Run]:
    return [
        finished_run(1.0, model="cnn"),
        finished_run(3.0, created=1.7e9 + 60, model="lstm"),
    ]


@pytest.fixture
def compared(two) -> Comparison:
    names = report.run_names(two, {run.id: run.title for run in two})
    return Comparison(names, [RunReport(run) for run in two])


@pytest.fixture
def published() -> list[store.Run]:
    """Nothing could be chosen: their validation part is their test part."""
    return [
        finished_run(skill, created=1.7e9 + skill, model=model, split="published")
        for skill, model in ((1.0, "cnn"), (3.0, "lstm"))
    ]


def tab(page: AppTest, title: str) -> str:
    words = said(comparison_part(page, title))
    assert all(alternatives(page))
    return words


# ----------------------------------------------------------------------------- the page


def test_every_new_tab_shows_the_numbers_of_what_was_chosen(two, compared):
    page, first = open_page(*two), compared.first
    test = first.test
    proba = test.proba.astype(float)
    proba /= proba.sum(axis=1, keepdims=True)
    page.session_state["comparison_proper"] = "log_loss"
    page.session_state["comparison_costs_between"] = "classes"
    page.session_state["comparison_decision_threshold"] = 50
    page.session_state["comparison_alarm_way"] = BY_CLASS
    page.session_state["comparison_prevalence"] = 50
    page.session_state["comparison_risk"] = 20
    page.session_state["comparison_set_aim"] = "class"

    loss = metrics.log_loss(test.y_true, y_proba=proba, labels=range(7))
    assert f"log loss {loss:.3f}. Miscalibration" in tab(page, "Proper scores")

    confusion = metrics.confusion_matrix(
        test.y_true, proba.argmax(axis=1), labels=range(7), normalize="all"
    )
    words = tab(page, "Expected cost")
    assert f"the predicted class costs {(confusion * class_costs()).sum():.2f}" in words
    assert "Without a model: always nv" in words

    assert tab(page, "Decision curve").count("net benefit") >= 2
    assert (
        f"{compared.names[0]} at 50 %: {first.net_benefit['net_benefit'].iloc[-1]:.3f}"
        in (alternatives(page)[-1])
    )

    words, right = tab(page, "Predictive values"), first.alarm(MALIGNANT_SIDE).right(0.5)
    assert "At a prevalence of 50 %:" in words
    assert f"of 100 alarms about {100 * right.value:.0f} (" in words

    assert "chosen on validation for at most 20 % wrong" in tab(page, "Answers left out")
    assert "classes on average instead of" in tab(page, "Prediction sets")


def test_where_nothing_could_be_chosen_each_tab_says_so_and_shows_the_rest(published):
    page = open_page(*published)
    why = "so no image is left to choose a temperature"
    for title, drawn in {
        "Proper scores": 1,
        "Expected cost": 1,
        "Decision curve": 0,
        "Answers left out": 0,
        "Predictive values": 0,
    }.items():
        words = tab(page, title)
        assert why in words or "nothing was left to choose a threshold on" in words, title
        assert len(alternatives(page)) - 1 == drawn
    assert "decision of the least expected cost" not in tab(page, "Expected cost")
    page.session_state["comparison_alarm_way"] = BY_CLASS  # which no choice is needed for
    assert "At a prevalence of 1 %:" in tab(page, "Predictive values")


# ------------------------------------------------------------------------------- one run


def test_alarms_are_judged_at_the_threshold_that_validation_chose(compared):
    one = compared.first
    found = one.alarm(MALIGNANT_SIDE, "0.9")
    threshold = one.operating_points["0.9"].threshold
    called = malignant_proba(one.test.proba) >= threshold
    sick = np.isin(one.test.y_true, MALIGNANT)
    assert found.sensitivity.value == metrics.recall_score(sick, called)
    assert found.specificity.value == pytest.approx(
        metrics.recall_score(sick, called, pos_label=False)
    )
    assert found == one.alarm(MALIGNANT_SIDE, "0.9")
    named = one.alarm("mel")
    assert named.n_positive == (one.test.y_true == 0).sum()
    assert named.right(named.share).value == pytest.approx(
        metrics.precision_score(one.test.y_true == 0, one.test.proba.argmax(axis=1) == 0)
    )


def test_least_expected_cost_is_decided_by_the_calibrated_probabilities(compared):
    one = compared.first
    found = one.expected_costs(SIDE_COSTS)
    acts = malignant_proba(one.calibrated) * 10 > 1 - malignant_proba(one.calibrated)
    sick = np.isin(one.test.y_true, MALIGNANT)
    assert found["Least expected cost"].value == pytest.approx(
        np.where(sick, 10 * ~acts, acts).mean()
    )
    assert found["Always benign"].value == pytest.approx(10 * sick.mean())


def test_a_class_with_too_few_validation_images_is_in_every_set_and_that_is_said(compared):
    one = compared.first
    found = one.class_sets
    assert found.always  # of 210 images some classes have fewer than nine
    for code in found.always:
        assert found.n_validation[code] < 9
        assert f"{code} ({found.n_validation[code]})" in probabilities.class_sets_in_words(
            found, one.sets
        )
        assert found.sets.by_class.loc[code, "coverage"] == 1
    table = probabilities.class_set_table({A: found}, {A: one.sets})
    assert table.loc["Mean set size, aimed at all images", str(A)] == f"{one.sets.mean_size:.2f}"
    assert float(table.loc["Mean set size", str(A)]) > one.sets.mean_size


def test_the_json_of_a_run_has_them_all(compared):
    name = compared.names[0]
    found = report.report_record(compared.first, name)
    brier = found["decomposition"]["before"]["brier"]
    assert brier["miscalibration"] - brier["discrimination"] + brier["uncertainty"] == (
        pytest.approx(found["scores"]["brier"]["value"], abs=1e-7)
    )
    assert set(found["predictive_values"]) == {"prevalence", "malignant", "mel"}
    assert set(found["average_precision"]) == {"malignant", *CODES}
    assert found["decision_curve"]["curve"][9]["threshold"] == pytest.approx(0.1)
    assert found["answers_left_out"]["aurc"] > found["answers_left_out"]["best_aurc"]
    assert list(found["prediction_sets"]["class_conditional"]["thresholds"]) == list(CODES)


def test_the_json_of_a_run_without_a_temperature_has_nulls(published):
    found = report.report_record(RunReport(published[0]), RunName("", "one"))
    assert found["decision_curve"] is found["answers_left_out"] is None
    assert list(found["decomposition"]) == ["before"]
    assert "Least expected cost" not in found["expected_cost"]["by_decision"]


# -------------------------------------------------------------------------------- words

A, B = RunName("A", "one"), RunName("B", "two")


def alarm(right: Interval) -> Alarm:
    half = Interval(0.9, 0.8, 0.95)
    return Alarm(half, half, right, half, 10, 90)


@pytest.mark.parametrize(
    ("right", "prevalence", "words"),
    [
        (Interval(0.9, 0.85, 0.95), 0.01, "of 100 alarms about 8 (5 to 16) are right"),
        (Interval(0.6, 0.58, 0.62), 0.01, "of 1,000 alarms about 15 (14 to 16) are right"),
        (Interval(0.5, math.nan, math.nan), 0.5, "of 100 alarms about 50 are right"),
        (Interval(math.nan, math.nan, math.nan), 0.5, "raises no alarm"),
    ],
)
def test_an_alarm_is_told_in_whole_numbers_that_the_interval_bears(right, prevalence, words):
    assert words in probabilities.alarm_in_words(alarm(right), prevalence)


@pytest.mark.parametrize(
    ("model", "everyone", "words"),
    [
        (Interval(0.15, 0.12, 0.18), Interval(0.10, 0.07, 0.13), "5.0 more malignant ones"),
        (Interval(0.05, 0.02, 0.08), Interval(0.10, 0.07, 0.13), "less than acting on every"),
        (Interval(0.01, -0.02, 0.04), Interval(-0.5, -0.6, -0.4), "does not tell from acting on n"),
    ],
)
def test_net_benefit_is_told_against_the_better_of_all_and_none(model, everyone, words):
    more = model.value - everyone.value
    found = {
        "model": model,
        "treat_all": everyone,
        "model minus treat_all": Interval(more, more - 0.02, more + 0.02),
    }
    assert words in probabilities.net_benefit_in_words(found, 0.1)


def test_costs_are_told_as_less_more_or_chance():
    one = Interval(0.5, 0.4, 0.6)
    for low, high, words in ((-0.3, -0.1, "0.20 (0.10 to 0.30) less"), (0.1, 0.3, "more"),
                             (-0.1, 0.1, "chance can explain")):  # fmt: skip
        difference = Interval((low + high) / 2 or 1e-3, low, high)
        found = {"Predicted class": one, "Least expected cost": one,
                 "Least expected cost minus Predicted class": difference}  # fmt: skip
        assert words in probabilities.costs_in_words(found)


def test_where_no_confidence_is_enough_nothing_is_answered():
    none = Interval(math.nan, math.nan, math.nan)
    found = Selective(math.inf, Interval(0.0, 0.0, 0.0), none, Interval(0.0, 0.0, 0.0), 0, 0)
    assert "nothing would be answered" in probabilities.selective_in_words(found, 0.01, 0.3)


# ------------------------------------------------------------------------------- charts


@pytest.mark.parametrize("dark", [False, True])
def test_each_chart_has_its_finding_and_its_words(compared, dark):
    runs = compared.reports
    parts = {name: one.decompositions for name, one in runs.items()}
    figure = score_parts(parts, "brier", dark)
    best = min(parts, key=lambda name: parts[name]["before"]["brier"].score)
    assert f"Brier score is lowest for {best.short}" in figure.layout.title.text
    marks = [trace for trace in figure.data if trace.mode == "markers+lines"]
    assert [trace.marker.symbol[0].endswith("-open") for trace in marks] == [True, True]

    support = compared.first.evaluation.per_class["support"]
    tables = {name: one.class_reliability(3, "after") for name, one in runs.items()}
    small = class_calibration(CLASSES[3], tables, int(support["nv"]), dark)
    assert "Calibration of Melanocytic nevus (nv)" in charts.alt_text(small)

    areas = {name: one.average_precision["nv"] for name, one in runs.items()}
    curves = {name: one.precision_recall("nv") for name, one in runs.items()}
    figure = decisions.precision_recall_curves(CLASSES[3], curves, areas, 0.6, dark)
    assert f"{max(areas.values()):.2f}" in figure.layout.title.text

    costs = {name: one.expected_costs(SIDE_COSTS) for name, one in runs.items()}
    figure = decisions.cost_dots(costs, dark)
    assert figure.layout.yaxis.ticktext[-2:] == ("Always malignant", "Always benign")
    assert len(figure.data) == 4  # two runs, and once what is the same for both

    benefits = {name: one.net_benefit for name, one in runs.items()}
    figure = decisions.decision_curves(benefits, 0.1, dark)
    assert "10 %" in figure.layout.title.text

    alarms = {name: one.alarm(MALIGNANT_SIDE) for name, one in runs.items()}
    figure = decisions.predictive_curves(alarms, 0.01, dark)
    assert "At 1 % prevalence" in figure.layout.title.text

    curves = {name: one.risk_coverage for name, one in runs.items()}
    marks = {name: one.answering_above(0.1) for name, one in runs.items()}
    figure = decisions.risk_coverage_curves(curves, marks, 0.1, dark)
    assert "At 10 % wrong aimed at" in figure.layout.title.text
    assert charts.alt_text(figure)


def test_without_a_malignant_image_no_alarm_is_judged_and_no_axis_is_empty():
    y_true = np.full(20, CODES.index("nv"))
    proba = np.random.default_rng(0).dirichlet(np.ones(7), 20).astype(np.float32)
    names = np.array([f"x{i}" for i in range(20)])
    benign = store.Predictions(names, np.arange(20), y_true, proba)
    one = RunReport(finished_run(1.0), benign)
    assert one.alarm(MALIGNANT_SIDE) is None
    assert math.isnan(one.average_precision["mel"])
    low, high = decisions.decision_curves({A: one.net_benefit}, 0.1).layout.yaxis.range
    assert low < 0 < high
    empty = decisions.precision_recall_curves(CLASSES[0], {A: one.precision_recall("mel")},
                                              {A: math.nan}, 0.0)  # fmt: skip
    assert empty.layout.annotations[-1].text == "No test image of this class"
    assert one.expected_costs(SIDE_COSTS)["Always benign"].value == 0
    document = report.report_record(one, A)
    assert document["predictive_values"] == {"prevalence": 0.01, "malignant": {}, "mel": {}}
