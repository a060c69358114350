"""The engine's settings, the runs that train, those that wait, the last that ended."""

from __future__ import annotations

import dataclasses

import streamlit as st

from ham import engine, hosting
from ham.hosting import Act
from ham.report.words import count
from ham.store import Found, Run
from ham.ui import frame, rights
from ham.ui.training import live

# a tick that comes before the last one is drawn takes its place, so not too often
_POLL_SECONDS = 2.0
_TO_THE_FRONT = -(10**6)


def queue_and_live_run(found: Found) -> None:
    """Followed while something is live."""
    live_runs = found.live
    _head(live_runs)
    # a sweep takes up its own
    interrupted = [run for run in found.runs if run.state == "interrupted" and not run.withheld]
    _offer_interrupted(interrupted, alone=not live_runs)
    frame.follow(found, _follow, _POLL_SECONDS if live_runs else None)


def _head(runs: list[Run]) -> None:
    training = sum(run.state == "running" for run in runs)
    waiting = len(runs) - training
    words = [f"{count(training, 'run trains', 'runs train')}"] * bool(training) + [
        f"{count(waiting, 'waits', 'wait')}"
    ] * bool(waiting)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":gray[{', '.join(words) or 'The queue is empty'}]", width="stretch")
        with st.popover("Engine", icon=":material/settings:", width="content"):
            _engine_settings()


def _offer_interrupted(runs: list[Run], alone: bool) -> None:
    """Runs that a crash or a restart left behind; the only one stands below as the last run
    anyway.
    """
    if len(runs) < (2 if alone else 1) or not hosting.may(Act.TRAIN):
        return
    names = ", ".join(frame.plain(run.title) for run in runs[:3]) + (
        " and others" if len(runs) > 3 else ""
    )
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/power_off: **{count(len(runs), 'run was', 'runs were')} interrupted:** "
            f"{names}. What they had trained is kept.",
            width="stretch",
        )
        if st.button(
            "Resume",
            icon=":material/restart_alt:",
            key="resume_interrupted",
            help="Each goes on after its last completed epoch.",
        ):
            for run in runs:
                engine.resume(run)
            frame.engine().wake()
            st.rerun()


def _engine_settings() -> None:
    now = engine.settings()
    may_not = rights.closed(Act.SETTINGS)
    workers = st.number_input(
        "Runs that train at the same time",
        1,
        engine.MAX_WORKERS,
        min(now.workers, engine.MAX_WORKERS),
        key="engine_workers",
        disabled=may_not,
        help=f"1 to {engine.MAX_WORKERS} on this machine. Several share its "
        "cores: each becomes slower, and each holds its own memory. For every window and visitor.",
    )
    by_itself = st.toggle(
        "Resume interrupted runs by themselves",
        now.resume_by_itself,
        key="engine_resume",
        disabled=may_not,
        help="After a crash or a restart, without being asked.",
    )
    chosen = dataclasses.replace(now, workers=workers, resume_by_itself=by_itself)
    if chosen != now and not may_not:
        engine.save_settings(chosen)
        frame.engine().wake()


def _follow(found: Found) -> None:
    now = found.live
    running = [run for run in now if run.state == "running"]
    waiting = sorted(
        (run for run in now if run.state == "queued"), key=lambda run: run.status.order
    )
    problem = frame.engine().problem
    if problem:
        frame.show_error(problem)
    for run in running:
        (live.trial if run.withheld else live.running)(run)
    if waiting:
        st.header("Waiting" if running else "Starting", anchor=False)
        if hosting.read_only():
            st.caption("This server trains nothing: it is read-only.")
        else:
            st.caption(frame.plain(frame.engine().waits_for(now)))
        for place, run in enumerate(waiting):
            _waiting(run, place, len(waiting))
    if not now:
        live.last_ended(found.runs)


def _waiting(run: Run, place: int, waiting: int) -> None:
    """A line of the queue: its place, its name, where it can go."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"waiting_{run.id}"
    ):
        words = f"{frame.plain(run.title)}, {count(run.config.epochs, 'epoch')}"
        st.markdown(f":gray[{place + 1}.] {words}", width="stretch")
        name = run.title
        if not hosting.may(Act.TRAIN):
            return
        if waiting > 1:
            front = _icon("vertical_align_top", f"front_{run.id}", f"Train {name} next", place == 0)
            up = _icon("arrow_upward", f"up_{run.id}", f"Move {name} up", place == 0)
            down = _icon(
                "arrow_downward", f"down_{run.id}", f"Move {name} down", place == waiting - 1
            )
            if front or up or down:
                engine.move(run, _TO_THE_FRONT if front else -1 if up else 1)
                st.rerun()
        if _icon("close", f"remove_{run.id}", f"Take {name} out of the queue"):
            engine.cancel(run)
            st.rerun()


def _icon(icon: str, key: str, words: str, disabled: bool = False) -> bool:
    return st.button(f":material/{icon}:", key=key, help=words, disabled=disabled, type="tertiary")
