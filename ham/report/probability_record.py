"""What `ham.report.probabilities` shows, JSON-ready: entries of a run in docs/report-schema.md."""

from __future__ import annotations

import dataclasses
from typing import Any

from ham.evaluation import (
    PREVALENCE,
    RISK,
    SIDE_COSTS,
    TARGETS,
    Alarm,
    Decomposition,
    area_under_risk,
    best_area,
)
from ham.report.run_report import BY_CLASS, MALIGNANT_SIDE, RunReport

_THRESHOLD = 0.10  # malignant probability from which one acts


def probabilities_record(report: RunReport) -> dict[str, Any]:
    """What needs a temperature is None where none could be chosen."""
    chosen = not report.nothing_to_choose_on
    return {
        "decomposition": {
            stage: {score: _parts(one) for score, one in found.items()}
            for stage, found in report.decompositions.items()
        },
        "average_precision": report.average_precision,
        "predictive_values": _predictive_values(report),
        "expected_cost": {
            "costs": SIDE_COSTS.tolist(),
            "by_decision": {
                name: dataclasses.asdict(cost)
                for name, cost in report.expected_costs(SIDE_COSTS).items()
            },
        },
        "decision_curve": _decision_curve(report) if chosen else None,
        "answers_left_out": _left_out(report) if chosen else None,
    }


def _parts(found: Decomposition) -> dict[str, Any]:
    whole = {
        field.name: getattr(found, field.name)
        for field in dataclasses.fields(found)
        if field.name != "by_class"
    }
    return whole | {"by_class": found.by_class.to_dict(orient="index")}


def _predictive_values(report: RunReport) -> dict[str, Any]:
    alarms = {
        disease: {
            by: _alarm(alarm)
            for by in (BY_CLASS, *(f"{target:g}" for target in TARGETS))
            if (alarm := report.alarm(disease, by)) is not None
        }
        for disease in (MALIGNANT_SIDE, "mel")
    }
    return {"prevalence": PREVALENCE} | alarms


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "sensitivity": dataclasses.asdict(alarm.sensitivity),
        "specificity": dataclasses.asdict(alarm.specificity),
        "ppv": dataclasses.asdict(alarm.right(PREVALENCE)),
        "npv": dataclasses.asdict(alarm.clear(PREVALENCE)),
    }


def _decision_curve(report: RunReport) -> dict[str, Any]:
    at = report.net_benefit_at(_THRESHOLD)
    return {
        "curve": report.net_benefit.to_dict(orient="records"),
        "at": _THRESHOLD,
        **{name.replace(" ", "_"): dataclasses.asdict(one) for name, one in at.items()},
    }


def _left_out(report: RunReport) -> dict[str, Any]:
    curve = report.risk_coverage
    return {
        "aurc": area_under_risk(curve),
        "best_aurc": best_area(curve),
        "aimed_at": RISK,
        **dataclasses.asdict(report.answering_above(RISK)),
    }
