"""Scores with intervals and the floor, differences to the first run, and whether they are more than chance."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ham import charts, store
from ham.evaluation import (
    LOGISTIC_REGRESSION,
    SCORES,
    Evaluation,
    Interval,
    McNemar,
    compare,
    format_difference,
    format_score,
    majority_floor,
    majority_title,
    mcnemar,
    p_value,
    stored_floor,
    train_counts,
)
from ham.ui.comparison.runs import Entry, file_version
from ham.ui.frame import chart, is_dark, plain


def headline(entries: list[Entry]) -> None:
    """Scores with intervals and the floors; differences to A with intervals and McNemar's test."""
    below = floors(entries)
    differences, tests = differences_to_first(entries)
    st.subheader("Scores on the test images", anchor=False)
    for entry in entries[1:]:
        st.markdown(finding(entries[0], entry, differences[entry.name]["accuracy"], tests[entry.name]))
    left, right = st.columns(2, gap="large")
    with left:
        chart(charts.headline_scores({entry.name: entry.evaluation.scores for entry in entries},
                                     {name: floor.scores for name, floor in below.items()}, dark=is_dark()),
              "comparison_scores")
    with right:
        chart(charts.score_differences(differences, entries[0].name, dark=is_dark()), "comparison_differences")
    tables = [score_table(entries, below), difference_table(differences, tests)]
    if len(entries) == 2:  # few enough columns to stand side by side
        tables = [pd.concat(tables, axis=1).fillna("")]
    for table in tables:
        st.table(table.rename_axis("Score"), border="horizontal", alt="Scores and differences with 95 % intervals")
    tested = entries[0].evaluation
    st.caption(
        f"{tested.n_images:,} test images of {tested.n_lesions:,} lesions. In brackets 95 % intervals: what 2,000 "
        "draws of the test lesions, with replacement, give; where all draws agree, Wilson's. One lesion has none, and "
        "so has what no draw can change. Differences come from the same draws for both runs; "
        "**bold** where the interval leaves zero out. McNemar's exact test asks whether the images that only one of "
        "the two names right are shared out like coin tosses.")
    with st.expander("What the scores mean"):
        st.markdown("\n".join(f"- **{score.title}**: {score.help}" for score in SCORES.values()))


def finding(baseline: Entry, entry: Entry, accuracy: Interval, test: McNemar) -> str:
    """The difference in accuracy in one sentence."""
    words = format_difference("accuracy", accuracy)
    sure = "more than chance" if accuracy.low > 0 or accuracy.high < 0 else "not more than chance would give"
    return (f"**{plain(entry.name)}** against {baseline.letter}: accuracy {words}, {sure}. {test.c:,} images are named "
            f"right by {entry.letter} only, {test.b:,} by {baseline.letter} only (McNemar's test, which takes every "
            f"image as independent: p {p_value(test.p)}).")


def score_table(entries: list[Entry], below: dict[str, Evaluation]) -> pd.DataFrame:
    """A row a score, a column a run and one for each floor, in words."""
    columns = {entry.name: entry.evaluation.scores for entry in entries} | {
        name: floor.scores for name, floor in below.items()}
    return pd.DataFrame({name: {SCORES[key].title: unbroken(format_score(key, scores[key])) for key in SCORES}
                         for name, scores in columns.items()})


def difference_table(differences: dict[str, dict[str, Interval]], tests: dict[str, McNemar]) -> pd.DataFrame:
    """A row a score and one for McNemar's test, a column a run but the baseline, in words."""
    def cell(key: str, found: Interval) -> str:
        words = unbroken(format_difference(key, found))
        return f"**{words}**" if found.low > 0 or found.high < 0 else words

    return pd.DataFrame({
        f"{charts.short_name(name)} minus A": {SCORES[key].title: cell(key, found[key]) for key in SCORES} |
        {"McNemar's test": f"p {p_value(tests[name].p)}"} for name, found in differences.items()})


def unbroken(words: str) -> str:
    """May be broken before the interval only."""
    return words.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}(", " (")


def floors(entries: list[Entry]) -> dict[str, Evaluation]:
    """What takes no network, by name: always the training part's most frequent class, and the logistic regression.

    Both of A; the latter where every run carries it, which runs of earlier versions do not.
    """
    first = entries[0]
    found = _majority(version(first.run), first.run)
    stored = [stored_floor(entry.run.record) for entry in entries]
    return found if None in stored else found | {LOGISTIC_REGRESSION: stored[0]}


def differences_to_first(entries: list[Entry]) -> tuple[dict[str, dict[str, Interval]], dict[str, McNemar]]:
    """By name: the run's scores minus the first run's, and McNemar's test of the first (a) against it (b)."""
    first, *others = entries
    found = {entry.name: _paired((version(entry.run), version(first.run)), entry.run, first.run) for entry in others}
    return {name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()}


def version(run: store.Run) -> tuple:
    """Changes when the run's predictions do."""
    return file_version(run.folder / "predictions.npz")


@st.cache_data(max_entries=100, show_spinner="Drawing test lesions 2,000 times")
def _paired(versions: tuple, _run: store.Run,
            _baseline: store.Run) -> tuple[dict[str, Interval], McNemar]:
    ours, theirs = store.aligned(test_part(_run), test_part(_baseline))
    return (compare(ours.y_true, ours.proba, theirs.proba, ours.lesion),
            mcnemar(ours.y_true, theirs.proba, ours.proba))


@st.cache_data(max_entries=100, show_spinner="Drawing test lesions 2,000 times")
def _majority(versions: tuple, _run: store.Run) -> dict[str, Evaluation]:
    parts = store.read_predictions(_run)
    counts, test = train_counts(_run.record, parts["validation"].y_true), parts["test"]
    return {majority_title(counts): majority_floor(counts, test.y_true, test.lesion)}


def test_part(run: store.Run) -> store.Predictions:
    return store.read_predictions(run)["test"]
