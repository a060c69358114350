"""Scores by kind of patient and of image: where a run is better or worse than on the rest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ham.data import LesionDataset, lightness, mean_colors, method_in_words
from ham.data.hair import HAIRY
from ham.data.metadata import SOURCE_COLUMN
from ham.data.quality import DARK_CORNER, dark_corners
from ham.evaluation import (
    SCORES,
    SLICED,
    Answers,
    Interval,
    SliceScores,
    format_difference,
    format_score,
    intervals_record,
    slice_differences,
    slice_scores,
)
from ham.evaluation.metrics import MALIGNANT
from ham.report.comparison import Comparison
from ham.report.kept import kept_intervals
from ham.report.names import RunName
from ham.report.tables import unbroken
from ham.report.words import count
from ham.store import Predictions

#: Below, a slice is shown faint and nothing is said of it: lesions in all, and malignant or benign
#: ones where the score asks about these alone.
LEAST_LESIONS, LEAST_OF_A_SIDE = 30, 10
_AGES = (30, 40, 50, 60, 70, 80)  # years: where bands begin
_THIRDS = ("Darkest third", "Middle third", "Brightest third")
_UNKNOWN = "Not known"
_LISTED = 3  # differences of a run that are told in words
#: Why there is no slice by skin tone. Of 106,950 images in 21 public data sets 2,236 have a type.
SKIN_TONE = (
    "There is no score by skin tone: the data names none. Of the images in public sets of skin "
    "lesions 2 % have a skin type, and dark skin is substantially under-represented in them "
    "([Wen et al., Lancet Digital Health 2022](https://doi.org/10.1016/S2589-7500(21)00252-1))."
)


@dataclass(frozen=True, eq=False)
class Slicing:
    """One way to share the test images out."""

    key: str  # "age", "sex", "site", "method", "source", "brightness", "hair", "corners"
    title: str
    names: tuple[str, ...]  # of the slices, in their order
    of: np.ndarray  # int64 (n,), the slice of each image; every slice has one

    def word(self, s: int) -> str:
        """A slice's name within a sentence."""
        name = self.names[s]
        return name if self.key == "source" else name[:1].lower() + name[1:]


@dataclass(frozen=True)
class Slice:
    """What is in one slice."""

    name: str
    n_images: int
    n_lesions: int
    n_malignant: int  # images
    malignant_lesions: int

    def small(self, score: str) -> bool:
        """Whether it has too few lesions to say anything of this score, a key of SLICED."""
        sides = {
            "malignant_sensitivity": self.malignant_lesions,
            "malignant_specificity": self.n_lesions - self.malignant_lesions,
            "malignant_auc": min(self.malignant_lesions, self.n_lesions - self.malignant_lesions),
        }
        few = sides.get(score, LEAST_OF_A_SIDE) < LEAST_OF_A_SIDE
        return few or self.n_lesions < LEAST_LESIONS


@dataclass(frozen=True, eq=False)
class SlicedRuns:
    """Runs on the slices of their test images."""

    slicing: Slicing
    slices: tuple[Slice, ...]
    runs: dict[RunName, list[SliceScores]]
    #: Of every run but the first, within each slice its scores minus those of the first.
    minus_first: dict[RunName, list[dict[str, Interval]]]

    def told(self, score: str) -> list[int]:
        """The slices that are large enough for this score, in their order."""
        return [s for s, one in enumerate(self.slices) if not one.small(score)]

    def against_rest(self, score: str) -> list[int]:
        """Those of them whose difference to the rest is told: of two slices the second."""
        return [s for s in self.told(score) if s or len(self.slices) > 2]


# -------------------------------------------------------------------------------- ways


def slicings(
    dataset: LesionDataset, rows: np.ndarray, hair: np.ndarray | None = None
) -> dict[str, Slicing]:
    """The ways to share out these rows of the data set, by key; only those with two slices or
    more.

    `hair`: float (n,), `ham.data.hair.measure_hair` of their photographs, where it was done.
    """
    table, images = dataset.metadata.iloc[rows], dataset.images[rows]
    corners = dark_corners(images) >= 2
    ways = [
        _bands(table["age"].to_numpy()),
        _named("sex", "Sex", table["sex"], str.capitalize),
        _named("site", "Site", table["localization"], str.capitalize),
        _named("method", "Way of diagnosis", table["dx_type"], method_in_words),
        _thirds(lightness(mean_colors(images))),
        _slicing(
            "corners",
            "Dark corners",
            ["None or one", "Two or more"],
            corners.astype(np.int64),
        ),
    ]
    if SOURCE_COLUMN in table:
        ways.insert(4, _named("source", "Source", table[SOURCE_COLUMN], str))
    if hair is not None:
        ways.append(_slicing("hair", "Hair", ["Little or none", "Hair"], (hair >= HAIRY) * 1))
    return {way.key: way for way in ways if len(way.names) > 1}


def _slicing(key: str, title: str, names: Sequence[str], of: np.ndarray) -> Slicing:
    """Without the slices that no image is in."""
    there, numbers = np.unique(of, return_inverse=True)
    return Slicing(key, title, tuple(names[s] for s in there), numbers.astype(np.int64))


def _bands(ages: np.ndarray) -> Slicing:
    names = [
        f"Under {_AGES[0]}",
        *(f"{low} to {high - 1}" for low, high in itertools.pairwise(_AGES)),
        f"{_AGES[-1]} and over",
        _UNKNOWN,
    ]
    of = np.where(np.isnan(ages), len(_AGES) + 1, np.searchsorted(_AGES, ages, "right"))
    return _slicing("age", "Age", names, of)


def _named(key: str, title: str, column: pd.Series, word: Callable[[str], str]) -> Slicing:
    """A slice a value, the most frequent first and "unknown" last."""
    values = column.value_counts(sort=True).index.tolist()
    values.sort(key=lambda value: value == "unknown")
    place = {value: s for s, value in enumerate(values)}
    names = [_UNKNOWN if value == "unknown" else word(value) for value in values]
    return _slicing(key, title, names, column.map(place).to_numpy())


def _thirds(luma: np.ndarray) -> Slicing:
    limits = np.quantile(luma, (1 / 3, 2 / 3))
    return _slicing("brightness", "Brightness", _THIRDS, np.searchsorted(limits, luma, "left"))


#: What is behind the ways that are measured in the pixels.
MEASURED = {
    "brightness": "Mean brightness of the whole image, in three equal parts of the test images.",
    "corners": f"Corners of the image darker than {DARK_CORNER:g} of 255: the dermatoscope's rim.",
    "hair": f"Thin dark lines over {100 * HAIRY:g} % of the photograph or more: a rough measure, "
    "which takes some vessels and drawn lines for hair and misses fair hair.",
}


# ------------------------------------------------------------------------------ scores


def sliced(compared: Comparison, slicing: Slicing) -> SlicedRuns:
    """The runs' scores by slice; kept on disk. `slicing` is of the images of `compared.aligned`.

    Raises EvaluationError.
    """
    parts, n = compared.aligned, len(slicing.names)
    first, *others = compared.names
    runs, minus_first = {}, {}
    for name, part in parts.items():
        flat = kept_intervals(
            partial(_scored, part, slicing.of),
            "slices",
            *(part.y_true, part.proba, part.lesion, slicing.of),
        )
        alone, minus = _taken("of", flat, n), _taken("minus", flat, n)
        runs[name] = [SliceScores(*both) for both in zip(alone, minus, strict=True)]
    for name in others:
        ours, theirs = parts[name], parts[first]
        flat = kept_intervals(
            partial(_compared, ours, theirs, slicing.of),
            "differences of slices",
            *(ours.y_true, ours.proba, theirs.proba, ours.lesion, slicing.of),
        )
        minus_first[name] = _taken("of", flat, n)
    return SlicedRuns(slicing, tuple(_slices(compared, slicing)), runs, minus_first)


def _scored(part: Predictions, of: np.ndarray) -> dict[str, Interval]:
    found = slice_scores(Answers(part.y_true, part.proba, part.lesion), of)
    return _numbered("of", [one.scores for one in found]) | _numbered(
        "minus", [one.minus_rest for one in found]
    )


def _compared(ours: Predictions, theirs: Predictions, of: np.ndarray) -> dict[str, Interval]:
    answers = Answers(ours.y_true, ours.proba, ours.lesion)
    return _numbered("of", slice_differences(answers, theirs.proba, of))


def _slices(compared: Comparison, slicing: Slicing) -> Iterator[Slice]:
    part = compared.aligned[compared.names[0]]
    malignant = MALIGNANT[part.y_true]
    for s, name in enumerate(slicing.names):
        own = slicing.of == s
        lesions, of_malignant = (len(np.unique(part.lesion[m])) for m in (own, own & malignant))
        yield Slice(name, int(own.sum()), lesions, int(malignant[own].sum()), of_malignant)


def _numbered(kind: str, found: Sequence[dict[str, Interval]]) -> dict[str, Interval]:
    return {f"{key} {kind} {s}": one[key] for s, one in enumerate(found) for key in one}


def _taken(kind: str, flat: dict[str, Interval], n: int) -> list[dict[str, Interval]]:
    return [{key: flat[f"{key} {kind} {s}"] for key in SLICED} for s in range(n)]


# ------------------------------------------------------------------------------- words


def slices_in_words(found: SlicedRuns, score: str) -> dict[RunName, str]:
    """Of each run, on which slices its score differs from that on all other test images by more
    than chance.
    """
    return {name: _stand_out(found, name, score) for name in found.runs}


def _stand_out(found: SlicedRuns, name: RunName, score: str) -> str:
    differences = {s: found.runs[name][s].minus_rest[score] for s in found.against_rest(score)}
    sure = sorted(
        (s for s, one in differences.items() if _sure(one)),
        key=lambda s: -abs(differences[s].value),
    )
    word = SCORES[score].word
    if not sure:
        return f"on no slice does {word} differ from that on the rest beyond chance."
    listed = [
        f"{found.slicing.word(s)} {format_difference(score, differences[s])}"
        for s in sure[:_LISTED]
    ]
    more = f"; and {count(len(sure) - _LISTED, 'more slice')}" if len(sure) > _LISTED else ""
    rest = found.slicing.word(0) if len(found.slices) == 2 else "all other test images"
    return f"{word}, against {rest}: {'; '.join(listed)}{more}."


def better_in_words(found: SlicedRuns, score: str) -> dict[RunName, str]:
    """Of each run but the first, within which slices it is better or worse than the first by more
    than chance.
    """
    first = next(iter(found.runs)).short
    said = {}
    for name, of_slices in found.minus_first.items():
        sure = [s for s in found.told(score) if _sure(of_slices[s][score])]
        parts = []
        for word, sign in (("better", 1), ("worse", -1)):
            listed = [found.slicing.word(s) for s in sure if sign * of_slices[s][score].value > 0]
            parts.append(f"{word} for {', '.join(listed)}" if listed else f"{word} for none")
        said[name] = f"against {first} beyond chance {'; '.join(parts)}."
    return said


def by_chance_in_words(found: SlicedRuns, score: str) -> str:
    """How many of the differences to the rest would pass for one by chance."""
    tried = [
        found.runs[name][s].minus_rest[score]
        for name in found.runs
        for s in found.against_rest(score)
        if found.runs[name][s].minus_rest[score].has_width
    ]
    return (
        f"{count(len(tried), 'difference was', 'differences were')} looked at, each with its own "
        f"95 % interval: without any true one, about {max(1, round(len(tried) / 20))} in "
        f"{max(20, len(tried))} would still seem one."
    )


def _sure(found: Interval) -> bool:
    return found.has_width and (found.low > 0 or found.high < 0)


# ------------------------------------------------------------------- tables, CSV, JSON


def slice_table(found: SlicedRuns, score: str) -> pd.DataFrame:
    """A row a slice: images, lesions, malignant images, and of each run the score with its
    interval.
    """
    rows = {}
    for s, one in enumerate(found.slices):
        few = " (too few)" if one.small(score) else ""
        rows[one.name + few] = {
            "Images": one.n_images,
            "Lesions": one.n_lesions,
            "Malignant": one.n_malignant,
            **{
                name.short: unbroken(format_score(score, of_run[s].scores[score]))
                for name, of_run in found.runs.items()
            },
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(found.slicing.title)


def slices_csv(every: Sequence[SlicedRuns]) -> str:
    """Columns by, slice, n_images, n_lesions, n_malignant, malignant_lesions, letter, title, score,
    value, low, high, and minus_rest, minus_first with the limits of both.
    """
    rows = []
    for found in every:
        for s, one in enumerate(found.slices):
            for name, of_run in found.runs.items():
                differences = {"minus_rest": of_run[s].minus_rest}
                if name in found.minus_first:
                    differences["minus_first"] = found.minus_first[name][s]
                rows += [
                    {
                        "by": found.slicing.key,
                        "slice": one.name,
                        "n_images": one.n_images,
                        "n_lesions": one.n_lesions,
                        "n_malignant": one.n_malignant,
                        "malignant_lesions": one.malignant_lesions,
                        "letter": name.letter,
                        "title": name.title,
                        "score": score,
                        **vars(of_run[s].scores[score]),
                        **_limits(differences, score),
                    }
                    for score in SLICED
                ]
    return pd.DataFrame(rows).to_csv(index=False)


def _limits(differences: dict[str, dict[str, Interval]], score: str) -> dict[str, float]:
    return {
        name + suffix: getattr(found[score], field)
        for name, found in differences.items()
        for suffix, field in (("", "value"), ("_low", "low"), ("_high", "high"))
    }


def slices_record(compared: Comparison, every: Sequence[SlicedRuns]) -> list[dict[str, Any]]:
    """JSON-ready, an entry a way: see docs/report-schema.md."""
    ids = {name: one.run.id for name, one in compared.reports.items()}
    return [
        {
            "by": found.slicing.key,
            "title": found.slicing.title,
            "slices": [
                {
                    "name": one.name,
                    "n_images": one.n_images,
                    "n_lesions": one.n_lesions,
                    "n_malignant": one.n_malignant,
                    "malignant_lesions": one.malignant_lesions,
                    "runs": [
                        {
                            "run": ids[name],
                            "scores": intervals_record(of_run[s].scores),
                            "minus_rest": intervals_record(of_run[s].minus_rest),
                            "minus_first": intervals_record(found.minus_first[name][s])
                            if name in found.minus_first
                            else None,
                        }
                        for name, of_run in found.runs.items()
                    ],
                }
                for s, one in enumerate(found.slices)
            ],
        }
        for found in every
    ]
