"""Runs on labelled images from elsewhere, beside their own test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from ham import store
from ham.config import CLASSES, CODES
from ham.evaluation import (
    SCORES,
    SLICED,
    Answers,
    Evaluation,
    Interval,
    differences_apart,
    evaluation_record,
    format_difference,
    format_score,
    intervals_record,
    slice_scores,
)
from ham.report.comparison import Comparison
from ham.report.kept import kept_intervals
from ham.report.names import RunName
from ham.report.run_report import RunReport
from ham.report.tables import unbroken
from ham.report.words import count
from ham.store import ExternalRecord, Predictions

#: Means over the classes that there are: comparable where both sides have the same.
_OVER_CLASSES = ("macro_f1", "macro_auc")


@dataclass(frozen=True, eq=False)
class ExternalTest:
    """Some of the runs compared, on the same labelled images from elsewhere."""

    record: ExternalRecord  # of the first of them
    own: dict[RunName, RunReport]
    compared: Comparison  # their reports on these images
    kept: dict[RunName, store.External]
    places: dict[RunName, int]  # among all runs compared
    #: Of each run, its scores on these images minus those on its own test images, by SCORES.
    drops: dict[RunName, dict[str, Interval]]

    @property
    def evaluation(self) -> Evaluation:
        """Of the first run: how many images, lesions and of each class there are."""
        return self.compared.first.evaluation

    @property
    def missing(self) -> list[str]:
        """Codes of the classes that none of the images is of."""
        support = self.evaluation.per_class["support"]
        return [code for code in CODES if not support[code]]


def external_tests(compared: Comparison) -> tuple[dict[str, str], list[str]]:
    """Title by name of all that any of the runs keeps, and why others cannot be read."""
    titles: dict[str, str] = {}
    problems: list[str] = []
    for one in compared.reports.values():
        found, wrong = store.find_external(one.run)
        titles |= {kept.record.name: kept.record.title for kept in found}
        problems += [f"{error.what}: {error.why} {error.todo}" for error in wrong]
    return dict(sorted(titles.items(), key=lambda item: item[1].casefold())), problems


def external_test(compared: Comparison, name: str) -> ExternalTest:
    """The runs that answered on the images of this test; they are those of the first run that
    keeps one of this name. Raises EvaluationError, KeyError where none does.
    """
    kept: dict[RunName, store.External] = {}
    for run_name, one in compared.reports.items():
        found, _ = store.find_external(one.run)
        by_name = {external.record.name: external for external in found}
        content = next(iter(kept.values())).record.content if kept else None
        if name in by_name and content in (None, by_name[name].record.content):
            kept[run_name] = by_name[name]
    if not kept:
        raise KeyError(name)
    given = {run_name: compared.reports[run_name] for run_name in kept}
    own = {n: one if one.own_test else RunReport(one.run) for n, one in given.items()}
    reports = [RunReport(own[run_name].run, one.part) for run_name, one in kept.items()]
    drops = {n: _drop(one.part, own[n].test) for n, one in kept.items()}
    record = next(iter(kept.values())).record
    places = {run_name: compared.names.index(run_name) for run_name in kept}
    return ExternalTest(record, own, Comparison(list(kept), reports), kept, places, drops)


def _drop(external: Predictions, own: Predictions) -> dict[str, Interval]:
    """Unpaired: no lesion is on both sides."""
    arrays = (*_arrays(external), *_arrays(own))
    return kept_intervals(partial(_difference, *arrays), "external", *arrays)


def _arrays(part: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return part.y_true, part.proba, part.lesion


def _difference(*arrays: np.ndarray) -> dict[str, Interval]:
    y_true, proba, lesions = ((arrays[place], arrays[place + 3]) for place in range(3))
    numbers = [np.unique(side, return_inverse=True)[1] for side in lesions]
    numbers[1] = numbers[1] + len(numbers[0])
    answers = Answers(np.concatenate(y_true), np.concatenate(proba), np.concatenate(numbers))
    of = np.repeat([0, 1], [len(side) for side in y_true])
    there, own = (answers.where(of == side) for side in (0, 1))
    found = slice_scores(answers, of)[0].minus_rest
    same_classes = set(there.y_true.tolist()) == set(own.y_true.tolist())
    rest = [k for k in SCORES if k not in found and (same_classes or k not in _OVER_CLASSES)]
    return found | differences_apart(rest, there, own)


# ------------------------------------------------------------------------------- words


def drop_in_words(found: ExternalTest, name: RunName) -> str:
    """Which scores are lower or higher there than on the run's own test images, by more than
    chance.
    """
    drops = found.drops[name]
    sure = [key for key in SLICED if drops[key].low > 0 or drops[key].high < 0]
    if not sure:
        accuracy = drops["accuracy"]
        size = f": accuracy {format_difference('accuracy', accuracy)}" if accuracy.has_width else ""
        return f"no score differs beyond chance from that on its own test images{size}."
    parts = []
    for word, sign in (("lower", -1), ("higher", 1)):
        listed = [
            f"{SCORES[key].word} {format_difference(key, drops[key])}"
            for key in sure
            if sign * drops[key].value > 0
        ]
        if listed:
            parts.append(f"{word} than on its own test images: {', '.join(listed)}")
    words = "; ".join(parts)
    return (
        f"{words}. The other scores do not differ beyond chance." if len(sure) < 5 else f"{words}."
    )


def external_in_words(found: ExternalTest) -> str:
    """ "412 of 420 labelled images of 300 lesions, 3 missing, 5 unreadable"."""
    record, judged = found.record, found.evaluation
    parts = [
        f"{judged.n_images:,} of {count(record.n_labelled, 'labelled image')} "
        f"of {count(judged.n_lesions, 'lesion')}",
        *(f"{n:,} {word}" for n, word in (
            (record.n_missing, "missing"), (record.n_unreadable, "unreadable"),
        ) if n),
    ]  # fmt: skip
    return ", ".join(parts)


def missing_in_words(found: ExternalTest) -> str:
    """Which classes none of the images is of, and what that does; "" where all are there."""
    names = [c.title for c in CLASSES if c.code in found.missing]
    if not names:
        return ""
    return (
        f"No image is of {', '.join(names)}: means over classes are over those that are there, "
        "and differences of balanced accuracy over those that both test parts have."
    )


# -------------------------------------------------------------------------- table, JSON


def external_table(found: ExternalTest) -> pd.DataFrame:
    """A row a score; of each run its own test, this one and the difference."""
    columns = {}
    for name, report in found.compared.reports.items():
        own, there = found.own[name].evaluation.scores, report.evaluation.scores
        for title, scores in ((f"{name.short}, own test", own), (f"{name.short}, here", there)):
            columns[title] = {
                SCORES[key].title: unbroken(format_score(key, scores[key])) for key in SCORES
            }
        columns[f"{name.short}, difference"] = {
            SCORES[key].title: _written(key, found.drops[name].get(key)) for key in SCORES
        }
    return pd.DataFrame(columns).rename_axis("Score")


def _written(key: str, difference: Interval | None) -> str:
    return "" if difference is None else unbroken(format_difference(key, difference))


def external_record(found: ExternalTest) -> dict[str, Any]:
    """JSON-ready: see docs/report-schema.md."""
    about: Mapping[str, Any] = msgspec.to_builtins(found.record)
    return {
        **{key: about[key] for key in about if key != "model"},
        "runs": [
            {
                "run": report.run.id,
                **evaluation_record(report.evaluation),
                "minus_own_test": intervals_record(found.drops[name]),
            }
            for name, report in found.compared.reports.items()
        ],
    }


def external_records(compared: Comparison, names: Sequence[str]) -> list[dict[str, Any]]:
    return [external_record(external_test(compared, name)) for name in names]
