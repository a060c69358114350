"""Scores with intervals and the floor, differences to the first run, and whether they are more than chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, store
from ham.config import StoreError
from ham.evaluation import (
    SCORES,
    Evaluation,
    Interval,
    McNemar,
    compare,
    evaluate,
    format_difference,
    format_score,
    majority_proba,
    mcnemar,
)
from ham.ui.comparison.runs import Entry
from ham.ui.frame import chart, is_dark, plain


def headline(entries: list[Entry]) -> None:
    """Scores with intervals and the floor; differences to A with intervals and McNemar's test."""
    floor, majority = majority_floor(entries[0])
    differences, tests = differences_to_first(entries)
    st.subheader("Scores on the test images", anchor=False)
    for entry in entries[1:]:
        st.markdown(finding(entries[0], entry, differences[entry.name]["accuracy"], tests[entry.name]))
    left, right = st.columns(2, gap="large")
    with left:
        chart(charts.headline_scores({entry.name: entry.evaluation.scores for entry in entries}, floor.scores,
                                     dark=is_dark()), "comparison_scores")
    with right:
        chart(charts.score_differences(differences, entries[0].name, dark=is_dark()), "comparison_differences")
    tables = [score_table(entries, floor, majority), difference_table(differences, tests)]
    if len(entries) == 2:  # few enough columns to stand side by side
        tables = [pd.concat(tables, axis=1).fillna("")]
    for table in tables:
        st.table(table.rename_axis("Score"), border="horizontal", alt="Scores and differences with 95 % intervals")
    st.caption(
        f"{floor.n_images:,} test images of {floor.n_lesions:,} lesions. In brackets 95 % intervals: what 2,000 draws "
        "of the test lesions, with replacement, give. Differences come from the same draws for both runs; **bold** "
        "where the interval leaves zero out. McNemar's exact test asks whether the images that only one of the two "
        "names right are shared out like coin tosses.")
    with st.expander("What the scores mean"):
        st.markdown("\n".join(f"- **{score.title}**: {score.help}" for score in SCORES.values()))


def finding(baseline: Entry, entry: Entry, accuracy: Interval, test: McNemar) -> str:
    """The difference in accuracy in one sentence."""
    words = format_difference("accuracy", accuracy)
    sure = "more than chance" if accuracy.low > 0 or accuracy.high < 0 else "not more than chance would give"
    return (f"**{plain(entry.name)}** against {baseline.letter}: accuracy {words}, {sure}. {test.c:,} images are named "
            f"right by {entry.letter} only, {test.b:,} by {baseline.letter} only (McNemar's test, which takes every "
            f"image as independent: p {p_value(test.p)}).")


def score_table(entries: list[Entry], floor: Evaluation, majority: str) -> pd.DataFrame:
    """A row a score, a column a run and one for the majority class, in words."""
    columns = {entry.name: entry.evaluation.scores for entry in entries} | {f"Always {majority}": floor.scores}
    return pd.DataFrame({name: {SCORES[key].title: _unbroken(format_score(key, scores[key])) for key in SCORES}
                         for name, scores in columns.items()})


def difference_table(differences: dict[str, dict[str, Interval]], tests: dict[str, McNemar]) -> pd.DataFrame:
    """A row a score and one for McNemar's test, a column a run but the baseline, in words."""
    def cell(key: str, found: Interval) -> str:
        words = _unbroken(format_difference(key, found))
        return f"**{words}**" if found.low > 0 or found.high < 0 else words

    return pd.DataFrame({
        f"{charts.short_name(name)} minus A": {SCORES[key].title: cell(key, found[key]) for key in SCORES} |
        {"McNemar's test": f"p {p_value(tests[name].p)}"} for name, found in differences.items()})


def _unbroken(words: str) -> str:
    """May be broken before the interval only."""
    return words.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}(", " (")


def p_value(p: float) -> str:
    """"< 0.001", "= 0.012", "= 0.50"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def majority_floor(entry: Entry) -> tuple[Evaluation, str]:
    """What always naming the test part's most frequent class scores, and that class."""
    return _floor(_version(entry.run), entry.run), str(entry.evaluation.per_class["support"].idxmax())


def differences_to_first(entries: list[Entry]) -> tuple[dict[str, dict[str, Interval]], dict[str, McNemar]]:
    """By name: the run's scores minus the first run's, and McNemar's test of the first (a) against it (b)."""
    first, *others = entries
    found = {entry.name: _paired(_version(entry.run), _version(first.run), entry.run, first.run) for entry in others}
    return {name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()}


def _version(run: store.Run) -> tuple:
    """Changes when the run's predictions do."""
    try:
        found = (run.folder / "predictions.npz").stat()
    except OSError:
        return str(run.folder), None
    return str(run.folder), found.st_mtime_ns, found.st_size


@st.cache_data(max_entries=100, show_spinner="Drawing test lesions 2,000 times")
def _paired(version: tuple, baseline_version: tuple, _run: store.Run,
            _baseline: store.Run) -> tuple[dict[str, Interval], McNemar]:
    ours, theirs = aligned(test_part(_run), test_part(_baseline))
    return (compare(ours.y_true, ours.proba, theirs.proba, ours.lesion),
            mcnemar(ours.y_true, theirs.proba, ours.proba))


@st.cache_data(max_entries=100, show_spinner="Drawing test lesions 2,000 times")
def _floor(version: tuple, _run: store.Run) -> Evaluation:
    test = test_part(_run)
    return evaluate(test.y_true, majority_proba(test.y_true, len(test.y_true)), test.lesion)


def test_part(run: store.Run) -> store.Predictions:
    return store.read_predictions(run)["test"]


def aligned(*parts: store.Predictions) -> tuple[store.Predictions, ...]:
    """The same test images in the same order. Raises StoreError where they are not the same."""
    ordered = []
    for part in parts:
        order = np.argsort(part.image_id, kind="stable")
        ordered.append(store.Predictions(*(values[order] for values in
                                           (part.image_id, part.lesion, part.y_true, part.proba))))
    first = ordered[0]
    for part in ordered[1:]:
        if not (np.array_equal(part.image_id, first.image_id) and np.array_equal(part.y_true, first.y_true)):
            raise StoreError("The predictions of two runs", "their test images are not those that their folders say.",
                             "Train the runs again, or leave them out.")
    return tuple(ordered)
