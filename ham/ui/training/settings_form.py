"""The form, what a training of it would cost, and the start of one run or of several."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import streamlit as st

from ham import engine, store
from ham.config import (
    DATA,
    MAX_AT_ONCE,
    MODEL,
    MODEL_TITLES,
    OPTIMISATION,
    RECIPES,
    REGULARISATION,
    SETTINGS,
    ConfigError,
    Setting,
    TrainConfig,
    parse_seeds,
    recipe_config,
)
from ham.data import CLEAN_SPLITS, SPLIT_TITLES, LesionDataset, available_splits, steps_an_epoch
from ham.models import MODELS
from ham.report.words import about, accuracy_in_words, count, memory_in_words
from ham.store import Found, Run
from ham.ui import frame

_ESTIMATE_SECONDS = 2.0  # how often the summary looks whether the probe has ended
_TAKEN_OVER = "train_taken_over"  # session key: id of the run whose settings the form takes over
_GROUPS = {
    OPTIMISATION: ":material/speed:",
    DATA: ":material/database:",
    REGULARISATION: ":material/tune:",
    MODEL: ":material/account_tree:",
}


# --------------------------------------------------------------------------------- form


def form(dataset: LesionDataset) -> TrainConfig | None:
    """Model, recipe and every setting that this data set allows; None where a setting cannot be
    trained, which is then said.
    """
    filled = _take_over()
    # a widget's own default and a value from session state do not go together
    model = frame.choose(
        "Model",
        MODELS,
        "train_model",
        None if filled else "cnn",
        format_func=lambda name: MODEL_TITLES[name],
    )
    st.caption(MODELS[model].description)
    recipe = st.selectbox(
        "Recipe",
        list(RECIPES),
        format_func=lambda name: RECIPES[name].title,
        key="train_recipe",
        persist_state="session",
        help="Sets everything below; change what you like afterwards.",
    )
    st.caption(RECIPES[recipe].help)
    start = recipe_config(recipe, model)
    values: dict[str, object] = {}
    for group, icon in _GROUPS.items():
        settings = MODELS[model].settings if group == MODEL else _offered(group, dataset)
        with st.expander(group.capitalize(), icon=icon, expanded=group == OPTIMISATION):
            values |= _fields(settings, start, filled)
    try:
        return start.replace(**values)
    except ConfigError as error:
        frame.show_error(error)
        return None


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
    run_id = st.session_state.pop(_TAKEN_OVER, None)
    if run_id is None:
        return False
    run = store.read_run(run_id)
    config = (
        run.config
        if run.config.recipe in RECIPES
        else run.config.replace(recipe=next(iter(RECIPES)))
    )
    st.session_state["train_model"], st.session_state["train_recipe"] = config.model, config.recipe
    for setting in (*SETTINGS, *MODELS[config.model].settings):
        st.session_state[_key(config, setting)] = _value(config, setting)
    st.toast(
        f"The form has the settings of {frame.plain(run.title)}.", icon=":material/content_copy:"
    )
    return True


def _key(config: TrainConfig, setting: Setting) -> str:
    """Holds model and recipe, so each pair of them keeps what was changed and starts from its
    own defaults.
    """
    return f"train_{config.model}_{config.recipe}_{setting.name}"


def _value(config: TrainConfig, setting: Setting) -> int | float | str:
    return (
        config.model_settings[setting.name]
        if setting.group == MODEL
        else getattr(config, setting.name)
    )


def _fields(settings: Iterable[Setting], start: TrainConfig, filled: bool) -> dict[str, object]:
    """A widget a setting, two a row."""
    values = {}
    rows = list(settings)
    for pair in (rows[i : i + 2] for i in range(0, len(rows), 2)):
        for column, setting in zip(st.columns(2), pair, strict=False):
            with column:
                values[setting.name] = _field(
                    setting, _value(start, setting), _key(start, setting), filled
                )
    return values


def _field(setting: Setting, default: Any, key: str, filled: bool) -> object:
    if setting.choices:
        if st.session_state.get(key, default) not in setting.choices:  # of a run on other data
            del st.session_state[key]
        return st.selectbox(
            setting.label,
            setting.choices,
            index=0 if filled else setting.choices.index(default),
            format_func=setting.words.__getitem__,
            help=setting.help,
            key=key,
            persist_state="session",
        )
    whole = isinstance(setting.default, int)
    # min_value and max_value would silently pull a typed value in; the config says what is
    # wrong with it
    return st.number_input(
        setting.label,
        value="min" if filled else default,
        step=setting.multiple_of if whole else setting.step,
        format="%d" if whole else "%g",
        help=f"{setting.help} {setting.allowed.capitalize()}.",
        key=key,
        persist_state="session",
    )


# ------------------------------------------------------------------------------ summary


def summary(config: TrainConfig, dataset: LesionDataset, found: Found) -> None:
    """What would be trained, before it is: parameters, steps, time, memory; a warning where the
    split leaks.
    """
    waits = _cost(config, dataset) is None and not found.live
    frame.timed(
        lambda: _sizes(config, dataset, waits),
        lambda: waits and _cost(config, dataset) is not None,
        _ESTIMATE_SECONDS if waits else None,
    )
    if config.split not in CLEAN_SPLITS:
        st.warning(
            "This split leaks: "
            f"{SPLIT_TITLES[config.split][1][0].lower()}{SPLIT_TITLES[config.split][1][1:]} Its "
            "scores are too good and compare only with each other.",
            icon=":material/warning:",
        )


def _sizes(config: TrainConfig, dataset: LesionDataset, waits: bool) -> None:
    trainable, fixed = MODELS[config.model].parameter_count(**config.model_settings)
    cost = _cost(config, dataset)
    if cost is None:
        cost = (
            "measuring time and memory here …" if waits else "time is known after the first epoch"
        )
    st.markdown(
        f"**{trainable + fixed:,}** parameters · **{steps_an_epoch(config, dataset):,}** steps an "
        f"epoch · {cost}"
    )


def _cost(config: TrainConfig, dataset: LesionDataset) -> str | None:
    """ "about 3 min and 1.1 GB here": time as past runs took, else as the probe says; memory from
    the probe.

    None while nothing is known.
    """
    steps = steps_an_epoch(config, dataset)
    measured = engine.seconds_a_step(config)
    probed = engine.estimate(config, dataset.record)
    if probed is not None and not probed.problem:
        seconds = measured * steps * config.epochs if measured else probed.seconds
        return f"**{about(seconds)}** and **{memory_in_words(probed.memory_bytes)}** here"
    if measured:
        return f"**{about(measured * steps * config.epochs)}** here"
    return None if probed is None else "time is known after the first epoch"


# -------------------------------------------------------------------------------- start


def start_button(config: TrainConfig | None, dataset: LesionDataset, found: Found) -> None:
    """Puts the run, or several at once, into the queue; says which of them have been trained
    before.
    """
    chosen = _several(config) if config else []
    known = {
        index: run
        for index, one in enumerate(chosen)
        if (run := store.trained_before(one, dataset.fingerprint, found.runs))
    }
    again = len(chosen) == 1 and 0 in known and not known[0].live
    if len(chosen) > 1:
        chosen = _left(chosen, known)
    elif known:
        _show_trained_before(known[0])
    label = (
        f"Start {len(chosen)} runs"
        if len(chosen) > 1
        else "Train again"
        if again
        else "Start training"
    )
    if st.button(
        label, type="primary", icon=":material/play_arrow:", disabled=not chosen, width="stretch"
    ):
        for one in chosen:
            started = f"{engine.submit(one, dataset.record).title} is"
        frame.engine().wake()
        if len(chosen) > 1:
            started = f"{len(chosen)} runs are"
        st.toast(f"{started} in the queue.", icon=":material/schedule:")
        st.rerun()


def _several(config: TrainConfig) -> list[TrainConfig]:
    """The config for every seed and every model asked for; itself alone where nothing is; [] on
    an error, which is then said.
    """
    others = [name for name in MODELS if name != config.model]
    with st.expander("Several runs at once", icon=":material/library_add:"):
        text = st.text_input(
            "Seeds",
            key="train_seeds",
            placeholder="1-3, or 0, 1, 2",
            persist_state="session",
            help="A run for each of them. Empty: the seed above.",
        )
        also = st.pills(
            "Also train",
            others,
            selection_mode="multi",
            format_func=lambda name: MODEL_TITLES[name],
            key=f"train_also_{config.model}",
            persist_state="session",
            help="With the same settings; its layers as its own form has them.",
        )
    try:
        seeds = parse_seeds(text) or [config.seed]
        configs = [_for_model(config, name) for name in (config.model, *also)]
        if len(seeds) * len(configs) > MAX_AT_ONCE:
            raise ConfigError(
                f"{len(seeds) * len(configs)} runs",
                f"at most {MAX_AT_ONCE} can be started at once.",
                "Name fewer seeds.",
            )
        return [one.replace(seed=seed) for one in configs for seed in seeds]
    except ConfigError as error:
        frame.show_error(error)
        return []


def _for_model(config: TrainConfig, model: str) -> TrainConfig:
    """The same settings for another model: what the form leaves at the recipe's value follows
    the other model's recipe; its layers are as the form for it was left.
    """
    if model == config.model:
        return config
    start, other = recipe_config(config.recipe, config.model), recipe_config(config.recipe, model)
    changed = {s.name: _value(config, s) for s in SETTINGS if _value(config, s) != _value(start, s)}
    layers = {
        s.name: st.session_state.get(_key(other, s), _value(other, s))
        for s in MODELS[model].settings
    }
    return other.replace(**changed, **layers)


def _left(chosen: list[TrainConfig], known: dict[int, Run]) -> list[TrainConfig]:
    """Says how many runs this makes; those that are there already are left out unless wanted."""
    by_model = [MODEL_TITLES[model] for model in dict.fromkeys(one.model for one in chosen)]
    seeds = list(dict.fromkeys(one.seed for one in chosen))
    words = f"{' and '.join(by_model)}, {count(len(seeds), 'seed')} " + (
        "each" if len(by_model) > 1 else "in all"
    )
    st.markdown(f"This makes **{count(len(chosen), 'run')}**: {words}.")
    if known and st.checkbox(
        f"Leave out {len(known)} that {'is' if len(known) == 1 else 'are'} trained or waiting "
        "already",
        value=True,
        key="train_leave_out",
    ):
        return [one for index, one in enumerate(chosen) if index not in known]
    return chosen


def _show_trained_before(run: Run) -> None:
    name = frame.plain(run.title)
    if run.live:
        st.info(
            "Exactly this "
            f"{'trains just now' if run.state == 'running' else 'waits already'}: {name}.",
            icon=":material/content_copy:",
        )
        return
    st.info(
        f"Exactly this was trained before: {name}, test accuracy **{accuracy_in_words(run)}**. "
        "The same settings on the same data give the same result.",
        icon=":material/content_copy:",
    )
    frame.link("Comparison", "See it beside other runs", query_params={"runs": run.id})
