"""The logistic regression on the pixels: once a split, and never in the way of a training."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import ham.training.baselines as module
from ham import store
from ham.data import LesionDataset, Split, make_split
from ham.evaluation import SCORES, evaluate, logistic_regression_proba
from ham.evaluation.records import Baselines
from ham.training.baselines import pixel_baseline


@pytest.fixture
def split(small_dataset: LesionDataset) -> Split:
    return make_split(small_dataset)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of training images of every fit."""
    found = []

    def counted(images: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        found.append(len(images))
        return logistic_regression_proba(images, labels, test)

    monkeypatch.setattr(module, "logistic_regression_proba", counted)
    return found


def cached(ham_home: Path, split: Split) -> Path:
    return ham_home / "cache" / "baselines" / f"{split.fingerprint}.json"


def test_the_baseline_is_scored_on_the_test_part(
    small_dataset: LesionDataset, split: Split
) -> None:
    found = pixel_baseline(small_dataset, split).logistic_regression
    assert found.n_images == len(split.test)
    proba = logistic_regression_proba(
        small_dataset.images[split.train],
        small_dataset.labels[split.train],
        small_dataset.images[split.test],
    )
    right = np.mean(proba.argmax(axis=1) == small_dataset.labels[split.test])
    assert found.scores["accuracy"].value == pytest.approx(right)
    assert set(found.scores) == set(SCORES)


def test_the_second_run_on_a_split_fits_nothing_and_another_split_does(
    small_dataset: LesionDataset, split: Split, fits: list[int]
) -> None:
    first = pixel_baseline(small_dataset, split)
    assert pixel_baseline(small_dataset, split) == first
    assert fits == [len(split.train)]
    other = make_split(small_dataset, seed=1)
    pixel_baseline(small_dataset, other)
    assert fits == [len(split.train), len(other.train)]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"logistic_regression": 3}',
        '{"logistic_regression": {"n_images": 15}}',
    ],
)
def test_a_damaged_cache_file_is_computed_anew(
    content: str, small_dataset: LesionDataset, split: Split, fits: list[int], ham_home: Path
) -> None:
    first = pixel_baseline(small_dataset, split)
    cached(ham_home, split).write_text(content)
    assert pixel_baseline(small_dataset, split) == first
    assert len(fits) == 2
    assert json.loads(cached(ham_home, split).read_text()) == json.loads(msgspec.json.encode(first))


@pytest.mark.parametrize(("entry", "other"), [("n_images", 3), ("intervals", "percentiles")])
def test_a_cache_of_another_test_part_or_with_other_intervals_is_not_believed(
    entry, other, small_dataset: LesionDataset, split: Split, fits: list[int], ham_home: Path
) -> None:
    first = pixel_baseline(small_dataset, split)
    changed = json.loads(msgspec.json.encode(first))
    changed["logistic_regression"][entry] = other
    cached(ham_home, split).write_text(json.dumps(changed))
    assert pixel_baseline(small_dataset, split) == first


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    small_dataset: LesionDataset, split: Split, fits: list[int], ham_home: Path
) -> None:
    (ham_home / "cache").mkdir(parents=True)
    (ham_home / "cache" / "baselines").write_text("a file where the folder should be")
    assert pixel_baseline(small_dataset, split) == pixel_baseline(small_dataset, split)
    assert len(fits) == 2


@pytest.mark.parametrize("error", [MemoryError(), ValueError("invented")])
def test_a_baseline_that_cannot_be_computed_is_left_out(
    error: Exception,
    small_dataset: LesionDataset,
    split: Split,
    monkeypatch: pytest.MonkeyPatch,
    ham_home: Path,
) -> None:
    def broken(*args: object) -> None:
        raise error

    monkeypatch.setattr(module, "logistic_regression_proba", broken)
    assert pixel_baseline(small_dataset, split) == Baselines()
    assert not cached(ham_home, split).exists()


def test_a_class_with_one_training_image_is_no_obstacle(kaggle_folder) -> None:
    labels = np.array([0, 3, 3, 3, 3, 3, 3, 6])
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3), np.uint8)
    proba = logistic_regression_proba(images[:7], labels[:7], images[7:])
    assert evaluate(labels[7:], proba, np.zeros(1)).scores["accuracy"].value == 0


@pytest.mark.every_draw
def test_a_training_leaves_its_baseline_in_the_run_folder(
    tiny_runs: list[store.Run], small_dataset: LesionDataset
) -> None:
    for run in tiny_runs:
        assert run.record.baselines == pixel_baseline(small_dataset, make_split(small_dataset))
