"""The Training page: what the form submits, and what is shown of runs in every state."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ham import engine, io, store
from ham.config import (
    CLASS_INDEX,
    CODES,
    TRAINING_VERSION,
    ConfigError,
    TrainConfig,
    parse_seeds,
    recipe_config,
)
from ham.data import METADATA_FILE, LesionDataset
from ham.engine import Engine, EngineSettings, Estimate
from ham.store import Predictions, Run
from ham.ui.training.live import strips
from ham.ui.training.pictures import side_by_side
from tests.page_driver import FORM, open_page, opened, said, words
from tests.run_factory import edited_run, finished_run, history_row, waiting_run


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, small_folder: Path) -> None:
    """The small data set in use, no worker, no probe, nothing remembered from the test before."""
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(engine, "estimate", lambda config, data: None)
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    st.cache_data.clear()
    st.cache_resource.clear()


def button(page: AppTest, label: str):
    return next(b for b in page.button if b.label == label)


def field(page: AppTest, label: str):
    return next(w for w in (*page.number_input, *page.selectbox) if w.label == label)


def finished(dataset: LesionDataset, config: TrainConfig | None = None) -> Run:
    """A run that ended as a result, its answers invented: 9 of 10 right."""
    config = config or recipe_config("quick", "cnn")
    y_true = np.array([CLASS_INDEX["nv"]] * 8 + [CLASS_INDEX["mel"]] * 2)
    proba = np.full((10, 7), 0.01, np.float32)
    proba[np.arange(10), [CLASS_INDEX["nv"]] * 9 + [CLASS_INDEX["mel"]]] = 0.94
    test = Predictions(np.array([f"T{i}" for i in range(10)]), np.arange(10), y_true, proba)
    run = finished_run(
        config,
        test,
        data=dataset.record,
        history=[history_row(1, seconds=6.0)],
        training_version=TRAINING_VERSION,
        status={"epoch": 3, "steps": 1, "ended": time.time()},
    )
    (run.folder / "predictions.npz").unlink()
    return run


def test_without_runs_the_page_says_what_to_do_and_never_imports_tensorflow() -> None:
    assert "Nothing trains yet" in said(open_page("pages/training.py"))
    if os.environ.get("PYTEST_CURRENT_TEST") and "ham.prediction" not in sys.modules:
        assert "tensorflow" not in sys.modules


def test_the_summary_counts_parameters_and_steps_before_the_start() -> None:
    page = open_page("pages/training.py", FORM)
    # 120 of 150 images in batches of 32
    assert "**59,005** parameters · **4** steps an epoch" in said(page)
    field(page, "Batch size").set_value(16).run()
    assert "**8** steps an epoch" in said(page)
    page.segmented_control(key="train_model").set_value("lstm").run()
    assert "**171,111** parameters" in said(page)


def test_start_puts_exactly_the_forms_settings_into_the_queue(small_dataset: LesionDataset) -> None:
    page = open_page("pages/training.py", FORM)
    page.selectbox(key="train_recipe").set_value("quick").run()
    field(page, "Epochs").set_value(7)
    field(page, "Learning rate").set_value(0.02)
    field(page, "Split").set_value("image")
    field(page, "Dense 2 units").set_value(64)
    field(page, "Class weight").set_value(0.5).run()
    button(page, "Start training").click().run()
    assert not page.exception
    [run] = store.list_runs()
    assert run.config == recipe_config(
        "quick", "cnn", epochs=7, learning_rate=0.02, split="image", units_2=64, class_weight=0.5
    )
    assert msgspec.to_builtins(run.record.data) == small_dataset.record
    assert "Starting" in said(page)


def test_a_setting_out_of_range_is_named_and_nothing_can_be_started() -> None:
    page = open_page("pages/training.py", FORM)
    field(page, "Epochs").set_value(9999).run()
    assert "whole number from 1 to 500" in page.error[0].value
    assert button(page, "Start training").disabled
    field(page, "Epochs").set_value(5).run()
    assert not page.error
    assert not button(page, "Start training").disabled


def test_a_leaking_split_is_marked_before_it_is_trained() -> None:
    page = open_page("pages/training.py", FORM)
    assert not page.warning
    field(page, "Split").set_value("image").run()
    assert "This split leaks" in page.warning[0].value


def test_the_split_by_source_is_offered_where_the_metadata_names_sources(
    monkeypatch: pytest.MonkeyPatch, small_folder: Path, tmp_path: Path
) -> None:
    page = open_page("pages/training.py", FORM)
    assert "By source" not in field(page, "Split").options
    folder = Path(shutil.copytree(small_folder, tmp_path / "dataverse"))
    lines = (folder / METADATA_FILE).read_text().splitlines()
    clinics = [
        f"{line},{'graz' if number < 100 else 'wien'}" for number, line in enumerate(lines[1:])
    ]
    (folder / METADATA_FILE).write_text("\n".join([f"{lines[0]},dataset", *clinics]))
    monkeypatch.setenv("HAM_DATA", str(folder))
    page = open_page("pages/training.py", FORM)
    field(page, "Split").set_value("source").run()
    assert not page.warning
    assert "**2** steps an epoch" in said(page)  # nine tenths of the 50 from wien, in batches of 32
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    page.run()
    assert not page.exception
    assert field(page, "Split").value == "lesion"


def test_each_recipe_starts_from_its_own_settings_and_keeps_what_was_changed() -> None:
    page = open_page("pages/training.py", FORM)
    assert field(page, "Epochs").value == 25
    field(page, "Epochs").set_value(11).run()
    page.selectbox(key="train_recipe").set_value("quick").run()
    assert field(page, "Epochs").value == 3
    page.selectbox(key="train_recipe").set_value("described").run()
    assert field(page, "Epochs").value == 11


def test_what_stands_behind_a_closed_line_is_not_drawn_and_counts_all_the_same() -> None:
    page = open_page("pages/training.py")
    assert [field.key for field in page.number_input] == ["engine_workers"]  # in a popover
    assert not page.get("file_uploader")
    page = open_page("pages/training.py", FORM)
    field(page, "Epochs").set_value(7)
    page.selectbox(key="train_repeat").set_value("3 seeds").run()
    for key in FORM:
        page.session_state[key] = False
    page.run()
    assert [field.key for field in page.number_input] == ["engine_workers"]
    assert "Optimisation: 7 epochs, batch 32, Adam, rate 0.001 · Data and split: by lesion" in said(
        page
    )
    button(page, "Start 3 runs").click().run()
    assert [run.config.epochs for run in store.list_runs()] == [7, 7, 7]
    assert field(opened(page, FORM[0]), "Epochs").value == 7


def test_the_address_holds_model_and_recipe() -> None:
    page = open_page("pages/training.py", train_model="ResNet", train_recipe="Improved")
    assert page.segmented_control(key="train_model").value == "resnet"
    assert page.selectbox(key="train_recipe").value == "improved"


def test_what_a_recipe_does_is_seen_beside_it() -> None:
    def pictures() -> str:
        return words(page.get("html"))

    page = open_page("pages/training.py")
    assert "<b>Conv</b>24x24<br>30" in pictures()
    assert "No augmentation" in said(page)
    plain = pictures()
    page.selectbox(key="train_recipe").set_value("improved").run()
    assert "Original, 3 augmented" in said(page)
    assert "(dihedral+colour+shift)" in pictures()
    assert pictures() != plain
    page.segmented_control(key="train_model").set_value("lstm").run()
    assert "<b>LSTM</b>28x128" in pictures()


def test_images_stand_side_by_side_with_nothing_between_them() -> None:
    images = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)
    apart = side_by_side(images)
    assert apart.shape == (2, 5, 4)
    assert (apart[:, :2, :3] == images[0]).all()
    assert (apart[:, 3:, :3] == images[1]).all()
    assert apart[0, :, 3].tolist() == [255, 255, 0, 255, 255]


def test_a_running_run_shows_epoch_time_left_and_curves_and_can_be_cancelled(
    small_dataset: LesionDataset,
) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    with store.claim(run):
        run = store.write_status(
            run, state="running", phase="training", epoch=2, steps=4, seconds_left=138.0
        )
        for epoch in (1, 2):
            store.append_history(run, history_row(epoch))
        page = open_page("pages/training.py")
        assert "Validation accuracy" in [m.label for m in page.metric]
        assert any("Learning rate over 25 epochs" in one.proto.body for one in page.get("html"))
        for title in ("Loss", "Accuracy", "Balanced accuracy", "Recall by class"):
            (curve,) = opened(page, f"curves_{run.id}", title).get("plotly_chart")
            assert title.partition(" by ")[0].lower() in curve.proto.alt.lower()
        assert [p.proto.text for p in page.get("progress")][
            -1
        ] == "Epoch 3 of 25 · about 2 min left"
        button(page, "Cancel").click().run()
        assert store.cancel_requested(run)
        assert button(page, "Stopping").disabled


def test_the_last_run_has_a_still_picture_and_its_curves_behind_a_line_open_to_who_watched_it(
    small_dataset: LesionDataset,
) -> None:
    def still(page: AppTest) -> int:
        return sum('class="ham-loss"' in one.value for one in page.get("html"))

    run = waiting_run(TrainConfig(), small_dataset.record)
    with store.claim(run):
        run = store.write_status(run, state="running", phase="training", epoch=2, steps=4)
        for epoch in (1, 2):
            store.append_history(run, history_row(epoch))
        watched = open_page("pages/training.py")
        assert (still(watched), len(watched.get("plotly_chart"))) == (0, 1)
        store.write_status(run, state="cancelled", ended=1.0)
    watched.run()
    assert (still(watched), len(watched.get("plotly_chart"))) == (0, 1)
    page = open_page("pages/training.py")
    # Plotly's code takes the browser longer than the page
    assert (still(page), len(page.get("plotly_chart"))) == (1, 0)
    page.sidebar.toggle[0].set_value(True)  # its numbers, as below every chart
    page.run()
    [numbers] = [one.value for one in page.dataframe if "Epoch" in one.value]
    assert numbers["Series"].tolist() == ["validation", "validation", "training", "training"]
    assert not page.exception
    page = opened(page, f"curves_open_{run.id}")
    assert (still(page), len(page.get("plotly_chart"))) == (0, 1)


def test_waiting_runs_stand_in_order_and_can_be_removed(small_dataset: LesionDataset) -> None:
    first, second = (
        waiting_run(TrainConfig(seed=seed), small_dataset.record, now=seed) for seed in (1, 2)
    )
    page = open_page("pages/training.py")
    listed = said(page)
    assert listed.index("seed 1, 25 epochs") < listed.index("seed 2, 25 epochs")
    page.button(key=f"remove_{first.id}").click().run()
    assert store.read_run(first.id).state == "cancelled"
    assert store.read_run(second.id).state == "queued"


def test_waiting_runs_can_be_moved_up_down_and_to_the_front(small_dataset: LesionDataset) -> None:
    runs = [
        waiting_run(TrainConfig(seed=seed), small_dataset.record, now=seed) for seed in (1, 2, 3)
    ]
    page = open_page("pages/training.py")
    assert "3 wait" in said(page)

    def click(what: str, run: Run) -> list[int]:
        page.button(key=f"{what}_{run.id}").click().run()
        assert not page.exception
        return [waiting.config.seed for waiting in engine.queue()]

    assert click("up", runs[2]) == [1, 3, 2]
    assert click("down", runs[0]) == [3, 1, 2]
    assert click("front", runs[1]) == [2, 3, 1]
    assert page.button(key=f"up_{runs[1].id}").disabled
    assert page.button(key=f"down_{runs[0].id}").disabled
    assert not page.button(key=f"down_{runs[1].id}").disabled


def test_a_run_that_waits_alone_can_only_be_removed(small_dataset: LesionDataset) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    keys = {b.key for b in open_page("pages/training.py").button}
    assert f"remove_{run.id}" in keys
    assert f"up_{run.id}" not in keys


def test_the_engines_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_WORKERS", 4)
    page = open_page("pages/training.py")
    assert page.number_input(key="engine_workers").value == 1
    page.number_input(key="engine_workers").set_value(2).run()
    page.toggle(key="engine_resume").set_value(True).run()
    assert engine.settings() == EngineSettings(workers=2, resume_by_itself=True)
    assert not page.exception


# --------------------------------------------------------------------------- the live view


def test_the_time_left_is_the_same_wherever_it_stands(small_dataset: LesionDataset) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    with store.claim(run):
        store.write_status(
            run, state="running", phase="training", epoch=2, steps=4, seconds_left=1000.0
        )
        for epoch in (1, 2):
            store.append_history(run, history_row(epoch))  # by these alone it would be 138 s
        for script in ("pages/training.py", "pages/dataset.py"):  # in the page, in the sidebar
            shown = [p.proto.text for p in open_page(script).get("progress")]
            assert "Epoch 3 of 25 · about 17 min left" in shown


def test_a_model_that_always_answers_nevus_is_said_with_batch_pace_and_rate(
    small_dataset: LesionDataset,
) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    with store.claim(run):
        run = store.write_status(
            run, state="running", phase="training", epoch=3, step=2, steps=4, best_epoch=3
        )
        for epoch in (1, 2, 3):
            recalls = {f"recall_{code}": float(code == "nv") for code in CODES}
            row = history_row(epoch, seconds=6.0, learning_rate=0.001, **recalls)
            store.append_history(run, row)
        page = open_page("pages/training.py")
        assert "It always predicts melanocytic nevus" in page.warning[0].value
        assert "Batch 2 of 4 · 6.0 s an epoch · learning rate 0.001 · epoch kept so far 3" in said(
            page
        )


def test_a_healthy_run_has_no_findings(small_dataset: LesionDataset) -> None:
    finished(small_dataset)
    page = open_page("pages/training.py")
    assert not page.warning
    assert not page.info


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_the_first_batch_is_shown_and_for_the_lstm_as_rows_too(
    model: str, small_dataset: LesionDataset
) -> None:
    run = finished(small_dataset, recipe_config("quick", model))
    assert "What the model sees" not in [e.label for e in open_page("pages/training.py").expander]
    io.write_arrays(run.folder / "first_batch.npz", {"images": small_dataset.images[:8]})
    page = open_page("pages/training.py")
    assert "What the model sees" in [e.label for e in page.expander]
    assert not any("<div class='ham-batch'>" in e.proto.body for e in page.get("html"))
    opened(page, f"first_batch_{run.id}")
    shown = next(
        e.proto.body for e in page.get("html") if "<div class='ham-batch'>" in e.proto.body
    )
    assert shown.count('alt="Image ') == 8
    assert ("28 steps of 84 numbers" in shown) == (model == "lstm")


@pytest.mark.parametrize(
    "arrays",
    [
        None,
        {},
        {"images": np.zeros((8, 28, 28, 3))},
        {"images": np.zeros((8, 28, 28), np.uint8)},
        {"images": np.zeros((0, 28, 28, 3), np.uint8)},
        {"images": np.array("text")},
        {"images": np.zeros(3, np.uint8)},
    ],
)
def test_a_damaged_first_batch_breaks_nothing(
    arrays: dict | None, small_dataset: LesionDataset
) -> None:
    run = finished(small_dataset, recipe_config("quick", "lstm"))
    if arrays is None:
        (run.folder / "first_batch.npz").write_bytes(b"no zip")
    else:
        io.write_arrays(run.folder / "first_batch.npz", arrays)
    page = opened(open_page("pages/training.py"), f"first_batch_{run.id}")
    assert "first batch of this run cannot be read" in said(page)


def test_rows_are_cut_apart_in_order_and_keep_their_pixels() -> None:
    image = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    apart = strips(image, height=1, gap=2)
    assert apart.shape == (4, 6, 4)
    assert apart[:, :, 3].tolist() == [[255] * 6, [0] * 6, [0] * 6, [255] * 6]
    assert apart[0, 0, :3].tolist() == [0, 1, 2]
    assert apart[0, 3, :3].tolist() == [3, 4, 5]
    assert apart[3, 0, :3].tolist() == [6, 7, 8]


def test_the_last_result_stands_with_its_interval_and_its_baseline(
    small_dataset: LesionDataset,
) -> None:
    run = finished(small_dataset)
    page = open_page("pages/training.py")
    assert "Test accuracy **90 % (" in said(page)
    # an older run whose predictions are damaged: by which class?
    assert "always predicting" not in said(page)
    counts = dict.fromkeys(CODES, 0) | {"nv": 90, "mel": 10}
    edited_run(run, split={"train_counts": counts})
    assert ")**; always predicting melanocytic nevus (nv) scores 80 %. Epoch" in said(
        open_page("pages/training.py")
    )
    counts |= {"mel": 91}  # the most of training, not of test
    edited_run(run, split={"train_counts": counts})
    assert ")**; always predicting melanoma (mel) scores 20 %. Epoch" in said(
        open_page("pages/training.py")
    )


def test_training_the_very_same_again_is_offered_as_such(small_dataset: LesionDataset) -> None:
    finished(small_dataset)
    page = open_page("pages/training.py")
    assert "Exactly this was trained before" not in said(page)
    page.selectbox(key="train_recipe").set_value("quick").run()
    assert "Exactly this was trained before" in said(page)
    assert button(page, "Train again")


@pytest.mark.parametrize("version", [None, TRAINING_VERSION - 1, TRAINING_VERSION + 1])
def test_what_another_version_trained_is_not_exactly_this(
    version: int | None, small_dataset: LesionDataset
) -> None:
    edited_run(finished(small_dataset), training_version=version)
    page = open_page("pages/training.py")
    page.selectbox(key="train_recipe").set_value("quick").run()
    assert "Exactly this" not in said(page)


def test_the_expected_time_comes_from_the_last_run_of_this_machine(
    small_dataset: LesionDataset,
) -> None:
    finished(small_dataset)  # 6 s for an epoch of 1 step
    page = open_page("pages/training.py")
    page.selectbox(key="train_recipe").set_value("quick").run()
    assert "**about 20 s** here" in said(page)  # 3 epochs of 1 step, to the nearest 5 s


def test_an_imported_run_tells_nothing_of_this_machines_speed(small_dataset: LesionDataset) -> None:
    run = finished(small_dataset)
    # as an import leaves it: config.json is the exporter's
    edited_run(run, origin="0123456789abcdef")
    page = open_page("pages/training.py")
    page.selectbox(key="train_recipe").set_value("quick").run()
    assert "measuring time and memory here" in said(page)


def test_the_probe_tells_time_and_memory_before_the_first_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page("pages/training.py")
    assert "measuring time and memory here" in said(page)
    monkeypatch.setattr(
        engine, "estimate", lambda config, data: Estimate(7.0, 180.0, 1_149_000_000)
    )
    assert "**about 3 min** and **1.1\u00a0GB** here" in said(page.run())
    monkeypatch.setattr(
        engine, "estimate", lambda config, data: Estimate(problem="it did not work")
    )
    assert "time is known after the first epoch" in said(page.run())


def test_a_click_is_not_lost_when_the_probe_ends_while_the_page_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page("pages/training.py")
    answers = iter([None])
    monkeypatch.setattr(
        engine, "estimate", lambda config, data: next(answers, Estimate(7.0, 180.0, 1_149_000_000))
    )
    button(page, "Start training").click().run()
    assert [run.state for run in store.list_runs()] == ["queued"]


def test_while_a_run_trains_nothing_is_measured(small_dataset: LesionDataset) -> None:
    waiting_run(TrainConfig(seed=8), small_dataset.record)
    assert "time is known after the first epoch" in said(open_page("pages/training.py"))


# ----------------------------------------------------------------------- several at once


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("", []),
        ("1-3", [1, 2, 3]),
        ("0, 1, 2", [0, 1, 2]),
        ("0 4-5;4", [0, 4, 5]),
        ("7", [7]),
        ("3-3", [3]),
    ],
)
def test_seeds_are_numbers_and_ranges_each_once(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["a", "3-1", "1-", "-1", "1-3-5", "1.5", "0-50", "99999999999"])
def test_what_is_no_list_of_seeds_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        parse_seeds(text)


def test_three_seeds_of_both_models_make_six_runs_with_the_forms_settings(
    small_dataset: LesionDataset,
) -> None:
    page = open_page("pages/training.py", FORM)
    field(page, "Epochs").set_value(7)
    page.selectbox(key="train_repeat").set_value("Seeds of my own").run()
    page.text_input(key="train_seeds").set_value("1-3")
    page.pills(key="train_also_cnn").set_value(["lstm"]).run()
    assert "This makes **6 runs**: CNN and LSTM, 3 seeds each." in said(page)
    button(page, "Start 6 runs").click().run()
    assert not page.exception
    queued = engine.queue()
    assert [(run.config.model, run.config.seed) for run in queued] == [
        ("cnn", 1),
        ("cnn", 2),
        ("cnn", 3),
        ("lstm", 1),
        ("lstm", 2),
        ("lstm", 3),
    ]
    assert {run.config.epochs for run in queued} == {7}
    assert queued[3].config.model_settings == recipe_config("described", "lstm").model_settings


def test_runs_that_are_there_already_are_left_out_of_several_unless_wanted(
    small_dataset: LesionDataset,
) -> None:
    finished(small_dataset, TrainConfig(seed=2))
    waiting_run(TrainConfig(seed=3), small_dataset.record)
    page = open_page("pages/training.py", FORM)
    page.selectbox(key="train_repeat").set_value("Seeds of my own").run()
    page.text_input(key="train_seeds").set_value("1-3").run()
    assert "This makes **3 runs**" in said(page)
    assert (
        page.checkbox(key="train_leave_out").label
        == "Leave out 2 that are trained or waiting already"
    )
    assert button(page, "Start training")  # seed 1 alone
    page.checkbox(key="train_leave_out").uncheck().run()
    assert button(page, "Start 3 runs")


def test_wrong_seeds_are_named_and_nothing_can_be_started() -> None:
    page = open_page("pages/training.py", FORM)
    page.selectbox(key="train_repeat").set_value("Seeds of my own").run()
    page.text_input(key="train_seeds").set_value("1 to 3").run()
    assert "'to' is neither a whole number nor a range" in page.error[0].value.replace("\\", "")
    assert button(page, "Start training").disabled


def test_five_folds_are_a_cross_validation_by_name(small_dataset: LesionDataset) -> None:
    page = open_page("pages/training.py", FORM)
    page.selectbox(key="train_repeat").set_value("5 folds").run()
    words = "**5 runs**: CNN, 5 folds in all, each tested on another 20 % of the images"
    assert words in said(page)
    button(page, "Start 5 runs").click().run()
    configs = [run.config for run in engine.queue()]
    assert [(c.fold, c.seed, c.test_fraction) for c in configs] == [(f, 0, 0.2) for f in range(5)]


def test_seeds_are_offered_by_their_number(small_dataset: LesionDataset) -> None:
    page = open_page("pages/training.py", FORM)
    field(page, "Seed").set_value(4)
    page.selectbox(key="train_repeat").set_value("3 seeds").run()
    button(page, "Start 3 runs").click().run()
    assert [run.config.seed for run in engine.queue()] == [4, 5, 6]


def test_a_split_without_folds_says_so() -> None:
    page = open_page("pages/training.py", FORM)
    page.selectbox(key="train_recipe").set_value("as published").run()
    page.selectbox(key="train_repeat").set_value("5 folds").run()
    assert "this split has 1 test part to choose from" in page.error[0].value
    assert button(page, "Start training").disabled


def test_what_waits_already_is_said(small_dataset: LesionDataset) -> None:
    waiting_run(TrainConfig(), small_dataset.record)
    assert "Exactly this waits already" in said(open_page("pages/training.py"))


@pytest.mark.parametrize("changed", [{"training_version": 0}, {"packages": {"numpy": "1.0"}}])
def test_a_run_that_was_trained_otherwise_is_not_the_same(
    changed: dict, small_dataset: LesionDataset
) -> None:
    edited_run(finished(small_dataset, TrainConfig()), **changed)
    page = open_page("pages/training.py")
    assert "Exactly this was trained before" not in said(page)
    assert button(page, "Start training")


def test_the_settings_of_a_run_fill_the_form_to_be_changed(small_dataset: LesionDataset) -> None:
    config = recipe_config(
        "quick",
        "lstm",
        epochs=9,
        learning_rate=0.02,
        split="image",
        units_2=48,
        seed=4,
        class_weight=0.5,
    )
    run = finished(small_dataset, config)
    page = open_page("pages/training.py")
    page.button(key=f"use_{run.id}").click().run()
    assert not page.exception
    opened(page, FORM[0])
    assert "**4** steps" not in said(page)
    assert (
        page.segmented_control(key="train_model").value,
        page.selectbox(key="train_recipe").value,
    ) == ("lstm", "quick")
    assert "Exactly this was trained before" in said(page)  # the form holds this very config
    field(page, "Epochs").set_value(11).run()
    button(page, "Start training").click().run()
    assert engine.queue()[0].config == config.replace(epochs=11)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("failed", "the loss is not a number"),
        ("cancelled", "Cancelled after 2"),
        ("running", "Nothing of them is lost"),
    ],
)
def test_a_run_that_did_not_finish_says_why_and_resumes(
    state: str, shown: str, small_dataset: LesionDataset
) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    error = {"what": "Epoch 3", "why": "the loss is not a number.", "todo": "Use a smaller rate."}
    store.write_status(
        run,
        state=state,
        epoch=2,
        updated=time.time(),
        error=error if state == "failed" else None,
        ended=None if state == "running" else time.time(),
    )
    page = open_page("pages/training.py")
    assert shown in said(page)
    page.button(key=f"resume_{run.id}").click().run()
    assert store.read_run(run.id).state == "queued"


def test_a_damaged_run_is_shown_as_such_and_breaks_nothing(small_dataset: LesionDataset) -> None:
    run = waiting_run(TrainConfig(), small_dataset.record)
    (run.folder / "status.json").write_text("{")
    finished(small_dataset)
    assert "damaged" in said(open_page("pages/training.py"))


def test_on_other_data_past_runs_are_still_there(small_dataset: LesionDataset, monkeypatch) -> None:
    finished(small_dataset)
    monkeypatch.delenv("HAM_DATA")
    page = open_page("pages/training.py")
    assert len(page.dataframe) == 1
    assert "Synthetic demo data" in said(page)


def test_runs_that_a_crash_left_behind_are_offered_together(small_dataset: LesionDataset) -> None:
    runs = [waiting_run(TrainConfig(seed=seed), small_dataset.record) for seed in (1, 2)]
    for run in runs[:1]:
        store.write_status(run, state="running", epoch=2, updated=time.time())
    engine.cancel(runs[1])
    # one alone stands as the last run
    assert "interrupted:" not in said(open_page("pages/training.py"))
    store.write_status(runs[1], state="running", epoch=3, updated=time.time())
    page = open_page("pages/training.py")
    assert "**2 runs were interrupted:**" in said(page)
    page.button(key="resume_interrupted").click().run()
    assert [store.read_run(run.id).state for run in runs] == ["queued", "queued"]
