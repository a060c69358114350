"""The measurement's plan with its minutes, its start, its progress."""

from __future__ import annotations

import streamlit as st

from ham import data, engine, store
from ham.config import HamError
from ham.evaluation import percent, scores_from_record
from ham.store import Run
from ham.ui import frame
from ham.ui.dataset.leakage.runs import SEEDS, Cell, cancel, cells, lab_config, live_lab_runs, start
from ham.ui.training.form import seconds_a_step, steps_an_epoch
from ham.ui.training.words import about, count

_POLL_SECONDS = 2.0  # a tick that comes before the last one is drawn takes its place, so not too often
_CHOSEN = "leakage_runs_each"  # session key: runs a protocol, of SEEDS
_OPENED = "leakage_opened"  # session key: the plan is shown
_ICONS = {"queued": "schedule", "running": "model_training", "done": "check_circle", "failed": "error",
          "cancelled": "cancel", "interrupted": "power_off"}


def measure(dataset: data.LesionDataset) -> list[Cell]:
    """What is trained, how long it takes, its start and its progress; returns every training of the plan."""
    st.space("small")
    st.markdown("#### Measure it")
    protocols = _possible(dataset, dataset.fingerprint)
    if not protocols:
        st.caption("This data set can be split by none of the protocols, so there is nothing to train on.")
        return []
    st.markdown(f":gray[{_recipe_in_words(protocols, dataset)}]")
    three = cells(dataset, protocols, SEEDS[3])
    begun = any(cell.run for cell in three)
    if not begun and not st.session_state.get(_OPENED):
        st.button("Measure the gap here", icon=":material/straighten:", key="leakage_open", on_click=_open,
                  help="Shows first how long it takes on this machine.")
        return three[:len(protocols)]
    chosen = _how_many(three, len(protocols))
    plan = three[:len(protocols) * chosen]
    _start(plan, dataset)
    _progress(plan)
    return plan


def _open() -> None:
    st.session_state[_OPENED] = True


@st.cache_data(max_entries=8, show_spinner=False)
def _possible(_dataset: data.LesionDataset, fingerprint: str) -> list[str]:
    """The protocols by which the data set can be dealt into three parts."""
    found = []
    for protocol in data.LEAKAGE_SPLITS:
        try:
            data.make_split(_dataset, protocol)
        except HamError:
            continue  # said by the shares
        found.append(protocol)
    return found


def _recipe_in_words(protocols: list[str], dataset: data.LesionDataset) -> str:
    config, *others = (lab_config(protocol, 0, dataset) for protocol in protocols)
    fewer = "".join(f" ({other.epochs} where rows are repeated, which makes as many steps)" for other in others
                    if other.epochs != config.epochs)
    return (f"The same small training under each protocol: the CNN of the improved recipe without its augmentation, "
            f"{config.epochs} epochs{fewer} in batches of {config.batch_size}, {100 * config.test_fraction:.0f} % of "
            f"the images for the test and {100 * config.validation_fraction:.0f} % to choose the epoch. Each run is "
            "scored on its own test part, as whoever splits that way would publish it, and then apart on the test "
            "images whose lesion its training has and has not seen.")


def _how_many(three: list[Cell], protocols: int) -> int:
    """1 or 3 runs a protocol; after a restart as many as were begun."""
    if st.session_state.get(_CHOSEN) not in SEEDS:
        st.session_state[_CHOSEN] = 3 if any(cell.run for cell in three[protocols:]) else 1
    return st.segmented_control(
        "Runs of each protocol", list(SEEDS), required=True, key=_CHOSEN, persist_state="session",
        format_func=lambda number: count(number, "run"),
        help="Each has a seed of its own: other test lesions, other starting weights. Three tell more of chance than "
             "one, and take three times as long.")


# -------------------------------------------------------------------------------- start


def _start(plan: list[Cell], dataset: data.LesionDataset) -> None:
    """The button for all that is left to do, with its minutes; nothing where all is done or on its way."""
    wanted = [cell for cell in plan if cell.run is None or cell.unfinished]
    if not wanted:
        return
    waits = _minutes(wanted, dataset) is None and not frame.live_states()
    frame.timed(lambda: _cost(wanted, dataset, waits), lambda: waits and _minutes(wanted, dataset) is not None,
                _POLL_SECONDS if waits else None)
    resumed = sum(cell.unfinished for cell in wanted)
    label = "Start the measurement" if len(wanted) == len(plan) and not resumed else \
        f"Take up {count(resumed, 'run')}" if resumed == len(wanted) else f"Train the {len(wanted)} that are missing" \
        if len(wanted) > 1 else "Train the one that is missing"
    if st.button(label, type="primary", icon=":material/play_arrow:", key="leakage_start"):
        with frame.errors():
            start(wanted, dataset)
            frame.engine().poke()
            st.rerun()


def _cost(wanted: list[Cell], dataset: data.LesionDataset, waits: bool) -> None:
    unknown = "measuring how long that takes here …" if waits else "time is known after the first epoch"
    st.markdown(f"**{count(len(wanted), 'training')}** · {_minutes(wanted, dataset) or unknown}")


def _minutes(wanted: list[Cell], dataset: data.LesionDataset) -> str | None:
    """"about 4 min here", as the Training page estimates it; None while nothing is known."""
    configs = [lab_config(cell.protocol, cell.seed, dataset) for cell in wanted]
    steps = sum(steps_an_epoch(config, dataset) * (config.epochs - (cell.run.status.epoch if cell.run else 0))
                for cell, config in zip(wanted, configs, strict=True))
    seconds = seconds_a_step(configs[0])
    if seconds:
        return f"**{about(steps * seconds)}** here"
    probed = engine.estimate(configs[0], dataset.record)
    if probed is None:
        return None
    if probed.problem:
        return "time is known after the first epoch"
    an_epoch, epochs = probed.seconds_per_epoch, configs[0].epochs
    beginning = probed.seconds - an_epoch * epochs
    return f"**{about(steps * an_epoch / steps_an_epoch(configs[0], dataset) + len(wanted) * beginning)}** here"


# ------------------------------------------------------------------------------ progress


def _progress(plan: list[Cell]) -> None:
    """A line a run, followed while one of the lab's own waits or trains."""
    if not any(cell.run for cell in plan):
        return
    ids = [(cell.title, cell.run.id) for cell in plan if cell.run]
    seen = _states(ids)
    frame.timed(lambda: _follow(ids), lambda: _states(ids) != seen, _POLL_SECONDS if live_lab_runs() else None)


def _states(ids: list[tuple[str, str]]) -> tuple[list, int]:
    """What is live of the lab's own, and how many of these runs there are: one may be deleted elsewhere."""
    known = {run.id for run in store.find_runs().runs}
    return [(run.id, run.state) for run in live_lab_runs()], sum(run_id in known for _, run_id in ids)


def _follow(ids: list[tuple[str, str]]) -> None:
    live = live_lab_runs()
    runs = {run.id: run for run in store.find_runs().runs}
    problem = frame.engine().problem
    if problem and live:
        frame.show_error(problem)
    elif live and not any(run.state == "running" for run in live):
        st.caption(frame.plain(frame.engine().waits_for(list(runs.values()))))
    own = {run_id for _, run_id in ids}
    first = next((place for place, run in enumerate(_queue(runs)) if run.id in own), None)
    if first:
        st.caption(f"{count(first, 'other run trains or waits', 'other runs train or wait')} before these.")
    for title, run_id in ids:
        if run_id in runs:
            _line(title, runs[run_id])
    for run in live:
        if run.id not in own:
            _line(f"{run.title} (another data set or seed)", run)
    if live:
        stopping = all(store.cancel_requested(run) for run in live)
        if st.button("Stopping" if stopping else "Cancel", icon=":material/stop:", disabled=stopping,
                     key="leakage_cancel", help="Stops what trains after its current step and takes what waits out of "
                     "the queue. It can be taken up again."):
            cancel(live)
            st.rerun()


def _queue(runs: dict[str, Run]) -> list[Run]:
    return sorted((run for run in runs.values() if run.live),
                  key=lambda run: (run.state != "running", run.status.order))


def _line(title: str, run: Run) -> None:
    """How one training stands."""
    icon, title = f":material/{_ICONS[run.state]}:", frame.plain(title)
    if run.state == "running":
        st.markdown(f"{icon} **{title}**")
        st.progress(frame.done_share(run.status), text=frame.progress_text(run.status))
        return
    words = {"queued": "waits", "cancelled": f"cancelled after {_epochs(run)}",
             "interrupted": f"its process ended after {_epochs(run)}; what it had learnt is kept"}.get(run.state, "")
    if run.state == "done":
        words = "done"
        if run.has_model:
            scores = scores_from_record(run.record["evaluation"])
            words += f", publishes a balanced accuracy of {percent(scores['balanced_accuracy'])}"
    st.markdown(f"{icon} {title}" + (f": :gray[{words}]" if words else ""))
    if run.state == "failed":
        frame.show_error(HamError(**run.status.error) if run.status.error else
                         HamError(run.title, "it failed and left no reason.", "Read its log on the Training page."))


def _epochs(run: Run) -> str:
    return f"{run.status.epoch} of {count(run.config.epochs, 'epoch')}"
