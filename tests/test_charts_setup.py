"""What a training's settings do, in small pictures and in a few words."""

from __future__ import annotations

import re

import pytest

from ham.charts.setup import layer_blocks, learning_rate_by_epoch
from ham.config import (
    DATA,
    MODEL,
    OPTIMISATION,
    REGULARISATION,
    SETTINGS,
    TrainConfig,
    recipe_config,
)
from ham.models import MODELS
from ham.report.words import settings_in_words


def line_of(shown: str) -> list[tuple[float, float]]:
    """Points of the drawn line, x to the right and y upwards in percent of the picture."""
    (area,) = re.findall(r"polygon\(0% 100%,(.*),100% 100%\)", shown)
    pairs = re.findall(r"([\d.]+)% (-?[\d.]+)%", area)
    return [(float(x), 100 - float(y)) for x, y in pairs]


def test_the_learning_rate_warms_up_to_its_peak_and_falls_to_a_hundredth() -> None:
    shown = learning_rate_by_epoch(recipe_config("improved", "resnet"))
    line = line_of(shown)
    assert (line[0], line[-1][0]) == ((0, 0), 100)
    peak = max(line, key=lambda point: point[1])
    assert peak[0] * 70 / 100 == pytest.approx(3, abs=0.6)
    assert line[-1][1] == pytest.approx(peak[1] / 100, abs=0.02)
    assert "from 0 to 2e-05, at most 0.002" in shown
    assert re.findall("<span>(.*?)</span>", shown) == ["0.002", "0", "0", "70 epochs"]


def test_a_constant_learning_rate_is_a_flat_line() -> None:
    shown = learning_rate_by_epoch(TrainConfig(epochs=1))
    assert len({y for _, y in line_of(shown)}) == 1
    assert "1 epoch<" in shown


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("lstm", "Input LSTM LSTM LSTM Dense"),
        ("cnn", "Input Conv Conv Pool Conv Conv Conv Pool Conv Dense Dense Dense"),
        ("resnet", "Input Conv Block Block Block Mean Dense"),
    ],
)
def test_layers_are_blocks_whose_sizes_and_parameters_are_those_of_the_model(
    model: str, names: str
) -> None:
    architecture = MODELS[model]
    shown = layer_blocks(architecture.table(), architecture.input_shape)
    assert re.findall("<b>(.*?)</b>", shown) == names.split()
    told = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) parameters", shown)]
    assert sum(told) == sum(architecture.parameter_count())
    # the most parameters, the darkest
    alphas = [float(alpha) for alpha in re.findall(r", ([\d.]+)\)\"", shown)]
    assert alphas.index(max(alphas)) == 1 + told.index(max(told))


def test_a_block_is_as_high_as_its_image_and_tells_its_size() -> None:
    shown = layer_blocks(MODELS["cnn"].table(), (28, 28, 3))
    heights = [int(height) for height in re.findall(r"height: (\d+)px", shown)][:9]
    assert heights == sorted(heights, reverse=True)
    assert "</b>24x24<br>30</figcaption>" in shown
    assert "then Batch normalisation, Dropout 0.1" in shown


def test_groups_of_settings_are_told_in_a_few_words() -> None:
    def words(group: str, config: TrainConfig) -> str:
        settings = [s for s in SETTINGS if s.group == group]
        return settings_in_words(
            group, settings, {s.name: getattr(config, s.name) for s in settings}
        )

    plain, improved = TrainConfig(epochs=1), recipe_config("improved", "cnn", split="image")
    assert words(OPTIMISATION, plain) == "1 epoch, batch 32, Adam, rate 0.001"
    assert words(OPTIMISATION, improved) == "85 epochs, batch 64, AdamW, rate 0.002"
    assert (words(DATA, plain), words(REGULARISATION, plain)) == ("by lesion", "")
    assert words(DATA, improved) == "by image, pixel scaling"
    assert words(REGULARISATION, improved) == (
        "weight decay, augmentation, weight average, test-time augmentation"
    )
    own = MODELS["cnn"].settings
    changed = {s.name: s.default for s in own} | {"units_1": 8}
    assert settings_in_words(MODEL, own, changed) == "dense 1 units"
