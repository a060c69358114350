"""Train, validation and test by several protocols, and what leaks in each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import (
    CLASS_INDEX,
    N_CLASSES,
    PUBLISHED_SHARE,
    ConfigError,
    DataError,
    TrainConfig,
)
from ham.data.dataset import LesionDataset
from ham.data.metadata import SOURCE_COLUMN

#: protocol -> title, one sentence
SPLIT_TITLES: dict[str, tuple[str, str]] = {
    "lesion": (
        "By lesion",
        "All images of a lesion are on one side, so the test measures new lesions.",
    ),
    "image": (
        "By image",
        "Images are split one by one, so other photographs of a test lesion are in training.",
    ),
    "oversample": (
        "Oversample, then split",
        "Rare classes are repeated first and the rows split after, so copies of a test image are "
        "in training.",
    ),
    "source": (
        "By source",
        "All images of one clinic are the test, so it measures a clinic that training never saw.",
    ),
    "published": (
        "As published",
        "A fifth of the images, dealt one by one, is the test part and is watched in training as "
        "well: other photographs of a test lesion are in training, and no image is left that "
        "nobody has looked at.",
    ),
}
#: By these no lesion is on two sides.
CLEAN_SPLITS = ("lesion", "source")
#: What the leakage lab measures side by side: they deal any data set, and a seed moves their
#: test part.
LEAKAGE_SPLITS = ("lesion", "image", "oversample")
#: By these the test part is the validation part too: nothing is left to choose a temperature, a
#: threshold or an epoch on.
WATCHED_SPLITS = ("published",)
#: scikit-learn's `train_test_split` as the public notebooks call it that the two models come from.
_PUBLISHED_SEED = 42


@dataclass(frozen=True, eq=False)
class Split:
    """Three parts of a data set. Two runs are comparable when data set and test_fingerprint are
    the same.
    """

    protocol: str
    train: np.ndarray  # int64, rows of the data set, ascending; oversampling repeats rows
    validation: np.ndarray
    test: np.ndarray
    labels: np.ndarray  # int64 (n,), the data set's
    groups: np.ndarray  # int64 (n,), the data set's
    seed: int
    fingerprint: str  # SHA-256 of protocol, data and all three parts
    test_fingerprint: str  # SHA-256 of the sorted test image ids, repeats included

    @property
    def leaking(self) -> bool:
        return self.protocol not in CLEAN_SPLITS

    def parts(self) -> Iterator[tuple[str, np.ndarray]]:
        """("train", rows), ("validation", rows) and ("test", rows); one part once where it is
        two.
        """
        yield "train", self.train
        if self.protocol not in WATCHED_SPLITS:
            yield "validation", self.validation
        yield "test", self.test


@dataclass(frozen=True)
class LeakageReport:
    """What of the test part was seen in training. Shares 0-1; NaN of a share of nothing."""

    n_test: float  # of a mean over splits, not always a whole number
    n_test_mel: float
    sibling: float  # share of the test rows whose lesion is in training
    sibling_mel: float  # the same among melanomas
    copies: float  # share of the test rows whose very image is in training
    copies_mel: float = float("nan")  # the same among melanomas


def configured_split(dataset: LesionDataset, config: TrainConfig) -> Split:
    """`make_split` as a training's settings have it. Raises ConfigError, DataError."""
    return make_split(
        dataset,
        config.split,
        config.validation_fraction,
        config.test_fraction,
        config.seed,
        config.fold,
    )


def make_split(
    dataset: LesionDataset,
    protocol: str = "lesion",
    validation_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
    fold: int = 0,
) -> Split:
    """Deal the data set into three parts; the fractions are of images (of rows, when oversampling).

    `fold` moves the test part along the shuffled lesions: those of the folds of one seed do not
    overlap, and together they are all there is where the test fraction is one part in so many.

    "lesion" keeps a lesion's images together, "image" deals single images, "oversample" first draws
    every class with replacement up to the size of the largest and then deals rows. All are
    stratified by class, the test part does not depend on the validation fraction, and every class
    with at least three lesions (or rows) is in each part.

    "source" leaves one clinic out: the test part is what came from source number `fold` of
    `sources`. The others give training and, by lesion, the validation fraction. Images without a
    known source, and those elsewhere of a lesion in the test part, are in no part. Only the
    validation part depends on the seed, and a class that one clinic alone has is not in every
    part.

    "published" is `sklearn.model_selection.train_test_split` of the rows in the metadata's order
    with test_size=0.2 and random_state=42; validation is the test part itself. Fractions, seed and
    fold do not act. Of HAM10000 8,012 images are for training and 2,003 for the test.

    Raises ConfigError, DataError.
    """
    if protocol not in SPLIT_TITLES:
        raise ConfigError(
            f"split = {protocol!r}",
            f"it must be one of {', '.join(SPLIT_TITLES)}.",
            "Choose one of these.",
        )
    if not (
        validation_fraction > 0 and test_fraction > 0 and validation_fraction + test_fraction < 1
    ):
        raise ConfigError(
            f"validation_fraction = {validation_fraction:g}, test_fraction = {test_fraction:g}",
            "both must be more than 0 and together less than 1.",
            "Choose smaller ones.",
        )
    if protocol == "published":
        return _as_published(dataset, seed)
    if protocol == "source":
        return _by_source(dataset, validation_fraction, seed, fold)
    if fold < 0 or (fold + 1) * test_fraction > 1 + 1e-9:
        raise ConfigError(
            f"fold = {fold}",
            f"there are {int(1 / test_fraction + 1e-9)} test parts of {test_fraction:g} of the "
            "data, counted from 0.",
            "Choose a smaller one.",
        )
    rng = np.random.default_rng(seed)
    rows = np.arange(len(dataset.labels))
    if protocol == "oversample":
        rows = _oversample(dataset.labels, rng)
    units = dataset.groups if protocol == "lesion" else np.arange(len(rows))
    part = _deal(dataset.labels[rows], units, validation_fraction, test_fraction, fold, rng)
    split = _split(dataset, protocol, seed, *(rows[part == i] for i in range(3)))
    if not (split.train.size and split.validation.size and split.test.size):
        raise DataError(
            f"{dataset.name} with {dataset.n_images} images of {dataset.n_lesions} lesions",
            f"it is too small for three parts {SPLIT_TITLES[protocol][0].lower()}: no class has "
            f"three {'lesions' if protocol == 'lesion' else 'images'}.",
            "Add images, or choose another split.",
        )
    return split


def sources(dataset: LesionDataset) -> dict[str, int]:
    """The clinics and devices that the metadata names, with their images, the largest first.

    Empty where the metadata has no column `source`, or only unknown ones.
    """
    if SOURCE_COLUMN not in dataset.metadata:
        return {}
    counts = dataset.metadata[SOURCE_COLUMN].value_counts().to_dict()
    return dict(
        sorted(
            ((name, n) for name, n in counts.items() if name != "unknown"),
            key=lambda named: (-named[1], named[0]),
        )
    )


def available_splits(dataset: LesionDataset) -> tuple[str, ...]:
    """The protocols to offer for this data set; "source" only where the metadata names two
    sources.
    """
    return tuple(
        protocol for protocol in SPLIT_TITLES if protocol != "source" or len(sources(dataset)) > 1
    )


def steps_an_epoch(config: TrainConfig, dataset: LesionDataset) -> int:
    """Batches of an epoch, close to what the split gives, without dealing it."""
    if config.split == "source":
        sizes = list(sources(dataset).values())
        images = sum(sizes) - sum(sizes[config.fold : config.fold + 1])
        share = 1 - config.validation_fraction
    elif config.split == "published":
        images, share = dataset.n_images, 1 - PUBLISHED_SHARE
    else:
        images = dataset.n_images
        share = 1 - config.validation_fraction - config.test_fraction
    if config.split == "oversample":  # repeats every class up to the largest
        counts = dataset.metadata["dx"].value_counts()
        images = int(counts.max() * len(counts))
    return -(-round(images * share) // config.batch_size)


def _by_source(dataset: LesionDataset, validation_fraction: float, seed: int, fold: int) -> Split:
    named = list(sources(dataset))
    if len(named) < 2:
        why = (
            "its metadata has no column source: nothing says which clinic an image comes from."
            if SOURCE_COLUMN not in dataset.metadata
            else "its metadata names fewer than two sources: none can be left out."
        )
        raise DataError(
            f"{dataset.name}, split by source",
            why,
            "Choose another split, or the HAM10000 of Harvard "
            "Dataverse, whose metadata names the source of every image.",
        )
    if not 0 <= fold < len(named):
        listed = ", ".join(f"{number} {name}" for number, name in enumerate(named))
        raise ConfigError(
            f"fold = {fold}", f"the sources are {listed}.", "Choose one of their numbers."
        )
    source = dataset.metadata[SOURCE_COLUMN].to_numpy()
    test = np.flatnonzero(source == named[fold])
    rest = np.flatnonzero((source != "unknown") & ~np.isin(dataset.groups, dataset.groups[test]))
    units = np.unique(dataset.groups[rest], return_inverse=True)[1]
    part = np.empty(0, int)
    if rest.size:
        part = _deal(
            dataset.labels[rest], units, validation_fraction, 0.0, 0, np.random.default_rng(seed)
        )
    split = _split(dataset, "source", seed, rest[part == 0], rest[part == 1], test)
    if not (split.train.size and split.validation.size):
        raise DataError(
            f"{dataset.name}, split by source",
            f"the sources beside {named[fold]} are too small for training and validation: no class "
            "has two lesions there.",
            "Choose another fold or split.",
        )
    return split


def _as_published(dataset: LesionDataset, seed: int) -> Split:
    from sklearn.model_selection import train_test_split

    if dataset.n_images < 2:
        raise DataError(
            f"{dataset.name} with {dataset.n_images} image",
            "it is too small for a training and a test part.",
            "Add images.",
        )
    train, test = train_test_split(
        np.arange(dataset.n_images), test_size=PUBLISHED_SHARE, random_state=_PUBLISHED_SEED
    )
    return _split(dataset, "published", seed, train, test, test)


def _split(dataset: LesionDataset, protocol: str, seed: int, *parts: np.ndarray) -> Split:
    train, validation, test = (np.sort(part).astype(np.int64) for part in parts)
    image_ids = dataset.metadata["image_id"].to_numpy()
    return Split(
        protocol,
        train,
        validation,
        test,
        dataset.labels,
        dataset.groups,
        seed,
        _sha256(
            protocol, dataset.fingerprint, *(repr(p.tolist()) for p in (train, validation, test))
        ),
        _sha256(*sorted(image_ids[test])),
    )


def split_table(dataset: LesionDataset, split: Split) -> pd.DataFrame:
    """Columns image_id and part ("train", "validation", "test"), in the data set's order; an image
    that is in several parts, or that oversampling repeats, has several rows.
    """
    parts = list(split.parts())
    rows = np.concatenate([found for _, found in parts])
    names = np.repeat([name for name, _ in parts], [len(found) for _, found in parts])
    order = np.argsort(rows, kind="stable")
    image_ids = dataset.metadata["image_id"].to_numpy(dtype=str)
    return pd.DataFrame({"image_id": image_ids[rows[order]], "part": names[order]})


def leakage_report(split: Split) -> LeakageReport:
    """Count the test rows whose lesion, or whose very image, is in the training part."""
    sibling, copy = seen_in_training(split)
    melanoma = split.labels[split.test] == CLASS_INDEX["mel"]
    n_melanoma = int(melanoma.sum())
    return LeakageReport(
        n_test=len(split.test),
        n_test_mel=n_melanoma,
        sibling=float(sibling.mean()),
        sibling_mel=float(sibling[melanoma].mean()) if n_melanoma else float("nan"),
        copies=float(copy.mean()),
        copies_mel=float(copy[melanoma].mean()) if n_melanoma else float("nan"),
    )


def seen_in_training(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Of each test row, whether training has seen its lesion, and whether its very image; bool
    (n_test,) each.
    """
    return np.isin(split.groups[split.test], split.groups[split.train]), np.isin(
        split.test, split.train
    )


def pairs_across(split: Split, seed: int = 0) -> np.ndarray:
    """What stands on both sides: (row in the test part, row in training), int64 (n, 2), no test
    image twice.

    The training row is the test image itself where that is in training, else another photograph
    of its lesion. Test image and, among several, the photograph are in an order drawn from
    `seed`.
    """
    rng = np.random.default_rng(seed)
    test = rng.permutation(np.unique(split.test))
    train = rng.permutation(np.unique(split.train))
    # a random photograph of each lesion
    groups, first = np.unique(split.groups[train], return_index=True)
    place = np.searchsorted(groups, split.groups[test]).clip(max=len(groups) - 1)
    sibling = groups[place] == split.groups[test]
    partner = np.where(np.isin(test, train), test, train[first[place]])
    return np.column_stack([test, partner])[sibling]


def _oversample(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every row once, then rows of each class drawn with replacement up to the largest class."""
    largest = np.bincount(labels).max()
    rows = [np.arange(len(labels))]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        rows.append(rng.choice(own, largest - len(own)))
    return np.concatenate(rows)


def _deal(
    labels: np.ndarray,
    units: np.ndarray,
    validation_fraction: float,
    test_fraction: float,
    fold: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The part of each row: 0 train, 1 validation, 2 test. Rows of one unit stay together.

    No test part at all where its fraction is 0.
    """
    n_units = units.max() + 1
    sizes = np.bincount(units, minlength=n_units)
    by_class = np.bincount(units * N_CLASSES + labels, minlength=n_units * N_CLASSES).reshape(
        n_units, N_CLASSES
    )
    unit_class = by_class.argmax(axis=1)  # its most frequent; in HAM10000 a lesion has one
    unit_part = np.zeros(n_units, dtype=int)
    for label in range(N_CLASSES):
        order = rng.permutation(np.flatnonzero(unit_class == label))
        cumulative = np.concatenate([[0], np.cumsum(sizes[order])])
        first, end = (
            _nearest(
                cumulative,
                k * test_fraction * cumulative[-1],
                min(k, len(order)) if test_fraction else 0,
                len(order),
            )
            for k in (fold, fold + 1)
        )
        order = np.roll(order, -first)  # the fold's test part first
        cumulative = np.concatenate([[0], np.cumsum(sizes[order])])
        # of two, one is for training and one for the test
        most = len(order) - (2 if len(order) > 2 else 1)
        n_test = max(min(end - first, most), 0)
        wanted = cumulative[n_test] + validation_fraction * cumulative[-1]
        n_held_out = _nearest(cumulative, wanted, n_test + 1, len(order) - 1)
        unit_part[order[:n_test]] = 2
        unit_part[order[n_test:n_held_out]] = 1
    return unit_part[units]


def _nearest(cumulative: np.ndarray, wanted: float, low: int, high: int) -> int:
    """How many units come nearest to so many rows; from `low` to `high`, none where there are
    too few.
    """
    count = int(np.abs(cumulative - wanted).argmin())
    return max(min(max(count, low), high), 0)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
