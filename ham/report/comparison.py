"""Runs side by side: only on the same test images, with what their differences are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ham import store
from ham.config import HamError
from ham.evaluation import LOGISTIC_REGRESSION, Evaluation, Interval, McNemar, compare, mcnemar
from ham.report.names import RunName
from ham.report.run_report import RunReport
from ham.store import Predictions


class NotComparable(HamError):
    """These runs were tested on different images."""


@dataclass(frozen=True)
class Difference:
    """A run minus the first one, on the same images."""

    scores: dict[str, Interval]
    test: McNemar  # its a is the first run

    def sure(self, key: str) -> bool:
        """Whether the interval leaves zero out."""
        return self.scores[key].low > 0 or self.scores[key].high < 0


class Comparison:
    """Reports of runs by name, the first of which is the baseline.

    Raises NotComparable where they are not about the same images.
    """

    def __init__(self, names: Sequence[RunName], reports: Sequence[RunReport]):
        self.reports = dict(zip(names, reports, strict=True))
        if len(grouped(names, reports)) > 1:
            raise NotComparable(
                "These runs",
                "they were tested on different images: one test part may simply be easier "
                "than another.",
                "Compare runs of one split, one set of shares and one seed.",
            )

    @property
    def names(self) -> list[RunName]:
        return list(self.reports)

    @property
    def first(self) -> RunReport:
        return self.reports[self.names[0]]

    @cached_property
    def differences(self) -> dict[RunName, Difference]:
        """Of every run but the first."""
        return {name: self._difference(self.reports[name]) for name in self.names[1:]}

    def _difference(self, report: RunReport) -> Difference:
        ours, theirs = store.aligned(report.test, self.first.test)
        return Difference(
            compare(ours.y_true, ours.proba, theirs.proba, ours.lesion),
            mcnemar(ours.y_true, theirs.proba, ours.proba),
        )

    @cached_property
    def baselines(self) -> dict[str, Evaluation]:
        """Those of the first run; the logistic regression only where every run carries it."""
        every = all(LOGISTIC_REGRESSION in report.baselines for report in self.reports.values())
        return {
            name: found
            for name, found in self.first.baselines.items()
            if every or name != LOGISTIC_REGRESSION
        }

    @cached_property
    def aligned(self) -> dict[RunName, Predictions]:
        """Every run's answers, the same images in the same order."""
        return dict(
            zip(
                self.names,
                store.aligned(*(report.test for report in self.reports.values())),
                strict=True,
            )
        )


def grouped(names: Sequence[RunName], reports: Sequence[RunReport]) -> list[list[RunName]]:
    """Names of the runs that are about the same images together, in the order of their first."""
    groups: list[list[tuple[RunName, RunReport]]] = []
    for name, report in zip(names, reports, strict=True):
        for group in groups:
            if all(_same(report, other) for _, other in group):
                group.append((name, report))
                break
        else:
            groups.append([(name, report)])
    return [[name for name, _ in group] for group in groups]


def _same(ours: RunReport, theirs: RunReport) -> bool:
    if ours.own_test != theirs.own_test:
        return False
    return not ours.own_test or store.same_test_images(ours.run, theirs.run)


def test_parts(names: Sequence[RunName], reports: Sequence[RunReport]) -> pd.DataFrame:
    """A row a run: its group, and of what decides the test images only what differs."""
    by_name = dict(zip(names, reports, strict=True))
    rows = []
    for number, group in enumerate(grouped(names, reports), start=1):
        for name in group:
            run = by_name[name].run
            config, record = run.config, run.record
            rows.append(
                {
                    "Test part": f"{number}",
                    "Run": str(name),
                    "Data": record["data"]["name"],
                    "Content of the data": record["data"]["fingerprint"][:8],
                    "Split": config.in_words("split"),
                    "Seed": str(config.seed),
                    "Validation share": f"{config.validation_fraction:g}",
                    "Test share": f"{config.test_fraction:g}",
                    "Version of HAM Lab": record["code_version"],
                    "Test images": f"{by_name[name].evaluation.n_images:,}",
                }
            )
    table = pd.DataFrame(rows)
    always = ["Test part", "Run", "Test images"]
    return table[[column for column in table if column in always or table[column].nunique() > 1]]
