"""A training once more: the command line that repeats it, and the form filled with its settings."""

from __future__ import annotations

import shlex

import pytest

from ham.cli.parser import make_parser
from ham.cli.training import _train_config
from ham.config import MODEL_SETTINGS, RECIPES, TrainConfig, recipe_config, train_command
from ham.engine import Engine
from tests.page_driver import FORM, comparison_part, open_page, said
from tests.run_factory import finished_run


def read_back(command: str) -> TrainConfig:
    python, m, ham, *words = shlex.split(command)
    assert (python, m, ham) == ("python", "-m", "ham")
    return _train_config(make_parser().parse_args(words))


@pytest.mark.parametrize("model", MODEL_SETTINGS)
def test_the_command_line_trains_exactly_the_same(model: str) -> None:
    for recipe in RECIPES:
        plain = recipe_config(recipe, model)
        own = {s.name: s.high for s in MODEL_SETTINGS[model][:1]}
        changed = plain.replace(seed=7, learning_rate=0.1 + 0.2, test_fraction=0.2, **own)
        for config in (plain, changed):
            again = read_back(train_command(config))
            assert (again.fingerprint, again.recipe) == (config.fingerprint, config.recipe)


def test_the_command_line_names_only_what_differs() -> None:
    assert train_command(TrainConfig()) == "python -m ham train"
    improved = recipe_config("improved", "resnet", seed=3)
    expected = "python -m ham train --model resnet --recipe improved --set seed=3"
    assert train_command(improved) == expected
    unknown = improved.replace(recipe="of another time")
    assert "--recipe" not in train_command(unknown)
    assert read_back(train_command(unknown)).fingerprint == improved.fingerprint


def test_the_settings_tab_has_both_for_each_run_and_the_link_fills_the_form(monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    configs = [recipe_config("improved", "lstm", epochs=7, seed=5), TrainConfig()]
    runs = [finished_run(config) for config in configs]
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    comparison_part(page, "Settings")
    assert [code.value for code in page.code] == [train_command(config) for config in configs]
    links = [
        (one.proto.label, one.proto.query_string)
        for one in page.main.get("page_link")
        if "again" in one.proto.label
    ]
    assert links == [("Train this again with changes", f"settings={run.id}") for run in runs]
    form = open_page("pages/training.py", FORM, settings=runs[0].id)
    assert "settings" not in form.query_params
    assert form.selectbox(key="train_recipe").value == "improved"
    assert form.number_input(key="train_lstm_improved_epochs").value == 7
    assert form.number_input(key="train_lstm_improved_seed").value == 5
    assert any("has the settings of" in toast.value for toast in form.toast)


def test_a_link_to_a_run_that_is_gone_says_so_and_leaves_the_form_as_it_is(monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    form = open_page("pages/training.py", settings="nothing-of-the-kind")
    assert "nothing-of-the-kind" in said(form)
    assert form.selectbox(key="train_recipe").value == "described"
