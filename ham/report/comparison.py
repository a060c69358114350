"""Runs side by side: only on the same test images, with what their differences are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ham import store
from ham.config import CLASSES, MODEL_TITLES, HamError
from ham.evaluation import LOGISTIC_REGRESSION, Evaluation, Interval, McNemar, compare, mcnemar
from ham.report.kept import kept_intervals
from ham.report.names import RunName
from ham.report.run_report import RunReport
from ham.store import Predictions, Run


class NotComparable(HamError):
    """These runs were tested on different images."""


@dataclass(frozen=True)
class Difference:
    """A run minus the first one, on the same images."""

    scores: dict[str, Interval]
    test: McNemar  # its a is the first run

    def sign(self, key: str) -> int:
        """1 or -1 where the interval leaves zero out, else 0."""
        found = self.scores[key]
        return int(found.low > 0) - int(found.high < 0)

    def sure(self, key: str) -> bool:
        """Whether the interval leaves zero out."""
        return self.sign(key) != 0


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
            kept_intervals(
                lambda: compare(ours.y_true, ours.proba, theirs.proba, ours.lesion),
                "difference",
                *(ours.y_true, ours.proba, theirs.proba, ours.lesion),
            ),
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
                    "Data": record.data.name,
                    "Content of the data": record.data.fingerprint[:8],
                    "Split": config.in_words("split"),
                    "Seed": str(config.seed),
                    "Validation share": f"{config.validation_fraction:g}",
                    "Test share": f"{config.test_fraction:g}",
                    "Version of HAM Lab": record.code_version,
                    "Test images": f"{by_name[name].evaluation.n_images:,}",
                }
            )
    table = pd.DataFrame(rows)
    always = ["Test part", "Run", "Test images"]
    return table[[column for column in table if column in always or table[column].nunique() > 1]]


MAX_RUNS = 6  # side by side: as many as the charts have colours for
#: What is compared before anybody has trained anything: the first is the baseline.
SHIPPED_FIRST = ("cnn-described", "cnn-improved", "resnet-improved")


def default_runs(runs: Sequence[Run], most: int = MAX_RUNS) -> list[str]:
    """The newest run of each model among the newest runs that can be compared at all; else the
    newest that can be compared with runs of its model that ship; else some that ship, or the two
    newest.

    `runs`: newest first, then those that ship; ids, at most so many.
    """
    own, shipped = ([run for run in runs if run.shipped is ships] for ships in (False, True))
    for first in own:
        same = [run for run in own if store.same_test_images(run, first)]
        if len(same) > 1:
            newest = [
                next((run for run in same if run.config.model == model), None)
                for model in MODEL_TITLES
            ]
            one_each = [run.id for run in newest if run is not None]
            return one_each if len(one_each) > 1 else [run.id for run in same[:2]]
    for first in own:
        same = [run for run in shipped if store.same_test_images(run, first)]
        if same:
            of_model = [run.id for run in same if run.config.model == first.config.model]
            return [first.id, *(of_model or [same[0].id])][:most]
    if len(shipped) < 2:
        return [run.id for run in runs[:2]]
    described = [run.id for run in shipped if run.id in SHIPPED_FIRST]
    return described if len(described) > 1 else [run.id for run in shipped[:2]]


def most_missed(confusion: np.ndarray) -> tuple[int, int]:
    """(true, predicted): the malignant class most often predicted as benign, and as what; else the
    largest confusion.
    """
    wrong = confusion * (1 - np.eye(len(CLASSES), dtype=int))
    malignant = np.array([c.malignant for c in CLASSES])
    dangerous = wrong * malignant[:, None] * ~malignant[None, :]
    most = dangerous if dangerous.any() else wrong
    true, predicted = np.unravel_index(int(most.argmax()), most.shape)
    return int(true), int(predicted)


def cell(compared: Comparison, name: RunName, true: int, predicted: int) -> np.ndarray:
    """Places of the cell's images in `compared.aligned`, the run's surest answer first."""
    own = compared.aligned[name]
    numbers = np.flatnonzero((own.y_true == true) & (own.proba.argmax(axis=1) == predicted))
    return numbers[np.argsort(-own.proba[numbers, predicted], kind="stable")]


def only_right(compared: Comparison, right: RunName, wrong: RunName) -> np.ndarray:
    """Places in `compared.aligned` of the images that one run has right and the other wrong, those
    first of which the wrong one was surest.
    """
    ours, theirs = compared.aligned[right], compared.aligned[wrong]
    answer = theirs.proba.argmax(axis=1)
    numbers = np.flatnonzero((ours.proba.argmax(axis=1) == ours.y_true) & (answer != theirs.y_true))
    return numbers[np.argsort(-theirs.proba[numbers, answer[numbers]], kind="stable")]
