"""What a run's answers are worth, several side by side, in tables, sentences, JSON and CSV."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from ham import report, store
from ham.config import CLASS_INDEX, CODES, MODEL_TITLES, StoreError, TrainConfig
from ham.evaluation import (
    LISTED,
    LOGISTIC_REGRESSION,
    SCORES,
    Interval,
    OperatingPoint,
    evaluate,
    evaluation_record,
    prediction_sets,
    proportion,
)
from ham.report import Calibrated, Comparison, NotComparable, RunName, RunReport
from ham.store import Predictions, Run
from tests.run_factory import DATA, EVALUATION, finished_run, history_row, waiting_run

LABELS = np.tile(np.arange(len(CODES)), 10)
A, B = RunName("A", "one"), RunName("B", "two")


def answers(predicted: np.ndarray, y_true: np.ndarray = LABELS, sure: float = 0.76) -> Predictions:
    """Images V0, V1 ... of a lesion each; `sure` for the predicted class, the rest shared out."""
    proba = np.full((len(y_true), len(CODES)), (1 - sure) / (len(CODES) - 1), np.float32)
    proba[np.arange(len(y_true)), predicted] = sure
    names = np.array([f"V{i}" for i in range(len(y_true))])
    return Predictions(names, np.arange(len(y_true)), np.asarray(y_true), proba)


def make_run(
    test: Predictions,
    validation: Predictions | None = None,
    seed: int = 0,
    fingerprint: str = "t",
    **record: object,
) -> Run:
    counts = {code: 20 if code == "nv" else 10 for code in CODES}
    split = {"test_fingerprint": fingerprint, "train_counts": counts}
    return finished_run(
        TrainConfig(seed=seed),
        test,
        validation=validation or answers(LABELS),
        split=split,
        **record,
    )


def wrong_in(n: int) -> np.ndarray:
    """Predicted classes of which the first n are wrong."""
    predicted = LABELS.copy()
    predicted[:n] = (predicted[:n] + 1) % len(CODES)
    return predicted


@pytest.fixture
def two() -> Comparison:
    """One that errs in 14 of 70 images, one that never does."""
    reports = [
        RunReport(make_run(answers(wrong_in(14)))),
        RunReport(make_run(answers(LABELS), seed=1)),
    ]
    return Comparison([A, B], reports)


# ------------------------------------------------------------------------- one run


def test_a_report_reads_nothing_before_it_is_asked_and_then_once(monkeypatch) -> None:
    run, asked, read = make_run(answers(LABELS)), [], store.read_predictions

    def reading(run: Run) -> dict[str, Predictions]:
        asked.append(run.id)
        return read(run)

    monkeypatch.setattr(store, "read_predictions", reading)
    found = RunReport(run)
    assert asked == []
    assert found.evaluation.scores["accuracy"].value == 1.0
    assert found.sets.mean_size >= 1
    assert found.evaluation is found.evaluation
    assert asked == [run.id]


def test_the_stored_evaluation_is_taken_where_it_has_every_score() -> None:
    other = answers(
        wrong_in(35)
    )  # not what the predictions give, so that it shows where they come from
    stored = evaluation_record(evaluate(other.y_true, other.proba, other.lesion))
    assert RunReport(make_run(answers(LABELS), evaluation=stored)).evaluation.scores[
        "accuracy"
    ].value == pytest.approx(0.5)


@pytest.mark.parametrize("way", [None, "percentiles of images"])
def test_an_evaluation_whose_intervals_were_found_in_another_way_is_made_anew(way) -> None:
    part = answers(wrong_in(7))
    found = evaluate(part.y_true, part.proba, part.lesion)
    stored = evaluation_record(found)
    stored["scores"]["accuracy"]["low"] = 0.0
    stored["intervals"] = way
    if way is None:  # as versions before 2026-11-26 wrote it
        del stored["intervals"]
    made = make_run(part, evaluation=stored)
    assert RunReport(made).evaluation.scores["accuracy"] == found.scores["accuracy"]


@pytest.mark.parametrize("lost", [key for key in SCORES if key not in LISTED])
def test_a_stored_evaluation_without_a_newer_score_is_computed_again(lost: str) -> None:
    part = answers(wrong_in(7))
    stored = evaluation_record(evaluate(part.y_true, part.proba, part.lesion))
    del stored["scores"][lost]
    found = RunReport(make_run(part, evaluation=stored)).evaluation
    assert list(found.scores) == list(SCORES)
    assert found.scores["accuracy"].value == pytest.approx(0.9)


def test_a_stored_score_out_of_its_range_is_computed_again() -> None:
    part = answers(wrong_in(7))
    stored = evaluation_record(evaluate(part.y_true, part.proba, part.lesion))
    stored["scores"]["macro_auc"]["value"] = 1.5
    found = RunReport(make_run(part, evaluation=stored)).evaluation
    assert found.scores["macro_auc"].value == pytest.approx(
        evaluate(part.y_true, part.proba, part.lesion).scores["macro_auc"].value
    )


def test_a_baseline_without_a_newer_score_has_no_number_there() -> None:
    part = answers(LABELS)
    stored = evaluation_record(evaluate(part.y_true, part.proba, part.lesion))
    del stored["scores"]["macro_f1"]
    made = make_run(part, floors={"logistic_regression": stored})
    both = Comparison([A], [RunReport(made)])
    column = report.score_table(both)[LOGISTIC_REGRESSION]
    assert (column["Macro F1"], column["Accuracy"][:3]) == ("–", "100")


def test_damaged_and_missing_predictions_are_a_store_error() -> None:
    run = make_run(answers(LABELS))
    path = run.folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="damaged"):
        RunReport(run).read()
    with pytest.raises(StoreError, match="damaged"):
        _ = RunReport(run).calibration
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        _ = RunReport(run).sets


def test_other_images_are_judged_with_what_validation_chose() -> None:
    run = make_run(answers(LABELS))
    other = answers(
        np.full(4, CLASS_INDEX["mel"]),
        np.array([CLASS_INDEX[c] for c in ("mel", "nv", "nv", "df")]),
    )
    found = RunReport(run, other)
    assert (RunReport(run).own_test, found.own_test) == (True, False)
    assert found.evaluation.n_images == 4
    assert found.evaluation.scores["accuracy"].value == 0.25
    assert (
        found.operating_points["0.9"].threshold == RunReport(run).operating_points["0.9"].threshold
    )
    assert found.calibration.summary.temperature == RunReport(run).calibration.summary.temperature


def test_operating_points_by_the_predicted_class_and_by_what_validation_can_choose() -> None:
    found = RunReport(make_run(answers(wrong_in(14)))).operating_points
    assert list(found) == ["predicted_class", "0.8", "0.9", "0.95"]
    assert found["predicted_class"].threshold is None
    assert (found["0.9"].n_malignant, found["0.9"].n_benign) == (30, 40)
    benign = answers(np.full(20, CLASS_INDEX["nv"]), np.full(20, CLASS_INDEX["nv"]))
    assert list(RunReport(make_run(answers(LABELS), benign)).operating_points) == [
        "predicted_class"
    ]


def test_baselines_are_the_training_parts_most_frequent_class_and_the_logistic_regression() -> None:
    part = answers(LABELS)
    stored = evaluation_record(evaluate(part.y_true, part.proba, part.lesion))
    run = make_run(part, floors={"logistic_regression": stored})
    found = RunReport(run).baselines
    assert list(found) == ["Always melanocytic nevus (nv)", LOGISTIC_REGRESSION]
    assert found["Always melanocytic nevus (nv)"].scores["accuracy"].value == pytest.approx(1 / 7)
    assert list(RunReport(run, part).baselines) == ["Always melanocytic nevus (nv)"]
    assert list(RunReport(make_run(part)).baselines) == ["Always melanocytic nevus (nv)"]


def test_roc_curves_of_malignant_and_of_a_class() -> None:
    found = RunReport(make_run(answers(LABELS)))
    assert not found.roc().equals(found.roc(CLASS_INDEX["nv"]))
    assert found.roc() is found.roc()


def test_shares_of_the_others_and_of_its_own_that_are_predicted_as_a_class() -> None:
    found = RunReport(make_run(answers(wrong_in(7))))  # one of ten of each class is wrong
    others, own = found.predicted_as(CLASS_INDEX["mel"])
    assert (others, own) == (pytest.approx(1 / 60), pytest.approx(0.9))
    no_df = answers(LABELS[:6], LABELS[:6])
    others, own = RunReport(make_run(no_df)).predicted_as(CLASS_INDEX["df"])
    assert others == 0
    assert np.isnan(own)


# ----------------------------------------------------------------------------- names


def test_runs_are_called_a_b_c_and_one_alone_by_its_title() -> None:
    runs = [make_run(answers(LABELS), seed=seed) for seed in range(2)]
    titles = {run.id: f"run {run.config.seed}" for run in runs}
    assert [str(name) for name in report.run_names(runs, titles)] == ["A · run 0", "B · run 1"]
    [alone] = report.run_names(runs[:1], titles)
    assert (str(alone), alone.short) == ("run 0", "run 0")
    many = report.run_names([runs[0]] * 28, titles)
    assert [name.letter for name in many][24:] == ["Y", "Z", "A2", "B2"]
    assert len(set(many)) == 28


def test_runs_of_one_title_are_told_apart_by_their_start_and_the_end_of_their_id() -> None:
    one, same, other = (make_run(answers(LABELS), seed=seed) for seed in (0, 0, 1))
    found = report.labels([one, same, other])
    assert found[other.id] == other.title
    assert found[one.id].startswith(f"{one.title}, ")
    assert found[one.id].endswith(f", {one.id[-4:]}")
    assert len(set(found.values())) == 3


# ---------------------------------------------------------------------- side by side


def test_a_difference_is_the_run_minus_the_first_with_mcnemars_test(two: Comparison) -> None:
    found = two.differences
    assert list(found) == [B]
    assert found[B].scores["accuracy"].value == pytest.approx(0.2)
    assert (found[B].test.b, found[B].test.c) == (0, 14)
    assert found[B].sure("accuracy")


def test_runs_tested_on_different_images_are_not_compared() -> None:
    reports = [
        RunReport(make_run(answers(LABELS), seed=i, fingerprint=f)) for i, f in enumerate("xyx")
    ]
    names = report.run_names(
        [found.run for found in reports], report.labels([f.run for f in reports])
    )
    with pytest.raises(NotComparable) as caught:
        Comparison(names, reports)
    assert all((caught.value.what, caught.value.why, caught.value.todo))
    assert report.grouped(names, reports) == [[names[0], names[2]], [names[1]]]
    table = report.test_parts(names, reports)
    assert table["Test part"].tolist() == ["1", "1", "2"]
    assert table["Seed"].tolist() == ["0", "2", "1"]
    assert "Data" not in table  # the same for all


def test_own_test_images_and_others_are_not_compared() -> None:
    run = make_run(answers(LABELS))
    with pytest.raises(NotComparable):
        Comparison([A, B], [RunReport(run), RunReport(run, answers(LABELS))])


def test_the_logistic_regression_is_a_baseline_only_where_every_run_carries_it() -> None:
    part = answers(LABELS)
    stored = {
        "logistic_regression": evaluation_record(evaluate(part.y_true, part.proba, part.lesion))
    }
    with_it, without = make_run(part, floors=stored), make_run(part, seed=1)
    both = Comparison([A, B], [RunReport(with_it), RunReport(with_it)])
    assert LOGISTIC_REGRESSION in both.baselines
    assert (
        LOGISTIC_REGRESSION
        not in Comparison([A, B], [RunReport(with_it), RunReport(without)]).baselines
    )


# ---------------------------------------------------------------------------- tables


def test_score_and_difference_tables(two: Comparison) -> None:
    scores = report.score_table(two)
    assert list(scores) == ["A · one", "B · two", "Always melanocytic nevus (nv)"]
    assert scores.index.tolist() == [score.title for score in SCORES.values()]
    assert scores.loc["Accuracy", "A · one"].startswith("80.0\N{NO-BREAK SPACE}% (")
    differences = report.difference_table(two)
    assert list(differences) == ["B minus A"]
    assert differences.loc["Accuracy"].item().startswith("**+20")
    assert differences.index[-1] == "McNemar's test"


def test_tables_by_class(two: Comparison) -> None:
    found = report.class_table(two)
    assert found.index[0] == "Melanoma (mel)"
    assert found["Images"].tolist() == [10] * 7
    assert found["Recall A"].tolist() == [80.0] * 7
    assert found["Recall B"].tolist() == [100.0] * 7
    assert report.auc_table(two)["B"].tolist() == [1.0] * 7


def test_calibration_set_and_operating_tables(two: Comparison) -> None:
    reports = two.reports
    calibration = report.calibration_table({n: r.calibration for n, r in reports.items()})
    assert calibration.index.tolist() == ["A · one", "B · two"]
    assert calibration.loc["A · one", "Calibration error before"] == "4.0 points"
    sets = report.set_table({n: r.sets for n, r in reports.items()})
    assert sets.loc["Covered, mel", "B · two"] == "10 of 10"
    points = report.operating_table({n: r.operating_points for n, r in reports.items()}, "0.9")
    assert points.index.tolist() == [
        "A, threshold",
        "A, predicted class",
        "B, threshold",
        "B, predicted class",
    ]
    assert points.loc["B, predicted class", "Malignant missed"] == "0 of 30"
    assert points.loc["B, predicted class", "Malignant from"] == "–"


def test_settings_that_a_model_does_not_have_are_a_dash() -> None:
    lstm = waiting_run(TrainConfig(model="lstm", epochs=7))
    table = report.settings_table({A: RunReport(make_run(answers(LABELS))), B: RunReport(lstm)})
    assert table.loc["Epochs", str(B)] == "7"
    assert table.loc["LSTM 1 units"].tolist() == ["–", "128"]


def test_settings_that_differ_can_be_told_from_equal_ones() -> None:
    other = TrainConfig().replace(learning_rate=0.01, dropout=0.5)
    reports = {A: RunReport(make_run(answers(LABELS)))}
    table = report.settings_table(reports | {B: RunReport(waiting_run(other))})
    different = table[table.nunique(axis=1) > 1]
    assert list(different.index) == ["Learning rate", "Dropout after dense 1"]
    assert different.loc["Learning rate"].tolist() == ["0.001", "0.01"]
    assert table.loc["Batch size"].tolist() == ["32", "32"]


# ------------------------------------------------------------------------- sentences


def test_a_difference_in_words(two: Comparison) -> None:
    words = report.difference_in_words(B, A, two.differences[B])
    assert words.startswith("accuracy +20")
    assert "against A, more than chance. 14 images are correct by B only, 0 by A only" in words


def calibrated(confidence: float, bins: list[tuple[float, float, int]]) -> Calibrated:
    """Made by hand; `bins`: what it says, what is correct, of how many."""
    rows = []
    for says, correct, n in bins:
        found = proportion(round(correct * n), n)
        limits = {"low": found.low, "high": found.high}
        rows.append({"n": n, "confidence": says, "accuracy": correct, **limits})
    return Calibrated(None, pd.DataFrame(rows), None, 0.0, confidence)


@pytest.mark.parametrize(
    ("confidence", "verdict"),
    [
        (
            0.80,
            "is over-confident: on average it says 80 %, and is correct in 71.0 % (68.0 to 74.0)",
        ),
        (0.65, "is under-confident: on average it says 65 %"),
        (0.73, "is on average as sure as it is correct: it says 73 %"),
    ],
)
def test_confidence_is_judged_by_the_interval_of_the_accuracy(
    confidence: float, verdict: str
) -> None:
    found = calibrated(confidence, [(0.6, 0.58, 100)])
    words = report.calibration_in_words(found, Interval(0.71, 0.68, 0.74))
    assert verdict in words
    assert words.endswith("In no bin is it further off than chance allows.")


def test_the_bin_that_is_furthest_off_is_named() -> None:
    found = calibrated(0.8, [(0.6, 0.58, 100), (0.9, 0.7, 100), (0.99, 0.9, 100)])
    words = report.calibration_in_words(found, Interval(0.71, 0.68, 0.74))
    assert "furthest off where it says 90 %: there it is correct in 70 % (60 to 78)" in words


@pytest.mark.every_draw
def test_the_classes_that_the_sets_cover_too_seldom_are_named() -> None:
    # nv 95 of 100 covered, df 1 of 10: its interval ends at 40 %
    nv, bkl, df = (CLASS_INDEX[code] for code in ("nv", "bkl", "df"))
    y_true = np.array([nv] * 100 + [df] * 10)
    proba = np.zeros((110, 7))
    proba[:, nv], proba[:, bkl] = 0.8, 0.2
    proba[:5] = np.eye(7)[bkl]
    proba[100] = np.eye(7)[df]
    found = prediction_sets(y_true, proba, np.arange(110), 0.5)
    words = report.coverage_in_words(found)
    assert "hold the true class in 87 % (80 to 93) of the test images, as aimed at (90 %)" in words
    assert words.endswith("Covered less than aimed at, beyond chance: df 1 of 10.")


@pytest.mark.parametrize(
    ("covered", "kept"),
    [
        (70, "less than the 90 % aimed at"),
        (90, "as aimed at (90 %)"),
        (100, "more than the 90 % aimed at"),
    ],
)
def test_coverage_is_judged_by_its_interval(covered: int, kept: str) -> None:
    nv, bkl = CLASS_INDEX["nv"], CLASS_INDEX["bkl"]
    proba = np.eye(7)[np.array([nv] * covered + [bkl] * (100 - covered))]
    found = prediction_sets(np.full(100, nv), proba, np.arange(100), 0.5)
    assert kept in report.coverage_in_words(found)


def test_one_lesion_proves_nothing_of_coverage_or_of_what_a_model_says() -> None:
    nv = CLASS_INDEX["nv"]
    found = prediction_sets(np.full(3, nv), np.eye(7)[[nv] * 3], np.zeros(3), 0.5)
    words = report.coverage_in_words(found)
    assert (
        "hold the true class in 100 % of the test images, of one lesion, which says nothing of the "
        "90 %" in words
    )
    words = report.calibration_in_words(
        calibrated(0.6, [(0.6, 1.0, 3)]), Interval(1.0, np.nan, np.nan)
    )
    proves = "says 60 % on average, and is correct in 100 %: of one lesion, which proves neither."
    assert proves in words


def point(
    threshold: float | None, malignant: int, missed: int, benign: int, alarms: int
) -> OperatingPoint:
    return OperatingPoint(
        threshold,
        proportion(malignant - missed, malignant),
        proportion(benign - alarms, benign),
        malignant,
        missed,
        benign,
        alarms,
    )


def test_an_operating_point_is_told_in_images() -> None:
    chosen, by_class = point(0.1, 197, 9, 806, 452), point(None, 197, 101, 806, 65)
    words = report.operating_point_in_words(chosen, by_class)
    by_class_in_words = (
        "By the predicted class it finds 96 of 197 (49 in 100), misses 101, and calls 65 benign "
        "ones malignant."
    )
    assert words == (
        "finds 188 of 197 (95 in 100) malignant test images and calls 452 of 806 benign ones "
        f"malignant. {by_class_in_words}"
    )
    assert report.operating_point_in_words(None, by_class) == (
        "no threshold can be chosen, as no validation image is malignant. " + by_class_in_words
    )
    none = report.operating_point_in_words(point(0.1, 0, 0, 5, 1), point(None, 0, 0, 5, 0))
    assert none == "the test part has no malignant image."


# ------------------------------------------------------------------------ JSON and CSV


def test_the_document_is_of_the_published_form(two: Comparison) -> None:
    first = two.first.run.id
    found = report.report_document(two.reports, two.differences, first, notes=["one"])
    found = json.loads(json.dumps(found, allow_nan=False))
    assert list(found) == ["schema", "notes", "runs"]
    assert found["schema"] == report.SCHEMA == "ham-lab report 2"
    a, b = found["runs"]
    assert list(a) == list(b)
    assert (a["run"], a["letter"], a["title"], a["difference"]) == (first, "A", "one", None)
    assert b["difference"]["minus"] == first
    assert b["difference"]["scores"]["accuracy"]["value"] == pytest.approx(0.2)
    assert b["difference"]["mcnemar"] == {
        "correct_by_the_first_only": 0,
        "correct_by_this_only": 14,
        "p": pytest.approx(2 * 0.5**14),
    }
    assert a["operating_points"]["predicted_class"]["threshold"] is None
    assert set(a["calibration"]) >= {"temperature", "ece_before", "ece_after", "by_chance"}
    assert sum(a["prediction_sets"]["sizes"]) == 70


def test_every_entry_of_a_run_stands_in_the_published_schema(two: Comparison, request) -> None:
    page = (request.config.rootpath / "docs/report-schema.md").read_text()
    found = report.report_record(two.first, A)
    names = [*found, *found["calibration"], *found["prediction_sets"], *found["scores"]]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert f'"{report.SCHEMA}"' in page


def test_what_has_no_number_is_null() -> None:
    few = answers(
        LABELS[:7], LABELS[:7]
    )  # of too few validation images every class is in every set
    found = report.report_record(RunReport(make_run(answers(LABELS), few)), A)
    assert found["prediction_sets"]["threshold"] is None
    assert json.dumps(found, allow_nan=False)


def test_scores_and_predictions_as_csv(two: Comparison) -> None:
    scores = pd.read_csv(io.StringIO(report.scores_csv(two)))
    assert list(scores)[:7] == ["letter", "run", "title", "score", "value", "low", "high"]
    assert len(scores) == 2 * len(SCORES)
    accuracy = scores[scores["score"] == "accuracy"].set_index("letter")
    assert accuracy.loc["B", "difference"] == pytest.approx(0.2)
    assert np.isnan(accuracy.loc["A", "difference"])
    predictions = pd.read_csv(io.StringIO(report.predictions_csv(two)))
    assert len(predictions) == 70
    ids = [found.run.id for found in two.reports.values()]
    assert (predictions[f"{ids[1]}_answer"] == predictions["true"]).all()
    assert (predictions[f"{ids[0]}_answer"] != predictions["true"]).sum() == 14


# ------------------------------------------------------------------------- the best of each


def scored(model: str, on_validation: float, on_test: float, **more: object) -> Run:
    """A run whose record says so, tested on part "t" unless `more` says otherwise."""
    score = {"value": on_test, "low": on_test - 0.1, "high": on_test + 0.1}
    evaluation = EVALUATION | {"scores": EVALUATION["scores"] | {"balanced_accuracy": score}}
    history = [history_row(1, validation_balanced_accuracy=on_validation)]
    return finished_run(TrainConfig(model=model), evaluation=evaluation, history=history, **more)


def test_the_best_run_of_each_model_is_chosen_on_validation_and_the_better_one_first() -> None:
    chosen = scored("cnn", on_validation=0.6, on_test=0.5)
    lucky = scored("cnn", on_validation=0.4, on_test=0.9)
    other = scored("resnet", on_validation=0.3, on_test=0.7)
    found = report.best_runs([lucky, chosen, other])
    assert [best.run.id for best in found] == [other.id, chosen.id]
    assert [best.balanced_accuracy.value for best in found] == [0.7, 0.5]
    assert found[0].one_class == 0.5  # a melanoma and a nevus were tested


def test_runs_that_leak_that_wait_or_were_tested_on_other_images_are_no_best_ones() -> None:
    runs = [scored("cnn", 0.5, 0.5), scored("lstm", 0.5, 0.4)]
    elsewhere = scored("resnet", 0.9, 0.9, split={"test_fingerprint": "other"})
    leaking = scored("resnet", 0.9, 0.9, split={"leaking": True})
    waiting = waiting_run(TrainConfig(model="resnet"))
    found = report.best_runs([*runs, elsewhere, leaking, waiting])
    assert [best.run.id for best in found] == [run.id for run in runs]
    assert report.best_runs([leaking, waiting]) == []


def test_a_run_of_real_data_comes_before_any_number_of_synthetic_ones() -> None:
    synthetic = [scored(model, 0.9, 0.9, data=DATA | {"synthetic": True}) for model in MODEL_TITLES]
    real = scored("cnn", 0.5, 0.5)
    assert [best.run.id for best in report.best_runs([*synthetic, real])] == [real.id]
    assert len(report.best_runs(synthetic)) == len(MODEL_TITLES)


def test_a_run_whose_history_is_damaged_comes_after_one_whose_is_whole() -> None:
    damaged, whole = scored("cnn", 0.9, 0.9), scored("cnn", 0.1, 0.1)
    (damaged.folder / "history.csv").write_text("no history\n1\n2\n")
    assert [best.run.id for best in report.best_runs([damaged, whole])] == [whole.id]
