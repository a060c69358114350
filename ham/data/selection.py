"""A part of a data set, chosen by what is known of its images; what is known, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ham.config import CLASSES, CODES
from ham.data.dataset import LesionDataset

_CLASS = dict(zip(CODES, CLASSES, strict=True))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that were pointed at: on the map, in a list of doubts, in the details of an image."""

    label: str  # "chosen on the map"
    rows: np.ndarray  # int64, rows of the data set in the order to show them


@dataclass(frozen=True)
class Chip:
    """One filter in force that can be taken away by itself."""

    kind: str
    value: str
    label: str


@dataclass(frozen=True)
class Filters:
    """Which images are shown. Nothing named means everything."""

    classes: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()  # dx_type: how the diagnosis was made
    ages: tuple[int, int] | None = None  # both included; unknown ages are out
    several: bool = False  # only lesions with several images
    query: str = ""  # part of an image id or lesion id
    images: ImageSet | None = None

    def rows(self, dataset: LesionDataset, pointed_at: bool = True) -> np.ndarray:
        """The matching rows of the data set, ascending; without `pointed_at` as if `images` were
        not named.
        """
        metadata = dataset.metadata
        match = np.ones(dataset.n_images, dtype=bool)
        for column, wanted in (
            ("dx", self.classes),
            ("sex", self.sexes),
            ("localization", self.sites),
            ("dx_type", self.methods),
        ):
            if wanted:
                match &= metadata[column].isin(wanted).to_numpy()
        if self.ages:
            match &= metadata["age"].between(*self.ages).to_numpy()
        if self.several:
            match &= np.bincount(dataset.groups)[dataset.groups] > 1
        if self.query:
            match &= np.any(
                [
                    metadata[column]
                    .str.contains(self.query, case=False, regex=False)
                    .to_numpy(dtype=bool)
                    for column in ("image_id", "lesion_id")
                ],
                axis=0,
            )
        if self.images and pointed_at:
            match &= np.isin(np.arange(dataset.n_images), self.images.rows)
        return np.flatnonzero(match)

    def chips(self) -> list[Chip]:
        """A chip for everything that is named."""
        chips = [Chip("classes", code, _CLASS[code].title) for code in self.classes]
        chips += [
            Chip("sexes", sex, "Sex unknown" if sex == "unknown" else sex.capitalize())
            for sex in self.sexes
        ]
        chips += [
            Chip("sites", site, "Site unknown" if site == "unknown" else site.capitalize())
            for site in self.sites
        ]
        chips += [Chip("methods", method, method_in_words(method)) for method in self.methods]
        if self.ages:
            chips.append(Chip("ages", "", f"{self.ages[0]} to {self.ages[1]} years"))
        if self.several:
            chips.append(Chip("several", "", "Several images"))
        if self.query:
            chips.append(Chip("query", "", f"Id contains {self.query}"))
        if self.images:
            chips.append(Chip("images", "", self.images.label))
        return chips

    def without(self, chip: Chip) -> Filters:
        """All but what this chip names."""
        rest: Any = getattr(Filters(), chip.kind)
        if chip.value:
            rest = tuple(value for value in getattr(self, chip.kind) if value != chip.value)
        changed: dict[str, Any] = {chip.kind: rest}
        return replace(self, **changed)

    def in_words(self) -> str:
        """ "Melanoma (mel), male, 40 to 60 years"; "" where nothing is filtered."""
        words = [
            " or ".join(_CLASS[code].title for code in self.classes),
            " or ".join(self.sexes).replace("unknown", "sex unknown"),
            " or ".join(self.sites).replace("unknown", "site unknown"),
            " or ".join(method_in_words(method).lower() for method in self.methods),
            f"{self.ages[0]} to {self.ages[1]} years" if self.ages else "",
            "lesions with several images" if self.several else "",
            f"id contains {self.query}" if self.query else "",
            self.images.label[:1].lower() + self.images.label[1:] if self.images else "",
        ]
        return ", ".join(filter(None, words))


def balanced_sample(dataset: LesionDataset, total: int, seed: int = 0) -> np.ndarray:
    """Rows of at most `total` images, int64 (n,), of each class as many as of any other where it
    has them, in CLASSES order; no two of one lesion.
    """
    order = np.random.default_rng(seed).permutation(dataset.n_images)
    _, first = np.unique(dataset.groups[order], return_index=True)
    order = order[np.sort(first)]
    present = np.unique(dataset.labels[order])
    each = -(-total // len(present))
    drawn = [order[dataset.labels[order] == label][:each] for label in present]
    return np.concatenate(drawn)[:total]


def method_in_words(dx_type: str) -> str:
    return {
        "histo": "Histopathology",
        "follow_up": "Follow-up",
        "consensus": "Consensus of experts",
        "confocal": "Confocal microscopy",
    }.get(dx_type, dx_type.capitalize())


def person(entry: dict[str, Any]) -> str:
    """ "45 years, male, back", or what of it is unknown."""
    age = f"{entry['age']:g} years" if entry["age"] == entry["age"] else "age unknown"
    sex, site = entry["sex"], entry["localization"]
    return ", ".join(
        (
            age,
            sex if sex != "unknown" else "sex unknown",
            site if site != "unknown" else "site unknown",
        )
    )


def siblings_of(dataset: LesionDataset, row: int) -> np.ndarray:
    """The other rows of the image's lesion, the known pairs of lesion ids included, ascending."""
    rows = np.flatnonzero(dataset.groups == dataset.groups[row])
    return rows[rows != row]
