"""Whether the probabilities can be believed, and the sets of classes they give."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ham import charts, store
from ham.config import CLASSES
from ham.evaluation import (
    CALIBRATION_BINS,
    COVERAGE,
    Calibration,
    Interval,
    PredictionSets,
    calibrate,
    calibration_error_by_chance,
    percent,
    prediction_sets,
    with_temperature,
)
from ham.evaluation import reliability as reliability_table
from ham.ui.comparison.runs import Entry, in_rows
from ham.ui.comparison.scores import unbroken, version
from ham.ui.frame import chart, errors, is_dark, plain

WHICH = {"before": "As the model gives them", "after": "After the temperature"}


@dataclass(frozen=True)
class Calibrated:
    """A run's probabilities, judged on test."""

    summary: Calibration
    before: pd.DataFrame  # reliability
    after: pd.DataFrame
    by_chance: float  # calibration error that a perfectly calibrated model would show
    confidence: float  # mean probability of the class named, before the temperature
    sets: PredictionSets


def calibrated(entry: Entry) -> Calibrated:
    """Temperature and sets fitted on validation, looked at on test. Raises StoreError, EvaluationError."""
    return _calibrated(version(entry.run), entry.run)


@st.cache_data(max_entries=100, show_spinner="Calibrating on validation")
def _calibrated(versions: tuple, _run: store.Run) -> Calibrated:
    parts = store.read_predictions(_run)
    validation, test = parts["validation"], parts["test"]
    summary = calibrate(validation.y_true, validation.proba, test.y_true, test.proba)
    scaled = with_temperature(test.proba, summary.temperature)
    before, after = (reliability_table(test.y_true, proba) for proba in (test.proba, scaled))
    return Calibrated(summary, before, after, calibration_error_by_chance(before),
                      float(test.proba.max(axis=1).mean()),
                      prediction_sets(test.y_true, scaled, test.lesion, summary.threshold))


# -------------------------------------------------------------------------- calibration


@st.fragment
@errors()
def reliability(entries: list[Entry]) -> None:
    """What the runs say against how often they are right, in words, diagrams and a table."""
    found = {entry.name: calibrated(entry) for entry in entries}
    for entry in entries:
        st.markdown(belief(entry, found[entry.name]))
    which = st.segmented_control("Probabilities", list(WHICH), default="before", required=True,
                                 format_func=WHICH.get, key="comparison_reliability", persist_state="session")
    figures = charts.reliability_diagrams(
        {name: getattr(one, which) for name, one in found.items()},
        {name: getattr(one.summary, f"ece_{which}") for name, one in found.items()}, is_dark())
    in_rows(entries, figures, "comparison_reliability")
    st.table(calibration_table(found), border="horizontal", alt="Temperature and calibration error")
    st.caption(
        f"A dot: one of {CALIBRATION_BINS} bins of equally many test images, with its 95 % interval (Wilson); one in "
        "twenty lies beside the truth by chance. On the dashed line a model is right as often as it says. Expected "
        "calibration error: the mean distance from that line; *by chance* is what a perfectly calibrated model would "
        "show with as many images. The temperature is fitted on validation: above 1 it takes confidence away, below 1 "
        "it adds some; the class named never changes.")


def belief(entry: Entry, found: Calibrated) -> str:
    """Over- or under-confident, with the numbers it rests on."""
    accuracy, says = entry.evaluation.scores["accuracy"], f"{100 * found.confidence:.0f} %"
    if not accuracy.has_width:
        verdict = f"says {says} on average, and is right in {percent(accuracy)}: of one lesion, which proves neither."
    elif found.confidence > accuracy.high:
        verdict = f"is over-confident: on average it says {says}, and is right in {percent(accuracy)}."
    elif found.confidence < accuracy.low:
        verdict = f"is under-confident: on average it says {says}, and is right in {percent(accuracy)}."
    else:
        verdict = f"is on average as sure as it is right: it says {says}, and is right in {percent(accuracy)}."
    outside = found.before[(found.before.confidence < found.before.low) | (found.before.confidence > found.before.high)]
    if outside.empty:
        furthest = "In no bin is it further off than chance allows."
    else:
        row = outside.loc[(outside.confidence - outside.accuracy).abs().idxmax()]
        right = percent(Interval(row.accuracy, row.low, row.high))
        furthest = f"It is furthest off where it says {100 * row.confidence:.0f} %: there it is right in {right}."
    return f"**{plain(entry.name)}** {verdict} {furthest}"


def calibration_table(found: dict[str, Calibrated]) -> pd.DataFrame:
    """A row a run, in words."""
    return pd.DataFrame([{
        "Run": name, "Temperature": f"{one.summary.temperature:.2f}",
        "Calibration error before": charts.points_text(one.summary.ece_before),
        "After": charts.points_text(one.summary.ece_after), "By chance": charts.points_text(one.by_chance),
    } for name, one in found.items()]).set_index("Run")


# ---------------------------------------------------------------------- prediction sets


@st.fragment
@errors()
def sets(entries: list[Entry]) -> None:
    """Coverage and size of the prediction sets, and the classes that the promise leaves out."""
    found = {entry.name: calibrated(entry).sets for entry in entries}
    for entry in entries:
        st.markdown(promise(entry, found[entry.name]))
    left, right = st.columns(2, gap="large")
    with left:
        chart(charts.set_coverage(found, is_dark()), "comparison_set_coverage")
    with right:
        chart(charts.set_sizes(found, is_dark()), "comparison_set_sizes")
    st.table(set_table(found), border="horizontal", alt="Coverage and size of the prediction sets")
    st.caption(
        f"A set holds every class that is probable enough; how probable is chosen on validation so that "
        f"{100 * COVERAGE:.0f} % of new images have their true class in the set (split-conformal, after the "
        "temperature). The promise is about all images together. It is kept mostly by the frequent classes: a rare "
        "class may be left out far more often, and no set says so. Intervals are 95 %: for all images by bootstrap "
        "over lesions, for a class Wilson's over its lesions, of one lesion none.")


def promise(entry: Entry, found: PredictionSets) -> str:
    """Whether the sets cover what they promise, and which classes they do not cover."""
    promised = f"{100 * COVERAGE:.0f} %"
    if not found.coverage.has_width:
        kept = f"of one lesion, which says nothing of the {promised} promised"
    elif found.coverage.high < COVERAGE:
        kept = f"less than the {promised} promised"
    elif found.coverage.low > COVERAGE:
        kept = f"more than the {promised} promised"
    else:
        kept = f"as promised ({promised})"
    missing = [c for c in CLASSES if found.by_class.loc[c.code, "high"] < COVERAGE]
    words = [f"{c.code} {found.by_class.loc[c.code, 'covered']:,.0f} of {found.by_class.loc[c.code, 'n']:,.0f}"
             for c in missing]
    gaps = f" **Covered less than promised, beyond chance: {', '.join(words)}.**" if words else \
        " No class is covered less than promised beyond chance."
    return (f"**{plain(entry.name)}**: sets of {found.mean_size:.1f} classes on average hold the true class in "
            f"{percent(found.coverage)} of the test images, {kept}.{gaps}")


def set_table(found: dict[str, PredictionSets]) -> pd.DataFrame:
    """A column a run: how large the sets are, and the images whose set holds the true class, by class; in words."""
    columns = {}
    for name, of_run in found.items():
        alone = of_run.sizes[0] / max(of_run.sizes.sum(), 1)
        columns[name] = {"Mean set size": f"{of_run.mean_size:.2f}", "Sets of one class": f"{100 * alone:.0f} %",
                         "Covered, all classes": unbroken(percent(of_run.coverage))}
        for c in CLASSES:
            row = of_run.by_class.loc[c.code]
            columns[name][f"Covered, {c.code}"] = f"{row['covered']:,.0f} of {row['n']:,.0f}"
    return pd.DataFrame(columns).rename_axis("On the test images")
