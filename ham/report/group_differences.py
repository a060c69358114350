"""Two groups of runs against each other: training by training, and image by image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ham import store
from ham.config import StoreError
from ham.evaluation import (
    SCORES,
    EvaluationError,
    Interval,
    PairedTest,
    compare,
    corrected_t_test,
    format_difference,
    p_value,
)
from ham.report.comparison import NotComparable
from ham.report.groups import Group, Member
from ham.report.kept import kept_intervals
from ham.report.words import count

CORRECTED = "the corrected resampled t-test (Nadeau, Bengio, 2003)"
PAIRED = "the paired t-test over seeds"


@dataclass(frozen=True)
class GroupDifference:
    """A group minus the first one, over the trainings that both have."""

    pairs: int
    method: str  # CORRECTED or PAIRED
    scores: dict[str, PairedTest]
    #: The same from all answers of the pairs together, by bootstrap over lesions; {} where they
    #: are not here.
    pooled: dict[str, Interval] = field(default_factory=dict)
    not_pooled: str = ""  # why not, in a sentence

    def sure(self, score: str) -> bool:
        """Whether the interval over trainings leaves zero out."""
        found = self.scores[score].difference
        return found.low > 0 or found.high < 0


def compare_groups(ours: Group, first: Group) -> GroupDifference:
    """`ours` minus `first`, of each seed and fold that both have on the same test images.

    Folds, and seeds that move the test part, share most of their training images: there the
    corrected test is used. Where the seed leaves the test part alone, the paired t-test tells of
    the trainings only, and nothing of other test images. Raises NotComparable where there is no
    such pair.
    """
    pairs = _pairs(ours, first)
    moving = len({member.test_part for member, _ in pairs}) > 1
    ratio = float(np.mean([_test_to_train(member) for member, _ in pairs])) if moving else 0.0
    tests = {
        score: corrected_t_test(
            np.array([a.scores.get(score, np.nan) - b.scores.get(score, np.nan) for a, b in pairs]),
            ratio,
        )
        for score in SCORES
    }
    method = CORRECTED if moving else PAIRED
    try:
        return GroupDifference(len(pairs), method, tests, _pooled(pairs))
    except (StoreError, EvaluationError) as error:
        return GroupDifference(len(pairs), method, tests, not_pooled=error.why)


def _pairs(ours: Group, first: Group) -> list[tuple[Member, Member]]:
    todo = "Train both with the same seeds and folds on the same data."
    for group in (ours, first):
        if len({member.place for member in group.members}) < len(group.members):
            raise NotComparable(
                group.title,
                "several of its runs have one seed and fold, so nothing pairs them with others.",
                "Compare its runs one by one.",
            )
    theirs = {member.place: member for member in first.members}
    same_place = [(one, theirs[one.place]) for one in ours.members if one.place in theirs]
    if not same_place:
        raise NotComparable(f"{ours.title} and {first.title}", "they share no seed and fold.", todo)
    pairs = [(a, b) for a, b in same_place if a.test_part and a.test_part == b.test_part]
    if not pairs:
        raise NotComparable(
            f"{ours.title} and {first.title}",
            "runs of one seed and fold were tested on different images: the data, the split or "
            "the shares differ.",
            todo,
        )
    return pairs


def _test_to_train(member: Member) -> float:
    """n_test / n_train; by the shares of the settings where no record says the numbers."""
    if member.n_train and member.n_test:
        return member.n_test / member.n_train
    config = member.config
    return config.test_fraction / (1 - config.test_fraction - config.validation_fraction)


def _pooled(pairs: list[tuple[Member, Member]]) -> dict[str, Interval]:
    """Every answer of the pairs, paired by image and drawn by lesion."""
    parts = []
    for a, b in pairs:
        if a.run is None or b.run is None:
            raise StoreError("A group", "of a group that ships only the numbers are here.", "")
        parts.append(
            store.aligned(
                store.read_predictions(a.run)["test"], store.read_predictions(b.run)["test"]
            )
        )
    y_true, lesion = (
        np.concatenate([getattr(ours, name) for ours, _ in parts]) for name in ("y_true", "lesion")
    )
    ours, theirs = (np.concatenate([pair[place].proba for pair in parts]) for place in (0, 1))
    return kept_intervals(
        lambda: compare(y_true, ours, theirs, lesion),
        "difference",
        *(y_true, ours, theirs, lesion),
    )


def group_difference_in_words(
    title: str, first: str, found: GroupDifference, score: str = "balanced_accuracy"
) -> str:
    """What the difference of two groups is, and whether it is more than chance of training."""
    test = found.scores[score]
    what = SCORES[score].word
    if test.n < 2:
        return (
            f"{title} and {first} share {count(test.n, 'training')} with this score: one says "
            "nothing of what another training would give."
        )
    if not test.difference.has_width:
        return (
            f"{title} minus {first}: {what} differs by the same in all {test.n} pairs, "
            f"{format_difference(score, test.difference)}, so no spread is seen."
        )
    verdict = (
        "more than chance of training and split explains"
        if found.sure(score)
        else "which chance of training and split can explain"
    )
    return (
        f"{title} minus {first}: {what} {format_difference(score, test.difference)} over "
        f"{test.n} pairs, {verdict} (p {p_value(test.p)})."
    )
