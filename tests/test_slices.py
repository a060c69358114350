"""Scores by slice of the test images: against scikit-learn, where they have no number, in words,
in files, on the page; and the hair in a photograph.
"""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score, roc_auc_score

from ham import charts, data, report, store
from ham.charts.slices import slice_forest
from ham.config import CLASSES, DataError, TrainConfig
from ham.data import hair
from ham.engine import Engine
from ham.evaluation import (
    SLICED,
    Answers,
    EvaluationError,
    compare,
    slice_differences,
    slice_scores,
    unpaired_difference,
)
from ham.report import Comparison, RunName, RunReport, SlicedRuns, Slicing
from ham.ui.comparison import slices
from tests.page_driver import comparison_part, open_page, opened, said
from tests.run_factory import finished_run

MALIGNANT = np.array([c.malignant for c in CLASSES])
A, B = RunName("A", "one"), RunName("B", "two")


def drawn(n: int = 240, skill: float = 1.5, seed: int = 0) -> Answers:
    """Invented answers; labels and lesions are always the same."""
    of_test, of_model = np.random.default_rng(7), np.random.default_rng(seed)
    y_true, lesion = of_test.integers(0, 7, n), of_test.integers(0, n // 2, n)
    scores = of_model.normal(size=(n, 7))
    scores[np.arange(n), y_true] += skill
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Answers(y_true, proba, lesion)


def thirds(n: int = 240) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 3, n)


def by_scikit_learn(found: Answers) -> dict[str, float]:
    answer, malignant = found.proba.argmax(axis=1), MALIGNANT[found.y_true]
    return {
        "accuracy": accuracy_score(found.y_true, answer),
        "balanced_accuracy": balanced_accuracy_score(found.y_true, answer),
        "malignant_sensitivity": recall_score(malignant, MALIGNANT[answer]),
        "malignant_specificity": recall_score(~malignant, ~MALIGNANT[answer]),
        "malignant_auc": roc_auc_score(malignant, found.proba[:, MALIGNANT].sum(axis=1)),
    }


# ------------------------------------------------------------------------------ scores


def test_scores_of_slices_and_their_differences_are_those_of_scikit_learn():
    answers, of = drawn(), thirds()
    for s, found in enumerate(slice_scores(answers, of)):
        own, rest = (by_scikit_learn(answers.where(mask)) for mask in (of == s, of != s))
        for key in SLICED:
            assert found.scores[key].value == pytest.approx(own[key], abs=1e-9)
            assert found.minus_rest[key].value == pytest.approx(own[key] - rest[key], abs=1e-9)
            assert found.minus_rest[key].low < found.minus_rest[key].high


def test_differences_to_the_rest_come_from_the_draws_of_the_unpaired_difference():
    answers, of = drawn(), thirds()
    found = slice_scores(answers, of)[1].minus_rest
    other = unpaired_difference(answers.where(of == 1), answers.where(of != 1))
    # the lesions of one call are numbered as the other's, so both draw the same ones
    for key in ("accuracy", "balanced_accuracy"):
        assert vars(found[key]) == pytest.approx(vars(other[key]), abs=1e-9)


def test_within_a_slice_two_models_are_compared_on_the_same_draws():
    answers, other = drawn(seed=1), drawn(seed=2, skill=0.5)
    [found] = slice_differences(answers, other.proba, np.zeros(240, int))
    whole = compare(answers.y_true, answers.proba, other.proba, answers.lesions)
    for key in SLICED:
        assert vars(found[key]) == pytest.approx(vars(whole[key]), abs=1e-9)


def test_what_there_is_nothing_to_measure_on_is_not_a_number_and_one_lesion_has_no_interval():
    y_true = np.array([3, 3, 3, 0, 0, 3])
    proba = np.full((6, 7), 0.05)
    proba[np.arange(6), y_true] = 0.7
    benign, mixed = slice_scores(Answers(y_true, proba, np.arange(6)), np.array([0, 0, 0, 1, 1, 1]))
    assert np.isnan(benign.scores["malignant_sensitivity"].value)
    assert np.isnan(benign.scores["malignant_auc"].value)
    assert np.isnan(benign.minus_rest["malignant_auc"].value)
    assert benign.scores["accuracy"].value == mixed.scores["malignant_auc"].value == 1
    assert 0 < benign.scores["accuracy"].low < 1  # Wilson's: all draws agree
    assert benign.minus_rest["accuracy"].low < 0 < benign.minus_rest["accuracy"].high
    assert not mixed.scores["malignant_specificity"].has_width  # of one lesion
    assert not mixed.minus_rest["malignant_specificity"].has_width


@pytest.mark.parametrize("of", [[0, 0, 2], [0, 0], [-1, 0, 1]])
def test_slices_that_do_not_share_the_images_out_are_refused(of):
    answers = drawn(3)
    with pytest.raises(EvaluationError):
        slice_scores(answers, np.array(of))


# -------------------------------------------------------------------------------- ways


def test_every_image_is_in_one_slice_of_every_way(small_dataset):
    rows = np.arange(small_dataset.n_images)
    ways = report.slicings(small_dataset, rows)
    assert list(ways) == ["age", "sex", "site", "brightness", "corners"]  # one way of diagnosis
    for way in ways.values():
        assert np.bincount(way.of).min() > 0
        assert len(np.bincount(way.of)) == len(way.names)
    assert ways["age"].names == ("Under 30", "40 to 49", "70 to 79", "Not known")
    ages = small_dataset.metadata["age"].to_numpy()
    assert (np.isnan(ages) == (ways["age"].of == 3)).all()
    assert ((ages == 45) == (ways["age"].of == 1)).all()
    assert ways["sex"].names[-1] == "Not known"
    assert np.bincount(ways["brightness"].of).tolist() == [50, 50, 50]
    luma = data.lightness(data.mean_colors(small_dataset.images))
    assert luma[ways["brightness"].of == 0].max() < luma[ways["brightness"].of == 2].min()


def test_sources_and_hair_are_ways_where_they_are_known(small_dataset):
    rows = np.arange(6)
    table = small_dataset.metadata.assign(source=["vidir", "rosendahl"] * 75)
    found = report.slicings(
        dataclasses.replace(small_dataset, metadata=table),
        rows,
        np.array([0, 0.004, 0.006, 0.1, 0, 0]),
    )
    assert found["source"].names == ("vidir", "rosendahl")
    assert found["hair"].of.tolist() == [0, 0, 1, 1, 0, 0]


# ------------------------------------------------------------------------------- words


def compared(n: int = 240) -> Comparison:
    """B errs on three quarters of the second half of the test images only."""
    reports = []
    for seed in (0, 1):
        answers = drawn(n, skill=6)
        proba = answers.proba.copy()
        if seed:
            wrong = (np.arange(n) >= n // 2) & (np.arange(n) % 4 > 0)
            proba[wrong] = np.roll(proba[wrong], 3, axis=1)
        ids = np.array([f"V{i:04d}" for i in range(n)])
        part = store.Predictions(ids, np.arange(n), answers.y_true, proba.astype(np.float32))
        run = finished_run(TrainConfig(seed=seed), part)
        reports.append(RunReport(run))
    return Comparison([A, B], reports)


def parts(both: Comparison, *names: str) -> Slicing:
    """The test images in the order of their ids, in so many equal parts."""
    ids = both.aligned[A].image_id
    of = np.argsort(np.argsort(ids)) * len(names) // len(ids)
    return Slicing("corners", "Dark corners", names, of)


def halved(*names: str) -> SlicedRuns:
    both = compared()
    return report.sliced(both, parts(both, *(names or ("Front", "Back"))))


def test_a_slice_that_stands_out_is_said_and_only_that():
    found = halved()
    said_of = report.slices_in_words(found, "accuracy")
    assert said_of[A] == "on no slice does accuracy differ from that on the rest beyond chance."
    assert said_of[B].startswith("accuracy, against front: back −75")
    assert report.better_in_words(found, "accuracy") == {
        B: "against A beyond chance better for none; worse for back."
    }
    assert report.by_chance_in_words(found, "accuracy").startswith("2 differences were looked at")
    four = halved("P", "Q", "R", "S")
    words = report.slices_in_words(four, "accuracy")[B]
    assert words.startswith("accuracy, against all other test images: ")
    assert words.endswith("; and 1 more slice.")


def test_of_a_slice_of_few_lesions_nothing_is_said():
    names = [str(i) for i in range(12)]  # of 20 lesions each
    found = halved(*names)
    assert found.told("accuracy") == []
    assert "on no slice" in report.slices_in_words(found, "accuracy")[B]
    assert list(report.slice_table(found, "accuracy").index) == [f"{i} (too few)" for i in names]
    large = halved()
    few = type(large.slices[0])("x", 50, 40, 9, 9)
    assert few.small("malignant_auc")
    assert few.small("malignant_sensitivity")
    assert not few.small("accuracy")
    assert not few.small("malignant_specificity")


def test_the_chart_has_faint_rows_and_says_all_numbers():
    found = halved()
    overall = {name: found.runs[name][0].scores["malignant_auc"] for name in found.runs}
    for dark in (False, True):
        figure = slice_forest(found, overall, "malignant_auc", dark)
        assert [trace.opacity for trace in figure.data] == [1.0, 1.0]
    assert "A · one: Front 1.0" in charts.alt_text(figure)
    small = halved(*map(str, range(12)))
    figure = slice_forest(small, overall, "accuracy")
    assert {trace.opacity for trace in figure.data} == {0.35}
    assert "Faint: under 30 lesions" in figure.layout.title.subtitle.text.replace("<br>", " ")


# ------------------------------------------------------------------------------- files


def test_slices_as_csv_and_json_hold_every_number(request):
    both = compared()
    found = report.sliced(both, parts(both, "Front", "Back"))
    table = pd.read_csv(io.StringIO(report.slices_csv([found])))
    assert len(table) == 2 * 2 * len(SLICED)
    row = table[(table.slice == "Back") & (table.letter == "B") & (table.score == "accuracy")]
    assert row.value.item() == pytest.approx(found.runs[B][1].scores["accuracy"].value)
    assert row.minus_first_high.item() == pytest.approx(found.minus_first[B][1]["accuracy"].high)
    assert table[table.letter == "A"].minus_first.isna().all()
    [entry] = json.loads(json.dumps(report.slices_record(both, [found]), allow_nan=False))
    assert entry["slices"][0]["runs"][0]["minus_first"] is None
    assert entry["slices"][1]["n_lesions"] == 120
    page = (request.config.rootpath / "docs/report-schema.md").read_text()
    one = entry["slices"][0]
    names = [*entry, *one, *one["runs"][0]]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_what_was_drawn_is_kept(monkeypatch):
    both = compared()
    way = parts(both, "Front", "Back")
    first = report.sliced(both, way)
    monkeypatch.setattr("ham.report.slices.slice_scores", None)
    monkeypatch.setattr("ham.report.slices.slice_differences", None)
    again = report.sliced(both, way)
    assert isinstance(again, SlicedRuns)
    assert again.runs == first.runs
    assert again.minus_first == first.minus_first


# -------------------------------------------------------------------------------- hair


def photograph(hairs: int = 0, fair: bool = False) -> np.ndarray:
    picture = Image.new("RGB", (300, 225), (225, 175, 165))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((110, 80, 190, 150), fill=(110, 70, 60))  # the lesion
    for i in range(hairs):
        colour = (235, 190, 175) if fair else (70, 45, 40)
        pen.line((20 + 30 * i, 20, 60 + 30 * i, 60), fill=colour, width=3)
    return np.array(picture)


def test_dark_hairs_are_found_and_a_lesion_a_rim_and_fair_hair_are_none():
    assert hair.hair_share(photograph()) == 0
    assert hair.hair_share(photograph(5, fair=True)) == 0
    assert hair.hair_share(photograph(1)) < hair.hair_share(photograph(5))
    assert hair.hair_share(photograph(5)) > hair.HAIRY
    y, x = np.mgrid[:225, :300]
    rim = photograph()
    rim[np.hypot((x - 150) / 170, (y - 112) / 130) > 1] = 10
    assert hair.hair_share(rim) < hair.HAIRY


def test_measured_hair_is_kept_and_measured_again_where_damaged(small_dataset, ham_home):
    rows = np.array([3, 5])
    assert hair.has_photographs(small_dataset, rows)
    assert hair.measured_hair(small_dataset, rows) is None
    told: list[int] = []
    found = hair.measure_hair(small_dataset, rows, lambda done, total, what: told.append(done))
    assert told == [0, 1]
    assert np.array_equal(hair.measured_hair(small_dataset, rows), found)
    [file] = (ham_home / "cache").glob("hair-*.npz")
    file.write_bytes(file.read_bytes()[:40])
    assert hair.measured_hair(small_dataset, rows) is None


def test_without_photographs_there_is_no_hair_to_measure(small_dataset):
    bare = dataclasses.replace(small_dataset, originals={})
    assert not hair.has_photographs(bare, np.array([0]))
    with pytest.raises(DataError, match="no photographs"):
        hair.measure_hair(bare, np.array([0]))


# -------------------------------------------------------------------------------- page


def on_the_small_data(dataset: data.LesionDataset, seed: int) -> store.Run:
    rows = np.arange(0, dataset.n_images, 6)
    proba = np.random.default_rng(seed).dirichlet(np.ones(7), len(rows)).astype(np.float32)
    ids = dataset.metadata["image_id"].to_numpy()[rows].astype(str)
    part = store.Predictions(ids, dataset.groups[rows], dataset.labels[rows], proba)
    return finished_run(TrainConfig(seed=seed), part, data=dataset.record)


def test_the_page_shows_slices_of_the_data_in_use_and_measures_hair_when_asked(
    small_dataset, small_folder, monkeypatch
):
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(slices, "_LOOK_AGAIN_SECONDS", None)
    runs = [on_the_small_data(small_dataset, seed) for seed in (0, 1)]
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    page = comparison_part(page, "Slices")
    assert "cannot be sorted: they are not in the data in use" in said(page)
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    page.run()
    assert page.get("plotly_chart")[-1].proto.alt.startswith("Malignant AUC by age, with 95 %")
    assert "There is no score by skin tone" in said(page)
    page = opened(page, "comparison_slices_by", "hair")
    [job] = slices._jobs()._jobs.values()
    assert len(job.outcome()) == 25
    page.run()  # no photograph of the small data has a hair: one slice alone is no way
    assert "No test image has hair" in said(page)
    assert not page.exception
    assert not page.error
