"""The small charts of the Home page."""

from __future__ import annotations

import numpy as np
import pytest

from ham import charts
from ham.charts.home import best_models, small_class_balance
from ham.config import CLASSES, TrainConfig
from ham.evaluation import Interval
from ham.report import BestRun
from tests.run_factory import finished_run


@pytest.mark.parametrize("dark", [False, True])
def test_the_small_class_balance_has_a_bar_of_its_own_colour_for_each_class(dark) -> None:
    counts = np.array([0, 3, 1, 1500, 4, 5, 6])
    figure = small_class_balance(counts, dark)
    (bars,) = figure.data
    assert list(bars.text) == ["0", "3", "1", "1,500", "4", "5", "6"]
    assert list(bars.marker.color) == [c.color for c in CLASSES]
    assert "Melanocytic nevus (nv) 1,500" in charts.alt_text(figure)


def test_the_best_models_stand_with_their_intervals_and_the_line_of_always_one_class() -> None:
    runs = [finished_run(TrainConfig(model=model)) for model in ("resnet", "cnn")]
    values = [Interval(0.72, 0.651, 0.781), Interval(0.5, 0.5, 0.5)]
    figure = best_models(
        [BestRun(run, value, 1 / 7) for run, value in zip(runs, values, strict=True)]
    )
    (dots,) = figure.data
    assert list(dots.text) == ["72 % (65 to 78)", "50 %"]
    assert list(dots.x) == [72, 50]
    assert np.round(dots.error_x.array, 1).tolist() == [6.1, 0]
    assert np.round(dots.error_x.arrayminus, 1).tolist() == [6.9, 0]
    assert "ResNet" in figure.layout.yaxis.ticktext[0]
    assert figure.layout.shapes[0].x0 == pytest.approx(100 / 7)
    assert "always one class 14 %" in charts.alt_text(figure)
