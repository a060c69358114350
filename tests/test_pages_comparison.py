"""The Comparison page on invented run folders: what it shows, what it refuses, what it says
instead.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ham import cli, io, report, store
from ham.config import CLASSES, CODES, StoreError, TrainConfig
from ham.engine import Engine
from ham.evaluation import (
    SCORES,
    Interval,
    McNemar,
    evaluate,
    evaluation_record,
    intervals_record,
)
from ham.report import Comparison, RunName, RunReport
from ham.ui.comparison import GROUPS, chooser, details, files, images
from tests import page_driver, run_factory
from tests.page_driver import comparison_part, opened
from tests.run_factory import edited_run, waiting_run, zipped
from tests.test_bundle import changed, members_of
from tests.test_store import edited as with_change
from tests.test_store import entries as entries_of

ROOT = Path(__file__).parents[1]
SHARES = [0.12, 0.06, 0.04, 0.6, 0.12, 0.03, 0.03]
NV, BKL, DF = 3, 4, 6


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture
def every_tab_drawn(monkeypatch):
    """For tests of what damage does to any of them."""

    def draw_all(drawn: Mapping[str, Callable[[], None]], key: str) -> None:
        for draw in drawn.values():
            draw()

    monkeypatch.setattr(details, "tabs", draw_all)
    monkeypatch.setattr(
        details,
        "draw_area",
        lambda area, parts, both: draw_all(
            {title: partial(draw, both) for title, draw in parts.items()}, area
        ),
    )


def answers(skill: float, seed: int, test_seed: int = 0, n: int = 210) -> store.Predictions:
    """A model that is right the more often the more skill it has; the test images depend on
    `test_seed` alone.
    """
    of_test, of_model = np.random.default_rng(test_seed), np.random.default_rng(seed)
    y_true = of_test.choice(7, n, p=SHARES)
    lesion = of_test.integers(0, 150, n)
    logits = of_model.normal(size=(n, 7)) + np.log(SHARES)
    logits[np.arange(n), y_true] += skill
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return store.Predictions(
        np.array([f"{test_seed}_{i:04d}" for i in range(n)]),
        lesion,
        y_true,
        proba.astype(np.float32),
    )


def finished_run(
    skill: float = 1.0,
    created: float = 1.7e9,
    test_seed: int | None = None,
    state: str = "done",
    data: str = "HAM10000",
    **settings: object,
) -> store.Run:
    """A run folder as a training leaves it, with invented numbers."""
    config = TrainConfig().replace(**settings)
    test_seed = config.seed if test_seed is None else test_seed
    test = answers(skill, seed=int(100 * skill) + len(config.model), test_seed=test_seed)
    history = []
    for epoch in range(1, 6):
        progress = 1 - 0.5**epoch
        history.append(
            {
                "epoch": epoch,
                "loss": 1.2 - progress / 2,
                "accuracy": 0.6 + progress / 5,
                "balanced_accuracy": progress / 3,
                "validation_loss": 1.3 - progress / 2 + 0.02 * epoch,
                "validation_accuracy": 0.6 + progress / 8,
                "validation_balanced_accuracy": progress / 4,
                "learning_rate": 0.001,
                "seconds": 12.0,
                **{f"recall_{code}": progress / 2 for code in CODES},
            }
        )
    return run_factory.finished_run(
        config,
        test,
        data={
            "name": data,
            "source": data,
            "synthetic": data != "HAM10000",
            "fingerprint": f"content of {data}",
            "n_images": 2100,
            "n_lesions": 1500,
        },
        now=created,
        history=history,
        status={"state": state, "best_epoch": 4, "started": created},
        split={
            "protocol": config.split,
            "seed": config.seed,
            "fingerprint": f"split {test_seed}",
            "test_fingerprint": f"test {config.split} {test_seed}",
            "n_train": 1680,
            "n_validation": 210,
            "n_test": 210,
        },
        parameters={"trainable": 58412, "not_trainable": 593},
    )


@pytest.fixture
def cnn() -> store.Run:
    return finished_run(1.0, model="cnn")


@pytest.fixture
def lstm() -> store.Run:
    return finished_run(3.0, created=1.7e9 + 60, model="lstm")


def open_page(*chosen: store.Run | str) -> AppTest:
    runs = ",".join(run if isinstance(run, str) else run.id for run in chosen)
    return page_driver.open_page("pages/comparison.py", **({"runs": runs} if runs else {}))


def text(page: AppTest) -> str:
    elements = [
        *page.main.header,
        *page.main.markdown,
        *page.main.caption,
        *page.main.info,
        *page.main.warning,
        *page.main.error,
    ]
    return "\n".join(element.value for element in elements).replace("\\", "")


def link(page: AppTest) -> str:
    """The runs that the address names."""
    found = page.query_params["runs"]
    return found if isinstance(found, str) else found[0]


def alternatives(page: AppTest) -> list[str]:
    return [chart.proto.alt for chart in page.get("plotly_chart")]


def matrices(page: AppTest) -> dict:
    """What the tables of the first screen are drawn from."""
    component = page.get("bidi_component")[0]
    return json.loads(component.proto.json)


def reports_of(*chosen: store.Run) -> tuple[list[RunName], list[RunReport]]:
    named = report.run_names(chosen, {run.id: run.title for run in chosen})
    return named, [RunReport(run) for run in chosen]


def compared(*chosen: store.Run) -> Comparison:
    return Comparison(*reports_of(*chosen))


# ------------------------------------------------------------------------ empty states


def test_without_a_finished_run_the_page_says_what_to_do():
    page = open_page()
    assert "Nothing to compare yet" in text(page)
    assert [link.proto.label for link in page.main.get("page_link")] == ["Train a model"]


def test_one_finished_run_takes_a_second_one(cnn):
    page = open_page()
    assert "One finished run" in text(page)
    assert cnn.title in text(page)
    assert "same split, shares and seed" in text(page)


def test_runs_that_wait_are_mentioned_and_not_compared(cnn):
    waiting_run()
    page = open_page()
    assert "1 run is being trained or waiting" in text(page)
    assert [link.proto.label for link in page.main.get("page_link")] == ["Watch it train"]


@pytest.mark.usefixtures("cnn", "lstm")
def test_fewer_than_two_chosen_runs_are_not_compared():
    page = open_page()
    page.multiselect[0].set_value([]).run()
    assert "Choose at least two runs" in text(page)
    assert not page.get("plotly_chart")
    assert "runs" not in page.query_params


# -------------------------------------------------------------------------- the whole page


def test_two_runs_stand_side_by_side(cnn, lstm):
    page = open_page(cnn, lstm)
    assert alternatives(page) == []
    first, second = matrices(page)["matrices"]
    assert first["title"] == f"A · {cnn.title}"
    assert second["title"] == f"B · {lstm.title}"
    counts = RunReport(lstm).evaluation.confusion
    assert [[cell["text"] for cell in row] for row in second["cells"]] == [
        [f"{n}" if n else "" for n in row] for row in counts.tolist()
    ]
    assert "B is better than A in balanced accuracy" in text(page)
    [strip] = [element.value for element in page.get("html") if '="ham-strip"' in element.value]
    assert strip.count("<section>") == 4
    assert "Dashed: always melanocytic nevus (nv)." in strip
    assert "more than chance" in text(page)  # skill 3 against skill 1
    table = page.table[0].value
    assert list(table) == [
        f"A · {cnn.title}",
        f"B · {lstm.title}",
        "Always melanocytic nevus (nv)",
        "B minus A",
    ]
    stored = cnn.record.evaluation.scores["accuracy"].value
    assert table.loc["Accuracy", f"A · {cnn.title}"].startswith(f"{100 * stored:.0f}")
    assert (
        table.loc["Macro AUC", "Always melanocytic nevus (nv)"].replace("\N{NO-BREAK SPACE}", " ")
        == "0.50"
    )
    assert table.loc["Accuracy", "B minus A"].startswith("**+")
    assert table.loc["McNemar's test"].tolist() == ["", "", "", "p < 0.001"]


def test_of_the_areas_only_the_open_part_is_drawn(cnn, lstm):
    page = open_page(cnn, lstm)
    charts = {}
    for parts in details.TABS.values():
        for title in parts:
            shown = alternatives(comparison_part(page, title))
            assert all(shown)
            charts[title] = len(shown)
    assert {title: n for title, n in charts.items() if n} == {
        "Differences as a chart": 1,
        "Class by class": 1,
        "ROC and precision": 2,
        "Matrices as pictures": 2,
        "Calibration": 2,
        "Prediction sets": 2,
        "Proper scores": 1,
        "Calibration by class": 7,
        "Operating point": 1,
        "Expected cost": 1,
        "Decision curve": 1,
        "Predictive values": 1,
        "Answers left out": 1,
        "Learning curves": 2,
    }
    assert len(page.get("download_button")) == 4


def test_a_link_opens_the_part_the_count_and_the_cell_that_it_names(cnn, lstm):
    page = page_driver.open_page(
        "pages/comparison.py",
        runs=f"{cnn.id},{lstm.id}",
        by="true",
        tab="Classes",
        part="ROC and precision",
        cell=f"{lstm.id}.mel.nv",
    )
    assert page.session_state["comparison_by"] == "true"
    assert alternatives(page)[0].startswith("ROC")
    assert named(page.selectbox, "Run").value == lstm.id
    assert named(page.selectbox, "True class").value == 0
    assert matrices(page)["open"] == [lstm.id, 0, NV]
    kept = {name: page.query_params[name] for name in ("by", "tab", "part", "cell")}
    page = comparison_part(page, "Scores and differences")
    named(page.button, "Close").click().run()
    page.session_state["comparison_by"] = "count"
    page.run()
    assert {name for name in kept if name in page.query_params} == set()


def test_what_is_set_within_a_part_stands_in_the_address_and_a_link_sets_it(cnn, lstm):
    runs = f"{cnn.id},{lstm.id}"
    page = page_driver.open_page(
        "pages/comparison.py", runs=runs, tab="Decisions", part="Predictive values",
        prevalence="5", alarm_disease="mel",
    )  # fmt: skip
    prevalence = next(s for s in page.select_slider if s.key == "comparison_prevalence")
    assert prevalence.value == 5
    assert page.session_state["comparison_alarm_disease"] == "mel"
    prevalence.set_value(10).run()
    assert page.query_params["prevalence"] in ("10", ["10"])
    page = comparison_part(open_page(cnn, lstm), "Class by class")
    assert "class" not in page.query_params
    named(page.segmented_control, "Score").set_value("f1").run()
    assert page.query_params["class"] in ("f1", ["f1"])
    page.session_state["comparison_what"] = GROUPS
    page.run()
    assert set(page.query_params) <= {"groups"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "x"},
        {"tab": "x"},
        {"part": "x"},
        {"cell": "x"},
        {"cell": "x.mel.nv"},
        {"tab": "Classes", "class": "x"},
        {"tab": "Decisions", "part": "Predictive values", "prevalence": "x"},
    ],
)
def test_what_a_link_asks_for_in_vain_is_not_shown(cnn, lstm, wrong):
    page = page_driver.open_page("pages/comparison.py", runs=f"{cnn.id},{lstm.id}", **wrong)
    assert len(alternatives(page)) <= 1
    assert "Run" not in [box.label for box in page.selectbox]


def test_the_other_matrices_are_differences_where_asked_in_images_or_points(cnn, lstm):
    page = page_driver.open_page("pages/comparison.py", runs=f"{cnn.id},{lstm.id}", minus="1")
    first, second = matrices(page)["matrices"]
    ours, theirs = (RunReport(run).evaluation.confusion for run in (lstm, cnn))
    assert first["cells"][NV][NV]["text"] == f"{theirs[NV, NV]}"
    assert second["title"] == f"B minus A · {lstm.title}"
    assert second["cells"][NV][NV]["text"] == f"{ours[NV, NV] - theirs[NV, NV]:+d}"
    assert second["note"] == f"{np.trace(ours) - np.trace(theirs)} more images are correct"
    assert "minus" in page.query_params
    named(page.toggle, "Minus A").set_value(False).run()
    assert "minus" not in page.query_params


def test_the_images_that_one_run_has_right_and_another_wrong_are_shown_with_their_number(
    own_copies, small_folder, monkeypatch
):
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    parts = store.read_predictions(own_copies[1])
    parts["test"].proba[::2] = 0.01 + 0.93 * np.eye(7)[parts["test"].y_true[::2]]  # B has these
    store.write_predictions(own_copies[1], parts)
    both = compared(*own_copies)
    a, b = both.names
    right = {n: part.proba.argmax(axis=1) == part.y_true for n, part in both.aligned.items()}
    numbers = report.only_right(both, b, a)
    assert sorted(numbers) == np.flatnonzero(right[b] & ~right[a]).tolist()
    assert len(numbers)
    sure = both.aligned[a].proba[numbers].max(axis=1)
    assert (np.diff(sure) <= 0).all()
    page = page_driver.open_page(
        "pages/comparison.py",
        runs=",".join(run.id for run in own_copies),
        differ="B right, A wrong",
    )
    [pills] = page.pills
    assert pills.options[1] == f"B right, A wrong: {len(numbers)}"
    assert shown_images(page).count("<figure>") == min(len(numbers), images.IMAGES_A_PAGE)
    clicked(page, own_copies[0].id, 0, NV)
    assert "differ" not in page.query_params
    assert named(page.selectbox, "True class").value == 0


def test_a_slider_shows_the_matrix_of_validation_after_an_epoch_where_it_was_kept(cnn, lstm):
    for epoch in (1, 2, 3):
        store.append_validation_matrix(cnn, epoch, epoch * np.eye(7, dtype=int))
    page = comparison_part(open_page(cnn, lstm), "Validation by epoch")
    assert "B: no matrix of an epoch is kept." in text(page)
    named(page.slider, "Epoch").set_value(2).run()
    shown = json.loads(page.get("bidi_component")[-1].proto.json)
    assert [matrix["title"] for matrix in shown["matrices"]] == [f"A · {cnn.title}"]
    assert shown["matrices"][0]["cells"][NV][NV]["text"] == "2"
    assert shown["clickable"] is False


def test_another_baseline_goes_first(cnn, lstm):
    page = open_page(cnn, lstm)
    named(page.selectbox, "Baseline").set_value(lstm.id).run()
    assert page.multiselect[0].value == [lstm.id, cnn.id]
    assert link(page) == f"{lstm.id},{cnn.id}"
    assert "B is worse than A in balanced accuracy" in text(page)


def test_runs_are_chosen_from_a_table_that_is_searched_sorted_and_paged(cnn, lstm):
    more = [finished_run(1.5, created=1.7e9 + 60 * i, epochs=10 + i) for i in range(2, 14)]
    page = open_page(cnn, lstm)
    named(page.button, "All runs").click().run()
    rows = page.dataframe[0].value
    assert len(rows) == chooser.ROWS_A_PAGE
    assert rows["Name"].tolist()[0] == more[-1].title  # the newest
    named(page.selectbox, "Sort by").set_value("Balanced accuracy").run()
    found = page.dataframe[0].value["Balanced accuracy"].tolist()
    assert found == sorted(found, reverse=True)
    named(page.text_input, "Find").set_value("lstm").run()
    assert page.dataframe[0].value["Model"].tolist() == ["LSTM"]
    assert any("2 rows ticked" in c.value for c in page.caption)  # those compared now
    page.session_state["comparison_ticked"] = [lstm.id, more[0].id, more[1].id]
    page.run()
    named(page.button, "Compare").click().run()
    assert page.multiselect[0].value == [lstm.id, more[0].id, more[1].id]


def test_a_score_is_drawn_against_any_number_that_differs(cnn, lstm):
    finished_run(2.0, created=1.7e9 + 90, epochs=30)
    page = open_page(cnn, lstm)
    named(page.button, "All runs").click().run()
    page = opened(page, "comparison_choose_by", "Picture")
    named(page.selectbox, "Across").set_value("Epochs").run()
    alt = next(alt for alt in alternatives(page) if "against Epochs" in alt)
    assert alt.startswith("Balanced accuracy against Epochs, 3 runs.")


def test_the_address_names_the_chosen_runs_and_a_link_opens_them(cnn, lstm):
    page = open_page(lstm, cnn)
    assert page.multiselect[0].value == [lstm.id, cnn.id]
    assert link(page) == f"{lstm.id},{cnn.id}"
    page.multiselect[0].set_value([cnn.id, lstm.id]).run()
    assert link(page) == f"{cnn.id},{lstm.id}"
    assert page.multiselect[0].value == [cnn.id, lstm.id]


def test_a_link_to_a_run_that_is_not_here_says_so(cnn, lstm):
    page = open_page(cnn, lstm, "cnn-20200101-000000-abcd")
    assert "cnn-20200101-000000-abcd" in text(page)
    assert "no finished run of this name is here" in text(page)
    assert page.multiselect[0].value == [cnn.id, lstm.id]


def test_a_run_deleted_meanwhile_leaves_the_choice(cnn, lstm):
    third = finished_run(2.0, recipe="quick")
    page = open_page(cnn, lstm, third)
    store.delete_run(third)
    page.run()
    assert not page.exception
    assert page.multiselect[0].value == [cnn.id, lstm.id]


def test_without_a_link_the_newest_comparable_run_of_each_model_is_chosen(cnn, lstm):
    other_seed = finished_run(2.0, created=1.7e9 + 200, model="cnn", seed=5)
    newer_cnn = finished_run(2.0, created=1.7e9 + 100, model="cnn", epochs=30)
    assert report.default_runs(store.list_runs()) == [lstm.id, newer_cnn.id]
    assert report.default_runs([other_seed, cnn]) == [other_seed.id, cnn.id]
    assert report.default_runs([newer_cnn, cnn]) == [newer_cnn.id, cnn.id]
    assert open_page().multiselect[0].value == [lstm.id, newer_cnn.id]


def test_the_switches_change_matrices_and_class_chart(cnn, lstm):
    page = comparison_part(open_page(cnn, lstm), "Class by class")
    named(page.segmented_control, "Count cells by").set_value("true")
    named(page.segmented_control, "Score").set_value("precision")
    page.run()
    assert not page.exception
    assert "A row adds up to 100 %" in text(page)
    counts = RunReport(cnn).evaluation.confusion
    cell = matrices(page)["matrices"][0]["cells"][NV][NV]
    assert cell["text"] == f"{100 * counts[NV, NV] / counts[NV].sum():.0f}"
    assert alternatives(page)[0].startswith("Precision by class")
    page = comparison_part(page, "Learning curves")
    named(page.segmented_control, "Measure beside the loss").set_value("balanced_accuracy").run()
    assert alternatives(page)[1].startswith("Learning curves, balanced accuracy")


@pytest.mark.usefixtures("every_tab_drawn")
def test_six_runs_at_once_are_as_many_as_there_are_letters(cnn, lstm):
    more = [finished_run(1.5, created=1.7e9 + i, epochs=10 + i) for i in range(5)]
    page = open_page(cnn, lstm, *more)
    assert len(page.multiselect[0].value) == 6
    assert list(page.table[0].value)[-1] == "Always melanocytic nevus (nv)"
    assert list(page.table[1].value) == [f"{letter} minus A" for letter in "BCDEF"]


# ------------------------------------------------------------------------ different test images


def test_runs_on_different_test_images_are_not_compared_and_the_page_says_how_they_differ(cnn):
    other = finished_run(2.0, model="lstm", seed=7)
    page = open_page(cnn, other)
    assert "cannot be compared: they were tested on different images" in text(page)
    assert not page.get("plotly_chart")
    assert not page.table
    table = page.dataframe[0].value
    assert table["Seed"].tolist() == ["0", "7"]
    assert "Split" not in table  # the same for both
    assert "No other finished run was tested on the images of A" in text(page)


def test_the_page_offers_the_runs_that_can_be_compared(cnn, lstm):
    other = finished_run(2.0, split="image")
    twin = finished_run(1.5, split="image", epochs=9)
    page = open_page(cnn, lstm, other)
    assert [button.label for button in page.main.button[1:]] == [
        "Compare A and B only",
        "Compare C with the other run tested on the same images",
    ]
    page.main.button[1].click().run()
    assert page.multiselect[0].value == [cnn.id, lstm.id]
    assert page.table
    page = open_page(cnn, lstm, other)
    page.main.button[2].click().run()
    assert page.multiselect[0].value == [other.id, twin.id]
    assert link(page) == f"{other.id},{twin.id}"


def test_other_data_under_the_same_name_is_other_data(cnn, lstm):
    demo = finished_run(2.0, data="demo")
    groups = report.grouped(*reports_of(cnn, lstm, demo))
    assert [[name.letter for name in group] for group in groups] == [["A", "B"], ["C"]]
    table = report.test_parts(*reports_of(cnn, lstm, demo))
    assert table["Test part"].tolist() == ["1", "1", "2"]
    assert table["Data"].tolist() == ["HAM10000", "HAM10000", "demo"]


def test_leaking_splits_are_called_so_in_plain_words():
    page = open_page(
        finished_run(1.0, split="image"), finished_run(2.0, model="lstm", split="image")
    )
    [warning] = page.warning
    assert "Leaking split: by image (A, B)" in warning.value
    assert "higher than they would be on new lesions" in warning.value


def test_honest_splits_carry_no_warning(cnn, lstm):
    assert not open_page(cnn, lstm).warning


# ------------------------------------------------------------------------ numbers


def test_a_run_differs_from_its_copy_by_nothing(cnn):
    both = compared(cnn, cnn)
    [(b, found)] = both.differences.items()
    assert set(found.scores.values()) == {Interval(0.0, math.nan, math.nan)}
    assert found.test == McNemar(0, 0, 1.0)
    assert "not more than chance" in report.difference_in_words(b, both.names[0], found)


def test_the_difference_is_of_the_run_against_the_baseline(cnn, lstm):
    both = compared(cnn, lstm)
    [found] = both.differences.values()
    accuracy = {
        name.letter: one.evaluation.scores["accuracy"].value for name, one in both.reports.items()
    }
    assert found.scores["accuracy"].value == pytest.approx(accuracy["B"] - accuracy["A"])
    assert found.test.c - found.test.b == round(210 * (accuracy["B"] - accuracy["A"]))


def test_predictions_in_another_order_are_put_in_step(cnn, lstm):
    ours, theirs = answers(1.0, 1), answers(2.0, 2)
    order = np.random.default_rng(0).permutation(len(theirs.y_true))
    shuffled = store.Predictions(
        *(getattr(theirs, name)[order] for name in ("image_id", "lesion", "y_true", "proba"))
    )
    first, second = store.aligned(ours, shuffled)
    assert first.image_id.tolist() == second.image_id.tolist()
    assert np.array_equal(np.sort(second.proba, axis=0), np.sort(theirs.proba, axis=0))
    again = store.aligned(ours, theirs)[1]
    assert np.array_equal(second.proba, again.proba)


def test_predictions_of_other_images_are_refused():
    with pytest.raises(StoreError, match="not those that their folders say"):
        store.aligned(answers(1.0, 1), answers(1.0, 1, test_seed=3))


def test_a_damaged_predictions_file_is_an_error_in_words_and_not_a_traceback(cnn, lstm):
    (lstm.folder / "predictions.npz").write_bytes(b"PK broken")
    page = open_page(cnn, lstm)
    [error] = page.error
    assert "predictions.npz" in error.value.replace("\\", "")
    assert len(page.multiselect) == 1  # another run can still be chosen


def test_the_logistic_regression_is_a_baseline_where_every_run_carries_it(cnn, lstm):
    below = evaluation_record(evaluate(*baseline_answers(cnn), resamples=50))
    edited_run(cnn, floors={"logistic_regression": below})
    assert list(compared(store.read_run(cnn.id), lstm).baselines) == [
        "Always melanocytic nevus (nv)"
    ]
    edited_run(lstm, floors={"logistic_regression": below})
    page = open_page(cnn, lstm)
    table = page.table[0].value
    assert list(table)[2:4] == [
        "Always melanocytic nevus (nv)",
        "Logistic regression on the pixels",
    ]
    assert table.loc["Accuracy", "Logistic regression on the pixels"].startswith(
        f"{100 * below['scores']['accuracy']['value']:.0f}"
    )


@pytest.mark.parametrize(
    "floors", [{}, None, {"logistic_regression": 3}, {"logistic_regression": {"scores": {}}}]
)
def test_a_baseline_that_another_version_wrote_is_left_out(cnn, lstm, floors):
    edited_run(cnn, floors=floors)
    edited_run(lstm, floors=floors)
    assert list(open_page(cnn, lstm).table[0].value)[2:] == [
        "Always melanocytic nevus (nv)",
        "B minus A",
    ]


def baseline_answers(run: store.Run) -> tuple:
    test = store.read_predictions(run)["test"]
    return test.y_true, np.eye(7)[(test.y_true + (np.arange(210) % 2)) % 7], test.lesion


# ------------------------------------------------------------------- tabs


def test_the_target_moves_the_threshold(cnn, lstm):
    page = comparison_part(open_page(cnn, lstm), "Operating point")
    [table] = [t.value for t in page.table if "Malignant from" in t.value]
    assert list(table.index) == [
        "A, threshold",
        "A, predicted class",
        "B, threshold",
        "B, predicted class",
    ]
    found = RunReport(lstm).operating_points
    assert [found[target].missed for target in ("0.8", "0.9", "0.95")] == sorted(
        (found[target].missed for target in ("0.8", "0.9", "0.95")), reverse=True
    )
    assert table.loc["B, threshold", "Malignant missed"].startswith(f"{found['0.9'].missed} of")
    [target] = [control for control in page.segmented_control if control.key == "comparison_target"]
    target.set_value("0.8").run()
    [table] = [t.value for t in page.table if "Malignant from" in t.value]
    assert table.loc["B, threshold", "Malignant missed"].startswith(f"{found['0.8'].missed} of")


def test_the_temperature_can_be_switched_on_in_the_diagrams(cnn, lstm):
    page = comparison_part(open_page(cnn, lstm), "Calibration")
    found = RunReport(cnn).calibration
    assert (
        f"expected calibration error {100 * found.summary.ece_before:.1f} points"
        in alternatives(page)[0]
    )
    [which] = [
        control for control in page.segmented_control if control.key == "comparison_reliability"
    ]
    which.set_value("after").run()
    assert (
        f"expected calibration error {100 * found.summary.ece_after:.1f} points"
        in alternatives(page)[0]
    )


@pytest.mark.usefixtures("every_tab_drawn")
def test_a_validation_part_without_malignant_images_costs_the_operating_point_only(cnn, lstm):
    parts = store.read_predictions(cnn)
    benign = parts["validation"].y_true >= NV
    parts["validation"] = store.Predictions(
        *(
            getattr(parts["validation"], name)[benign]
            for name in ("image_id", "lesion", "y_true", "proba")
        )
    )
    store.write_predictions(cnn, parts)
    page = open_page(cnn, lstm)
    assert not page.error
    assert (
        f"A · {cnn.title}**: no threshold can be chosen, as no validation image is malignant."
        in text(page)
    )
    assert f"B · {lstm.title}**: finds " in text(page)
    assert any(alt.startswith("ROC curves, Melanoma") for alt in alternatives(page))
    text_of_json = json.loads(files.all_json(compared(cnn, lstm)))
    assert list(text_of_json["runs"][0]["operating_points"]) == ["predicted_class"]


# ------------------------------------------------------------------------ runs that ship


def test_on_a_fresh_machine_the_runs_that_ship_are_compared(shipped):
    page = open_page()
    assert page.multiselect[0].value == ["lstm-described", "cnn-described"]
    assert [f"{run.short_title} (ships)" for run in shipped] == page.multiselect[0].options
    assert list(page.table[0].value)[:2] == ["A · LSTM, as described", "B · CNN, as described"]
    assert not page.error
    comparison_part(page, "Data and test part")
    assert page.dataframe[0].value["Run"].tolist() == [run.title for run in shipped]
    comparison_part(page, "Settings")
    assert [expander.label for expander in page.expander][-1] == "Model cards"
    opened(page, "comparison_cards")
    opened(page, "comparison_card", "CNN, as described")
    assert "## CNN, as described" in text(page)


@pytest.mark.parametrize("with_data", [False, True])
def test_a_run_and_its_twin_that_ships_differ_by_nothing_with_the_data_or_without(
    own_copies, shipped, small_folder, monkeypatch, with_data
):
    if with_data:
        monkeypatch.setenv("HAM_DATA", str(small_folder))
    page = open_page(own_copies[0], "cnn-described")
    assert not page.error
    column = page.table[0].value["B minus A"].str.replace("\N{NO-BREAK SPACE}", " ")
    assert column["Accuracy"] == "0 points"
    assert column["McNemar's test"] == "p = 1.00"
    assert "copy of them" not in text(page)


def test_another_copy_of_the_data_is_compared_and_mentioned(own_copies, shipped):
    own = edited_run(own_copies[0], data={"fingerprint": "other pixels"})
    page = open_page(own, "cnn-described")
    assert page.table
    assert "not on the same copy of them" in text(page)


def test_own_runs_are_chosen_first_and_one_alone_beside_its_like_that_ships(own_copies, shipped):
    cnn, lstm = own_copies
    assert set(report.default_runs(store.find_runs().models)) == {cnn.id, lstm.id}
    assert report.default_runs([cnn, *shipped]) == [cnn.id, "cnn-described"]
    other_split = edited_run(cnn, split={"test_fingerprint": "others"})
    assert report.default_runs([other_split, *shipped]) == ["lstm-described", "cnn-described"]
    assert report.default_runs([other_split, shipped[0]]) == [cnn.id, "lstm-described"]


def test_the_default_choice_of_all_that_ship_goes_from_the_described_to_the_best(shipped):
    lstm, cnn = shipped
    six = [
        lstm,
        dataclasses.replace(lstm, id="lstm-improved"),
        cnn,
        dataclasses.replace(cnn, id="cnn-improved"),
        dataclasses.replace(cnn, id="resnet-improved"),
        dataclasses.replace(cnn, id="resnet-balanced"),
    ]
    assert report.default_runs(six) == ["cnn-described", "cnn-improved", "resnet-improved"]


def test_a_run_that_ships_joins_the_first_group_with_its_test_images(own_copies, shipped):
    cnn, lstm = own_copies
    other_copy = edited_run(lstm, data={"fingerprint": "other pixels"})
    groups = report.grouped(*reports_of(shipped[0], cnn, other_copy, shipped[1]))
    assert ["".join(name.letter for name in group) for group in groups] == ["ABD", "C"]


def test_the_predictions_file_has_ids_where_an_own_run_has_them_and_keys_else(own_copies, shipped):
    mixed, keyed = (
        pd.read_csv(StringIO(report.predictions_csv(compared(shipped[1], other))))
        for other in (own_copies[0], shipped[0])
    )
    test = store.read_predictions(own_copies[0])["test"]
    assert mixed["image_id"].tolist() == sorted(test.image_id.tolist())
    assert mixed[f"{own_copies[0].id}_mel"].tolist() == mixed["cnn-described_mel"].tolist()
    assert keyed["image_id"].tolist() == sorted(store.image_keys(test.image_id).tolist())


# ------------------------------------------------------------------------ files


def test_the_files_hold_scores_and_predictions_of_every_run(cnn, lstm):
    both = compared(cnn, lstm)
    table = pd.read_csv(StringIO(report.scores_csv(both)))
    assert len(table) == 2 * len(SCORES)
    row = table[(table.run == lstm.id) & (table.score == "accuracy")].iloc[0]
    assert row.value == pytest.approx(lstm.record.evaluation.scores["accuracy"].value)
    assert row.difference == pytest.approx(row.value - table.value[0])
    assert row.mcnemar_p < 0.001
    predictions = pd.read_csv(StringIO(report.predictions_csv(both)))
    assert len(predictions) == 210
    assert (predictions["true"] == predictions[f"{lstm.id}_answer"]).mean() == pytest.approx(
        row.value
    )
    assert predictions[[f"{cnn.id}_{code}" for code in CODES]].sum(
        axis=1
    ).to_numpy() == pytest.approx(1, abs=1e-4)


def test_the_json_holds_every_number_of_the_page(cnn, lstm):
    found = json.loads(files.all_json(compared(cnn, lstm)))
    assert found["schema"] == report.SCHEMA
    assert list(found["runs"][0]["baselines"]) == ["Always melanocytic nevus (nv)"]
    first, second = found["runs"]
    assert (first["letter"], second["run"]) == ("A", lstm.id)
    assert first["difference"] is None
    assert second["difference"]["mcnemar"]["p"] < 0.001
    assert second["scores"] == intervals_record(lstm.scores)
    assert sum(row["n"] for row in first["calibration"]["reliability_after"]) == 210
    assert sum(first["prediction_sets"]["sizes"]) == 210
    assert list(first["operating_points"]) == ["predicted_class", "0.8", "0.9", "0.95"]
    assert first["operating_points"]["predicted_class"]["threshold"] is None


# ------------------------------------------------------------ the images behind a cell


def shown_images(page: AppTest) -> str:
    return "".join(
        element.value for element in page.get("html") if 'class="ham-cell"' in element.value
    )


def clicked(page: AppTest, run_id: str, true: int, predicted: int) -> AppTest:
    """The page after a click on this cell."""
    cell = images.cell_to((run_id, true, predicted))
    page.query_params["cell"] = cell
    return page.run()


def named(widgets, label: str):
    return next(widget for widget in widgets if widget.label == label)


def test_a_cell_shows_its_images_the_surest_first_with_the_answer_of_every_run(
    own_copies, small_folder, small_dataset, monkeypatch
):
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    both = compared(*own_copies)
    part = store.read_predictions(own_copies[0])["test"]
    answer = part.proba.argmax(axis=1)
    true, predicted = int(part.y_true[0]), int(answer[0])
    page = open_page(*own_copies)
    page = clicked(page, own_copies[0].id, true, predicted)
    assert not page.exception
    inside = np.flatnonzero((part.y_true == true) & (answer == predicted))
    surest_first = inside[np.argsort(-part.proba[inside, predicted], kind="stable")]
    shown = shown_images(page)
    assert [text.split("<")[0] for text in shown.split("<figcaption><b>")[1:]] == part.image_id[
        surest_first
    ].tolist()
    assert report.answer_in_words("A", part.proba[surest_first[0]], true) in shown
    assert shown.count("<span>A: ") == shown.count("<span>B: ") == len(inside)
    a = both.names[0]
    numbers = report.cell(both, a, true, predicted)
    assert both.aligned[a].image_id[numbers].tolist() == part.image_id[surest_first].tolist()


def test_a_cell_of_other_data_says_why_it_has_no_picture_and_an_empty_one_that_it_is_empty(
    cnn, lstm
):
    page = clicked(open_page(cnn, lstm), cnn.id, NV, NV)
    assert "they are not in the data in use" in text(page)
    assert not shown_images(page)
    counts = RunReport(cnn).evaluation.confusion
    true, predicted = next((i, j) for i in range(7) for j in range(7) if not counts[i, j])
    page = clicked(page, cnn.id, true, predicted)
    assert f"was predicted as {CLASSES[predicted].title} by A." in text(page)


def test_the_first_cell_is_the_commonest_malignant_lesion_called_benign():
    counts = np.zeros((7, 7), int)
    counts[NV, BKL], counts[0, NV], counts[1, BKL], counts[0, 0] = 90, 5, 6, 50
    assert report.most_missed(counts) == (1, BKL)
    counts[:3, 3:] = 0
    assert report.most_missed(counts) == (NV, BKL)


def test_an_answer_names_the_true_class_only_where_it_is_another():
    proba = np.array([0.24, 0, 0, 0.71, 0.05, 0, 0])
    assert report.answer_in_words("A", proba, NV) == "A: nv 71 %"
    assert report.answer_in_words("B", proba, 0) == "B: nv 71 %, mel 24 %"


# ------------------------------------------------------------- damaged files, edited bundles


@pytest.mark.usefixtures("every_tab_drawn")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("predictions.npz", None),
        ("predictions.npz", b"PK\x03\x04"),
        ("history.csv", b"\xff\xfe"),
        ("history.csv", b"epoch\nrubbish\n1\n2\n"),
    ],
)
def test_a_run_with_a_damaged_file_is_left_out_and_the_others_are_compared(
    cnn, lstm, name, content
):
    third = finished_run(2.0, created=1.7e9 + 120, model="cnn", recipe="quick")
    (cnn.folder / name).unlink()
    if content is not None:
        (cnn.folder / name).write_bytes(content)
    page = open_page(cnn, lstm, third)
    assert not page.exception
    [error] = page.error
    assert f"{cnn.title} is left out" in error.value.replace("\\", "")
    assert f"{name} is damaged" in error.value.replace("\\", "")
    assert list(page.table[0].value)[:2] == [f"A · {lstm.title}", f"B · {third.title}"]
    page = open_page(cnn, lstm)
    assert "Choose at least two runs whose files can be read" in text(page)
    assert not page.get("plotly_chart")


@pytest.mark.usefixtures("every_tab_drawn")
@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_of_the_predictions_is_no_traceback_on_the_page(cnn, lstm, seed):
    path = cnn.folder / "predictions.npz"
    content = bytearray(path.read_bytes())
    place = [40, len(content) // 2, len(content) - 60][seed]
    content[place] ^= 8
    path.write_bytes(content)
    page = open_page(cnn, lstm)
    assert not page.exception
    assert cli.main(["evaluate", cnn.id, lstm.id]) in (0, 2)


def exported() -> tuple[dict, dict, bytes]:
    """Record, status and bundle of a finished run, which is deleted."""
    run = finished_run(1.0, model="cnn")
    scored = io.read_json(run.folder / "config.json")["evaluation"]
    run = edited_run(run, floors={"logistic_regression": scored})
    content = store.export_run(run)
    record, status = (
        json.loads((run.folder / name).read_text()) for name in ("config.json", "status.json")
    )
    store.delete_run(run)
    return record, status, content


WRONG = (None, "x", -1, 1e12, 0, [], {}, True, "\u202e\n", [[1]], 0.5)


@pytest.mark.usefixtures("every_tab_drawn")
def test_whatever_bundle_is_taken_in_every_page_can_show_it(capsys):
    """Each entry of the record and the status is taken out or replaced, a few hundred times in
    all.
    """
    record, status, content = exported()
    rng, taken, refused, edits = np.random.default_rng(0), [], [], 0
    for name, whole in (("config.json", record), ("status.json", status)):
        places = entries_of(whole)
        for place in [places[i] for i in rng.permutation(len(places))[:120]]:
            change = (
                {"remove": True} if rng.random() < 0.3 else {"new": WRONG[rng.integers(len(WRONG))]}
            )
            run_id = f"cnn-edit-{edits:04d}"
            new_record, new_status = record | {"id": run_id}, status
            if name == "config.json" and place != ("id",):
                new_record = with_change(new_record, place, **change)
            else:
                new_status = (
                    with_change(status, place, **change) if name == "status.json" else status
                )
            try:
                run = store.import_run(
                    changed(
                        with_id(content, run_id),
                        **{
                            "config.json": json.dumps(new_record).encode(),
                            "status.json": json.dumps(new_status).encode(),
                        },
                    )
                )
            except StoreError as error:
                refused.append(error)
            else:
                taken.append(run)
            edits += 1
    assert edits >= 120
    assert len(taken) > 10
    assert len(refused) > 60
    assert all(all((error.what, error.why, error.todo)) for error in refused)
    assert store.find_runs().problems == []
    for arguments in (["runs"], ["runs", "--json"]):
        assert cli.main(arguments) == 0
    for script in ("app.py", "pages/training.py", "pages/prediction.py"):
        page_driver.open_page(script)
    comparable = [run for run in taken if run.has_model]
    for start in range(0, min(18, len(comparable)), 6):
        page = open_page(*comparable[start : start + 6])
        assert not page.exception
        assert page.dataframe
    assert cli.main(["evaluate", *[run.id for run in comparable[:3]], "--json"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def with_id(content: bytes, run_id: str) -> bytes:
    members = members_of(content)
    manifest = json.loads(members["manifest.json"]) | {"id": run_id}
    return zipped(members | {"manifest.json": json.dumps(manifest).encode()})
