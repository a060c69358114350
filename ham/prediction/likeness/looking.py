"""Lesion seen by a dermatoscope, or anything else: told from the features of a small network.

The square roots of a picture's 1,280 features (`network`) go two ways: a softmax regression
weighs lesions against what else people drop, and what is left beyond the leading principal
components of the training images says how far it is from all of these. Pictures of few pixels,
as a pixel CSV has them, have a regression of their own: enlarged, everything is smooth. Flat,
even and grey pictures are told without (`plain`).

Fitted by benchmarks/build_gate.py to the training part of HAM10000 and to drawn and shipped
pictures of other things; the bars are set on the validation part. BENCHMARKS.md says how often it
is right.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ham import io
from ham.config import StoreError
from ham.prediction.likeness import network
from ham.prediction.likeness.plain import plain_kind

FILE = Path(__file__).parent / "weights.npz"
BATCH = 8  # pictures a call of the network takes at once
FEW_PIXELS = 64  # shorter side of what is weighed as a small picture
NOT_OK = 0.01  # a score is at least so far below 0 where another measure stops the picture
#: Columns of the regressions after the first, "lesion".
OTHERS = ("even", "noise", "drawing", "photo", "medical")
#: What a picture is or looks like instead.
REASONS = {
    "flat": "it is one flat colour",
    "even": "it is almost even: there is nothing to see in it",
    "grey": "it is grey; the models learned from colour images",
    "noise": "it looks like noise or a pattern",
    "drawing": "it looks like text, a drawing or a screenshot",
    "photo": "it looks like a photograph of something else",
    "medical": "it looks like another kind of medical image",
    "far": "it is far from every image that the models learned from",
}


@dataclass(frozen=True)
class Likeness:
    """Whether a picture looks like the dermatoscopic photographs that the models learned from."""

    ok: bool
    reason: str | None  # where it does not: one of REASONS
    score: float  # log-odds of a lesion above the bar; negative where it is not ok


@dataclass(frozen=True, eq=False)
class Weighing:
    """What features, float (n, 1280), tell of pictures of one kind of size."""

    weights: np.ndarray  # float (1280, 6), columns "lesion" and OTHERS
    intercepts: np.ndarray  # float (6,)
    bar: float  # log-odds of "lesion" at the least
    mean: np.ndarray  # float (1280,), of the training images, as are
    spread: np.ndarray  # float (1280,), standard deviations, and
    components: np.ndarray  # float (k, 1280): leading principal ones, orthonormal
    farthest: float  # length of what they leave, at the most

    def log_odds(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of "lesion", (n,), and the likeliest of OTHERS, index (n,)."""
        logits = features @ self.weights + self.intercepts
        others = logits[:, 1:]
        largest = others.max(axis=1)
        either = largest + np.log(np.exp(others - largest[:, None]).sum(axis=1))
        return logits[:, 0] - either, others.argmax(axis=1)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Length of what the principal components leave, (n,)."""
        standard = (features - self.mean) / self.spread
        return np.linalg.norm(standard - standard @ self.components.T @ self.components, axis=1)

    def kinds(self, features: np.ndarray) -> tuple[list[str | None], np.ndarray]:
        """What each looks like instead of a lesion, or None; log-odds above the bar, (n,)."""
        log_odds, other = self.log_odds(features)
        far = self.distances(features) > self.farthest
        above = log_odds - self.bar
        return [
            OTHERS[other[i]] if above[i] < 0 else "far" if far[i] else None
            for i in range(len(features))
        ], above


class Gate:
    """Loaded and ready; may be shared between threads.

    Raises StoreError where its file is missing or damaged.
    """

    def __init__(self, path: Path = FILE):
        weights, self._whole, self._small = read(path)
        self._network = network.compiled(weights)
        self._lock = threading.Lock()

    def look(self, pictures: Sequence[np.ndarray]) -> list[Likeness]:
        """An answer for each picture, uint8 (h, w, 3), RGB, of any size."""
        answers: list[Likeness] = []
        for start in range(0, len(pictures), BATCH):
            part = pictures[start : start + BATCH]
            features = self.features([fitted(picture) for picture in part])
            whole, small = (by.kinds(features) for by in (self._whole, self._small))
            for i, picture in enumerate(part):
                kinds, above = small if is_small(picture) else whole
                answers.append(_answer(plain_kind(picture), kinds[i], float(above[i])))
        return answers

    def features(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """uint8 (224, 224, 3) each -> float32 (n, 1280): square roots of the network's
        features.
        """
        with self._lock:
            return np.sqrt(np.asarray(self._network(np.stack(pictures))))


def _answer(plain: str | None, told: str | None, above: float) -> Likeness:
    kind = plain or told
    if plain == "grey" and told == "drawing":  # black on white: that it is text says more
        kind = told
    if kind is None:
        return Likeness(True, None, above)
    return Likeness(False, REASONS[kind], min(above, -NOT_OK))


@functools.cache
def _only() -> Gate:
    return Gate()


_loading = threading.Lock()


def gate() -> Gate:
    """The one that ships, loaded at the first call: about a second, once TensorFlow is there.
    Raises StoreError.
    """
    with _loading:
        return _only()


def is_small(picture: np.ndarray) -> bool:
    """So few pixels that it is blurred when enlarged, as those of a pixel CSV are."""
    return min(picture.shape[:2]) < FEW_PIXELS


def fitted(picture: np.ndarray) -> np.ndarray:
    """As the network takes it: squashed to a square, uint8 (224, 224, 3)."""
    side = (network.SIDE, network.SIDE)
    return np.asarray(
        Image.fromarray(picture).resize(side, Image.Resampling.BICUBIC, reducing_gap=2.0)
    )


def read(path: Path) -> tuple[Mapping[str, np.ndarray], Weighing, Weighing]:
    """The network's weights by name, how whole pictures are weighed and how small ones. Raises
    StoreError.
    """
    what, todo = f"The gate's file {path}", "Install HAM Lab again: it comes with it."
    try:
        arrays = {name: a.astype(np.float32) for name, a in io.read_arrays(path).items()}
        weights = {name: arrays[name].reshape(shape) for name, shape in network.shapes().items()}
        return weights, _weighing(arrays, "whole"), _weighing(arrays, "small")
    except OSError as error:
        raise StoreError(what, f"it cannot be read ({error.strerror or error}).", todo) from error
    except io.DAMAGED as error:
        raise StoreError(what, f"it is damaged ({str(error)[:200]}).", todo) from error


def _weighing(arrays: Mapping[str, np.ndarray], size: str) -> Weighing:
    n, columns = network.FEATURES, 1 + len(OTHERS)
    return Weighing(
        arrays[f"{size}_weights"].reshape(n, columns),
        arrays[f"{size}_intercepts"].reshape(columns),
        float(arrays[f"{size}_bar"]),
        arrays[f"{size}_mean"].reshape(n),
        arrays[f"{size}_spread"].reshape(n),
        arrays[f"{size}_components"].reshape(-1, n),
        float(arrays[f"{size}_farthest"]),
    )
