"""Runs that belong together: those that differ in seed or fold alone, or that share a tag."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ham import store
from ham.config import HamError, StoreError, TrainConfig, config_title
from ham.evaluation import SCORES, Evaluation, EvaluationError, Spread, evaluate, spread
from ham.report.kept import kept_evaluation
from ham.report.names import split_note
from ham.report.run_report import RunReport
from ham.report.words import count
from ham.store import FoldResult, Predictions, Run

MAX_GROUPS = 6  # side by side


class NotPooled(HamError):
    """The members' test parts do not make one."""


@dataclass(frozen=True)
class Member:
    """One training of a group: a run, or the numbers of one whose model is not here."""

    config: TrainConfig
    scores: dict[str, float]  # on its test part, by keys of SCORES; NaN or missing: unknown
    test_part: str  # fingerprint of its test images
    n_train: int  # images; 0 where no record says it
    n_test: int
    run: Run | None = None

    @property
    def place(self) -> tuple[int, int]:
        """What members of two groups are paired by: (seed, fold)."""
        return self.config.seed, self.config.fold


@dataclass(frozen=True)
class Group:
    """Trainings whose scores are told by mean and spread."""

    id: str  # stays while members come and go
    title: str
    members: tuple[Member, ...]  # by seed and fold; of a tag, oldest first
    tag: str = ""  # what they share where they differ in more than seed and fold

    @property
    def runs(self) -> list[Run]:
        """Those that are here."""
        return [member.run for member in self.members if member.run is not None]

    @property
    def shipped(self) -> bool:
        """Whether only its numbers are here."""
        return not self.runs

    @property
    def config(self) -> TrainConfig:
        """Of its first member; the others differ in seed and fold, or the group has a tag."""
        return self.members[0].config

    def values(self, score: str) -> np.ndarray:
        """Of each member, float64 (n,); NaN where it is unknown."""
        return np.array([member.scores.get(score, math.nan) for member in self.members], np.float64)

    @cached_property
    def spreads(self) -> dict[str, Spread]:
        """By keys of SCORES."""
        return {score: spread(self.values(score)) for score in SCORES}

    @property
    def test_parts(self) -> int:
        """On how many different test parts its members were tested."""
        return len({member.test_part for member in self.members})


# ------------------------------------------------------------------------------- found


def find_groups(runs: Iterable[Run]) -> list[Group]:
    """Groups of two or more of these runs, the one with the newest run first.

    Runs that ended by themselves on the same data, with the same training version and settings
    but for seed and fold, are one group; of a training that was repeated the newest run counts.
    The runs of a tag are another group, where they are not just the same.
    """
    done = [run for run in runs if run.state == "done" and run.has_model and run.scores]
    alike: dict[str, list[Run]] = defaultdict(list)
    tagged: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(done, key=lambda run: (run.status.created, run.id)):
        alike[_kind(run)].append(run)
        for tag in run.notes.tags:
            tagged[tag.casefold()].append(run)
    found = [group for kind, some in alike.items() if (group := _alike(kind, some))]
    known = [{run.id for run in group.runs} for group in found]
    for tag, some in tagged.items():
        if len(some) > 1 and {run.id for run in some} not in known:
            members = tuple(_member(run) for run in some)
            title = f"Tag {tag}, {count(len(some), 'run')}"
            found.append(Group(f"tag-{tag}", title, members, tag))
    return sorted(found, key=lambda group: max(_created(group)), reverse=True)


def _created(group: Group) -> list[float]:
    return [run.status.created for run in group.runs]


def _kind(run: Run) -> str:
    """Equal for runs that differ in seed and fold alone."""
    config = run.config.replace(seed=0, fold=0)
    parts = (config.fingerprint, run.record.data.fingerprint, str(run.record.training_version))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _alike(kind: str, runs: Sequence[Run]) -> Group | None:
    """Of runs oldest first."""
    newest = {(run.config.seed, run.config.fold): run for run in runs}
    if len(newest) < 2:
        return None
    members = tuple(_member(newest[place]) for place in sorted(newest))
    run = members[0].run or runs[0]
    title = f"{run.short_title}, {_repeats([m.config for m in members])}{split_note(run.config)}"
    return Group(f"same-{kind}", title, members)


def _repeats(configs: Sequence[TrainConfig]) -> str:
    """ "5 folds", "3 seeds", "5 folds of 2 seeds"."""
    seeds, folds = ({getattr(c, name) for c in configs} for name in ("seed", "fold"))
    if len(folds) == 1:
        return count(len(seeds), "seed")
    of = f" of {count(len(seeds), 'seed')}" if len(seeds) > 1 else ""
    return count(len(folds), "fold") + of


def _member(run: Run) -> Member:
    split = run.record.split
    return Member(
        run.config,
        _scores(run),
        split.test_fingerprint or "",
        split.n_train or 0,
        split.n_test or 0,
        run,
    )


def _scores(run: Run) -> dict[str, float]:
    """As its record has them; what that lacks is computed where its predictions can be read."""
    found = run.scores or {}
    if not found.keys() >= SCORES.keys():
        with suppress(StoreError, EvaluationError):  # the others stay; who opens the run is told
            found = RunReport(run).evaluation.scores
    return {key: one.value for key, one in found.items()}


def shipped_groups() -> list[Group]:
    """The cross-validation that ships: numbers of 45 folds of HAM10000, without their models."""
    cells: dict[str, list[FoldResult]] = defaultdict(list)
    for fold in store.shipped_folds():
        cells[fold.cell].append(fold)
    return [
        Group(
            f"ships-{cell}",
            f"{config_title(folds[0].config)}, {count(len(folds), 'fold')}"
            f"{split_note(folds[0].config)} ({store.SHIPS})",
            tuple(
                Member(f.config, f.scores, f.test_fingerprint, f.n_train, f.n_test) for f in folds
            ),
        )
        for cell, folds in cells.items()
    ]


# ------------------------------------------------------------------------------ pooled


@dataclass(frozen=True)
class Pooled:
    """The test parts of a cross-validation's folds as one: every image tested once."""

    answers: Predictions
    covers: bool  # whether they are all images of the data

    @property
    def n_images(self) -> int:
        return len(self.answers.y_true)

    @cached_property
    def evaluation(self) -> Evaluation:
        """With intervals over lesions; each image was answered by the model of its fold."""
        found = self.answers
        return kept_evaluation(
            lambda: evaluate(found.y_true, found.proba, found.lesion),
            "evaluation",
            *(found.y_true, found.proba, found.lesion),
        )


def pool(group: Group) -> Pooled:
    """Raises NotPooled where the members are no folds of one cross-validation, EvaluationError
    and StoreError where their answers cannot be read.
    """
    todo = "Train the folds of one seed: the form offers them by name."
    if group.shipped:
        raise NotPooled(group.title, "only its numbers are here, not its answers.", todo)
    if group.tag or len({member.config.seed for member in group.members}) > 1:
        raise NotPooled(group.title, "its runs are not the folds of one seed.", todo)
    parts = [store.read_predictions(run)["test"] for run in group.runs]
    keys = store.image_keys(np.concatenate([part.image_id for part in parts]))
    if len(np.unique(keys)) < len(keys):
        raise NotPooled(group.title, "some images are in the test part of several runs.", todo)
    lesion, y_true, proba = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("lesion", "y_true", "proba")
    )
    whole = Predictions(keys, lesion, y_true, proba)
    return Pooled(whole, len(keys) == group.runs[0].record.data.n_images)
