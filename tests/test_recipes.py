"""The recipes of CONTRIBUTING.md, each done on a throw-away entry: one declaration, and it is
everywhere.

The first, a metric, is in test_evaluation.py.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ham import models
from ham.cli.parser import make_parser
from ham.config import (
    CODES,
    MODEL,
    MODEL_SETTINGS,
    MODEL_TITLES,
    REGULARISATION,
    ConfigError,
    Setting,
    TrainConfig,
    parse_settings,
    recipe_config,
    recipes,
    training,
)
from ham.config.settings import setting, settings_of
from ham.data import Finding, quality, quality_findings
from ham.engine import Engine
from ham.models.architecture import Architecture
from ham.models.layers import dense, flatten
from ham.ui import frame
from tests.page_driver import SECONDS, said

ROOT = Path(__file__).parents[1]


def help_of(verb: str) -> str:
    parser = make_parser()
    verbs = next(
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    return verbs.choices[verb].format_help()


def test_an_architecture_is_one_file_and_its_registry_lines(monkeypatch):
    def layers(units: int) -> list:
        return [flatten(), dense(units, "relu"), dense(len(CODES), "softmax")]

    own = (
        Setting(
            "Hidden units", "Size of the layer.", MODEL, 4, low=1, high=64, name="units", costs=True
        ),
    )
    monkeypatch.setitem(MODEL_SETTINGS, "perceptron", own)
    monkeypatch.setitem(MODEL_TITLES, "perceptron", "Perceptron")
    monkeypatch.setitem(
        models.MODELS,
        "perceptron",
        Architecture("perceptron", "One hidden layer.", (28, 28, 3), layers),
    )

    config = recipe_config("quick", "perceptron", units=3)
    assert (config.model, config.model_settings, config.epochs) == ("perceptron", {"units": 3}, 3)
    architecture = models.MODELS["perceptron"]
    assert architecture.parameter_count(units=3) == (2352 * 3 + 3 + 3 * 7 + 7, 0)
    assert architecture.title == "Perceptron"
    assert [row.title for row in architecture.table(units=3)] == [
        "Flatten",
        "Dense 3, relu",
        "Dense 7, softmax",
    ]
    built = architecture.build(units=3)
    assert built.count_params() == sum(architecture.parameter_count(units=3))
    proba = built.predict_on_batch(architecture.prepare(np.zeros((2, 28, 28, 3), np.uint8), "unit"))
    assert proba.sum(axis=1) == pytest.approx(np.ones(2))
    with pytest.raises(ConfigError, match="units = 65 must be a whole number from 1 to 64"):
        recipe_config("quick", "perceptron", units=65)
    assert "settings of perceptron:" in help_of("train")


def test_a_setting_is_one_field(monkeypatch):
    @dataclass(frozen=True)
    class Longer(TrainConfig):
        mixup: float = setting(
            0.0,
            "Mixup",
            "Share of a second image in each.",
            REGULARISATION,
            low=0.0,
            high=0.5,
            later=True,
        )

    before = TrainConfig().fingerprint
    for module in (training, recipes):
        monkeypatch.setattr(module, "SETTINGS", settings_of(Longer))
    assert Longer().fingerprint == before, "runs from before it keep their fingerprint"
    assert Longer(mixup=0.2).fingerprint != before
    assert Longer(mixup=0.2).cost == Longer().cost
    assert parse_settings("cnn", ["mixup=0.25"]) == {"mixup": 0.25}
    with pytest.raises(ConfigError, match="mixup = 0.7 must be a number from 0 to 0.5"):
        Longer(mixup=0.7)


def test_a_page_is_a_file_and_a_menu_entry(tmp_path, monkeypatch):
    house = tmp_path / "house"
    shutil.copytree(ROOT / "pages", house / "pages")
    shutil.copy(ROOT / "app.py", house)
    (house / "pages" / "extra.py").write_text(
        "from ham import ui\nimport streamlit as st\n\n"
        "with ui.page('Extra', 'What else is there?'):\n    st.markdown('Something of its own.')\n"
    )
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(frame, "dashboard_folder", lambda: house)
    monkeypatch.setattr(
        frame, "MENU", (*frame.MENU, frame.MenuEntry("Extra", "pages/extra.py", ":material/add:"))
    )

    page = AppTest.from_file(house / "app.py", default_timeout=SECONDS)
    page.switch_page("pages/extra.py")
    page.run()
    assert not page.exception
    assert [title.value for title in page.title] == ["Extra"]
    assert "What else is there?" in said(page)
    assert "Something of its own." in said(page)
    assert "not a diagnosis" in said(page)
    assert "Extra" in [link.proto.label for link in page.get("page_link")]


def test_a_data_check_is_a_function_and_its_name(monkeypatch, small_dataset):
    def every_tenth(dataset):
        return [
            Finding(
                "tenth",
                "low",
                "Every tenth image",
                "It does nothing to a study.",
                np.arange(0, dataset.n_images, 10),
            )
        ]

    monkeypatch.setattr(quality, "_CHECKS", (*quality._CHECKS, every_tenth))
    found = {finding.key: finding for finding in quality_findings(small_dataset)}
    assert found["tenth"].n_images == 15
