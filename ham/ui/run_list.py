"""Every run in a table: found by its words, named, tagged, exported, resumed, deleted; others
imported.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ham import engine, hosting, store
from ham.config import HamError, StoreError
from ham.data import SPLIT_TITLES
from ham.evaluation import percent
from ham.hosting import Act
from ham.store import Found, Problem, Run
from ham.ui import frame, model_file, rights, visit

_FILTER_FROM = 11  # fewer runs are seen at a glance
_TABLE_HEIGHT = 440  # pixels: eleven rows and half of the next, which says that there are more
_RESUMABLE = ("failed", "interrupted", "cancelled")
_EXPORTABLE = ("done", "failed", "cancelled")


@frame.errors()
def all_runs(found: Found) -> None:
    """Every run with what can be done to it, damaged folders with their reason, and the import."""
    runs = found.runs
    if runs or found.problems:
        st.header("All runs", anchor=False)
    if runs:
        shown = _filtered(runs) if len(runs) >= _FILTER_FROM else runs
        if shown:
            _actions(_table(shown), runs)
        else:
            st.caption(
                f"None of the {len(runs)} runs has all these words in its name, tags, "
                "notes or state."
            )
    if found.problems:
        _problems(found.problems)
    frame.behind("Import a run", _import, "runs_import_open", ":material/upload_file:")


# -------------------------------------------------------------------------------- table


def _filtered(runs: Sequence[Run]) -> list[Run]:
    words = st.text_input(
        "Find runs",
        key="runs_filter",
        persist_state="session",
        icon=":material/search:",
        placeholder="Words of a name, tag, note, state or split",
        label_visibility="collapsed",
    )
    return [
        run
        for run in runs
        if all(word in _searched(run) for word in (words or "").casefold().split())
    ]


def _searched(run: Run) -> str:
    return "\n".join(
        (
            run.title,
            run.own_title,
            *run.notes.tags,
            run.notes.text,
            run.state,
            run.id,
            SPLIT_TITLES[run.config.split][0],
        )
    ).casefold()


def _table(runs: list[Run]) -> list[Run]:
    """The runs that are ticked."""
    table = pd.DataFrame(
        [
            {
                "Run": run.title,
                "State": run.state.capitalize(),
                "Test accuracy": _accuracy(run),
                "Epochs": f"{run.status.epoch} of {run.config.epochs}",
                "Tags": list(run.notes.tags),
                "Split": SPLIT_TITLES[run.config.split][0],
                "Created": time.strftime("%Y-%m-%d %H:%M", time.localtime(run.status.created)),
            }
            for run in runs
        ]
    )
    order = [
        name for name in table.columns if name != "Tags" or any(run.notes.tags for run in runs)
    ]
    # rows are ticked by their place: another list of runs is another table, with nothing ticked
    ids = hashlib.sha256("\n".join(run.id for run in runs).encode()).hexdigest()[:12]
    event = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * len(runs), _TABLE_HEIGHT),
        key=f"runs_{ids}",
        on_select="rerun",
        selection_mode="multi-row",
        column_order=order,
        column_config={
            "Run": st.column_config.TextColumn(width="medium"),
            "Tags": st.column_config.ListColumn(),
        },
        alt="Every run with state, test accuracy, epochs, tags, split and date",
    )
    return [runs[row] for row in event.selection.rows if row < len(runs)]


def _accuracy(run: Run) -> str:
    return percent(run.scores["accuracy"]) if run.scores else ""


# ------------------------------------------------------------------------------ actions


def _actions(chosen: list[Run], runs: Sequence[Run]) -> None:
    if not chosen:
        st.caption(
            "Tick a run to name, tag, export or resume it and to read its log; tick several to "
            "resume or delete them."
        )
        return
    with st.container(horizontal=True):
        # a trial goes on with its sweep
        _resume([run for run in chosen if run.state in _RESUMABLE and not run.withheld])
        problem = _export(chosen)
        if len(chosen) == 1 and chosen[0].has_model:
            with st.popover("Model file", icon=":material/deployed_code:", help=model_file.HELP):
                model_file.as_files({"Make the file": chosen[0]}, "runs")
        _delete([run for run in chosen if not run.live])
    if problem:
        frame.show_error(problem)
    if len(chosen) == 1:
        _details(chosen[0], runs)
    for run in chosen:
        _log(run)


@st.fragment
@frame.errors()
def _log(run: Run) -> None:
    def draw() -> None:
        st.code(store.read_log(run) or "Nothing yet.", language=None, wrap_lines=True)

    label = f"Log of {frame.plain(run.title)}"
    frame.behind(label, draw, f"runs_log_{run.id}", ":material/article:")


def _resume(runs: list[Run]) -> None:
    if st.button(
        f"Resume {len(runs)}" if len(runs) > 1 else "Resume",
        icon=":material/restart_alt:",
        disabled=not runs or not hosting.may(Act.TRAIN),
        key="runs_resume",
        help=rights.why_not(Act.TRAIN)
        or "Goes on after the last completed epoch. For runs that failed, were cancelled or "
        "interrupted.",
    ):
        for run in runs:
            engine.resume(run)
        frame.engine().wake()
        st.rerun()


def _export(chosen: list[Run]) -> StoreError | None:
    """A button that saves a run; why it cannot be saved, which is told before anybody asks for it:
    a file that is made while it is downloaded could not say it. It takes some 40 ms.
    """
    content, problem = None, None
    if len(chosen) == 1 and chosen[0].state in _EXPORTABLE:
        try:
            content = store.export_run(chosen[0])
        except StoreError as error:
            problem = error
    if content:
        frame.download(
            "Export",
            content,
            f"ham-run-{chosen[0].id}.zip",
            key="runs_export",
            help="One zip with settings, history, predictions, model, notes and "
            "log, to be imported on another machine.",
        )
    else:
        st.button(
            "Export",
            icon=":material/download:",
            disabled=True,
            key="runs_no_export",
            help="It cannot be exported: see below." if problem else "Tick one run that has ended.",
        )
    return problem


def _delete(runs: list[Run]) -> None:
    with st.popover(
        f"Delete {len(runs)}" if len(runs) > 1 else "Delete",
        icon=":material/delete:",
        disabled=not runs or not hosting.may(Act.DELETE),
        help=rights.why_not(Act.DELETE),
    ):
        st.markdown(
            f"Delete {', '.join(f'**{frame.plain(run.title)}**' for run in runs)} with model, "
            "results and notes? This cannot be undone."
        )
        if st.button("Delete for good", type="primary", width="stretch", key="runs_delete"):
            for run in runs:
                store.delete_run(run)
            st.rerun()


def _details(run: Run, runs: Sequence[Run]) -> None:
    """Name, tags and notes of one run, to be changed."""
    if run.notes.problem:
        st.warning(
            f"{frame.plain(run.notes.problem)} The run itself is whole; saving new notes "
            "mends this.",
            icon=":material/warning:",
        )
    with (
        st.expander(
            "Name, tags and notes",
            icon=":material/edit:",
            expanded=bool(run.notes.tags or run.notes.text),
        ),
        st.form(f"runs_notes_{run.id}", border=False),
    ):
        may_not = rights.closed(Act.NOTE)
        title = st.text_input(
            "Name",
            run.notes.title,
            placeholder=run.own_title,
            help="Shown instead of the name made from the settings. Empty: that name again.",
            disabled=may_not,
        )
        known = sorted({tag for other in runs for tag in other.notes.tags}, key=str.casefold)
        tags = st.multiselect(
            "Tags",
            known,
            run.notes.tags,
            accept_new_options=True,
            placeholder="Short words to find it by",
            disabled=may_not,
        )
        text = st.text_area("Notes", run.notes.text, disabled=may_not)
        if st.form_submit_button("Save", icon=":material/save:", disabled=may_not):
            with frame.errors():
                store.write_notes(run, title=title, tags=tuple(tags), text=text)
                st.rerun()


# ---------------------------------------------------------------------- damaged, import


def _problems(problems: Sequence[Problem]) -> None:
    """Folders that hold no readable run. Only what is damaged can be deleted here."""
    many = len(problems) > 1
    with st.expander(
        f"{len(problems)} {'folders hold' if many else 'folder holds'} no readable run",
        icon=":material/warning:",
    ):
        for problem in problems:
            words, button = st.columns([4, 1], vertical_alignment="center")
            words.markdown(
                f"**{frame.plain(problem.name)}**: {frame.plain(problem.error.why)}  \n"
                f":gray[{frame.plain(problem.error.todo)}]"
            )
            if not problem.damaged or not hosting.may(Act.DELETE):
                continue
            with button.popover(
                "Delete",
                icon=":material/delete:",
                width="stretch",
                key=f"runs_damaged_{problem.name}",
            ):
                st.markdown(
                    f"Delete the folder **{frame.plain(problem.name)}** with all that is left in "
                    "it? This cannot be undone."
                )
                if st.button(
                    "Delete for good",
                    type="primary",
                    width="stretch",
                    key=f"runs_delete_{problem.name}",
                ):
                    store.delete_damaged(problem.name)
                    st.rerun()


def _import() -> None:
    if rights.closed(Act.IMPORT):
        return
    times = st.session_state.get("runs_imported", 0)  # a new key empties the uploader
    file = st.file_uploader(
        "A run exported on another machine, a zip",
        key=f"runs_import_{times}",
        max_upload_size=visit.MAX_UPLOAD_MB,
        help="It is checked whole before anything is written.",
    )
    pressed = st.button(
        "Import", icon=":material/upload:", disabled=file is None, key="runs_import"
    )
    if pressed and file is not None:
        try:
            run = store.import_run(file.getvalue())
        except HamError as error:
            frame.show_error(error)
            return
        visit.take([file])
        st.session_state["runs_imported"] = times + 1
        st.toast(f"{frame.plain(run.title)} is here now.", icon=":material/check_circle:")
        st.rerun()
