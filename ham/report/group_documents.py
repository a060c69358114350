"""Groups as tables in words, as one JSON document and as CSV."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ham.evaluation import (
    SCORES,
    Evaluation,
    PairedTest,
    Spread,
    evaluation_record,
    format_difference,
    intervals_record,
    p_value,
)
from ham.report.documents import finite
from ham.report.group_differences import GroupDifference
from ham.report.groups import Group, Member
from ham.report.names import RunName
from ham.report.tables import unbroken

#: See docs/report-schema.md.
GROUP_SCHEMA = "ham-lab groups 1"


def spread_in_words(score: str, found: Spread) -> str:
    """ "72.1 ± 1.3 (70.2 to 73.5)", in per cent where the score is: mean, standard deviation and
    range.
    """
    if not found.n:
        return "–"
    scale, digits = (100, 1) if SCORES[score].percent else (1, 3)
    mean, sd, low, high = (
        f"{scale * value:.{digits}f}" for value in (found.mean, found.sd, found.low, found.high)
    )
    return mean if found.n < 2 else f"{mean} ± {sd} ({low} to {high})"


def spread_table(groups: Mapping[RunName, Group]) -> pd.DataFrame:
    """A row a score, a column a group, and how many runs each has."""
    return pd.DataFrame(
        {
            str(name): {"Runs": f"{len(group.members)}"}
            | {
                SCORES[score].title + (", %" if SCORES[score].percent else ""): unbroken(
                    spread_in_words(score, found)
                )
                for score, found in group.spreads.items()
            }
            for name, group in groups.items()
        }
    ).rename_axis("Score")


def paired_table(first: RunName, found: Mapping[RunName, GroupDifference]) -> pd.DataFrame:
    """A row a score; of each group but the first the mean difference with its interval and p, and
    the pooled one where there is one. Bold (Markdown) where the interval leaves zero out.
    """
    columns: dict[str, dict[str, str]] = {}
    for name, difference in found.items():
        minus = f"{name.short} minus {first.short}"
        columns[f"{minus}, over {difference.pairs} pairs"] = {
            SCORES[score].title: _paired_cell(score, test, difference.sure(score))
            for score, test in difference.scores.items()
        }
        if difference.pooled:
            columns[f"{minus}, pooled images"] = {
                SCORES[score].title: unbroken(format_difference(score, interval))
                for score, interval in difference.pooled.items()
            }
    return pd.DataFrame(columns).rename_axis("Score")


def _paired_cell(score: str, test: PairedTest, sure: bool) -> str:
    words = unbroken(format_difference(score, test.difference))
    if test.p == test.p:
        words = f"{words}, p {unbroken(p_value(test.p))}"
    return f"**{words}**" if sure else words


def member_table(group: Group) -> pd.DataFrame:
    """A row a member: seed, fold, its scores as numbers (0 to 1), and its run's id where it is
    here.
    """
    return pd.DataFrame([_member_row(member) for member in group.members])


def _member_row(member: Member) -> dict[str, Any]:
    return {
        "seed": member.config.seed,
        "fold": member.config.fold,
        **{score: member.scores.get(score) for score in SCORES},
        "n_test": member.n_test,
        "test_part": member.test_part[:12],
        "run": member.run.id if member.run is not None else "",
    }


def members_csv(groups: Mapping[RunName, Group]) -> str:
    """Columns group, title and those of `member_table`."""
    tables = [
        member_table(group).assign(group=name.letter, title=group.title)
        for name, group in groups.items()
    ]
    table = pd.concat(tables)
    return table[["group", "title", *table.columns.drop(["group", "title"])]].to_csv(index=False)


def groups_document(
    groups: Sequence[Group],
    differences: Mapping[str, GroupDifference],
    pooled: Mapping[str, Evaluation],
) -> dict[str, Any]:
    """{"schema", "groups"}: of each group its members, spreads, pooled scores and its difference
    to the first; the latter two by id of the group, null where there are none.
    """
    return {
        "schema": GROUP_SCHEMA,
        "groups": [
            finite(_group_record(group, differences.get(group.id), pooled.get(group.id)))
            for group in groups
        ],
    }


def _group_record(
    group: Group, difference: GroupDifference | None, pooled: Evaluation | None
) -> dict[str, Any]:
    return {
        "id": group.id,
        "title": group.title,
        "tag": group.tag or None,
        "ships": group.shipped,
        "members": member_table(group).to_dict(orient="records"),
        "scores": {score: dataclasses.asdict(found) for score, found in group.spreads.items()},
        "pooled": evaluation_record(pooled) if pooled is not None else None,
        "difference": None
        if difference is None
        else {
            "pairs": difference.pairs,
            "method": difference.method,
            "scores": {
                score: dataclasses.asdict(test) for score, test in difference.scores.items()
            },
            "pooled": intervals_record(difference.pooled) or None,
        },
    }
