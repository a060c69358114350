"""What is doubtful in a data set, found in it and not assumed: each finding with the images it
is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CLASSES, CODES
from ham.data.dataset import SAME_LESION, LesionDataset
from ham.data.embedding import image_features
from ham.data.metadata import SOURCE_COLUMN
from ham.data.splits import sources

SEVERITIES = ("high", "medium", "low")
# grey levels of mean absolute difference; photographs of two lesions differ by 4 and more
NEARLY_IDENTICAL = 3.0
DARK_CORNER = 40.0  # mean grey level of a corner's 2x2 pixels
LOW_CONTRAST = 8.0  # grey levels of standard deviation over an image; HAM10000's median is 26
SMALL_CLASS = 0.02  # share of the images
_CANDIDATES = 4  # nearest images looked at for near copies
# site words that hold others
_PARTS = {"trunk": ("back", "chest", "abdomen"), "acral": ("hand", "foot")}


@dataclass(frozen=True, eq=False)
class Finding:
    """One doubt about the data."""

    key: str
    severity: str  # of SEVERITIES: spoils results unseen, bends them, is good to know
    title: str
    why: str  # what it does to a study, and what to do about it
    rows: np.ndarray  # int64, the images in the order to show them; empty where it is about all

    @property
    def n_images(self) -> int:
        return len(self.rows)


def quality_findings(dataset: LesionDataset) -> list[Finding]:
    """All that is doubtful in this data set, the gravest first. Takes about two seconds for
    HAM10000.
    """
    found = [finding for check in _CHECKS for finding in check(dataset)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


# -------------------------------------------------------------------- one lesion, two rows


def _method_names_class(dataset: LesionDataset) -> list[Finding]:
    metadata = dataset.metadata
    if metadata["dx"].nunique() < 2:
        return []
    classes = metadata.groupby("dx_type")["dx"].agg(["nunique", "first", "size"])
    telling = classes[(classes["nunique"] == 1) & (classes["size"] > 1)]
    if telling.empty:
        return []
    words = ", ".join(f"every {method} is {row['first']}" for method, row in telling.iterrows())
    return [
        Finding(
            "method",
            "high",
            "The way of diagnosis gives the diagnosis away",
            f"{_sentence(words)} ({telling['size'].sum():,} images). dx_type must never "
            "be a feature.",
            np.flatnonzero(metadata["dx_type"].isin(telling.index)),
        )
    ]


def _several_images(dataset: LesionDataset) -> list[Finding]:
    sizes = np.bincount(dataset.groups)
    rows = np.flatnonzero(sizes[dataset.groups] > 1)
    if not rows.size:
        return []
    n = int((sizes > 1).sum())
    return [
        Finding(
            "several",
            "high",
            f"{n:,} lesions have several images" if n > 1 else "1 lesion has several images",
            f"{rows.size:,} images, {_percent(rows.size / dataset.n_images)} of all, have "
            "a sibling. Split "
            "image by image they stand in training and in the test: split by lesion.",
            _by_group(dataset, rows),
        )
    ]


def _known_pairs(dataset: LesionDataset) -> list[Finding]:
    row_of = dict(zip(dataset.metadata["image_id"], range(dataset.n_images), strict=True))
    pairs = [
        rows
        for pair in SAME_LESION
        if None not in (rows := [row_of.get(f"ISIC_{number}") for number in pair])
    ]
    if not pairs:
        return []
    words = f"{len(pairs)} pairs show" if len(pairs) > 1 else "1 pair shows"
    return [
        Finding(
            "pairs",
            "high",
            f"{words} one lesion under two lesion ids",
            "Abhishek et al., Scientific Data 12:196, 2025. Grouping by lesion_id alone lets them "
            "leak; HAM Lab's split by lesion groups them.",
            np.array(pairs).ravel(),
        )
    ]


def _copies(dataset: LesionDataset) -> list[Finding]:
    pairs = near_copies(dataset.images)
    exact = (dataset.images[pairs[:, 0]] == dataset.images[pairs[:, 1]]).all(axis=(1, 2, 3))
    found = []
    for key, severity, chosen, words, why in (
        (
            "identical",
            "high",
            exact,
            "have exactly the same pixels",
            "One of the two adds nothing, and in training and test at once it is memorised.",
        ),
        (
            "near",
            "medium",
            ~exact,
            "are nearly the same image",
            f"They differ by less than {NEARLY_IDENTICAL:g} of 255 grey levels on average.",
        ),
    ):
        if chosen.any():
            own = pairs[chosen]
            across = int((dataset.groups[own[:, 0]] != dataset.groups[own[:, 1]]).sum())
            where = (
                " Pairs of two lesions, which a split by lesion does not keep together: "
                f"{across:,}."
                if across
                else " All within one lesion, which a split by lesion keeps together."
            )
            title = (
                f"{len(own):,} pairs of images {words}" if len(own) > 1 else f"Two images {words}"
            )
            found.append(Finding(key, severity, title, why + where, pd.unique(own.ravel())))
    return found


def near_copies(images: np.ndarray) -> np.ndarray:
    """Pairs of images that differ by less than NEARLY_IDENTICAL grey levels on average: int64
    (m, 2), closest first.

    `images`: uint8 (n, 28, 28, 3). Looked for among the nearest neighbours of `image_features`.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(images) < 2:
        return np.empty((0, 2), dtype=np.int64)
    features = image_features(images)
    k = min(_CANDIDATES + 1, len(images))
    neighbours = (
        NearestNeighbors(n_neighbors=k, algorithm="brute")
        .fit(features)
        .kneighbors(return_distance=False, n_neighbors=k - 1)
    )
    rows = np.repeat(np.arange(len(images)), k - 1)
    pairs = np.unique(np.sort(np.column_stack([rows, neighbours.ravel()]), axis=1), axis=0).astype(
        np.int64
    )
    # two images that differ by d on average differ by at most d in the mean of any colour
    means = images.mean(axis=(1, 2), dtype=np.float32)
    pairs = pairs[np.abs(means[pairs[:, 0]] - means[pairs[:, 1]]).mean(axis=1) < NEARLY_IDENTICAL]
    differences = np.array(
        [np.abs(images[a].astype(np.int16) - images[b]).mean() for a, b in pairs]
    )
    close = differences < NEARLY_IDENTICAL if len(pairs) else np.empty(0, dtype=bool)
    return pairs[close][np.argsort(differences[close], kind="stable")]


def _contradicting_siblings(dataset: LesionDataset) -> list[Finding]:
    metadata, found = dataset.metadata, []
    for columns, severity, what, why in (
        (["dx"], "high", "diagnoses", "One of them is wrong: no model can be right about both."),
        (
            ["age", "sex", "localization", "dx_type"],
            "medium",
            "metadata",
            "Age, sex, site or way of diagnosis is not the same for all images of the lesion: at "
            "least one entry is wrong or missing.",
        ),
    ):
        differ = metadata[columns].groupby(dataset.groups).nunique(dropna=False).gt(1).any(axis=1)
        rows = np.flatnonzero(differ.to_numpy()[dataset.groups])
        if rows.size:
            n = int(differ.sum())
            title = f"{n:,} lesions have" if n > 1 else "1 lesion has"
            found.append(
                Finding(
                    f"contradicting {what}",
                    severity,
                    f"{title} contradicting {what}",
                    why,
                    _by_group(dataset, rows),
                )
            )
    return found


# ------------------------------------------------------------------------ gaps and words


def _unknown(dataset: LesionDataset) -> list[Finding]:
    metadata, found = dataset.metadata, []
    for key, severity, missing, what, why in (
        ("age", "medium", metadata["age"].isna(), "age", "They drop out of all that uses the age."),
        (
            "sex",
            "low",
            metadata["sex"] == "unknown",
            "sex",
            "No sex of its own: leave them out where sex counts.",
        ),
        (
            "site",
            "medium",
            metadata["localization"] == "unknown",
            "site",
            "No site of its own: leave them out where the site counts.",
        ),
    ):
        rows = np.flatnonzero(missing)
        if rows.size:
            shares = metadata["dx"].iloc[rows].value_counts()
            most = f" Most are {shares.index[0]} ({shares.iloc[0]:,})." if len(rows) > 1 else ""
            found.append(
                Finding(
                    f"unknown {key}",
                    severity,
                    f"{_images(rows.size)} without a known {what}",
                    why + most,
                    rows,
                )
            )
    return found


def _age_zero(dataset: LesionDataset) -> list[Finding]:
    rows = np.flatnonzero(dataset.metadata["age"] == 0)
    if not rows.size:
        return []
    return [
        Finding(
            "age zero",
            "medium",
            f"{_images(rows.size)} of patients aged 0",
            "A small child may be meant, or an age that nobody noted: the file does not tell. They "
            "pull means down: prefer medians, or leave them out.",
            rows,
        )
    ]


def _rounded_ages(dataset: LesionDataset) -> list[Finding]:
    ages = dataset.metadata["age"].dropna()
    step = next(
        (step for step in (10, 5) if len(ages) and (ages % step == 0).all() and ages.nunique() > 2),
        None,
    )
    if step is None:
        return []
    return [
        Finding(
            "rounded",
            "low",
            f"All ages are multiples of {step}",
            "They are known to within a few years at best: no age is worth more digits than that.",
            np.empty(0, dtype=np.int64),
        )
    ]


def _overlapping_sites(dataset: LesionDataset) -> list[Finding]:
    sites, found = dataset.metadata["localization"], []
    for whole, parts in _PARTS.items():
        rows, others = (
            np.flatnonzero(sites == whole),
            [part for part in parts if (sites == part).any()],
        )
        if rows.size and others:
            listed = f"{', '.join(others[:-1])} and {others[-1]}" if len(others) > 1 else others[0]
            found.append(
                Finding(
                    f"site {whole}",
                    "low",
                    f"{_images(rows.size)} at the site “{whole}”",
                    f"The word overlaps {listed}, which are sites too: counts by site cannot be "
                    "taken at their word.",
                    rows,
                )
            )
    return found


def _not_histopathology(dataset: LesionDataset) -> list[Finding]:
    metadata = dataset.metadata
    confirmed = (metadata["dx_type"] == "histo").to_numpy()
    rows = np.flatnonzero(~confirmed)
    if not rows.size or not confirmed.any():
        return []
    malignant = metadata["dx"].isin([c.code for c in CLASSES if c.malignant]).to_numpy()
    who = (
        "All malignant ones were; the" if malignant.any() and confirmed[malignant].all() else "The"
    )
    return [
        Finding(
            "not histopathology",
            "medium",
            f"{_images(rows.size)} not diagnosed by histopathology",
            f"{_percent(rows.size / dataset.n_images)} of all. {who} others rest on follow-up, "
            "consensus or confocal microscopy: lesions that nobody had reason to cut out, and "
            "labels that are less certain.",
            rows,
        )
    ]


def _left_out(dataset: LesionDataset) -> list[Finding]:
    if not dataset.notes:
        return []
    return [
        Finding(
            "left out",
            "medium",
            "Not all that the files hold could be used",
            " ".join(dataset.notes),
            np.empty(0, dtype=np.int64),
        )
    ]


def _several_sources(dataset: LesionDataset) -> list[Finding]:
    named = sources(dataset)
    if len(named) < 2:
        return []
    source = dataset.metadata[SOURCE_COLUMN]
    shares = dataset.metadata["dx"].groupby(source).value_counts(normalize=True)
    name, code = shares.drop("unknown", level=0, errors="ignore").idxmax()
    return [
        Finding(
            "sources",
            "medium",
            f"The images come from {len(named)} sources",
            f"Camera and clinic show in the pixels, and {_percent(shares[name, code])} of the "
            f"images of {name} are {code}: a model can learn the source instead of the lesion. The "
            "split by source measures what is left of a score at a clinic that training never "
            "saw.",
            np.empty(0, dtype=np.int64),
        )
    ]


def _small_classes(dataset: LesionDataset) -> list[Finding]:
    counts = np.bincount(dataset.labels, minlength=len(CODES))
    small = [
        i
        for i in np.argsort(counts, kind="stable")
        if 0 < counts[i] < SMALL_CLASS * dataset.n_images
    ]
    if not small:
        return []
    words = ", ".join(f"{CODES[i]} {counts[i]:,}" for i in small)
    plural = "classes have" if len(small) > 1 else "class has"
    return [
        Finding(
            "small classes",
            "medium",
            f"{len(small)} {plural} under {100 * SMALL_CLASS:.0f} % of the images",
            f"{words}. A tenth of {CODES[small[0]]} is a test of {round(counts[small[0]] / 10)} "
            "images: read such scores with their interval.",
            np.flatnonzero(np.isin(dataset.labels, small)),
        )
    ]


# ------------------------------------------------------------------------------- pixels


def _dark_corners(dataset: LesionDataset) -> list[Finding]:
    rows = np.flatnonzero(dark_corners(dataset.images) >= 2)
    if not rows.size:
        return []
    labels, n = dataset.labels, np.bincount(dataset.labels, minlength=len(CODES))
    shares = np.bincount(labels[rows], minlength=len(CODES)) / np.maximum(n, 1)
    most = int(shares.argmax())
    usual = int(n.argmax())
    versus = "" if most == usual else f", {_percent(shares[usual])} of {CODES[usual]}"
    return [
        Finding(
            "corners",
            "medium",
            f"{_images(rows.size)} with dark corners",
            f"The dermatoscope's rim, dark in two corners or more: {_percent(shares[most])} of "
            f"{CODES[most]}{versus}. A model can learn the rim instead of the lesion.",
            rows,
        )
    ]


def dark_corners(images: np.ndarray) -> np.ndarray:
    """How many of each image's corners (2x2 pixels) are darker than DARK_CORNER, int (n,), 0-4."""
    corners = [
        images[:, y, x].mean(axis=(1, 2, 3), dtype=np.float32)
        for y in (slice(2), slice(-2, None))
        for x in (slice(2), slice(-2, None))
    ]
    return (np.array(corners) < DARK_CORNER).sum(axis=0)


def _low_contrast(dataset: LesionDataset) -> list[Finding]:
    spread = dataset.images.mean(axis=3, dtype=np.float32).std(axis=(1, 2))
    rows = np.flatnonzero(spread < LOW_CONTRAST)
    if not rows.size:
        return []
    return [
        Finding(
            "contrast",
            "low",
            f"{_images(rows.size)} with hardly any contrast",
            f"Grey levels spread by less than {LOW_CONTRAST:g} of 255 (the median is "
            f"{np.median(spread):.0f}): pale or blurred lesions that 28x28 pixels barely show.",
            rows[np.argsort(spread[rows])],
        )
    ]


# -------------------------------------------------------------------------------- words


_CHECKS: tuple[Callable[[LesionDataset], list[Finding]], ...] = (
    _method_names_class,
    _several_images,
    _known_pairs,
    _copies,
    _contradicting_siblings,
    _not_histopathology,
    _several_sources,
    _left_out,
    _small_classes,
    _dark_corners,
    _unknown,
    _age_zero,
    _overlapping_sites,
    _rounded_ages,
    _low_contrast,
)


def _by_group(dataset: LesionDataset, rows: np.ndarray) -> np.ndarray:
    return rows[np.argsort(dataset.groups[rows], kind="stable")]


def _images(n: int) -> str:
    return f"{n:,} images" if n != 1 else "1 image"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
