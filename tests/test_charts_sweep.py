"""The charts of a sweep: what they say and where they put it, on both grounds and empty."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from ham import charts
from ham.charts import sweep
from ham.charts.base import DARK, LIGHT
from ham.charts.sweep import SweepAxis, SweepPoint, SweepScore

ACCURACY = SweepScore("Validation accuracy", True)
LOSS = SweepScore("Validation loss", False, share=False)
RATE, BATCH = SweepAxis("Learning rate", log=True), SweepAxis("Batch size", choices=(16, 32, 64))
#: 0.5, 0.7, 0.6; one pruned after 0.4, one that trains, one that waits.
POINTS = [
    SweepPoint(0, "complete", (1e-4, 32), 0.5, {1: 0.3, 2: 0.5}),
    SweepPoint(1, "complete", (1e-2, 16), 0.7, {1: 0.4, 2: 0.7}),
    SweepPoint(2, "complete", (1e-3, 64), 0.6, {1: 0.5, 2: 0.6}),
    SweepPoint(3, "pruned", (2e-3, 64), None, {1: 0.4, 2: 0.3}),
    SweepPoint(4, "running", (3e-3, 64), None, {1: 0.2}),
    SweepPoint(5, "waiting", (4e-3, 64), None),
]


def every(points: list[SweepPoint], dark: bool = False) -> list[go.Figure]:
    shares = {"Learning rate": 0.75, "Batch size": 0.25} if points else {}
    return [
        sweep.best_so_far(points, ACCURACY, 8, dark),
        sweep.parallel_coordinates(points, [RATE, BATCH], ACCURACY, dark),
        sweep.score_by_setting(points, 0, RATE, ACCURACY, dark),
        sweep.score_by_setting(points, 1, BATCH, ACCURACY, dark),
        sweep.setting_importance(shares, dark),
        sweep.trial_curves(points, ACCURACY, dark),
    ]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("points", [POINTS, POINTS[5:], []])
def test_each_has_a_title_an_alternative_and_its_ground_also_where_nothing_is_there_yet(
    points: list[SweepPoint], dark: bool
) -> None:
    for figure in every(points, dark):
        assert figure.layout.title.text
        assert charts.alt_text(figure).endswith(".")
        assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).ground
    if points == []:
        assert [len(figure.data) for figure in every(points, dark)] == [0] * 6
        assert [len(figure.layout.annotations) for figure in every(points, dark)] == [1] * 6


def test_the_best_so_far_only_rises_and_the_pruned_stand_at_the_best_they_had() -> None:
    figure = sweep.best_so_far(POINTS, ACCURACY, 8)
    pruned, line, dots = figure.data
    assert (list(pruned.x), list(pruned.y)) == ([3], [40.0])
    assert list(line.y) == pytest.approx([50, 70, 70, 70])
    assert list(line.x) == [0, 1, 2, 5]
    assert list(dots.y) == pytest.approx([50, 70, 60])
    assert figure.layout.title.text == "Best so far: trial 1, 70.0 %"
    assert tuple(figure.layout.xaxis.range) == (-0.5, 7.5)
    falling = sweep.best_so_far(POINTS, LOSS, 8)
    assert list(falling.data[1].y) == pytest.approx([0.5, 0.5, 0.5, 0.5])
    assert falling.layout.title.text == "Best so far: trial 0, 0.500"


def test_parallel_lines_lie_where_their_values_are_and_the_best_is_on_top() -> None:
    figure = sweep.parallel_coordinates(POINTS, [RATE, BATCH], ACCURACY)
    lines = [list(trace.y) for trace in figure.data]
    assert lines == [
        pytest.approx([0, 0.5, 0]),  # 0.0001 of 0.0001 to 0.01, 32 of 16, 32, 64, the worst
        pytest.approx([0.5, 1, 0.5]),
        pytest.approx([1, 0, 1]),
    ]
    assert "learning rate = 0.01, batch size = 16" in charts.alt_text(figure)
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert {"0.0001", "0.01", "16", "32", "64", "70.0 %", "50.0 %"} <= set(texts)
    downwards = sweep.parallel_coordinates(POINTS, [RATE, BATCH], LOSS)
    assert list(downwards.data[-1].y) == pytest.approx([0, 0.5, 1])  # the lowest loss at the top


def test_of_very_many_trials_the_best_are_drawn() -> None:
    many = [SweepPoint(i, "complete", (1e-3, 32), i / 1000) for i in range(200)]
    figure = sweep.parallel_coordinates(many, [RATE, BATCH], ACCURACY)
    assert len(figure.data) == 150
    assert "The best 150 of 200" in figure.layout.title.subtitle.text.replace("<br>", " ")


def test_a_score_against_a_setting_has_the_settings_own_axis() -> None:
    rate = sweep.score_by_setting(POINTS, 0, RATE, ACCURACY)
    assert rate.layout.xaxis.type == "log"
    assert list(rate.data[0].x) == [1e-4, 1e-2, 1e-3]
    assert (list(rate.data[1].x), list(rate.data[1].y)) == ([1e-2], [70.0])
    batch = sweep.score_by_setting(POINTS, 1, BATCH, ACCURACY)
    assert list(batch.layout.xaxis.categoryarray) == ["16", "32", "64"]
    assert list(batch.data[0].x) == ["32", "16", "64"]


def test_importance_is_a_bar_a_setting_the_largest_on_top() -> None:
    figure = sweep.setting_importance({"Learning rate": 0.75, "Batch size": 0.25})
    assert figure.layout.title.text.replace("<br>", " ") == (
        "Learning rate explains 75 % of the scores' variance"
    )
    assert list(figure.data[0].x) == [75, 25]
    assert "Batch size 25 %" in charts.alt_text(figure)


def test_every_trial_has_its_curve_the_best_last_and_pruned_ones_dotted() -> None:
    figure = sweep.trial_curves(POINTS, ACCURACY)
    drawn = [trace for trace in figure.data if trace.hovertemplate]
    assert [trace.hovertemplate[:7] for trace in drawn] == [
        "Trial 0",
        "Trial 2",
        "Trial 3",
        "Trial 4",
        "Trial 1",
    ]
    assert [trace.line.dash for trace in drawn] == ["solid", "solid", "dot", "solid", "solid"]
    assert list(drawn[-1].y) == pytest.approx([40, 70])
    assert "5 trials, 1 of them training; the best is trial 1" in charts.alt_text(figure)
