"""The sections about what the probabilities are worth: proper scores, costs, alarms."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial

from ham.charts import decisions
from ham.charts.proper import class_calibration, score_parts
from ham.config import CLASSES
from ham.document.parts import Charts, Fold, Piece, Subject, one_chart, rows
from ham.evaluation import PREVALENCE, RISK, SCORES, SIDE_COSTS
from ham.report import MALIGNANT_SIDE, Bullets, Comparison, RunName, RunReport, probabilities

_SENSITIVITY = "0.9"  # of malignant images on validation, for which the threshold is chosen
_THRESHOLD = 0.10  # malignant probability from which one acts


def chosen_on_validation(
    compared: Comparison,
) -> Generator[Piece, None, dict[RunName, RunReport]]:
    """Says of which runs nothing could be chosen on validation; returns the others."""
    for name, one in compared.reports.items():
        if one.nothing_to_choose_on:
            yield f"{name}: {one.nothing_to_choose_on}"
    return {n: one for n, one in compared.reports.items() if not one.nothing_to_choose_on}


def proper_scores(subject: Subject) -> Iterable[Piece]:
    """Brier score and log loss in their parts, and each class's calibration."""
    reports = subject.compared.reports
    found = {name: one.decompositions for name, one in reports.items()}
    for score in probabilities.DECOMPOSED:
        words = probabilities.decomposition_in_words
        yield Bullets(tuple(f"{name}: {words(one, score)}" for name, one in found.items()))
        yield one_chart(partial(score_parts, found, score))
        yield rows(
            probabilities.decomposition_table(found, score), f"{SCORES[score].title} in its parts"
        )
    support = subject.compared.first.evaluation.per_class["support"]
    yield Charts(
        lambda dark: [
            class_calibration(
                of,
                {name: one.class_reliability(k) for name, one in reports.items()},
                int(support[of.code]),
                dark,
            )
            for k, of in enumerate(CLASSES)
        ],
        3,
    )
    yield (
        "Score = miscalibration - discrimination + uncertainty, by isotonic regression (CORP: "
        "Dimitriadis, Gneiting, Jordan, PNAS 2021). By chance: what perfectly calibrated "
        "probabilities would show. The small diagrams show the probabilities as the models give "
        "them."
    )


def costs_and_alarms(subject: Subject) -> Iterable[Piece]:
    """Expected cost, net benefit, predictive values and answers left out, as first set."""
    reports = subject.compared.reports
    costs = {name: one.expected_costs(SIDE_COSTS) for name, one in reports.items()}
    yield Bullets(
        tuple(f"{name}: {probabilities.costs_in_words(one)}" for name, one in costs.items())
    )
    yield one_chart(partial(decisions.cost_dots, costs))
    yield Fold(
        "Mean cost an image; a missed malignant image costs 10, a false alarm 1",
        (rows(probabilities.cost_table(costs), "Mean cost an image"),),
    )
    alarms = {name: one.alarm(MALIGNANT_SIDE, _SENSITIVITY) for name, one in reports.items()}
    raised = {name: alarm for name, alarm in alarms.items() if alarm is not None}
    if raised:
        yield Bullets(
            tuple(
                f"{name}, at a prevalence of {100 * PREVALENCE:g} %: "
                + probabilities.alarm_in_words(alarm, PREVALENCE)
                for name, alarm in raised.items()
            )
        )
        yield one_chart(partial(decisions.predictive_curves, raised, PREVALENCE))
        yield rows(
            probabilities.predictive_table(reports, MALIGNANT_SIDE, _SENSITIVITY, PREVALENCE),
            f"Predictive values of a malignant alarm at a prevalence of {100 * PREVALENCE:g} %",
        )
    chosen = yield from chosen_on_validation(subject.compared)
    if not chosen:
        return
    benefits = {name: one.net_benefit for name, one in chosen.items()}
    curves = {name: one.risk_coverage for name, one in chosen.items()}
    marks = {name: one.answering_above(RISK) for name, one in chosen.items()}
    yield Charts(
        lambda dark: [
            decisions.decision_curves(benefits, _THRESHOLD, dark),
            decisions.risk_coverage_curves(curves, marks, RISK, dark),
        ],
        2,
    )
    yield rows(probabilities.selective_table(marks, curves), "Answers above a confidence")
