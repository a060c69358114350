"""What the probabilities are worth beyond the predicted class, in tables and sentences: proper
scores and their parts, costs, net benefit, predictive values, answers left out, sets by class.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ham.config import CLASSES, CODES
from ham.evaluation import (
    SCORES,
    Alarm,
    Decomposition,
    Interval,
    PredictionSets,
    Selective,
    area_under_risk,
    best_area,
    decimal,
    percent,
)
from ham.report.names import RunName
from ham.report.run_report import BY_CLASS, LEAST, MALIGNANT_SIDE, PREDICTED, ClassSets, RunReport
from ham.report.tables import set_table, unbroken

#: Scores that are decomposed, and before or after what.
DECOMPOSED = ("brier", "log_loss")
STAGES = {"before": "as the model gives them", "after": "after the temperature"}
#: What an alarm may be of: key of `RunReport.alarms` -> words.
DISEASES = {MALIGNANT_SIDE: "Malignant (mel, bcc, akiec)"} | {
    c.code: c.title for c in CLASSES if c.malignant
}
_BASES = (100, 1_000, 10_000, 100_000)  # "of 1,000 ... about 6"


# ------------------------------------------------------------------------ decomposition


def decomposition_in_words(found: Mapping[str, Mapping[str, Decomposition]], score: str) -> str:
    """The parts, what chance makes of them, and what the temperature changes; `found`: as
    `RunReport.decompositions`.
    """
    one = found["before"][score]
    after = (
        f" {found['after'][score].miscalibration:.3f} after the temperature."
        if "after" in found
        else ""
    )
    return (
        f"{SCORES[score].word} {one.score:.3f}. Miscalibration {one.miscalibration:.3f}, of which "
        f"chance alone would show about {one.by_chance:.3f};{after or ' no temperature.'} "
        f"Discrimination {one.discrimination:.3f} of at most {one.uncertainty:.3f}."
    )


def decomposition_table(
    found: Mapping[RunName, Mapping[str, Mapping[str, Decomposition]]], score: str
) -> pd.DataFrame:
    """A row a run and stage: the score and its parts."""
    rows = {
        f"{name.short}, {words}": {
            SCORES[score].title: f"{one.score:.3f}",
            "Miscalibration": f"{one.miscalibration:.3f}",
            "By chance": f"{one.by_chance:.3f}",
            "Discrimination": f"{one.discrimination:.3f}",
            "Uncertainty": f"{one.uncertainty:.3f}",
        }
        for name, stages in found.items()
        for stage, words in STAGES.items()
        if stage in stages and (one := stages[stage][score])
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Probabilities")


def class_parts_table(
    found: Mapping[RunName, Mapping[str, Mapping[str, Decomposition]]], score: str, stage: str
) -> pd.DataFrame:
    """A row a class: of each run its share of the score, and of the miscalibration in it."""
    columns = {}
    for name, stages in found.items():
        if stage in stages:
            table = stages[stage][score].by_class
            columns[f"{name.short}: {SCORES[score].word}"] = table["score"]
            columns[f"{name.short}: miscalibration"] = table["miscalibration"]
    titles = [c.title for c in CLASSES]
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(titles).rename_axis("Class")


def average_precision_table(reports: Mapping[RunName, RunReport]) -> pd.DataFrame:
    """A row a class: what guessing reaches, its share of the test images, and of each run the
    average precision; 0 to 1.
    """
    support = next(iter(reports.values())).evaluation.per_class["support"]
    columns = {"Guessing": support / support.sum()} | {
        name.short: pd.Series(one.average_precision) for name, one in reports.items()
    }
    titles = [c.title for c in CLASSES]
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(titles).rename_axis("Class")


# --------------------------------------------------------------------- predictive values


def alarm_in_words(alarm: Alarm, prevalence: float) -> str:
    """ "of 100 alarms about 10 (7 to 16) are right. Of 10,000 without an alarm about 60 (50 to 70)
    have it all the same."
    """
    right, clear = alarm.right(prevalence), alarm.clear(prevalence)
    if right.value != right.value:
        return "it raises no alarm, so none is right or wrong."
    missed = Interval(1 - clear.value, 1 - clear.high, 1 - clear.low)
    alarms, about = _counted(right)
    spared, missing = _counted(missed)
    return (
        f"of {alarms:,} alarms {about} are right. "
        f"Of {spared:,} without an alarm {missing} have it all the same."
    )


def _counted(share: Interval) -> tuple[int, str]:
    """(1,000, "about 20 (19 to 23)"): of as many as tell the value from its limits."""
    for base in _BASES:
        low, value, high = (round(base * x) if x == x else 0 for x in _limits(share))
        if low < value < high or (not share.has_width and value) or share.value in (0, 1):
            break
    limits = f" ({low:,} to {high:,})" if share.has_width else ""
    return base, f"about {value:,}{limits}"


def _limits(share: Interval) -> tuple[float, float, float]:
    return share.low, share.value, share.high


def predictive_table(
    reports: Mapping[RunName, RunReport], disease: str, target: str, prevalence: float
) -> pd.DataFrame:
    """Two rows a run: at the threshold for `target`, where there is one; by the predicted class."""
    rows = {}
    for name, one in reports.items():
        for key in dict.fromkeys((target, BY_CLASS)):
            if (alarm := one.alarm(disease, key)) is not None:
                how = "predicted class" if key == BY_CLASS else "threshold"
                rows[f"{name.short}, {how}"] = {
                    "Sensitivity": unbroken(percent(alarm.sensitivity)),
                    "Specificity": unbroken(percent(alarm.specificity)),
                    "Alarms that are right (PPV)": unbroken(percent(alarm.right(prevalence))),
                    "All-clears that are right (NPV)": unbroken(_share(alarm.clear(prevalence))),
                }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Run")


def _share(found: Interval) -> str:
    """As `percent`, with as many digits as tell it from 100 %."""
    if not 0.99 <= found.value < 1:
        return percent(found)
    limits = f" ({100 * found.low:.2f} to {100 * found.high:.2f})" if found.has_width else ""
    return f"{100 * found.value:.2f} %{limits}"


# --------------------------------------------------------------------------------- costs


def costs_in_words(found: Mapping[str, Interval]) -> str:
    """What deciding by the probabilities saves; `found`: as `RunReport.expected_costs`."""
    words = f"the predicted class costs {decimal(found[PREDICTED])} an image"
    if LEAST in found:
        saved = found[f"{LEAST} minus {PREDICTED}"]
        less = Interval(-saved.value, -saved.high, -saved.low)
        words += f", the decision of the least expected cost {decimal(found[LEAST])}"
        if saved.value == 0:
            words += ": the same"
        elif saved.high < 0:
            words += f": {decimal(less)} less"
        elif saved.low > 0:
            words += f": {decimal(saved)} more"
        else:
            words += ", a difference that chance can explain"
    return f"{words}."


def always_in_words(found: Mapping[RunName, Mapping[str, Interval]]) -> str:
    """What deciding without a model costs on these images."""
    always = {
        way: cost
        for of_run in found.values()
        for way, cost in of_run.items()
        if way.startswith("Always") and " minus " not in way
    }
    costs = [f"{way.lower()} {decimal(cost)}" for way, cost in always.items()]
    return f"Without a model: {', '.join(costs)}."


def cost_table(found: Mapping[RunName, Mapping[str, Interval]]) -> pd.DataFrame:
    """A row a way to decide and a difference, a column a run: mean cost an image."""
    columns = {
        str(name): {way: unbroken(decimal(cost)).replace("-", "−") for way, cost in of_run.items()}
        for name, of_run in found.items()
    }
    rows = dict.fromkeys(way for column in columns.values() for way in column)
    first = [way for way in rows if " minus " not in way]
    found_rows = first + [way for way in rows if way == f"{LEAST} minus {PREDICTED}"]
    return pd.DataFrame(
        {name: [column.get(way, "–") for way in found_rows] for name, column in columns.items()},
        index=pd.Index(found_rows, name="Mean cost an image"),
    )


def net_benefit_in_words(found: Mapping[str, Interval], threshold: float) -> str:
    """What acting on the malignant probability from `threshold` on is worth; `found`: as
    `RunReport.net_benefit_at`.
    """
    model, everyone = found["model"], found["treat_all"]
    words = f"net benefit {decimal(model).replace('-', '−')}"
    best = max(everyone.value, 0.0)
    default = "acting on every lesion" if everyone.value > 0 else "acting on none"
    more = found["model minus treat_all"] if everyone.value > 0 else model
    if more.low > 0:
        return (
            f"{words}; {default} has {best:.3f}. As if of 100 lesions {100 * more.value:.1f} more "
            "malignant ones were found, with no further false alarm."
        )
    if more.high < 0:
        return f"{words}, less than {default} has ({best:.3f})."
    return f"{words}, which chance does not tell from {default} ({best:.3f})."


# -------------------------------------------------------------------- answers left out


def selective_in_words(found: Selective, risk: float, every: float) -> str:
    """`risk`: what was aimed at; `every`: share of wrong answers where all are answered."""
    aim = f"at most {100 * risk:g} % wrong"
    if not found.n_answered:
        return f"no confidence leaves {aim} on validation, so nothing would be answered."
    sure = f"from a confidence of {100 * found.confidence:.0f} % on"
    return (
        f"answers {sure}, chosen on validation for {aim}: {percent(found.answered)} of the test "
        f"images are answered, of the malignant ones {percent(found.malignant)}. "
        f"{percent(found.risk)} of these answers are wrong; answering all, {100 * every:.1f} %."
    )


def selective_table(
    found: Mapping[RunName, Selective], curves: Mapping[RunName, pd.DataFrame]
) -> pd.DataFrame:
    """A row a run; `curves`: rows of `evaluation.risk_coverage`."""
    rows = {
        str(name): {
            "Least confidence": "–" if not one.n_answered else f"{100 * one.confidence:.0f} %",
            "Answered": unbroken(percent(one.answered)),
            "Wrong of these": unbroken(percent(one.risk)),
            "Malignant answered": unbroken(percent(one.malignant)),
            "Wrong of all": f"{100 * curves[name]['risk'].iloc[-1]:.1f} %",
            "Area under the curve (AURC)": f"{area_under_risk(curves[name]):.3f}",
            "Best possible": f"{best_area(curves[name]):.3f}",
        }
        for name, one in found.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Run")


# ------------------------------------------------------------------------- sets by class


def class_set_table(
    own: Mapping[RunName, ClassSets], together: Mapping[RunName, PredictionSets]
) -> pd.DataFrame:
    """As `set_table` of the sets by class, below the sizes of those that aim at all images."""
    found = set_table({name: one.sets for name, one in own.items()})
    before = set_table(together).loc[["Mean set size", "Sets of one class"]]
    return pd.concat([before.rename("{}, aimed at all images".format), found]).rename_axis(
        found.index.name
    )


def class_sets_in_words(own: ClassSets, together: PredictionSets) -> str:
    """What it costs to aim at every class, and which classes no threshold could be chosen for."""
    found = own.sets
    words = (
        f"sets hold {found.mean_size:.2f} classes on average instead of {together.mean_size:.2f}, "
        f"and the true one in {percent(found.coverage)} of the test images."
    )
    gained = [
        f"{code} {together.by_class.loc[code, 'covered']:,.0f} to "
        f"{found.by_class.loc[code, 'covered']:,.0f} of {found.by_class.loc[code, 'n']:,.0f}"
        for code in CODES
        if found.by_class.loc[code, "covered"] > together.by_class.loc[code, "covered"]
    ]
    if gained:
        words += f" Covered more often: {', '.join(gained)}."
    if own.always:
        few = ", ".join(f"{code} ({own.n_validation[code]})" for code in own.always)
        words += f" Too few validation images for a threshold, so in every set: {few}."
    return words
