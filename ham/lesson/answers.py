"""What is right: from the data in use, and of the CNN as described that ships with HAM Lab."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ham import store
from ham.config import CLASS_INDEX, CLASSES, N_CLASSES, HamError, LesionClass
from ham.data import LeakageReport, LesionDataset
from ham.evaluation import Evaluation, Interval
from ham.lab import leakage
from ham.report import Comparison, RunReport, run_names
from ham.report.published import Draws, draws

#: Id of the run that the lesson is about: it is there before anybody has trained anything.
DESCRIBED = "cnn-described"


class Answers:
    """Each is computed when it is asked for and then kept.

    `dataset`: None where the data cannot be used; what rests on it is then None as well.
    """

    def __init__(self, dataset: LesionDataset | None) -> None:
        self.dataset = dataset

    @cached_property
    def majority(self) -> tuple[LesionClass, int, int] | None:
        """The most frequent class of the data, its images, and all images."""
        if self.dataset is None:
            return None
        counts = np.bincount(self.dataset.labels, minlength=N_CLASSES)
        return CLASSES[int(counts.argmax())], int(counts.max()), int(counts.sum())

    @property
    def majority_share(self) -> float | None:
        """Accuracy of always naming that class, 0 to 1."""
        return self.majority[1] / self.majority[2] if self.majority else None

    @cached_property
    def leak(self) -> LeakageReport | None:
        """What training has seen of the test part of a split by image, the mean that the leakage
        lab shows; None where the data cannot be split so.
        """
        if self.dataset is None:
            return None
        found = leakage.reports(self.dataset, leakage.SHOWN_SEEDS, ("image",))["image"]
        return None if isinstance(found, str) else found

    @property
    def leaked_share(self) -> float | None:
        """Of the test images those whose lesion is in training, 0 to 1."""
        return self.leak.sibling if self.leak else None

    # ------------------------------------------------------------ the described CNN

    @cached_property
    def described(self) -> RunReport:
        """Raises HamError where it is missing."""
        for run in store.reference_runs():
            if run.id == DESCRIBED:
                return RunReport(run)
        raise HamError(
            "The lesson",
            f"it is about the run {DESCRIBED}, which ships with HAM Lab and is missing here.",
            "Install HAM Lab again.",
        )

    @property
    def tested(self) -> Evaluation:
        return self.described.evaluation

    @property
    def accuracy(self) -> Interval:
        return self.tested.scores["accuracy"]

    @property
    def correct(self) -> int:
        """Test images on the diagonal of the confusion matrix."""
        return int(np.trace(self.tested.confusion))

    @property
    def melanomas(self) -> tuple[int, int]:
        """Test images of melanoma that it predicts as a benign class, and all."""
        row = self.tested.confusion[CLASS_INDEX["mel"]]
        benign = np.array([not one.malignant for one in CLASSES])
        return int(row[benign].sum()), int(row.sum())

    @cached_property
    def epochs(self) -> Draws:
        """Accuracy on validation after each of its last epochs."""
        history = store.read_history(self.described.run)
        return draws([history["validation_accuracy"].tolist()])

    @cached_property
    def better(self) -> list[str]:
        """Titles of the runs that ship and are better than it beyond chance in balanced accuracy,
        as `facts.beaten` has it. Draws lesions.
        """
        first = self.described.run
        others = [
            run
            for run in store.reference_runs()
            if run.id != first.id and not run.leaking and store.same_test_images(run, first)
        ]
        titles = {run.id: run.short_title for run in [first, *others]}
        names = run_names([first, *others], titles)
        compared = Comparison(names, [self.described, *map(RunReport, others)])
        return [
            name.title
            for name, found in compared.differences.items()
            if found.sign("balanced_accuracy") > 0
        ]
