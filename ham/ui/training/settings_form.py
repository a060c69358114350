"""The form: model, recipe and every setting."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from ham import store
from ham.config import (
    DATA,
    MODEL,
    MODEL_TITLES,
    OPTIMISATION,
    RECIPES,
    REGULARISATION,
    SETTINGS,
    ConfigError,
    Setting,
    StoreError,
    TrainConfig,
    recipe_config,
)
from ham.data import LesionDataset, available_splits, configured_split, split_table
from ham.models import MODELS
from ham.report.words import settings_in_words
from ham.store import Run
from ham.ui import again, frame
from ham.ui.training import pictures

_TAKEN_OVER = "train_taken_over"  # session key: id of the run whose settings the form takes over
_GROUPS = {
    OPTIMISATION: ":material/speed:",
    DATA: ":material/database:",
    REGULARISATION: ":material/tune:",
    MODEL: ":material/account_tree:",
}


# --------------------------------------------------------------------------------- form


def form(dataset: LesionDataset) -> TrainConfig | ConfigError:
    """Model, recipe and every setting that this data set allows; why, where these cannot be
    trained.
    """
    filled = _take_over()
    model = frame.choose(
        "Model",
        MODELS,
        "train_model",
        None if filled else "cnn",
        bind="query-params",
        format_func=lambda name: MODEL_TITLES[name],
        help="  \n".join(f"{one.title}: {one.description}" for one in MODELS.values()),
    )
    layers = st.container()
    recipe = st.selectbox(
        "Recipe",
        list(RECIPES),
        format_func=lambda name: RECIPES[name].title,
        key="train_recipe",
        persist_state="session",
        bind="query-params",
        help="Sets everything below; change what you like afterwards.",
    )
    st.caption(RECIPES[recipe].help)
    images_and_rate = st.container(gap="xsmall")  # there on an error too: what follows stays open
    start = recipe_config(recipe, model)
    offered = {
        group: MODELS[model].settings if group == MODEL else _offered(group, dataset)
        for group in _GROUPS
    }
    now = {s.name: _chosen(s, start) for settings in offered.values() for s in settings}
    config: TrainConfig | ConfigError
    try:
        config = start.replace(**now)
    except ConfigError as error:
        config = error
    else:
        with layers:
            pictures.layers(config)
        with images_and_rate:
            pictures.images_and_rate(config, dataset)
    said = {group: settings_in_words(group, settings, now) for group, settings in offered.items()}
    with st.container(gap="xsmall"):
        st.caption(
            " · ".join(
                f"{group.capitalize()}: {frame.plain(words)}"
                for group, words in said.items()
                if words
            )
        )
        for group, settings in offered.items():
            draw = partial(_group, group, settings, start, config, dataset)
            frame.behind(group.capitalize(), draw, f"train_group_{group}", _GROUPS[group])
    return config


def _group(
    group: str,
    settings: Sequence[Setting],
    start: TrainConfig,
    config: TrainConfig | ConfigError,
    dataset: LesionDataset,
) -> None:
    """A widget a setting, two a row."""
    for pair in (settings[i : i + 2] for i in range(0, len(settings), 2)):
        for column, setting in zip(st.columns(2), pair, strict=False):
            with column:
                _field(setting, value_of(start, setting), key_of(start, setting))
    if group == DATA and isinstance(config, TrainConfig):
        _split_as_file(config, dataset)


def _split_as_file(config: TrainConfig, dataset: LesionDataset) -> None:
    """So that others can train and test on the same images."""

    def table() -> str:
        split = configured_split(dataset, config)
        return split_table(dataset, split).to_csv(index=False, lineterminator="\n")

    frame.download(
        "The part of every image (CSV)",
        table,
        f"split-{config.split}.csv",
        key="train_split_csv",
        type="tertiary",
        help="Columns image_id and part, for these settings: so that others train and test on the "
        "same images.",
    )


def _offered(group: str, dataset: LesionDataset) -> list[Setting]:
    """The settings of a group, without the splits that this data set cannot be dealt by."""
    offered = available_splits(dataset)
    return [
        dataclasses.replace(s, words={name: s.words[name] for name in offered})
        if s.name == "split"
        else s
        for s in SETTINGS
        if s.group == group
    ]


def use_settings(run: Run) -> None:
    """Fills the form with the run's settings: remembers them and draws the page again."""
    st.session_state[_TAKEN_OVER] = run.id
    st.rerun()


def _take_over() -> bool:
    """Before the form's widgets are drawn: puts the settings of the chosen run into their keys."""
    run_id = again.asked_for() or st.session_state.pop(_TAKEN_OVER, None)
    if run_id is None:
        return False
    try:
        run = store.read_run(run_id)
    except StoreError as error:  # it was deleted, or trained on another computer
        frame.show_error(error)
        return False
    config = (
        run.config
        if run.config.recipe in RECIPES
        else run.config.replace(recipe=next(iter(RECIPES)))
    )
    st.session_state["train_model"], st.session_state["train_recipe"] = config.model, config.recipe
    for setting in (*SETTINGS, *MODELS[config.model].settings):
        st.session_state[key_of(config, setting)] = value_of(config, setting)
    st.toast(
        f"The form has the settings of {frame.plain(run.title)}.", icon=":material/content_copy:"
    )
    return True


def key_of(config: TrainConfig, setting: Setting) -> str:
    """Holds model and recipe, so each pair of them keeps what was changed and starts from its
    own defaults.
    """
    return f"train_{config.model}_{config.recipe}_{setting.name}"


def value_of(config: TrainConfig, setting: Setting) -> int | float | str:
    return (
        config.model_settings[setting.name]
        if setting.group == MODEL
        else getattr(config, setting.name)
    )


def _chosen(setting: Setting, start: TrainConfig) -> Any:
    """What its widget says, whether it is drawn or not; a choice that this data set has not, of a
    run on other data, is the default again.
    """
    key, default = key_of(start, setting), value_of(start, setting)
    if setting.choices and st.session_state.get(key, default) not in setting.choices:
        del st.session_state[key]
    return st.session_state.get(key, default)


def _field(setting: Setting, default: Any, key: str) -> None:
    filled = key in st.session_state  # a widget's own default does not go together with that
    if setting.choices:
        st.selectbox(
            setting.label,
            setting.choices,
            index=0 if filled else setting.choices.index(default),
            format_func=setting.words.__getitem__,
            help=setting.help,
            key=key,
            persist_state="session",
        )
        return
    whole = isinstance(setting.default, int)
    # min_value and max_value would silently pull a typed value in; the config says what is
    # wrong with it
    st.number_input(
        setting.label,
        value="min" if filled else default,
        step=setting.multiple_of if whole else setting.step,
        format="%d" if whole else "%g",
        help=f"{setting.help} {setting.allowed.capitalize()}.",
        key=key,
        persist_state="session",
    )
