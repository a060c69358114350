"""What the runs of the measurement are worth: by protocol, their answers pooled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ham import store
from ham.config import HamError, StoreError
from ham.data import LEAKAGE_SPLITS, LesionDataset, configured_split, seen_in_training
from ham.evaluation import Answers, Interval, Leak, joined, measure_leak, unpaired_difference
from ham.store import Run

#: Every class counts the same, so the mix of classes among seen and unseen images does not.
SCORE = "balanced_accuracy"


@dataclass(frozen=True)
class ProtocolResult:
    """One protocol's runs, pooled.

    `leak` parts the test images by whether training has seen their lesion. `above` is what the
    protocol publishes minus what by lesion publishes, on the seeds that both have. `several`, of by
    lesion alone, parts its test images by whether their lesion has several photographs: a control.
    """

    protocol: str
    seeds: tuple[int, ...]
    leak: Leak
    above: dict[str, Interval] | None = None
    several: Leak | None = None

    @property
    def n_classes(self) -> int:
        """How many classes the test part has."""
        return len(self.leak.whole.support)

    @property
    def whole_gap(self) -> bool:
        """Whether the gap is over all classes of the test part: both sides have each."""
        return self.leak.gap is not None and len(self.leak.gap_classes) == self.n_classes


@dataclass(frozen=True)
class Result:
    """By protocol what could be measured, and why the answers of other runs could not be used."""

    protocols: tuple[ProtocolResult, ...]
    problems: tuple[HamError, ...]


#: By seed: a run's answers, and of each test image whether training has seen its lesion, bool (n,).
_BySeed = dict[int, tuple[Answers, np.ndarray]]


def measure(runs: Iterable[Run], dataset: LesionDataset) -> Result:
    """The result of these finished runs of the lab."""
    found: dict[str, _BySeed] = {}
    problems = []
    for run in runs:
        try:
            found.setdefault(run.config.split, {})[run.config.seed] = answers_of(run, dataset)
        except HamError as error:
            problems.append(HamError(error.what, error.why, error.todo))
    measured = (_pooled(name, found, dataset) for name in LEAKAGE_SPLITS if found.get(name))
    return Result(tuple(measured), tuple(problems))


def answers_of(run: Run, dataset: LesionDataset) -> tuple[Answers, np.ndarray]:
    """The run's answers on its test part, and of each image whether training has seen its lesion.

    The latter is bool (n,). Raises StoreError where the answers cannot be read or are not those of
    this split.
    """
    config = run.config
    split = configured_split(dataset, config)
    test = store.read_predictions(run)["test"]
    image_ids = dataset.metadata["image_id"].to_numpy(dtype=str)[split.test]
    if run.record.split.fingerprint != split.fingerprint or not np.array_equal(
        store.image_keys(test.image_id), store.image_keys(image_ids)
    ):
        raise StoreError(
            f"The run {run.title}",
            "its test images are not those that its settings give here now: "
            "another version of HAM Lab dealt them.",
            "Delete it on the Training page, and measure again.",
        )
    answers = Answers(test.y_true, test.proba, dataset.groups[split.test])
    return answers, seen_in_training(split)[0]


def _pooled(protocol: str, found: dict[str, _BySeed], dataset: LesionDataset) -> ProtocolResult:
    own, clean = found[protocol], found.get("lesion", {})
    answers = joined([part for part, _ in own.values()])
    leak = measure_leak(answers, np.concatenate([seen for _, seen in own.values()]))
    both = [seed for seed in own if seed in clean]
    above = several = None
    if protocol == "lesion":
        several = measure_leak(answers, np.bincount(dataset.groups)[answers.lesions] > 1)
    elif both:
        above = unpaired_difference(
            joined([own[seed][0] for seed in both]),
            joined([clean[seed][0] for seed in both]),
        )
    return ProtocolResult(protocol, tuple(sorted(own)), leak, above, several)
