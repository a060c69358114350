"""You against the models: test images one after the other, guessed by a person and by the runs.

Images are drawn so that every class comes as often as every other while it has images left:
among images as they are, "nevus" would be right two times in three.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CODES, N_CLASSES, HamError
from ham.data import LesionDataset
from ham.evaluation import Interval, proportion

YOU = "you"


@dataclass(frozen=True, eq=False)
class Quiz:
    """What is asked, and what was answered so far; every answer gives a new one."""

    rows: np.ndarray  # int64 (n,), of the data set, in the order they are asked
    truth: np.ndarray  # int64 (n,), index in CLASSES
    guesses: tuple[Mapping[str, int], ...] = ()  # of each image answered: label by run id, and YOU

    @property
    def asked(self) -> int:
        """Images answered."""
        return len(self.guesses)

    @property
    def row(self) -> int | None:
        """The image asked now; None where all were."""
        return int(self.rows[self.asked]) if self.asked < len(self.rows) else None

    def guess(self, label: int, runs: Mapping[str, int]) -> Quiz:
        """With a person's answer, index in CLASSES, and those of the runs, by id, to the image
        asked now. Raises HamError where all were asked.
        """
        if self.row is None:
            raise HamError("The quiz", "every image was answered.", "Start another.")
        return dataclasses.replace(self, guesses=(*self.guesses, {**runs, YOU: label}))

    def score(self, who: str = YOU) -> Interval:
        """Share of the answered images that are right, with Wilson's interval; NaN before the
        first. Of a run only the images that it answered too.
        """
        right = self._right(who)
        return proportion(sum(right), len(right))

    def by_class(self, runs: Sequence[str] = ()) -> pd.DataFrame:
        """A row a class that was asked, by its code: `n` images, and how many of them YOU and
        each of the runs (columns, by id) got right.
        """
        truth = self.truth[: self.asked]
        table = {
            who: [
                sum(
                    one.get(who) == k
                    for one, k in zip(self.guesses, truth, strict=True)
                    if k == label
                )
                for label in range(N_CLASSES)
            ]
            for who in (YOU, *runs)
        }
        counts = np.bincount(truth, minlength=N_CLASSES)
        found = pd.DataFrame({"n": counts, **table}, index=pd.Index(CODES, name="code"))
        return found[found["n"] > 0]

    def _right(self, who: str) -> list[bool]:
        return [
            one[who] == k
            for one, k in zip(self.guesses, self.truth[: self.asked], strict=True)
            if who in one
        ]


def new_quiz(dataset: LesionDataset, rows: np.ndarray, seed: int) -> Quiz:
    """Of these rows of the data set one image a lesion, in an order drawn from the seed.

    Each next image is of a class drawn with equal chance among those that have images left, so
    that nobody can count out what must come.
    """
    random = np.random.default_rng(seed)
    drawn = random.permutation(np.unique(rows))
    _, first = np.unique(dataset.groups[drawn], return_index=True)
    once = drawn[np.sort(first)]
    left = {int(k): once[dataset.labels[once] == k].tolist() for k in dataset.labels[once]}
    order = []
    while left:
        label = int(random.choice(sorted(left)))
        order.append(left[label].pop())
        if not left[label]:
            del left[label]
    chosen = np.array(order, np.int64)
    return Quiz(chosen, dataset.labels[chosen])
