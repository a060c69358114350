"""What acting on the answers brings and costs: precision-recall, costs, net benefit, predictive
values, answers left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import (
    add_intervals,
    area_text,
    new_figure,
    palette,
    run_key,
    run_style,
    say_why_empty,
    score_text,
    spread_rows,
)
from ham.config import LesionClass
from ham.evaluation import Alarm, Interval, Selective, decimal, percent
from ham.report import RunName

_PREVALENCES = np.geomspace(0.001, 0.5, 61)


def precision_recall_curves(
    of: LesionClass,
    curves: Mapping[RunName, pd.DataFrame],
    areas: Mapping[RunName, float],
    prevalence: float,
    dark: bool = False,
) -> go.Figure:
    """One class against the rest, a curve a run; dashed what guessing reaches.

    `curves`: rows of `evaluation.precision_recall`; `areas`: average precision, 0 to 1.
    """
    best = max(areas, key=lambda name: areas[name] if areas[name] == areas[name] else -1.0)
    title = f"Average precision for {of.code}" + (
        f" is highest for {best.short}: {area_text(areas[best])}"
        if list(areas.values()).count(areas[best]) == 1 < len(areas)
        else f": {area_text(areas[best])}"
    )
    alt = f"Precision and recall, {of.title} against the rest. " + " ".join(
        f"{name}: average precision {area_text(area)}." for name, area in areas.items()
    )
    listed = ", ".join(f"{name.short} {area_text(area)}" for name, area in areas.items())
    note = f"Dashed: guessing, {score_text(prevalence)}."
    if len(areas) > 1:
        note = f"AP: {listed}. {note}"
    figure = new_figure(title, alt, dark, height=440, subtitle=note, key=run_key(curves))
    figure.add_hline(
        y=100 * prevalence,
        line={"color": palette(dark).line, "width": 1.5, "dash": "dash"},
        layer="below",
    )
    for position, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=100 * curve["recall"],
            y=100 * curve["precision"],
            mode="lines",
            name=str(name),
            line={"color": run_style(position, dark)[0], "width": 2, "shape": "hv"},
            hovertemplate=f"{name.short}: %{{y:.0f}} % right, %{{x:.0f}} % found<extra></extra>",
        )
    figure.update_xaxes(title=f"Recall of {of.code}, %", range=[-2, 102], dtick=20)
    figure.update_yaxes(title=f"Precision of {of.code}, %", range=[-2, 103], dtick=20)
    if all(curve.empty for curve in curves.values()):
        say_why_empty(figure, "No test image of this class", dark)
    return figure


def cost_dots(found: Mapping[RunName, Mapping[str, Interval]], dark: bool = False) -> go.Figure:
    """Mean cost an image of each way to decide, with 95 % intervals; lower is better.

    `found`: of each run `RunReport.expected_costs`.
    """
    costs = {
        name: {way: cost for way, cost in of_run.items() if " minus " not in way}
        for name, of_run in found.items()
    }
    ways = sorted(
        dict.fromkeys(way for of_run in costs.values() for way in of_run),
        key=lambda way: way.startswith("Always"),
    )
    best, way = min(
        ((name, way) for name, of_run in costs.items() for way in of_run),
        key=lambda pair: costs[pair[0]][pair[1]].value,
    )
    whose = "" if len(costs) == 1 or way.startswith("Always") else f"{best.short} by "
    title = f"Cheapest: {whose}{way.lower()}, {decimal(costs[best][way])} an image"
    alt = "Mean cost an image with 95 % intervals. " + " ".join(
        f"{name}: " + ", ".join(f"{way} {decimal(cost)}" for way, cost in of_run.items()) + "."
        for name, of_run in costs.items()
    )
    figure = new_figure(
        title,
        alt,
        dark,
        height=100 + len(ways) * (24 + 15 * len(costs)),
        key=run_key(costs),
    )
    none = Interval(np.nan, np.nan, np.nan)
    by_run = [way for way in ways if not way.startswith("Always")]
    for position, (name, of_run) in enumerate(costs.items()):
        values = [of_run.get(way, none) for way in by_run]
        texts = [f"{way}: {decimal(cost)}" for way, cost in zip(by_run, values, strict=True)]
        rows = spread_rows(len(by_run), position, len(costs))
        add_intervals(figure, name, values, texts, rows, position, 1, dark)
    for row, way in list(enumerate(ways))[len(by_run) :]:  # the same for every run
        cost = next(of_run[way] for of_run in costs.values() if way in of_run)
        figure.add_scatter(
            x=[cost.value],
            y=[row],
            mode="markers",
            marker={"color": palette(dark).line, "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [cost.high - cost.value],
                "arrayminus": [cost.value - cost.low],
                "color": palette(dark).line,
                "thickness": 2,
                "width": 0,
            },
            hovertemplate=f"{way}: {decimal(cost)}<extra></extra>",
        )
    figure.update_xaxes(title="Mean cost an image: less is better", rangemode="tozero")
    figure.update_yaxes(
        tickvals=list(range(len(ways))),
        ticktext=ways,
        showgrid=False,
        range=[len(ways) - 0.45, -0.55],
        tickfont={"color": palette(dark).text},
    )
    return figure


def decision_curves(
    curves: Mapping[RunName, pd.DataFrame], threshold: float, dark: bool = False
) -> go.Figure:
    """Net benefit by the malignant probability from which one acts: a line a run, dashed acting on
    every lesion, the axis acting on none. `threshold`: the one looked at.

    `curves`: rows of `evaluation.net_benefit`.
    """
    colors = palette(dark)
    at = {
        name: float(np.interp(threshold, c.threshold, c.net_benefit)) for name, c in curves.items()
    }
    first = next(iter(curves.values()))
    everyone = float(np.interp(threshold, first.threshold, first.treat_all))
    best = max(at, key=at.__getitem__)
    reference = max(0.0, everyone)
    of_best = f" is highest for {best.short}" if len(at) > 1 else ""
    title = (
        f"Net benefit from {100 * threshold:g} % on{of_best}: {at[best]:.3f}"
        if at[best] > reference
        else f"From {100 * threshold:g} % on no run is worth more than acting on "
        + ("all" if everyone > 0 else "none")
    )
    alt = (
        "Net benefit by threshold. "
        + " ".join(f"{name} at {100 * threshold:g} %: {value:.3f}." for name, value in at.items())
        + f" Acting on every lesion: {everyone:.3f}, on none: 0."
    )
    figure = new_figure(
        title,
        alt,
        dark,
        height=420,
        key=run_key(curves),
        subtitle="Dashed: acting on every lesion. Grey line at 0: on none.",
    )
    figure.add_hline(y=0, line={"color": colors.line, "width": 1.5}, layer="below")
    figure.add_vline(
        x=100 * threshold, line={"color": colors.line, "width": 1, "dash": "dot"}, layer="below"
    )
    figure.add_scatter(
        x=100 * first["threshold"],
        y=first["treat_all"],
        mode="lines",
        name="Every lesion",
        line={"color": colors.line, "width": 1.5, "dash": "dash"},
        hovertemplate="every lesion: %{y:.3f}<extra></extra>",
    )
    for position, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=100 * curve["threshold"],
            y=curve["net_benefit"],
            mode="lines",
            name=str(name),
            line={"color": run_style(position, dark)[0], "width": 2},
            hovertemplate=f"{name.short}: %{{y:.3f}}<extra></extra>",
        )
    highest = max(0.01, *(float(curve["net_benefit"].max()) for curve in curves.values()))
    figure.update_xaxes(title="Malignant probability from which one acts, %", dtick=10)
    figure.update_yaxes(title="Net benefit", range=[-0.25 * highest, 1.15 * highest])
    figure.update_layout(hovermode="x unified")
    return figure


def predictive_curves(
    alarms: Mapping[RunName, Alarm], prevalence: float, dark: bool = False
) -> go.Figure:
    """Share of alarms that are right by how frequent the disease is, on a logarithmic axis, with
    bands of 95 %; a mark at the prevalence looked at.
    """
    colors = palette(dark)
    right = {name: alarm.right(prevalence) for name, alarm in alarms.items()}
    known = {name: one.value for name, one in right.items() if one.value == one.value}
    low, high = (
        (min(known.values()), max(known.values())) if known else (float("nan"), float("nan"))
    )
    span = dict.fromkeys(score_text(value) for value in (low, high))
    title = f"At {100 * prevalence:g} % prevalence {' to '.join(span)} of the alarms are right"
    alt = f"Positive predictive value by prevalence. At {100 * prevalence:g} %: " + "; ".join(
        f"{name} {percent(one)}" for name, one in right.items()
    )
    figure = new_figure(
        title, alt, dark, height=420, key=run_key(alarms), subtitle="Band: 95 % interval."
    )
    figure.add_vline(
        x=100 * prevalence, line={"color": colors.line, "width": 1, "dash": "dot"}, layer="below"
    )
    x = 100 * _PREVALENCES
    for position, (name, alarm) in enumerate(alarms.items()):
        color, _, symbol = run_style(position, dark)
        values = [alarm.right(float(share)) for share in _PREVALENCES]
        band = [100 * one.low for one in values], [100 * one.high for one in values]
        if alarm.right_at_half.has_width:
            red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
            figure.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=[*band[1], *band[0][::-1]],
                fill="toself",
                fillcolor=f"rgba({red},{green},{blue},0.12)",
                line={"width": 0},
                hoverinfo="skip",
                mode="lines",
            )
        figure.add_scatter(
            x=x,
            y=[100 * one.value for one in values],
            mode="lines",
            name=str(name),
            line={"color": color, "width": 2},
            customdata=[f"{100 * share:.2g} %: {percent(one)}"
                        for share, one in zip(_PREVALENCES, values, strict=True)],
            hovertemplate=f"{name.short} at %{{customdata}}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[100 * prevalence],
            y=[100 * right[name].value],
            mode="markers",
            name=str(name),
            marker={"color": color, "symbol": symbol, "size": 12},
            customdata=[percent(right[name])],
            hovertemplate=f"{name.short}: %{{customdata}}<extra></extra>",
        )
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    figure.update_xaxes(
        title="Prevalence, %", type="log", tickvals=ticks, ticktext=[f"{t:g}" for t in ticks]
    )
    figure.update_yaxes(title="Alarms that are right, %", range=[-2, 103], dtick=20)
    return figure


def risk_coverage_curves(
    curves: Mapping[RunName, pd.DataFrame],
    marks: Mapping[RunName, Selective],
    risk: float,
    dark: bool = False,
) -> go.Figure:
    """Share of wrong answers among the surest: a line a run, a mark where validation stops.

    `curves`: rows of `evaluation.risk_coverage`; `risk`: what was aimed at.
    """
    answered = {name: one.answered.value for name, one in marks.items()}
    best = max(answered, key=answered.__getitem__)
    aim = f"At {100 * risk:g} % wrong aimed at"
    title = (
        f"{aim}, {f'{best.short} answers most' if len(marks) > 1 else 'it answers'}: "
        f"{score_text(answered[best])} of the images"
    )
    alt = "Share of wrong answers by share answered, the surest first. " + " ".join(
        f"{name}: {score_text(curves[name]['risk'].iloc[-1])} wrong of all; "
        f"{score_text(one.answered.value)} answered, {score_text(one.risk.value)} of these wrong."
        for name, one in marks.items()
    )
    colors = palette(dark)
    figure = new_figure(
        title,
        alt,
        dark,
        height=420,
        key=run_key(curves),
        subtitle="Mark: the confidence chosen on validation. Dashed: what was aimed at.",
    )
    figure.add_hline(
        y=100 * risk, line={"color": colors.line, "width": 1.5, "dash": "dash"}, layer="below"
    )
    for position, (name, curve) in enumerate(curves.items()):
        color, _, symbol = run_style(position, dark)
        figure.add_scatter(
            x=100 * curve["answered"],
            y=100 * curve["risk"],
            mode="lines",
            name=str(name),
            line={"color": color, "width": 2},
            customdata=100 * curve["confidence"],
            hovertemplate=f"{name.short}: %{{x:.0f}} % answered, %{{y:.1f}} % wrong<br>from a "
            "confidence of %{customdata:.0f} % on<extra></extra>",
        )
        if name in marks and marks[name].n_answered:
            one = marks[name]
            figure.add_scatter(
                x=[100 * one.answered.value],
                y=[100 * one.risk.value],
                mode="markers",
                name=str(name),
                marker={"color": color, "symbol": symbol, "size": 13},
                customdata=[f"{percent(one.answered)} answered<br>{percent(one.risk)} wrong"],
                hovertemplate=f"{name.short}: %{{customdata}}<extra></extra>",
            )
    highest = max(float(curve["risk"].iloc[-1]) for curve in curves.values())
    figure.update_xaxes(title="Images answered, %: the surest first", range=[-2, 102], dtick=20)
    figure.update_yaxes(
        title="Wrong answers, %", range=[-1, 100 * min(1.0, max(1.3 * highest, 1.5 * risk))]
    )
    return figure
