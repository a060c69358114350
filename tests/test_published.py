"""What a reported number is worth where every epoch was watched on the test part."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ham import cli, report, store
from ham.charts import alt_text
from ham.charts.published import watched_epochs
from ham.config import TrainConfig, recipe_config
from ham.engine import Engine
from ham.evaluation import EvaluationError
from ham.lesson import Fact, Progress
from ham.report import BY_CLASS, RunName, RunReport, decision_rule
from ham.report.published import REPORTED, draws, draws_in_words
from tests.page_driver import comparison_part, open_page
from tests.run_factory import finished_run, history_row

A, B = RunName("A", "CNN"), RunName("B", "LSTM")


def test_the_last_epochs_of_all_trainings_are_the_draws() -> None:
    found = draws([[0.1, 0.5, 0.75, 0.7], [0.2, 0.6, 0.65, 0.8]], epochs=3)
    assert found.values.tolist() == [[0.5, 0.75, 0.7], [0.6, 0.65, 0.8]]
    assert (found.low, found.high, found.median) == (0.5, 0.8, pytest.approx(0.675))
    assert found.last.tolist() == [0.7, 0.8]
    assert found.reached(0.7) == 0.5  # 0.75, 0.7 and 0.8 of six
    assert draws([[0.5], [0.6, 0.7]]).values.tolist() == [[0.5], [0.7]]
    with pytest.raises(ValueError, match="no epoch"):
        draws([])


def test_the_words_say_range_and_how_often_the_number_is_reached() -> None:
    found = draws([[0.5, 0.75]])
    assert draws_in_words(found, 0.7164) == (
        "71.64 % is one draw: over the last 2 epochs of this training the accuracy moves between "
        "50.0 % and 75.0 % (median 62.5 %), and 50 % of these epochs reach that number."
    )


def test_the_recipe_is_the_notebooks() -> None:
    cnn, lstm = recipe_config("as published", "cnn"), recipe_config("as-published", "lstm")
    assert (cnn.epochs, cnn.batch_size, lstm.batch_size) == (50, 8, 32)
    for config in (cnn, lstm):
        described = recipe_config("described", config.model)
        assert config.recipe == "as published"
        assert (config.split, config.epoch_kept) == ("published", "last")
        for same in ("optimizer", "learning_rate", "schedule", "augmentation", "pixel_scaling"):
            assert getattr(config, same) == getattr(described, same)
        assert config.model_settings == described.model_settings


@pytest.fixture
def watched() -> store.Run:
    rows = [history_row(epoch) for epoch in (1, 2, 3)]
    split = {"protocol": "published", "leaking": True}
    return finished_run(TrainConfig(split="published"), history=rows, split=split)


def test_nothing_is_chosen_where_the_test_part_was_watched(watched) -> None:
    found = RunReport(watched)
    assert "validation part is its test part" in found.nothing_to_choose_on
    with pytest.raises(EvaluationError, match="no image is left"):
        _ = found.calibration
    with pytest.raises(EvaluationError, match="no image is left"):
        _ = found.sets
    assert list(found.operating_points) == [BY_CLASS]
    rule = decision_rule(watched)
    assert (rule.temperature, rule.set_threshold, rule.malignant_threshold) == (None, None, None)
    assert rule.missing == (found.nothing_to_choose_on,)
    assert RunReport(finished_run()).nothing_to_choose_on == ""


def test_the_json_has_null_where_nothing_could_be_chosen(watched) -> None:
    record = report.report_record(RunReport(watched), A)
    assert (record["calibration"], record["prediction_sets"]) == (None, None)
    assert list(record["operating_points"]) == [BY_CLASS]
    json.dumps(record, allow_nan=False)


def test_the_command_line_says_that_nothing_was_chosen(watched, capsys) -> None:
    assert cli.main(["evaluate", watched.id]) == 0
    said = capsys.readouterr()
    assert "nothing: it is the test part" in said.out
    assert "no threshold for malignant" not in said.err


def test_the_page_shows_the_last_epochs_and_why_tabs_are_empty(watched, monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    other = finished_run(
        TrainConfig(split="published", model="lstm", seed=1),
        history=[history_row(1)],
        split={"protocol": "published", "leaking": True},
    )
    page = open_page("pages/comparison.py", runs=f"{watched.id},{other.id}")
    assert not page.exception
    said = " ".join(element.value for element in page.main.markdown)
    assert "71.64 % is one draw" in said
    assert "70.99 % is one draw" in said
    assert "Leaking split: as published (A, B)" in page.warning[0].value
    first = page.get("plotly_chart")[0]
    assert first.proto.alt.startswith("Test accuracy by epoch: A · CNN")
    page.session_state["lesson_progress"] = Progress(0)
    comparison_part(page, "Calibration")
    assert page.session_state["lesson_progress"].facts == {Fact.EPOCHS_WATCHED}
    assert sum("is its test part" in info.value for info in page.info) == 2


def test_a_band_is_drawn_for_several_trainings_and_a_line_for_each_number() -> None:
    found = {A: draws([[0.5, 0.7], [0.6, 0.8]]), B: draws([[0.66, 0.67]])}
    figure = watched_epochs(found, {A: 50, B: 2}, {A: REPORTED["cnn"]})
    band, median, line = figure.data
    assert band.y.tolist() == pytest.approx([60, 80, 70, 50])
    assert (median.x.tolist(), median.y.tolist()) == ([49, 50], pytest.approx([55, 75]))
    assert line.x.tolist() == [1, 2]
    assert [shape.y0 for shape in figure.layout.shapes] == [pytest.approx(71.64)]
    assert "epochs 49 to 50: 50.0 % to 80.0 %, at the end 75.0 %" in alt_text(figure)


def test_the_verb_split_prints_the_part_of_every_image(small_folder, small_dataset, capsys) -> None:
    verb = ["split", "--data", str(small_folder), "--set", "split=published"]
    assert cli.main([*verb, "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "image_id,part"
    rows = np.random.RandomState(42).permutation(150)[:30]
    tested = {f"{name},test" for name in small_dataset.metadata["image_id"].to_numpy()[rows]}
    assert set(lines[1:]) >= tested
    assert (len(lines), sum(line.endswith(",train") for line in lines)) == (151, 120)
    assert cli.main(verb) == 0
    assert "As published" in (said := capsys.readouterr().out)
    assert said.splitlines()[-4].split() == ["all", "120", "30"]


def test_the_verb_split_refuses_what_cannot_be_dealt(small_folder, capsys) -> None:
    assert cli.main(["split", "--data", str(small_folder), "--set", "split=source"]) == 2
    assert "no column source" in capsys.readouterr().err
