"""What if the photograph were a little different: changed as a camera, a lamp or a hand would
change it, asked again, and how little it takes to change the answer.

Geometry first, then blur, light and rim: the lesion is turned before the lens sees it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageFilter

from ham.config import ConfigError
from ham.images import squash
from ham.prediction.predictor import Asked

MAX_SIDE = 240  # pixels of the longer side that a change works on
STEPS = 21  # of a curve
_RIM_EDGE = 0.04  # of half the diagonal: over which the rim gets dark


@dataclass(frozen=True)
class Slider:
    """One way of changing a photograph, for people and for the slider that does it."""

    label: str
    help: str
    low: float
    high: float
    step: float
    neutral: float
    unit: str  # behind the number
    signed: bool  # whether a number above 0 has its sign
    name: str = ""  # of the field of Change

    def in_words(self, value: float) -> str:
        """ "+20 %", "1.25 times"."""
        shown = f"{value:+g}" if self.signed and value else f"{value:g}"
        return shown.replace("-", "\N{MINUS SIGN}") + self.unit


def _slider(
    label: str,
    help: str,
    low: float,
    high: float,
    step: float,
    neutral: float = 0.0,
    unit: str = " %",
    signed: bool = False,
) -> Any:
    slider = Slider(label, help, low, high, step, neutral, unit, signed)
    return field(default=neutral, metadata={"slider": slider})


@dataclass(frozen=True)
class Change:
    """How a photograph is changed; by default not at all. Raises ConfigError out of range."""

    brightness: float = _slider(
        "Brightness", "Every colour times so much more or less.", -50, 50, 5, signed=True
    )
    warmth: float = _slider(
        "Colour balance",
        "Red times so much more and blue so much less: above 0 is warmer light.",
        -30,
        30,
        2,
        signed=True,
    )
    blur: float = _slider(
        "Blur",
        "Out of focus: standard deviation of a Gaussian blur, of the shorter side. A pixel that "
        "the models see is 3.6 %.",
        0,
        10,
        0.5,
    )
    rotation: float = _slider(
        "Rotation",
        "Turned anticlockwise; what comes in at the corners is mirrored.",
        -180,
        180,
        5,
        unit="°",
        signed=True,
    )
    zoom: float = _slider(
        "Zoom",
        "Larger by so much; below 1 the picture is mirrored around itself.",
        0.7,
        2.0,
        0.05,
        neutral=1.0,
        unit=" times",
    )
    rim: float = _slider(
        "Dark rim",
        "The dark ring of a dermatoscope: so much of the way from the corners to the middle.",
        0,
        60,
        2,
    )

    def __post_init__(self) -> None:
        for name, slider in SLIDERS.items():
            value = getattr(self, name)
            if not slider.low <= value <= slider.high:
                raise ConfigError(
                    f"{name} = {value}",
                    f"it must be from {slider.low:g} to {slider.high:g}.",
                    "Choose a number between them.",
                )

    @property
    def is_none(self) -> bool:
        return self == Change()


class AskedByKey(Asked, Protocol):
    """What is asked, told from others, so that its answers can be kept."""

    def __hash__(self) -> int: ...


#: By the names of Change's fields, in their order.
SLIDERS: dict[str, Slider] = {
    entry.name: dataclasses.replace(entry.metadata["slider"], name=entry.name)
    for entry in fields(Change)
}


@dataclass(frozen=True)
class Flip:
    """The smallest change of one slider that changes a run's answer."""

    value: float  # of the slider
    before: int  # the class named without it, index in CLASSES
    after: int


@dataclass(frozen=True, eq=False)
class Curve:
    """What runs answer along one slider, all else as it is."""

    slider: Slider
    values: np.ndarray  # float64 (steps,), ascending
    present: int  # the step where the slider stands
    proba: np.ndarray  # float64 (runs, steps, 7), calibrated where a run has a temperature

    @property
    def labels(self) -> np.ndarray:
        """The class that each run names at each step, int64 (runs, steps)."""
        return self.proba.argmax(axis=2)

    def smallest_flip(self, run: int) -> Flip | None:
        """The step nearest to the present one at which the run names another class; None where
        none does. Of two as near, the lower value.
        """
        labels = self.labels[run]
        other = np.flatnonzero(labels != labels[self.present])
        if not len(other):
            return None
        away = np.abs(self.values[other] - self.values[self.present])
        step = other[np.argmin(away)]
        return Flip(float(self.values[step]), int(labels[self.present]), int(labels[step]))


def changed_picture(picture: np.ndarray, change: Change) -> np.ndarray:
    """The photograph changed, uint8 (h, w, 3), its longer side at most MAX_SIDE.

    `picture`: uint8 (h, w, 3), as `CheckedImage.original`.
    """
    return np.asarray(_changed(_small(picture), change))


def changed_pixels(picture: np.ndarray, change: Change) -> np.ndarray:
    """What the models see of the photograph changed, uint8 (28, 28, 3)."""
    return squash(_changed(_small(picture), change))


def along(
    picture: np.ndarray,
    change: Change,
    name: str,
    predictors: Sequence[AskedByKey],
    steps: int = STEPS,
) -> Curve:
    """What the runs answer while one slider goes from end to end, the others as `change` has
    them; with a step more for where the slider stands, unless it is one of them.

    The steps are kept for a while: to move the slider itself costs one answer.
    """
    slider, value = SLIDERS[name], float(getattr(change, name))
    others = dataclasses.replace(change, **{name: slider.neutral})
    small = _Small.of(_small(picture))
    values = np.linspace(slider.low, slider.high, steps)
    proba = np.stack([_answers(one, small, others, name, steps) for one in predictors])
    present = int(np.abs(values - value).argmin())
    if not np.isclose(values[present], value):
        present = int(np.searchsorted(values, value))
        seen = squash(_changed(small.image, change))[np.newaxis]
        here = [one.rule.calibrated(one.proba(seen)) for one in predictors]
        values = np.insert(values, present, value)
        proba = np.insert(proba, present, np.stack(here)[:, 0], axis=1)
    return Curve(slider, values, present, proba)


@dataclass(frozen=True)
class _Small:
    """A small photograph as a key: equal pixels are the same one."""

    size: tuple[int, int]
    pixels: bytes
    image: Image.Image = field(compare=False)

    @classmethod
    def of(cls, image: Image.Image) -> _Small:
        return cls(image.size, image.tobytes(), image)


@functools.lru_cache(maxsize=64)
def _answers(asked: AskedByKey, small: _Small, others: Change, name: str, steps: int) -> np.ndarray:
    """float64 (steps, 7)."""
    return asked.rule.calibrated(asked.proba(_along(small, others, name, steps)))


@functools.lru_cache(maxsize=16)
def _along(small: _Small, others: Change, name: str, steps: int) -> np.ndarray:
    """What is seen at each step, uint8 (steps, 28, 28, 3)."""
    slider = SLIDERS[name]
    changes = [
        dataclasses.replace(others, **{name: float(value)})
        for value in np.linspace(slider.low, slider.high, steps)
    ]
    return np.stack([squash(_changed(small.image, change)) for change in changes])


# ------------------------------------------------------------------------- one after another


def _small(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return image


def _changed(image: Image.Image, change: Change) -> Image.Image:
    if change.rotation % 360 or change.zoom != 1:
        image = _turned(image, math.radians(change.rotation), change.zoom)
    if change.blur:
        radius = change.blur / 100 * min(image.size)
        image = image.filter(ImageFilter.GaussianBlur(radius))
    if change.brightness or change.warmth:
        image = _lit(image, 1 + change.brightness / 100, change.warmth / 100)
    if change.rim:
        dark = _rim(image.size, change.rim / 100)
        image = Image.fromarray((np.asarray(image) * dark).astype(np.uint8))
    return image


def _turned(image: Image.Image, angle: float, zoom: float) -> Image.Image:
    """Around the middle; beyond its borders the picture is mirrored."""
    width, height = image.size
    pad = max(math.ceil(math.hypot(width, height) / 2 / zoom - min(width, height) / 2), 0) + 2
    edges = (pad, pad), (pad, pad), (0, 0)
    mirrored = Image.fromarray(np.pad(np.asarray(image), edges, mode="symmetric"))
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    # where each pixel comes from: source = matrix (x, y), the middle on the middle
    across = width / 2 + pad - cos * width / 2 + sin * height / 2
    down = height / 2 + pad - sin * width / 2 - cos * height / 2
    return mirrored.transform(
        image.size,
        Image.Transform.AFFINE,
        (cos, -sin, across, sin, cos, down),
        Image.Resampling.BILINEAR,
    )


def _lit(image: Image.Image, brightness: float, warmth: float) -> Image.Image:
    factors = (brightness * (1 + warmth), brightness, brightness * (1 - warmth))
    return image.point([min(255, round(factor * v)) for factor in factors for v in range(256)])


def _rim(size: tuple[int, int], rim: float) -> np.ndarray:
    """What every pixel is multiplied by, float32 (h, w, 1)."""
    width, height = size
    x = np.arange(width, dtype=np.float32) + 0.5 - width / 2
    y = np.arange(height, dtype=np.float32) + 0.5 - height / 2
    half = math.hypot(width, height) / 2
    away = np.hypot(x, y[:, np.newaxis]) / half
    return np.clip((1 - rim + _RIM_EDGE - away) / _RIM_EDGE, 0, 1)[..., np.newaxis]
