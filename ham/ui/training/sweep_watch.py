"""The sweeps: one watched live, stopped, taken up again, its best trial promoted."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from ham import hosting, store
from ham.charts.sweep import (
    SweepAxis,
    SweepPoint,
    SweepScore,
    best_so_far,
    parallel_coordinates,
    score_by_setting,
    setting_importance,
    trial_curves,
)
from ham.hosting import Act
from ham.lab import sweep as lab
from ham.lab.sweep import Sweep, SweepResult, Trial
from ham.report import words
from ham.store import Found, Run
from ham.ui import frame
from ham.ui.training.sweep_form import SHOWN

_POLL_SECONDS = 2.0
_STATES = {
    "running": ":material/model_training: goes on",
    "stopped": ":material/pause_circle: stopped",
    "done": ":material/check_circle: done",
}


def sweeps(found: Found) -> None:
    """The one that is chosen, followed while it goes on; nothing where there is none."""
    known = lab.find_sweeps()
    if not known.sweeps and not known.problems:
        return
    st.header("Sweeps", anchor=False)
    for problem in known.problems:
        frame.show_error(problem.error)
    if not known.sweeps:
        return
    sweep, runs, drawn = _chosen(known.sweeps), found.runs, False
    before = _standing(sweep, runs)

    def watch() -> None:
        nonlocal sweep, runs, drawn
        if drawn:
            sweep, runs = lab.read_sweep(sweep.name), store.find_runs().runs
        drawn = True
        _watch(sweep, runs)

    seconds = _POLL_SECONDS if _live(sweep, runs) else None
    frame.timed(watch, lambda: _standing(sweep, runs) != before, seconds)


def _chosen(known: list[Sweep]) -> Sweep:
    """Those that go on stand first."""
    known = sorted(known, key=lambda sweep: sweep.state != "running")
    names = {sweep.name: sweep for sweep in known}
    if st.session_state.get(SHOWN) not in names:
        st.session_state.pop(SHOWN, None)
    if len(names) == 1:
        return known[0]
    name = st.selectbox(
        "Sweep",
        list(names),
        format_func=lambda name: f"{name}: {names[name].plan.words}",
        key=SHOWN,
        persist_state="session",
        label_visibility="collapsed",
    )
    return names[name]


def _standing(sweep: Sweep, runs: list[Run]) -> tuple[object, ...]:
    """What the whole page is drawn anew for: the queue above follows the runs that it has seen."""
    trials = tuple(run.id for run in runs if run.live and run.record.trial is not None)
    return sweep.state, len(sweep.record.promoted), _live(sweep, runs), trials


def _live(sweep: Sweep, runs: list[Run]) -> bool:
    """It goes on, or one of its runs still does: one that ends, or that is promoted."""
    own = lab.runs_of(sweep, runs).values()
    return sweep.state == "running" or any(run.live for run in own)


# ------------------------------------------------------------------------------- watching


def _watch(sweep: Sweep, runs: list[Run]) -> None:
    result = lab.read_result(sweep, runs, importance=False)
    _head(result)
    if problem := frame.sweep_problem(sweep.name):
        frame.show_error(problem)
    share = result.ended / sweep.plan.trials
    left = words.time_left(result.seconds_left()) if sweep.state == "running" else ""
    standing = lab.sweep_in_words(result)
    st.progress(min(1.0, share), text=f"{standing} {left.capitalize()}".strip())
    _test_part(result)
    if not result.trials:
        st.caption("Its first trial begins as soon as the engine has looked.")
        return
    frame.tabs(
        {
            "Best so far": partial(_best, result),
            "Settings": partial(_settings, result),
            "Learning curves": partial(_curves, result),
            "Table": partial(_table, result),
        },
        f"sweep_tabs_{sweep.name}",
    )


def _head(result: SweepResult) -> None:
    sweep = result.sweep
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{frame.plain(sweep.name)}** {_STATES[sweep.state]}  \n"
            f":gray[{frame.plain(sweep.plan.words)}]",
            width="stretch",
            help="  \n".join(map(frame.plain, sweep.plan.space_in_words())),
        )
        if not hosting.may(Act.TRAIN):
            return
        if sweep.state == "running" and st.button(
            "Stop",
            icon=":material/stop:",
            key=f"sweep_stop_{sweep.name}",
            help="No further trial. What trains stops after its step and keeps its epochs.",
        ):
            lab.stop_sweep(sweep)
            st.rerun()
        if sweep.state == "stopped" and st.button(
            "Resume",
            icon=":material/restart_alt:",
            key=f"sweep_resume_{sweep.name}",
            help="Goes on where it was stopped, with the same runs.",
        ):
            lab.resume_sweep(sweep)
            frame.engine().wake()
            st.rerun()
        if sweep.state != "running" and result.best is not None:
            _promotion(result, result.best)


# --------------------------------------------------------------------------- the test part


def _promotion(result: SweepResult, best: Trial) -> None:
    sweep = result.sweep
    done = [trial.number for trial in result.trials if trial.state == "complete"]
    looked = [one.trial for one in sweep.record.promoted]
    with st.popover("Promote", icon=":material/verified:", key=f"sweep_promote_{sweep.name}"):
        st.markdown(
            "Evaluates one trial on the test images, once. It is then a run as any other, to be "
            "compared and asked."
        )
        number = st.selectbox(
            "Trial",
            done,
            done.index(best.number),
            format_func=lambda number: f"Trial {number}" + " (best)" * (number == best.number),
            key=f"sweep_promoted_{sweep.name}",
        )
        others = [trial for trial in looked if trial != number]
        knowing = not others or st.checkbox(
            f"I know that the test images were looked at before, for trial "
            f"{', '.join(map(str, others))}: the better of several test scores is too good",
            key=f"sweep_again_{sweep.name}_{len(others)}",
        )
        if number in looked:
            st.caption("This trial is promoted already.")
        if st.button(
            "Evaluate on the test images",
            type="primary",
            disabled=not knowing or number in looked,
            width="stretch",
            key=f"sweep_evaluate_{sweep.name}",
        ):
            with frame.errors():
                lab.promote(sweep, number, again=bool(others))
                frame.engine().wake()
                st.rerun()


def _test_part(result: SweepResult) -> None:
    """How often the test images were looked at, and what came out."""
    st.caption(f":material/visibility: {frame.plain(lab.looks_in_words(result))}")
    for trial in result.promoted:
        for run in trial.runs:
            if run.scores:
                said = f"test accuracy **{words.accuracy_in_words(run)}**"
            else:
                said = "it is being evaluated …" if run.live else words.state_in_words(run).lower()
            st.markdown(f"{frame.plain(run.title)}: {said}")
    evaluated = [run.id for trial in result.promoted for run in trial.evaluated]
    if evaluated:
        frame.link("Comparison", "Compare", query_params={"runs": ",".join(evaluated)})


# --------------------------------------------------------------------------------- charts


def _best(result: SweepResult) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _draw(result, "best")
    with right:
        _draw(result, "importance")


def _settings(result: SweepResult) -> None:
    _draw(result, "parallel")
    axes = result.sweep.plan.space
    for pair in (axes[i : i + 2] for i in range(0, len(axes), 2)):
        for column, values in zip(st.columns(2), pair, strict=False):
            with column:
                _draw(result, f"setting {axes.index(values)}")


def _curves(result: SweepResult) -> None:
    _draw(result, "curves")


def _draw(result: SweepResult, what: str) -> None:
    key = (result.sweep.record.id, _version(result), what, frame.is_dark())
    figure = _figure(key, result)
    frame.chart(figure, key=f"sweep_{what.replace(' ', '_')}_{result.sweep.name}")


def _version(result: SweepResult) -> tuple[object, ...]:
    """Changes whenever a chart does."""
    return tuple(
        (trial.number, trial.state, trial.study.value, len(trial.study.scores), trial.epochs)
        for trial in result.trials
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _figure(key: tuple[Any, ...], _result: SweepResult) -> object:
    *_, what, dark = key
    plan = _result.sweep.plan
    score = SweepScore(plan.goal.title, plan.goal.maximize, plan.objective != "loss")
    points, axes = sweep_points(_result), sweep_axes(_result)
    if what == "best":
        return best_so_far(points, score, plan.trials, dark)
    if what == "importance":
        done = tuple((t.number, t.study.value) for t in _result.trials if t.state == "complete")
        return setting_importance(_importance((key[0], done), _result), dark)
    if what == "parallel":
        return parallel_coordinates(points, axes, score, dark)
    if what == "curves":
        return trial_curves(points, score, dark)
    place = int(what.rpartition(" ")[2])
    return score_by_setting(points, place, axes[place], score, dark)


@st.cache_data(max_entries=16, show_spinner=False)
def _importance(key: tuple[Any, ...], _result: SweepResult) -> dict[str, float]:
    """Label -> share; looked for again when another trial is complete."""
    model = _result.sweep.plan.model
    found = lab.importance_of(_result.sweep)
    return {lab.setting_of(model, name).label: share for name, share in found.items()}


def sweep_axes(result: SweepResult) -> list[SweepAxis]:
    plan = result.sweep.plan
    axes = []
    for values in plan.space:
        declared = lab.setting_of(plan.model, values.name)
        choices = lab.listed(plan.model, values) if values.scale == "list" else ()
        named = tuple(declared.words.get(str(choice), choice) for choice in choices or ())
        axes.append(SweepAxis(declared.label, values.scale == "log", named))
    return axes


def sweep_points(result: SweepResult) -> list[SweepPoint]:
    plan = result.sweep.plan
    declared = [lab.setting_of(plan.model, values.name) for values in plan.space]
    return [
        SweepPoint(
            trial.number,
            trial.state,
            tuple(
                s.words.get(str(trial.study.params[s.name]), trial.study.params[s.name])
                for s in declared
            ),
            trial.study.value,
            trial.study.scores,
        )
        for trial in result.trials
    ]


# ---------------------------------------------------------------------------------- table


def _table(result: SweepResult) -> None:
    table = lab.trial_table(result)
    plan = result.sweep.plan
    shown = table.drop(columns=["Runs", *([] if table["Why"].any() else ["Why"])])
    score = plan.goal.title
    if plan.objective != "loss":
        shown[score] = 100 * shown[score].astype(float)
    best = result.best
    styled = shown.assign(Best=["★" if best and n == best.number else "" for n in shown["Trial"]])
    order = ["Trial", "Best", *[name for name in shown.columns if name != "Trial"]]
    frame.whole_table(
        styled,
        f"Trials of the sweep {result.sweep.name} with their settings and scores",
        hide_index=True,
        column_order=order,
        column_config={
            score: st.column_config.NumberColumn(
                format="%.4f" if plan.objective == "loss" else "%.1f %%"
            ),
            **{
                label: st.column_config.NumberColumn(format="%.4g")
                for label in _numbers(shown, result)
            },
        },
    )
    frame.download(
        "Table (CSV)",
        lambda: table.to_csv(index=False),
        f"ham-lab-sweep-{result.sweep.name}.csv",
    )


def _numbers(table: pd.DataFrame, result: SweepResult) -> list[str]:
    """The settings whose values are numbers that are not whole."""
    labels = [axis.label for axis in sweep_axes(result)]
    return [label for label in labels if pd.api.types.is_float_dtype(table[label])]
