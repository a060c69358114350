"""Sweeps on the Training page: what the form starts, what is shown, and what can be done to one."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ham import engine, store
from ham.engine import Engine, Estimate
from ham.lab import sweep as lab
from ham.lab.sweep import Driver
from tests.page_driver import FORM, open_page, opened, said
from tests.test_pages_training import button, field
from tests.test_sweep import finishes, runs_of, sweep_of


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, small_folder: Path, ham_home: Path) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(6.0, 60.0, 10**9))
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def page() -> AppTest:
    opened_page = open_page("pages/training.py", FORM)
    opened_page.segmented_control(key="train_way").set_value("sweep").run()
    assert not opened_page.exception
    return opened_page


def test_what_the_form_says_is_the_plan_and_its_minutes_are_told_before(page: AppTest) -> None:
    field(page, "Epochs").set_value(5)
    page.multiselect(key="sweep_vary_cnn").set_value(["learning_rate", "batch_size"]).run()
    page.number_input(key="sweep_trials").set_value(6)
    page.number_input(key="sweep_seeds").set_value(2)
    page.selectbox(key="sweep_objective").set_value("accuracy")
    page.text_input(key="sweep_name_0").set_value("rates").run()
    assert "**6 trials**, 12 runs · **about 12 min** here" in said(page)
    assert lab.find_sweeps().sweeps == []
    button(page, "Start the sweep").click().run()
    assert not page.exception
    [sweep] = lab.find_sweeps().sweeps
    assert sweep.plan == lab.make_plan(
        "rates",
        "cnn",
        "described",
        (
            lab.Values("learning_rate", "log", (), 1e-4, 1e-2),
            lab.Values("batch_size", "list", (16, 32, 64)),
        ),
        fixed={"epochs": 5},
        trials=6,
        seeds=2,
        objective="accuracy",
    )
    assert "Its first trial begins as soon as the engine has looked" in said(page)
    assert page.text_input(key="sweep_name_1").value == "sweep-1"  # the next one's


def test_a_grid_has_as_many_trials_as_combinations(page: AppTest) -> None:
    page.segmented_control(key="sweep_method").set_value("grid").run()
    page.number_input(key="sweep_cnn_learning_rate_points").set_value(4).run()
    page.multiselect(key="sweep_vary_cnn").set_value(["learning_rate", "optimizer"]).run()
    assert "**16 trials**" in said(page)  # four rates with four optimizers
    page.selectbox(key="sweep_cnn_learning_rate_scale").set_value("list").run()
    page.text_input(key="sweep_cnn_learning_rate_list").set_value("0.001; 0.01").run()
    assert "**8 trials**" in said(page)


def test_what_cannot_be_done_is_named_and_cannot_be_started(page: AppTest) -> None:
    page.number_input(key="sweep_cnn_learning_rate_high").set_value(5.0).run()
    assert "it must be a number from 1e-06 to 1" in page.error[0].value.replace("\\", "")
    assert button(page, "Start the sweep").disabled
    page.number_input(key="sweep_cnn_learning_rate_high").set_value(0.1).run()
    assert not button(page, "Start the sweep").disabled
    page.multiselect(key="sweep_vary_cnn").set_value([]).run()
    assert "varies no setting" in page.error[0].value
    field(page, "Epochs").set_value(9999).run()
    assert "whole number from 1 to 500" in page.error[0].value


def test_a_name_that_is_taken_is_told_and_the_rest_of_the_page_stands(page: AppTest) -> None:
    page.text_input(key="sweep_name_0").set_value("fast").run()
    sweep_of(name="fast")
    button(page, "Start the sweep").click().run()
    assert "is there already" in page.error[0].value
    assert len(lab.find_sweeps().sweeps) == 1
    assert "The queue is empty" in said(page)


def test_where_trials_have_other_images_that_is_said(page: AppTest) -> None:
    page.multiselect(key="sweep_vary_cnn").set_value(["fold"]).run()
    page.number_input(key="sweep_trials").set_value(2).run()
    assert "validated on other images" in said(page)


@pytest.fixture
def some_ended() -> lab.Sweep:
    """Four complete trials of six, the third the best, and one that waits."""
    sweep = sweep_of("dropout=lin:0.1:0.5", "batch_size=16,32", trials=6, method="tpe")
    driver = Driver(sweep)
    for number, score in enumerate([0.5, 0.6, 0.8, 0.7]):
        finishes(sweep, driver, number, [0.3, score])
    driver.step()
    return sweep


def test_a_sweep_is_watched_in_charts_and_in_a_table(some_ended: lab.Sweep) -> None:
    page = open_page("pages/training.py")
    shown = said(page)
    assert "goes on" in shown
    assert "CNN, as described, 6 trials by TPE over dropout after dense 1 and batch size" in shown
    assert "Nobody has looked at the test images" in shown
    alts = [chart.alt for chart in _charts(page)]
    assert any("best is trial 2 with 80.0 %" in alt for alt in alts)
    assert any("Share of the scores' variance" in alt for alt in alts)
    opened(page, "sweep_tabs_fast", "Settings")
    alts = [chart.alt for chart in _charts(page)]
    assert any("Parallel coordinates of 4 complete trials" in alt for alt in alts)
    assert sum("against the" in alt for alt in alts) == 2
    opened(page, "sweep_tabs_fast", "Learning curves")
    assert any("by epoch of 4 trials" in chart.alt for chart in _charts(page))
    opened(page, "sweep_tabs_fast", "Table")
    table = next(t.value for t in page.dataframe if "Trial" in t.value.columns)
    assert table["Best"].tolist() == ["", "", "★", "", ""]
    assert table["Validation balanced accuracy"].tolist()[:4] == pytest.approx([50, 60, 80, 70])


def _charts(page: AppTest) -> list:
    return [element.proto for element in page.get("plotly_chart")]


def test_it_is_stopped_taken_up_again_and_its_best_promoted_once(some_ended: lab.Sweep) -> None:
    page = open_page("pages/training.py")
    button(page, "Stop").click().run()
    assert lab.read_sweep("fast").state == "stopped"
    assert runs_of(some_ended)[4, 0].state == "cancelled"
    assert page.selectbox(key="sweep_promoted_fast").value == 2
    button(page, "Evaluate on the test images").click().run()
    assert not page.exception
    assert runs_of(some_ended)[2, 0].state == "queued"
    assert "looked at once, for trial 2" in said(page)
    page.selectbox(key="sweep_promoted_fast").set_value(3).run()
    assert button(page, "Evaluate on the test images").disabled
    page.checkbox(key="sweep_again_fast_1").check().run()
    button(page, "Evaluate on the test images").click().run()
    assert "looked at 2 times, for trial 2, trial 3" in said(page)
    button(page, "Resume").click().run()
    assert lab.read_sweep("fast").state == "running"


def test_a_damaged_sweep_and_one_that_stumbles_are_said(some_ended: lab.Sweep) -> None:
    (some_ended.folder / "sweep.json").write_text("{")
    page = open_page("pages/training.py")
    assert "its sweep.json cannot be read" in page.error[0].value.replace("\\", "")


def test_a_trial_has_a_line_in_the_queue_and_its_end_is_told_by_its_sweep(
    some_ended: lab.Sweep,
) -> None:
    store.write_status(
        runs_of(some_ended)[4, 0], state="running", epoch=1, steps=4, phase="training"
    )
    page = open_page("pages/training.py")
    assert "fast, trial 4" not in [header.value for header in page.header]
    with store.claim(runs_of(some_ended)[4, 0]):
        page = open_page("pages/training.py")
        assert "fast, trial 4" in said(page)
        assert "fast, trial 4" not in [header.value for header in page.header]
        assert "Cancel" not in [b.label for b in page.button]
    lab.stop_sweep(some_ended)
    page = open_page("pages/training.py")
    assert "Last run" not in said(page)
    assert "Nothing trains yet" not in said(page)
