"""What a training of the form's settings would cost, and the start of one run or of several."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ham import engine, hosting, store
from ham.config import (
    MAX_AT_ONCE,
    MODEL_TITLES,
    SETTINGS,
    ConfigError,
    TrainConfig,
    parse_seeds,
    recipe_config,
)
from ham.data import (
    CLEAN_SPLITS,
    SPLIT_TITLES,
    WATCHED_SPLITS,
    LesionDataset,
    sources,
    steps_an_epoch,
)
from ham.hosting import Act
from ham.models import MODELS
from ham.report.words import about, accuracy_in_words, count, memory_in_words
from ham.store import Found, Run
from ham.ui import frame, rights
from ham.ui.training.settings_form import key_of, value_of
from ham.ui.training.sweep_form import sweep_panel

ONCE, OWN_SEEDS = "One run", "Seeds of my own"
_FOLDS = {"5 folds": 5, "10 folds": 10}
_SEEDS = {"3 seeds": 3, "5 seeds": 5, "10 seeds": 10}
_RUNS, _SWEEP = "runs", "sweep"
_WAYS = {_RUNS: "Training", _SWEEP: "Sweep"}
_ESTIMATE_SECONDS = 2.0  # how often the summary looks whether the probe has ended


# ------------------------------------------------------------------------------ summary


def _summary(config: TrainConfig, dataset: LesionDataset, found: Found) -> None:
    """Parameters, steps, time, memory; a warning where the split leaks."""
    # who may not train has nothing measured either
    a_step = engine.seconds_a_step(config, found.runs)
    waits = hosting.may(Act.TRAIN) and _cost(config, dataset, a_step) is None and not found.live
    frame.timed(
        lambda: _sizes(config, dataset, a_step, waits),
        lambda: waits and _cost(config, dataset, a_step) is not None,
        _ESTIMATE_SECONDS if waits else None,
    )
    if config.split not in CLEAN_SPLITS:
        st.warning(
            "This split leaks: "
            f"{SPLIT_TITLES[config.split][1][0].lower()}{SPLIT_TITLES[config.split][1][1:]} Its "
            "scores are too good and compare only with each other.",
            icon=":material/warning:",
        )


def _sizes(config: TrainConfig, dataset: LesionDataset, a_step: float | None, waits: bool) -> None:
    trainable, fixed = MODELS[config.model].parameter_count(**config.model_settings)
    cost = _cost(config, dataset, a_step)
    if cost is None:
        cost = (
            "measuring time and memory here …" if waits else "time is known after the first epoch"
        )
    st.markdown(
        f"**{trainable + fixed:,}** parameters · **{steps_an_epoch(config, dataset):,}** steps an "
        f"epoch · {cost}"
    )


def _cost(config: TrainConfig, dataset: LesionDataset, a_step: float | None) -> str | None:
    """ "about 3 min and 1.1 GB here": time as past runs took (`a_step` seconds), else as the probe
    says; memory from the probe.

    None while nothing is known.
    """
    steps = steps_an_epoch(config, dataset)
    probed = engine.estimate(config, dataset.record)
    if probed is not None and not probed.problem:
        seconds = a_step * steps * config.epochs if a_step else probed.seconds
        return f"**{about(seconds)}** and **{memory_in_words(probed.memory_bytes)}** here"
    if a_step:
        return f"**{about(a_step * steps * config.epochs)}** here"
    return None if probed is None else "time is known after the first epoch"


# -------------------------------------------------------------------------------- start


def start_panel(
    config: TrainConfig | ConfigError,
    chosen: list[TrainConfig],
    dataset: LesionDataset,
    found: Found,
) -> None:
    """What would be trained, and the button that puts it into the queue; it says what of it has
    been trained before. The runs stand right below it.
    """
    with st.container(border=True, gap="small", key="train_start"):
        way = frame.choose(
            "What to start",
            _WAYS,
            "train_way",
            _RUNS,
            label_visibility="collapsed",
        )
        if way == _SWEEP:
            sweep_panel(config, dataset, found)
            return
        if isinstance(config, ConfigError):
            frame.show_error(config)
        else:
            _summary(config, dataset, found)
        _start_button(chosen, dataset, found)


def _start_button(chosen: list[TrainConfig], dataset: LesionDataset, found: Found) -> None:
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
    may_not = rights.closed(Act.TRAIN)
    if st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not chosen or may_not,
        width="stretch",
    ):
        engine.refuse_too_many(len(chosen))
        for one in chosen:
            started = f"{engine.submit(one, dataset.record).title} is"
        frame.engine().wake()
        if len(chosen) > 1:
            started = f"{len(chosen)} runs are"
        st.toast(f"{started} in the queue.", icon=":material/schedule:")
        st.rerun()


def several(config: TrainConfig | ConfigError, dataset: LesionDataset) -> list[TrainConfig]:
    """The config for every fold, seed and model asked for; itself alone where nothing is; [] on
    an error, which is then said, and where a sweep is set up.
    """
    if isinstance(config, ConfigError) or st.session_state.get("train_way") == _SWEEP:
        return []
    others = [name for name in MODELS if name != config.model]
    said = st.session_state
    repeat = said.get("train_repeat", ONCE)
    text = said.get("train_seeds", "") if repeat == OWN_SEEDS else ""
    also = [name for name in said.get(f"train_also_{config.model}", ()) if name in others]
    draw = partial(_several, others, config.model)
    frame.behind("Several runs at once", draw, "train_several", ":material/library_add:")
    try:
        repeats = _repeats(config, repeat, text, dataset)
        configs = [_for_model(config, name) for name in (config.model, *also)]
        if len(repeats) * len(configs) > MAX_AT_ONCE:
            raise ConfigError(
                f"{len(repeats) * len(configs)} runs",
                f"at most {MAX_AT_ONCE} can be started at once.",
                "Name fewer seeds or models.",
            )
        return [one.replace(**changes) for one in configs for changes in repeats]
    except ConfigError as error:
        frame.show_error(error)
        return []


def _several(others: list[str], model: str) -> None:
    repeat = st.selectbox(
        "Repeat",
        [ONCE, *_FOLDS, *_SEEDS, OWN_SEEDS],
        key="train_repeat",
        persist_state="session",
        help="Folds: so many trainings of one seed, so that every lesion is tested once. "
        "Seeds: the same training from other random numbers. Either is a group on Comparison, "
        "with mean and spread.",
    )
    if repeat == OWN_SEEDS:
        st.text_input(
            "Seeds",
            key="train_seeds",
            placeholder="1-3, or 0, 1, 2",
            persist_state="session",
            help="A run for each of them. Empty: the seed above.",
        )
    st.pills(
        "Also train",
        others,
        selection_mode="multi",
        format_func=lambda name: MODEL_TITLES[name],
        key=f"train_also_{model}",
        persist_state="session",
        help="With the same settings; its layers as its own form has them.",
    )


def _repeats(
    config: TrainConfig, repeat: str, text: str, dataset: LesionDataset
) -> list[dict[str, int | float]]:
    """What differs from one run to the next. Raises ConfigError on seeds that are none, and on
    folds that the split has not.
    """
    if repeat in _FOLDS:
        folds, there = _FOLDS[repeat], _FOLDS[repeat]
        if config.split in WATCHED_SPLITS:
            there = 1
        elif config.split == "source":
            there = len(sources(dataset))
        if there < folds:
            raise ConfigError(
                repeat,
                f"this split has {count(there, 'test part')} to choose from.",
                "Choose another split, or repeat by seeds.",
            )
        return [{"fold": fold, "test_fraction": 1 / folds} for fold in range(folds)]
    if repeat in _SEEDS:
        return [{"seed": config.seed + place} for place in range(_SEEDS[repeat])]
    return [{"seed": seed} for seed in parse_seeds(text) or [config.seed]]


def _for_model(config: TrainConfig, model: str) -> TrainConfig:
    """The same settings for another model: what the form leaves at the recipe's value follows
    the other model's recipe; its layers are as the form for it was left.
    """
    if model == config.model:
        return config
    start, other = recipe_config(config.recipe, config.model), recipe_config(config.recipe, model)
    changed = {
        s.name: value_of(config, s) for s in SETTINGS if value_of(config, s) != value_of(start, s)
    }
    layers = {
        s.name: st.session_state.get(key_of(other, s), value_of(other, s))
        for s in MODELS[model].settings
    }
    return other.replace(**changed, **layers)


def _left(chosen: list[TrainConfig], known: dict[int, Run]) -> list[TrainConfig]:
    """Says how many runs this makes; those that are there already are left out unless wanted."""
    by_model = [MODEL_TITLES[model] for model in dict.fromkeys(one.model for one in chosen)]
    folds, seeds = ({getattr(one, name) for one in chosen} for name in ("fold", "seed"))
    repeats = count(len(folds), "fold") if len(folds) > 1 else count(len(seeds), "seed")
    words = f"{' and '.join(by_model)}, {repeats} {'each' if len(by_model) > 1 else 'in all'}"
    if len(folds) > 1 and chosen[0].split != "source":
        words += f", each tested on another {100 * chosen[0].test_fraction:.0f} % of the images"
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
    if run.live:
        now = "trains just now" if run.state == "running" else "waits already"
        st.caption(f":material/content_copy: Exactly this {now}.")
        return
    st.caption(
        f":material/content_copy: Exactly this was trained before, and would give the same: "
        f"{frame.plain(run.title)}, test accuracy **{accuracy_in_words(run)}**."
    )
    frame.link("Comparison", "See it beside other runs", query_params={"runs": run.id})
