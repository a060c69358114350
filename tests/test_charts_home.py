"""The small charts of the Home page."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ham.charts.home import best_models, small_class_balance
from ham.config import CLASSES, TrainConfig
from ham.evaluation import Interval
from ham.report import BestRun
from tests.run_factory import finished_run


def test_the_small_class_balance_has_a_bar_of_its_own_colour_for_each_class() -> None:
    shown = small_class_balance(np.array([0, 3, 1, 1500, 4, 5, 6]))
    assert re.findall("<b>(.*?)</b>", shown) == ["0", "3", "1", "1,500", "4", "5", "6"]
    assert re.findall('background:(.*?)"', shown) == [c.color for c in CLASSES]
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", shown)]
    assert widths == pytest.approx([n / 15 for n in (0, 3, 1, 1500, 4, 5, 6)], abs=0.01)
    assert "Melanocytic nevus (nv): 1,500 images, 98.7 %" in shown
    assert small_class_balance(np.zeros(7, int)).count("width:0.00%") == 7


def test_the_best_models_stand_with_their_intervals_and_the_line_of_always_one_class() -> None:
    runs = [finished_run(TrainConfig(model=model)) for model in ("resnet", "cnn")]
    values = [Interval(0.72, 0.651, 0.781), Interval(0.5, 0.5, 0.5)]
    shown = best_models(
        [BestRun(run, value, 1 / 7) for run, value in zip(runs, values, strict=True)]
    )
    assert re.findall("<b [^>]*>(.*?)</b>", shown) == ["72 % (65 to 78)", "50 %"]
    assert re.findall('<i style="left:(.*?)%', shown) == ["72.00", "50.00"]
    assert re.findall('<u style="left:(.*?)%;width:(.*?)%', shown) == [("65.10", "13.00")]
    assert re.findall('<s style="left:(.*?)%', shown) == ["14.29"] * 2
    assert re.findall("<span>(ResNet|CNN)", shown) == ["ResNet", "CNN"]
    assert "always one class 14 %" in shown
