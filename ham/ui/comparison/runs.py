"""Which runs are compared: chosen here or by a link, on the same test images, on an honest split or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from ham import store
from ham.config import MODEL_TITLES, StoreError
from ham.data import SPLIT_TITLES
from ham.evaluation import Evaluation, evaluation_from_record
from ham.report import labels as labels_of
from ham.ui.frame import chart, end_page, plain

MAX_RUNS = 6  # as many as the charts have colours for
LETTERS = "ABCDEF"
#: What is compared before anybody has trained anything: the first is the baseline.
SHIPPED_FIRST = ("cnn-described", "cnn-improved", "resnet-improved")


@dataclass(frozen=True, eq=False)
class Entry:
    """A run on this page."""

    letter: str
    label: str  # unique among the runs there are; the table of runs says which ship with HAM Lab
    run: store.Run
    evaluation: Evaluation

    @property
    def name(self) -> str:
        return f"{self.letter} · {self.label}"


def choose_runs() -> list[Entry]:
    """The runs to compare, two or more; else the page ends here and says what to do."""
    runs = store.models()
    if len(runs) < 2:
        _too_few(runs)
        end_page()
    by_id = {run.id: run for run in runs}
    labels = {run_id: label + _split_note(by_id[run_id]) for run_id, label in labels_of(runs).items()}
    missing = _follow_link(by_id)
    st.session_state.setdefault("comparison_runs", default_runs(runs))
    chosen = st.multiselect(
        "Runs to compare", list(by_id), format_func=labels.get, key="comparison_runs", persist_state="session",
        max_selections=MAX_RUNS, placeholder="Choose two or more",
        help="The first is the baseline, A: the others are compared with it. The address of this page names the runs "
             "chosen, so it can be kept or sent.")
    link = ",".join(chosen)
    st.session_state["comparison_link"] = link
    st.query_params.from_dict({"runs": link} if link else {})
    if missing:
        st.warning(f"The link also names {', '.join(map(plain, missing))}: no finished run of this name is here. It "
                   "was deleted, or it was trained on another computer.", icon=":material/link_off:")
    if len(chosen) < 2:
        st.info("Choose at least two runs.", icon=":material/arrow_upward:")
        end_page()
    names = {run_id: by_id[run_id].short_title if by_id[run_id].shipped else labels[run_id] for run_id in chosen}
    return [Entry(letter, names[run.id], run, evaluation_from_record(run.record["evaluation"]))
            for letter, run in zip(LETTERS, _whole([by_id[run_id] for run_id in chosen], names), strict=False)]


def _whole(runs: list[store.Run], names: dict[str, str]) -> list[store.Run]:
    """Those whose files can be read, two or more; of the others it is said why not."""
    kept = []
    for run in runs:
        try:
            check_files(run)
        except StoreError as error:
            st.error(f"**{plain(names[run.id])} is left out:** {plain(error.why)}  \n{plain(error.todo)}",
                     icon=":material/error:")
        else:
            kept.append(run)
    if len(kept) < 2:
        st.info("Choose at least two runs whose files can be read.", icon=":material/arrow_upward:")
        end_page()
    return kept


def check_files(run: store.Run) -> None:
    """Raises StoreError where what this page reads of a run is damaged."""
    if problem := _problem(tuple(map(file_version, (run.folder / "predictions.npz", run.folder / "history.csv"))), run):
        raise StoreError(*problem)


def file_version(path: Path) -> tuple:
    """Changes when the file does."""
    try:
        found = path.stat()
    except OSError:
        return str(path), None
    return str(path), found.st_mtime_ns, found.st_size


@st.cache_data(max_entries=100, show_spinner=False)
def _problem(versions: tuple, _run: store.Run) -> tuple[str, str, str] | None:
    """What, why and what to do."""
    try:
        store.read_predictions(_run)
        store.read_history(_run)
    except StoreError as error:
        return error.what, error.why, error.todo
    return None


def default_runs(runs: list[store.Run]) -> list[str]:
    """The newest run of each model among the newest runs that can be compared at all; else the newest that can be
    compared with runs of its model that ship; else some that ship, or the two newest.

    `runs`: newest first, then those that ship.
    """
    own, shipped = ([run for run in runs if run.shipped is ships] for ships in (False, True))
    for first in own:
        same = [run for run in own if store.same_test_images(run, first)]
        if len(same) > 1:
            newest = [next((run for run in same if run.config.model == model), None) for model in MODEL_TITLES]
            one_each = [run.id for run in newest if run is not None]
            return one_each if len(one_each) > 1 else [run.id for run in same[:2]]
    for first in own:
        same = [run for run in shipped if store.same_test_images(run, first)]
        if same:
            of_model = [run.id for run in same if run.config.model == first.config.model]
            return [first.id, *(of_model or [same[0].id])][:MAX_RUNS]
    if len(shipped) < 2:
        return [run.id for run in runs[:2]]
    first = [run.id for run in shipped if run.id in SHIPPED_FIRST]
    return first if len(first) > 1 else [run.id for run in shipped[:2]]


def _follow_link(by_id: dict[str, store.Run]) -> list[str]:
    """Takes over the runs that the address names, when it changed; returns the names that are not here."""
    link = st.query_params.get("runs", "")
    wanted = [run_id for run_id in dict.fromkeys(link.split(",")) if run_id]
    if wanted and link != st.session_state.get("comparison_link"):
        st.session_state["comparison_runs"] = [run_id for run_id in wanted if run_id in by_id][:MAX_RUNS]
        return [run_id for run_id in wanted if run_id not in by_id]
    if "comparison_runs" in st.session_state:  # one may have been deleted meanwhile
        st.session_state["comparison_runs"] = [i for i in st.session_state["comparison_runs"] if i in by_id]
    return []


def _too_few(finished: list[store.Run]) -> None:
    live = [run for run in store.find_runs().runs if run.live]
    with st.container(border=True):
        if finished:
            st.subheader("One finished run, and it takes two", anchor=False)
            st.markdown(f"**{plain(finished[0].title)}** is done. Train a second one with the same split, shares and "
                        "seed: then both are tested on the same images, and their scores can be compared.")
        else:
            st.subheader("Nothing to compare yet", anchor=False)
            st.markdown("Train two models with the same split, shares and seed, for example the CNN and the LSTM; the "
                        "recipe *Quick look* takes about a minute each. Then their scores, errors and settings stand "
                        "side by side here.")
        if live:
            st.markdown(f":gray[{len(live)} {'run is' if len(live) == 1 else 'runs are'} being trained or waiting.]")
        st.page_link("pages/training.py", label="Watch it train" if live else "Train a model",
                     icon=":material/model_training:")


def _split_note(run: store.Run) -> str:
    title = SPLIT_TITLES[run.config.split][0]
    return "" if run.config.split == "lesion" else f", split {title[0].lower()}{title[1:]}"


# ------------------------------------------------------------------- same test images


def only_the_same_test_images(entries: list[Entry]) -> None:
    """Ends the page where the runs were tested on different images, saying which, how, and what to do."""
    groups = grouped(entries)
    if len(groups) == 1:
        return
    st.error("**These runs cannot be compared: they were tested on different images.** One test part may simply be "
             "easier than another, so a difference in score would say nothing about the models.",
             icon=":material/difference:")
    st.dataframe(test_parts(groups), hide_index=True, width="stretch", height="content",
                 alt="What the chosen runs were tested on")
    for number, group in enumerate(groups, start=1):
        _offer(number, group)
    st.markdown("Or train again with one split, one set of shares and one seed for all: the seed decides which images "
                "are for testing.")
    st.page_link("pages/training.py", label="Train a model", icon=":material/model_training:")
    end_page()


def grouped(entries: list[Entry]) -> list[list[Entry]]:
    """Runs tested on the same images together, in the order of their first."""
    groups: list[list[Entry]] = []
    for entry in entries:
        for group in groups:
            if all(store.same_test_images(entry.run, other.run) for other in group):
                group.append(entry)
                break
        else:
            groups.append([entry])
    return groups


def test_parts(groups: list[list[Entry]]) -> pd.DataFrame:
    """A row a run; of what decides the test images only what differs, and the number of test images."""
    rows = []
    for number, group in enumerate(groups, start=1):
        for entry in group:
            record, config = entry.run.record, entry.run.config
            rows.append({
                "Test part": f"{number}", "Run": entry.name, "Data": record["data"]["name"],
                "Content of the data": record["data"]["fingerprint"][:8], "Split": SPLIT_TITLES[config.split][0],
                "Seed": str(config.seed), "Validation share": f"{config.validation_fraction:g}",
                "Test share": f"{config.test_fraction:g}", "Version of HAM Lab": record["code_version"],
                "Test images": f"{entry.evaluation.n_images:,}"})
    table = pd.DataFrame(rows)
    always = ["Test part", "Run", "Test images"]
    return table[[column for column in table if column in always or table[column].nunique() > 1]]


def _offer(number: int, group: list[Entry]) -> None:
    """A button that compares what can be compared with this group."""
    ids = [entry.run.id for entry in group]
    more = [run.id for run in store.models() if run.id not in ids and
            all(store.same_test_images(run, entry.run) for entry in group)][:MAX_RUNS - len(ids)]
    names = " and ".join(entry.letter for entry in group)
    if len(ids) > 1:
        label = f"Compare {names} only"
    elif more:
        others = "the other run" if len(more) == 1 else f"{len(more)} other runs"
        label = f"Compare {names} with {others} tested on the same images"
        ids += more
    else:
        st.markdown(f":gray[No other finished run was tested on the images of {names}.]")
        return
    st.button(label, key=f"comparison_group_{number}", icon=":material/balance:", on_click=_choose, args=(ids,))


def _choose(ids: list[str]) -> None:
    st.session_state["comparison_runs"] = ids


def leaking_splits(entries: list[Entry]) -> None:
    """Says in plain words where the test images are not new to the models."""
    leaking = [entry for entry in entries if entry.run.leaking]
    for protocol in dict.fromkeys(entry.run.config.split for entry in leaking):
        title, sentence = SPLIT_TITLES[protocol]
        names = ", ".join(entry.letter for entry in leaking if entry.run.config.split == protocol)
        st.warning(f"**Leaking split: {title[0].lower()}{title[1:]} ({names}).** {sentence} The scores below are "
                   "higher than they would be on new lesions. They can be compared with each other, not with runs "
                   "split by lesion.", icon=":material/water_drop:")


def in_rows(entries: list[Entry], figures: list, key: str) -> None:
    """A figure a run, side by side, two or three in a row."""
    in_a_row = 2 if len(entries) in (2, 4) else 3
    for start in range(0, len(entries), in_a_row):
        for column, entry, figure in zip(st.columns(in_a_row, gap="medium"), entries[start:start + in_a_row],
                                         figures[start:start + in_a_row], strict=False):
            with column:
                chart(figure, f"{key}_{entry.run.id}")


def runs_table(entries: list[Entry]) -> None:
    """What each letter stands for."""
    rows = []
    for entry in entries:
        run, history = entry.run, store.read_history(entry.run)
        data = run.record["data"]
        rows.append({
            "": entry.letter, "Run": entry.label + (
                f" ({store.SHIPS})" if run.shipped else " (cancelled)" if run.state == "cancelled" else ""),
            "Data": data["name"] + (" (synthetic)" if run.synthetic else ""),
            "Split": SPLIT_TITLES[run.config.split][0],
            "Epoch kept": f"{run.status.best_epoch} of {len(history)}",
            "Parameters": f"{sum(run.record['parameters'].values()):,}" if "parameters" in run.record else "–",
            "Trained in": _duration(history["seconds"].sum()), "Id": run.id})
    widths = {"": st.column_config.TextColumn(width=30), "Run": st.column_config.TextColumn(width=240)}
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", height="content", column_config=widths,
                 alt="The runs compared")
    if len({entry.run.record["data"]["fingerprint"] for entry in entries}) > 1:
        st.caption("Tested on the same photographs, but not on the same copy of them: a run that ships with HAM Lab "
                   "brings the answers it gave where it was trained, and a few of the pixels there were rounded "
                   "otherwise than in the data of the other runs.")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
