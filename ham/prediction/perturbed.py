"""Test images changed as cameras, lamps and hands change them, ten ways at three strengths each,
or with their rows, columns or pixels in another order, and what a run answers then.

It is done to the 28x28 pixels that the models see, and asked by one view of an image: seconds a run
instead of minutes. How brightness
and colour balance, blur, rotation, zoom and rim change is `ham.prediction.changes`.
"""

from __future__ import annotations

import functools
import hashlib
import io as memory
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from ham import io, store
from ham.config import N_CLASSES, cache_folder
from ham.io import Report
from ham.prediction.changes import Change, changed_pixels

STRENGTHS = 3
_VERSION = 1  # raised when a perturbation changes
_BATCH = 250

Answers = dict[str, np.ndarray]
_WHAT = "the answers to changed images"
Changed = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


class OneView(Protocol):
    """What is asked: a Predictor."""

    def one_view(self, images: np.ndarray) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7)."""


@dataclass(frozen=True)
class Perturbation:
    """One way of changing images: `change(image, strength, rng)`, uint8 (28, 28, 3) to the same."""

    title: str
    help: str
    strengths: tuple[float, ...]  # from mild to strong
    unit: str  # behind the number
    change: Changed

    @property
    def levels(self) -> range:
        return range(1, len(self.strengths) + 1)

    def in_words(self, level: int) -> str:
        """ "−30 %", of one of `levels`."""
        shown = f"{self.strengths[level - 1]:g}".replace("-", "\N{MINUS SIGN}")
        return shown + self.unit


def _by_slider(name: str) -> Changed:
    def change(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        return changed_pixels(image, Change(**{name: strength}))

    return change


def _contrast(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    middle = image.mean(axis=(0, 1))
    return _levels(middle + (image - middle) * (1 + strength / 100))


def _noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _levels(image + rng.normal(0, strength, image.shape))


def _jpeg(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    file = memory.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(strength))
    return np.asarray(Image.open(file).convert("RGB"))


def _hidden(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    size = len(image)
    half = round(size * strength / 200)
    around = slice(size // 2 - half, size // 2 + half)
    changed = image.copy()
    changed[around, around] = image.mean(axis=(0, 1)).round()
    return changed


def _shuffled_rows(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return image[rng.permutation(len(image))]


def _shuffled_columns(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return image[:, rng.permutation(image.shape[1])]


def _shuffled_pixels(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    pixels = image.reshape(-1, image.shape[2])
    return pixels[rng.permutation(len(pixels))].reshape(image.shape)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


PERTURBATIONS: dict[str, Perturbation] = {
    "brightness": Perturbation(
        "Darker", "Every colour so much less.", (-15, -30, -45), " %", _by_slider("brightness")
    ),
    "contrast": Perturbation(
        "Less contrast", "Nearer to the image's mean colour.", (-20, -40, -60), " %", _contrast
    ),
    "warmth": Perturbation(
        "Warmer light", "Red so much more, blue so much less.", (8, 16, 24), " %",
        _by_slider("warmth"),
    ),
    "blur": Perturbation(
        "Blur", "Standard deviation of a Gaussian blur, of the side; a pixel is 3.6 %.",
        (2, 4, 8), " %", _by_slider("blur"),
    ),
    "noise": Perturbation(
        "Noise", "Standard deviation of noise, of 255 levels.", (5, 10, 20), " levels", _noise
    ),
    "jpeg": Perturbation(
        "JPEG", "Stored as a JPEG of this quality at 28x28.", (75, 50, 25), "", _jpeg
    ),
    "rotation": Perturbation(
        "Rotation", "Turned; what comes in is mirrored.", (15, 45, 90), "°", _by_slider("rotation")
    ),
    "zoom": Perturbation(
        "Zoom", "Larger by so much.", (1.1, 1.3, 1.6), " times", _by_slider("zoom")
    ),
    "rim": Perturbation(
        "Dark rim", "The dark ring of a dermatoscope, so far to the middle.", (15, 30, 45), " %",
        _by_slider("rim"),
    ),
    "hidden": Perturbation(
        "Hidden centre", "A square of the mean colour over the middle, of the side.", (20, 40, 60),
        " %", _hidden,
    ),
}  # fmt: skip


#: What is left where the arrangement is gone, step by step: every image has the colours it had.
SHUFFLES: dict[str, Perturbation] = {
    "rows": Perturbation(
        "Rows shuffled", "Each row as it is, the rows in another order.", (1,), "", _shuffled_rows
    ),
    "columns": Perturbation(
        "Columns shuffled", "Each column as it is, the columns in another order.", (1,), "",
        _shuffled_columns,
    ),
    "pixels": Perturbation(
        "All pixels shuffled", "The same pixels anywhere: only the colours are left.", (1,), "",
        _shuffled_pixels,
    ),
}  # fmt: skip
WAYS = PERTURBATIONS | SHUFFLES


def perturbed_images(images: np.ndarray, name: str, level: int) -> np.ndarray:
    """uint8 (n, 28, 28, 3) changed by WAYS[name] at one of its levels; the same each time, and an
    image is changed in the same way whatever stands beside it: what is random has a seed made of
    its pixels.
    """
    way = WAYS[name]
    strength = way.strengths[level - 1]
    return np.stack(
        [way.change(image, strength, np.random.default_rng(_seed(image))) for image in images]
    )


def _seed(image: np.ndarray) -> int:
    return int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:8])


def perturbed_answers(
    runs: Sequence[store.Run],
    load: Callable[[store.Run], OneView],
    images: np.ndarray,
    report: Report | None = None,
    ways: Mapping[str, Perturbation] = PERTURBATIONS,
) -> list[Answers]:
    """What each run answers to these images as they are (place 0) and changed at each level, by
    the names of `ways`, some of WAYS: float32 (1 + levels, n, 7); from one view of an image,
    whatever the run does otherwise.

    Kept on disk by model and pixels; only what is not there is loaded and asked. May raise what
    `load` raises and, where `report` does, Stopped.
    """
    paths = [cache_folder() / "perturbed" / f"{_key(run, images, ways)}.npz" for run in runs]
    found = [
        io.read_kept(path, lambda path: _read(path, len(images), ways), _WHAT) for path in paths
    ]
    missing = [place for place, one in enumerate(found) if one is None]
    if missing:
        asked = _ask([load(runs[place]) for place in missing], images, ways, report)
        for place, answers in zip(missing, asked, strict=True):
            found[place] = answers
            io.keep(paths[place], functools.partial(_write, answers), _WHAT)
    return [one for one in found if one is not None]


def _key(run: store.Run, images: np.ndarray, ways: Mapping[str, Perturbation]) -> str:
    model = run.record.model
    of_model = f"{_VERSION} {model.sha256 if model else run.id} {' '.join(ways)}"
    found = hashlib.sha256(of_model.encode())
    found.update(run.config.fingerprint.encode())
    found.update(np.ascontiguousarray(images).tobytes())
    return found.hexdigest()[:32]


def _read(path: Path, n: int, ways: Mapping[str, Perturbation]) -> Answers:
    found = io.read_arrays(path, 256 * 2**20)
    if {kind: one.shape for kind, one in found.items()} != _shapes(n, ways):
        raise ValueError("it holds other answers")
    return found


def _write(answers: Answers, draft: Path) -> None:
    io.write_arrays(draft, answers)


def _shapes(n: int, ways: Mapping[str, Perturbation]) -> dict[str, tuple[int, int, int]]:
    return {kind: (1 + len(way.levels), n, N_CLASSES) for kind, way in ways.items()}


def _ask(
    models: Sequence[OneView],
    images: np.ndarray,
    ways: Mapping[str, Perturbation],
    report: Report | None,
) -> list[Answers]:
    """Every change is made once and asked about by all models."""
    shapes = _shapes(len(images), ways)
    found = [{kind: np.zeros(shapes[kind], np.float32) for kind in ways} for _ in models]
    parts = [slice(start, start + _BATCH) for start in range(0, len(images), _BATCH)]
    done, total = 0, len(parts) * (1 + sum(len(way.levels) for way in ways.values()))
    for part in parts:
        for model, answers in zip(models, found, strict=True):
            as_it_is = model.one_view(images[part])
            for kind in ways:
                answers[kind][0, part] = as_it_is
        done += 1
        for kind, way in ways.items():
            for level in way.levels:
                if report is not None:
                    report(done, total, way.title)
                changed = perturbed_images(images[part], kind, level)
                for model, answers in zip(models, found, strict=True):
                    answers[kind][level, part] = model.one_view(changed)
                done += 1
    return found
