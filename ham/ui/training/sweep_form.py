"""The start of a sweep: what is varied around the form's settings, how, and how long that takes."""

from __future__ import annotations

import streamlit as st

from ham.config import (
    MODEL_SETTINGS,
    SETTINGS,
    ConfigError,
    Setting,
    TrainConfig,
    recipe_config,
)
from ham.data import CLEAN_SPLITS, LesionDataset
from ham.hosting import Act
from ham.lab import sweep as lab
from ham.lab.sweep import METHODS, MOST_SEEDS, MOST_TRIALS, OBJECTIVES, Plan, Value, Values
from ham.report.words import about, count
from ham.store import Found, Run
from ham.ui import frame, rights
from ham.ui.training.settings_form import value_of

SHOWN = "sweep_shown"  # session key: the name of the sweep that is watched
_STARTED = "sweep_started"  # session key: how many were started here; a new one has a new name
_ESTIMATE_SECONDS = 2.0
_NARROW = 124  # pixels of a field that holds a small number
_SCALES: dict[lab.Scale, str] = {"log": "Log range", "linear": "Range", "list": "List"}
_SCALE_HELP = (
    "A range: any number in it, even or by orders of magnitude. A list: one of these values."
)


def sweep_panel(config: TrainConfig | ConfigError, dataset: LesionDataset, found: Found) -> None:
    """What is varied, the method, the cost, and the button that starts it."""
    if isinstance(config, ConfigError):
        frame.show_error(config)
        return
    name = st.text_input(
        "Name",
        _free_name(),
        key=f"sweep_name_{st.session_state.get(_STARTED, 0)}",
        persist_state="session",
        help="One short word. It becomes a tag of the sweep's runs.",
    )
    space, wrong = _space(config)
    method = frame.choose(
        "Method",
        {key: title for key, (title, _, _) in METHODS.items()},
        "sweep_method",
        "tpe",
        help="  \n".join(f"{title}: {words}" for title, words, _ in METHODS.values()),
    )
    plan = _plan(name, config, space, method, wrong)
    if plan is not None:
        _summary(plan, dataset, found)
    may_not = rights.closed(Act.TRAIN)
    pressed = st.button(
        "Start the sweep",
        type="primary",
        icon=":material/play_arrow:",
        disabled=plan is None or may_not,
        width="stretch",
        key="sweep_start",
    )
    if pressed and plan is not None:
        with frame.errors():
            _start(plan, dataset)


def _start(plan: Plan, dataset: LesionDataset) -> None:
    lab.create_sweep(plan, dataset.record)
    st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1
    st.session_state[SHOWN] = plan.name
    frame.engine().wake()
    st.toast(f"The sweep {frame.plain(plan.name)} begins.", icon=":material/tune:")
    st.rerun()


def _free_name() -> str:
    known = lab.find_sweeps()
    taken = {one.name for one in known.sweeps} | {one.name for one in known.problems}
    return next(name for i in range(1, len(taken) + 2) if (name := f"sweep-{i}") not in taken)


# ---------------------------------------------------------------------------------- space


def _space(config: TrainConfig) -> tuple[list[Values], ConfigError | None]:
    """The values of every setting that is varied, and what is wrong with one."""
    declared = {s.name: s for s in (*SETTINGS, *MODEL_SETTINGS[config.model])}
    names = st.multiselect(
        "Settings to vary",
        list(declared),
        ["learning_rate"],
        format_func=lambda name: declared[name].label,
        key=f"sweep_vary_{config.model}",
        persist_state="session",
        placeholder="Choose settings",
        help="All others are as the form beside says.",
    )
    found: list[Values] = []
    wrong = None
    for name in names:
        try:
            found.append(lab.checked(config.model, _values(declared[name], config)))
        except ConfigError as error:
            wrong = wrong or error
    return found, wrong


def _values(declared: Setting, config: TrainConfig) -> Values:
    """A row: the setting, the kind of its values, the values. Raises ConfigError."""
    start = lab.suggested(config.model, declared.name, value_of(config, declared))
    key = f"sweep_{config.model}_{declared.name}"
    if declared.choices:
        chosen = st.multiselect(
            declared.label,
            declared.choices,
            _allowed(declared),
            format_func=declared.words.__getitem__,
            key=f"{key}_words",
            persist_state="session",
        )
        return Values(declared.name, "list", tuple(chosen))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{key}_row"):
        scales = list(_SCALES)
        scale = st.selectbox(
            declared.label,
            scales,
            scales.index(start.scale),
            format_func=_SCALES.__getitem__,
            key=f"{key}_scale",
            persist_state="session",
            help=f"{_SCALE_HELP} {declared.allowed.capitalize()}.",
        )
        if scale == "list":
            return _list(declared, start, key)
        return _range(declared, scale, _ends(start), key)


def _allowed(declared: Setting) -> list[str]:
    """The words that are chosen at first. Of the splits none but the honest one: the scores of
    two splits do not compare.
    """
    return [CLEAN_SPLITS[0]] if declared.name == "split" else list(declared.choices)


def _list(declared: Setting, start: Values, key: str) -> Values:
    choices = start.choices or tuple(_ends(start))
    text = st.text_input(
        f"Values of {declared.label.lower()}",
        ", ".join(map(lab.written, choices)),
        key=f"{key}_list",
        persist_state="session",
        placeholder="32, 64, 128",
    )
    parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
    values = dict.fromkeys(declared.parse(part.strip()) for part in parts)
    return Values(declared.name, "list", tuple(values))


def _ends(start: Values) -> tuple[float, float]:
    numbers = [float(choice) for choice in start.choices]
    return (min(numbers), max(numbers)) if numbers else (start.low, start.high)


def _range(declared: Setting, scale: lab.Scale, ends: tuple[float, float], key: str) -> Values:
    whole = isinstance(declared.default, int)

    def number(label: str, value: float, name: str) -> float:
        return float(
            st.number_input(
                label,
                value=int(value) if whole else value,
                step=declared.multiple_of if whole else declared.step,
                format="%d" if whole else "%g",
                key=f"{key}_{name}",
                persist_state="session",
            )
        )

    low, high = number("From", ends[0], "low"), number("To", ends[1], "high")
    points = 0
    if st.session_state.get("sweep_method") == "grid":
        points = int(
            st.number_input(
                "Values", 2, lab.MOST_TRIALS, 3, key=f"{key}_points", persist_state="session"
            )
        )
    return Values(declared.name, scale, (), low, high, points)


# ----------------------------------------------------------------------------------- plan


def _plan(
    name: str,
    config: TrainConfig,
    space: list[Values],
    method: lab.Method,
    wrong: ConfigError | None,
) -> Plan | None:
    """None, and why, where it cannot be done."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        trials = _trials(config, space, method)
        seeds = st.number_input(
            "Seeds a trial",
            1,
            MOST_SEEDS,
            1,
            key="sweep_seeds",
            persist_state="session",
            width=_NARROW,
            help="Runs of every trial; their mean counts. More tell chance from merit.",
        )
        objective = st.selectbox(
            "Decided by",
            list(OBJECTIVES),
            format_func=lambda key: OBJECTIVES[key].title.removeprefix("Validation ").capitalize(),
            key="sweep_objective",
            persist_state="session",
            help="On validation, at the epoch that a run keeps. Never on the test images.",
        )
    pruning = st.toggle(
        "Stop poor trials early",
        True,
        key="sweep_pruning",
        persist_state="session",
        help="Median pruning: a trial ends when its best so far is worse than the median of the "
        "complete ones at the same epoch, from the sixth trial on.",
    )
    varied = {values.name for values in space}
    try:
        if wrong is not None:
            raise wrong
        return lab.make_plan(
            name,
            config.model,
            config.recipe,
            tuple(space),
            fixed={k: v for k, v in _fixed(config).items() if k not in varied},
            method=method,
            trials=trials,
            seeds=int(seeds),
            objective=objective,
            pruning=pruning,
        )
    except ConfigError as error:
        frame.show_error(error)
        return None


def _trials(config: TrainConfig, space: list[Values], method: lab.Method) -> int | None:
    """None of a grid, which has as many as combinations."""
    if method == "grid":
        most = lab.size(config.model, tuple(space)) if space else None
        st.text_input(
            "Trials",
            str(most or "–"),
            disabled=True,
            help="All combinations of the values.",
            width=_NARROW,
        )
        return None
    return int(
        st.number_input(
            "Trials",
            1,
            MOST_TRIALS,
            20,
            key="sweep_trials",
            persist_state="session",
            width=_NARROW,
        )
    )


def _fixed(config: TrainConfig) -> dict[str, Value]:
    """What the form changes of the recipe."""
    start = recipe_config(config.recipe, config.model)
    return {
        s.name: value
        for s in (*SETTINGS, *MODEL_SETTINGS[config.model])
        if (value := value_of(config, s)) != value_of(start, s)
    }


# ------------------------------------------------------------------------------- summary


def _summary(plan: Plan, dataset: LesionDataset, found: Found) -> None:
    """Runs and minutes, before anything starts."""

    def measuring() -> bool:
        return lab.time_of(plan, dataset, found.runs).measuring

    waits = measuring() and not found.live
    frame.timed(
        lambda: _cost(plan, dataset, found.runs, waits),
        lambda: waits and not measuring(),
        _ESTIMATE_SECONDS if waits else None,
    )
    for note in plan.notes:
        st.caption(f":material/info: {note}")


def _cost(plan: Plan, dataset: LesionDataset, runs: list[Run], waits: bool) -> None:
    found = lab.time_of(plan, dataset, runs)
    all_runs = f", {plan.runs} runs" if plan.seeds > 1 else ""
    if found.seconds is not None:
        pruned = ", less for trials that are stopped" if plan.pruning else ""
        time = f"**{about(found.seconds)}** here{pruned}"
    elif found.measuring and waits:
        time = "measuring how long that takes here …"
    else:
        time = "time is known after the first trial"
    st.markdown(f"**{count(plan.trials, 'trial')}**{all_runs} · {time}")
