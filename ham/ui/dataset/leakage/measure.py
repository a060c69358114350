"""The trainings of the measurement with their minutes, their start, their progress."""

from __future__ import annotations

import streamlit as st

from ham import data, hosting, store
from ham.evaluation import percent
from ham.hosting import Act
from ham.lab import leakage as lab
from ham.lab.leakage import Cell
from ham.report import words
from ham.report.words import about, count
from ham.store import Found, Run
from ham.ui import frame, rights

_POLL_SECONDS = 2.0  # a tick that comes before the last one is drawn takes its place
_CHOSEN = "leakage_runs_each"  # session key: runs a protocol, of lab.RUNS_EACH
_OPENED = "leakage_opened"  # session key: the plan is shown
_ICONS = {
    "queued": "schedule",
    "running": "model_training",
    "done": "check_circle",
    "failed": "error",
    "cancelled": "cancel",
    "interrupted": "power_off",
}


def show_plan(dataset: data.LesionDataset, found: Found) -> list[Cell]:
    """What is trained, its time, start and progress; returns every training of the plan."""
    st.space("small")
    st.subheader("Measure it", anchor=False)
    protocols = _possible(dataset, dataset.fingerprint)
    if not protocols:
        st.caption(
            "This data set can be split by none of the protocols, so there is nothing to train on."
        )
        return []
    st.markdown(f":gray[{lab.recipe_in_words(protocols, dataset)}]")
    three = lab.cells(dataset, protocols, lab.RUNS_EACH[3], found.runs)
    begun = any(cell.run for cell in three)
    if not begun and not st.session_state.get(_OPENED):
        st.button(
            "Measure the gap here",
            icon=":material/straighten:",
            key="leakage_open",
            on_click=_open,
            help="Shows first how long it takes on this machine.",
        )
        return three[: len(protocols)]
    chosen = _how_many(three, len(protocols))
    plan = three[: len(protocols) * chosen]
    _start(plan, dataset, found)
    _progress(plan, found)
    return plan


def _open() -> None:
    st.session_state[_OPENED] = True


@st.cache_data(max_entries=8, show_spinner=False)
def _possible(_dataset: data.LesionDataset, fingerprint: str) -> list[str]:
    return lab.possible_protocols(_dataset)


def _how_many(three: list[Cell], protocols: int) -> int:
    """1 or 3 runs a protocol; after a restart as many as were begun."""
    if st.session_state.get(_CHOSEN) not in lab.RUNS_EACH:
        st.session_state[_CHOSEN] = 3 if any(cell.run for cell in three[protocols:]) else 1
    return frame.choose(
        "Runs of each protocol",
        lab.RUNS_EACH,
        _CHOSEN,
        None,
        help="Each has a seed of its own: other test lesions, other starting weights. Three tell "
        "more of chance than one, and take three times as long.",
        format_func=lambda number: count(number, "run"),
    )


# -------------------------------------------------------------------------------- start


def _start(plan: list[Cell], dataset: data.LesionDataset, found: Found) -> None:
    """The button for all that is left, with its minutes; nothing where all is done or queued."""
    wanted = [cell for cell in plan if cell.wanted]
    if not wanted:
        return

    def measuring() -> bool:
        return lab.time_needed(wanted, dataset, found.runs).measuring

    waits = hosting.may(Act.TRAIN) and measuring() and not found.live
    frame.timed(
        lambda: _cost(wanted, dataset, found.runs, waits),
        lambda: waits and not measuring(),
        _POLL_SECONDS if waits else None,
    )
    may_not = rights.closed(Act.TRAIN)
    if st.button(
        _label(wanted, len(plan)),
        type="primary",
        icon=":material/play_arrow:",
        key="leakage_start",
        disabled=may_not,
    ):
        with frame.errors():
            lab.start(wanted, dataset)
            frame.engine().wake()
            st.rerun()


def _label(wanted: list[Cell], planned: int) -> str:
    resumed = sum(cell.unfinished for cell in wanted)
    if resumed == len(wanted):
        return f"Resume {count(resumed, 'run')}"
    if len(wanted) == planned and not resumed:
        return "Start the measurement"
    if len(wanted) == 1:
        return "Train the one that is missing"
    return f"Train the {len(wanted)} that are missing"


def _cost(wanted: list[Cell], dataset: data.LesionDataset, runs: list[Run], waits: bool) -> None:
    needed = lab.time_needed(wanted, dataset, runs)
    if needed.seconds is not None:
        time = f"**{about(needed.seconds)}** here"
    elif needed.measuring and waits:
        time = "measuring how long that takes here …"
    else:
        time = "time is known after the first epoch"
    st.markdown(f"**{count(len(wanted), 'training')}** · {time}")


# ------------------------------------------------------------------------------ progress


def _progress(plan: list[Cell], found: Found) -> None:
    """A line a run, followed while one of the lab's own waits or trains."""
    ids = {cell.run.id: cell.title for cell in plan if cell.run}
    if not ids:
        return
    seconds = _POLL_SECONDS if lab.live_lab_runs(found.runs) else None
    frame.follow(found, lambda now: _follow(ids, now), seconds)


def _follow(ids: dict[str, str], found: Found) -> None:
    """`ids`: id -> title of the plan's runs."""
    live = lab.live_lab_runs(found.runs)
    runs = {run.id: run for run in found.runs}
    problem = frame.engine().problem
    if problem and live:
        frame.show_error(problem)
    elif live and not any(run.state == "running" for run in live):
        st.caption(frame.plain(frame.engine().waits_for(list(runs.values()))))
    if before := lab.runs_before(ids, runs.values()):
        others = count(before, "other run trains or waits", "other runs train or wait")
        st.caption(f"{others} before these.")
    for run_id, title in ids.items():
        if run_id in runs:
            _line(title, runs[run_id])
    for run in live:
        if run.id not in ids:
            _line(f"{run.title} (another data set or seed)", run)
    if live and hosting.may(Act.TRAIN):
        _cancel_button(live)


def _cancel_button(live: list[Run]) -> None:
    stopping = all(store.cancel_requested(run) for run in live)
    if st.button(
        "Stopping" if stopping else "Cancel",
        icon=":material/stop:",
        disabled=stopping,
        key="leakage_cancel",
        help="Stops what trains after its current step and takes what waits out of the queue. It "
        "can be resumed.",
    ):
        lab.cancel(live)
        st.rerun()


def _line(title: str, run: Run) -> None:
    """How one training stands."""
    icon, title = f":material/{_ICONS[run.state]}:", frame.plain(title)
    if run.state == "running":
        st.markdown(f"{icon} **{title}**")
        st.progress(words.done_share(run.status), text=words.progress_text(run.status))
        return
    standing = _state_in_words(run)
    st.markdown(f"{icon} {title}" + (f": :gray[{standing}]" if standing else ""))
    if failure := run.failure:
        frame.show_error(failure)


def _state_in_words(run: Run) -> str:
    """Of a run that does not train just now."""
    epochs = f"{run.status.epoch} of {count(run.config.epochs, 'epoch')}"
    words = {
        "queued": "waits",
        "cancelled": f"cancelled after {epochs}",
        "interrupted": f"its process ended after {epochs}; what it had learnt is kept",
        "done": "done",
    }.get(run.state, "")
    if run.state == "done" and run.scores:
        words += f", publishes a balanced accuracy of {percent(run.scores[lab.SCORE])}"
    return words
