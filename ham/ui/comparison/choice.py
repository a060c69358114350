"""Which runs are compared: chosen here or by a link, and only on the same test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import streamlit as st

from ham import report, store
from ham.config import StoreError
from ham.data import SPLIT_TITLES
from ham.report import MAX_RUNS, Comparison, RunName, RunReport
from ham.store import Found
from ham.ui.comparison import address
from ham.ui.comparison.chooser import all_runs
from ham.ui.frame import chart, end_page, link, plain, whole_table

_IN_A_LINE = 3  # names of runs


def choose_runs(found: Found) -> dict[RunName, RunReport]:
    """The runs to compare, two or more; else the page ends here and says what to do."""
    runs = found.models
    if len(runs) < 2:
        _too_few(runs, found.live)
        end_page()
    by_id = {run.id: run for run in runs}
    labels = {
        run_id: f"{by_id[run_id].short_title} (ships)"
        if by_id[run_id].shipped
        else label + report.split_note(by_id[run_id].config)
        for run_id, label in report.labels(runs).items()
    }
    missing = _follow_link(by_id)
    st.session_state.setdefault("comparison_runs", report.default_runs(runs))
    chosen = _row_of_choices(found, labels)
    address.say("runs", ",".join(chosen))
    if missing:
        st.warning(
            f"The link also names {', '.join(map(plain, missing))}: no finished run of this name "
            "is here. It was deleted, or it was trained on another computer.",
            icon=":material/link_off:",
        )
    if len(chosen) < 2:
        st.info("Choose at least two runs.", icon=":material/arrow_upward:")
        end_page()
    # the table of runs says which ship with HAM Lab
    titles = {i: by_id[i].short_title if by_id[i].shipped else labels[i] for i in chosen}
    reports = _whole([by_id[run_id] for run_id in chosen], titles)
    names = report.run_names([found.run for found in reports], titles)
    return dict(zip(names, reports, strict=True))


def _row_of_choices(found: Found, labels: Mapping[str, str]) -> list[str]:
    """The runs in words, which of them is the baseline, and the table of all runs."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.multiselect(
            "Runs to compare",
            list(labels),
            format_func=labels.__getitem__,
            key="comparison_runs",
            persist_state="session",
            max_selections=MAX_RUNS,
            placeholder="Choose two or more",
            help="The address of this page names the runs chosen, so it can be kept or sent.",
            width="stretch",
            wrap=len(st.session_state["comparison_runs"]) > _IN_A_LINE,
        )
        if len(chosen) > 1:
            st.session_state["comparison_baseline"] = chosen[0]
            st.selectbox(
                "Baseline",
                chosen,
                key="comparison_baseline",
                format_func=labels.__getitem__,
                on_change=_pin,
                help="A: the others are compared with it.",
                width=220,
            )
        all_runs(found.models, chosen)
    return chosen


def _pin() -> None:
    """The baseline goes first."""
    first = st.session_state["comparison_baseline"]
    others = [i for i in st.session_state["comparison_runs"] if i != first]
    st.session_state["comparison_runs"] = [first, *others]


def _whole(runs: list[store.Run], titles: dict[str, str]) -> list[RunReport]:
    """Those whose files can be read, two or more; of the others it is said why not."""
    kept = []
    for run in runs:
        try:
            found = report_of(run)
            found.read()
            store.read_history(run)
        except StoreError as error:
            st.error(
                f"**{plain(titles[run.id])} is left out:** {plain(error.why)}  \n"
                f"{plain(error.todo)}",
                icon=":material/error:",
            )
        else:
            kept.append(found)
    if len(kept) < 2:
        st.info("Choose at least two runs whose files can be read.", icon=":material/arrow_upward:")
        end_page()
    return kept


# ------------------------------------------------------- reports, kept for all visitors


def report_of(run: store.Run) -> RunReport:
    """The run's report, made again when its predictions or its record change."""
    return _report(_version(run), run)


@st.cache_resource(max_entries=50, show_spinner=False)
def _report(versions: tuple[object, ...], _run: store.Run) -> RunReport:
    return RunReport(_run)


@st.cache_resource(max_entries=20, show_spinner=False)
def _comparison(
    names: tuple[RunName, ...], versions: tuple[object, ...], _reports: Sequence[RunReport]
) -> Comparison:
    return Comparison(names, _reports)


def _version(run: store.Run) -> tuple[object, ...]:
    """Changes when what a report is made of does."""
    return store.predictions_version(run), repr(run.record), repr(run.status)


def drawing_lesions() -> AbstractContextManager[None]:
    """What is shown while intervals are computed for the first time."""
    return st.spinner("Drawing test lesions 2,000 times")


def _follow_link(by_id: dict[str, store.Run]) -> list[str]:
    """Takes over the runs that the address names, when it changed; returns the names that are
    not here.
    """
    wanted = list(dict.fromkeys(filter(None, address.asked("runs").split(","))))
    if wanted:
        st.session_state["comparison_runs"] = [i for i in wanted if i in by_id][:MAX_RUNS]
        return [run_id for run_id in wanted if run_id not in by_id]
    if "comparison_runs" in st.session_state:  # one may have been deleted meanwhile
        st.session_state["comparison_runs"] = [
            i for i in st.session_state["comparison_runs"] if i in by_id
        ]
    return []


def _too_few(finished: list[store.Run], live: list[store.Run]) -> None:
    with st.container(border=True):
        if finished:
            st.header("One finished run: a comparison needs two", anchor=False)
            st.markdown(
                f"**{plain(finished[0].title)}** is done. Train a second one with the same split, "
                "shares and "
                "seed: then both are tested on the same images, and their scores can be compared."
            )
        else:
            st.header("Nothing to compare yet", anchor=False)
            st.markdown(
                "Train two models with the same split, shares and seed, for example the CNN and "
                "the LSTM; the "
                "recipe *Quick look* takes about a minute each. Then their scores, errors and "
                "settings stand "
                "side by side here."
            )
        if live:
            st.markdown(
                f":gray[{len(live)} {'run is' if len(live) == 1 else 'runs are'} being trained or "
                "waiting.]"
            )
        link("Training", "Watch it train" if live else "Train a model")


# ------------------------------------------------------------------- same test images


def on_the_same_test_images(chosen: Mapping[RunName, RunReport], found: Found) -> Comparison:
    """The runs side by side; the page ends where they were tested on different images."""
    names, reports = list(chosen), list(chosen.values())
    groups = report.grouped(names, reports)
    if len(groups) > 1:
        _refuse(groups, chosen, found.models)
    versions = tuple(_version(one.run) for one in reports)
    return _comparison(tuple(names), versions, reports)


def _refuse(
    groups: list[list[RunName]],
    chosen: Mapping[RunName, RunReport],
    models: list[store.Run],
) -> NoReturn:
    """Says which runs were tested on which images, and what to do."""
    st.error(
        "**These runs cannot be compared: they were tested on different images.** One test part "
        "may simply be easier than another, so a difference in score would say nothing about the "
        "models.",
        icon=":material/difference:",
    )
    whole_table(
        report.test_parts(list(chosen), list(chosen.values())),
        "What the chosen runs were tested on",
        hide_index=True,
    )
    for number, group in enumerate(groups, start=1):
        _offer(number, {name: chosen[name].run for name in group}, models)
    st.markdown(
        "Or train again with one split, one set of shares and one seed for all: the seed decides "
        "which images are for testing."
    )
    link("Training", "Train a model")
    end_page()


def _offer(number: int, group: Mapping[RunName, store.Run], models: list[store.Run]) -> None:
    """A button that compares what can be compared with this group."""
    ids = [run.id for run in group.values()]
    more = [
        run.id
        for run in models
        if run.id not in ids and all(store.same_test_images(run, ours) for ours in group.values())
    ][: MAX_RUNS - len(ids)]
    names = " and ".join(name.letter for name in group)
    if len(ids) > 1:
        label = f"Compare {names} only"
    elif more:
        others = "the other run" if len(more) == 1 else f"{len(more)} other runs"
        label = f"Compare {names} with {others} tested on the same images"
        ids += more
    else:
        st.markdown(f":gray[No other finished run was tested on the images of {names}.]")
        return
    st.button(
        label,
        key=f"comparison_group_{number}",
        icon=":material/balance:",
        on_click=_choose,
        args=(ids,),
    )


def _choose(ids: list[str]) -> None:
    st.session_state["comparison_runs"] = ids


def leaking_splits(compared: Comparison) -> None:
    """Says in plain words where the test images are not new to the models."""
    leaking = {name: one.run for name, one in compared.reports.items() if one.run.leaking}
    for protocol in dict.fromkeys(run.config.split for run in leaking.values()):
        title, sentence = SPLIT_TITLES[protocol]
        letters = ", ".join(
            name.letter for name, run in leaking.items() if run.config.split == protocol
        )
        st.warning(
            f"**Leaking split: {title[0].lower()}{title[1:]} ({letters}).** {sentence} The scores "
            "below are higher than they would be on new lesions. They can be compared with each "
            "other, not with runs split by lesion.",
            icon=":material/water_drop:",
        )


def in_rows(compared: Comparison, figures: list[Any], key: str) -> None:
    """A figure a run, side by side, two or three in a row."""
    ids = [one.run.id for one in compared.reports.values()]
    in_a_row = 2 if len(ids) in (2, 4) else 3
    for start in range(0, len(ids), in_a_row):
        row = slice(start, start + in_a_row)
        with st.container(key=f"{key}_row_{start}"):
            columns = st.columns(in_a_row, gap="medium")
        for column, run_id, figure in zip(columns, ids[row], figures[row], strict=False):
            with column:
                chart(figure, f"{key}_{run_id}")


def runs_table(compared: Comparison) -> None:
    """What each letter stands for."""
    widths = {
        "Letter": st.column_config.TextColumn(width=60),
        "Run": st.column_config.TextColumn(width=240),
    }
    whole_table(
        report.runs_table(compared), "The runs compared", hide_index=True, column_config=widths
    )


def other_copies(compared: Comparison) -> None:
    """Says where the runs were tested on different copies of the same photographs."""
    if len({one.run.record.data.fingerprint for one in compared.reports.values()}) > 1:
        st.caption(
            "Tested on the same photographs, but not on the same copy of them: a run that ships "
            "with HAM Lab brings the answers it gave where it was trained, and a few of the pixels "
            "there were rounded otherwise than in the data of the other runs."
        )
