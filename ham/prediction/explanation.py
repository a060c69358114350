"""Why a run answers what it answers: which places of the image its answer rests on.

Every map stands beside the same map of the same architecture with random weights, and beside a
number: how far the run's probability falls when the brightest tenth of the map is hidden, against
a tenth that nobody chose. A map that says nothing moves the answer no further than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ham.config import CLASSES, N_CLASSES
from ham.prediction.gradients import grad_cam, why_no_grad_cam
from ham.prediction.hiding import (
    brightest_tenth,
    hide,
    patches,
    random_tenths,
    row_bands,
    shares,
)
from ham.prediction.predictor import Asked, Predictor
from ham.prediction.untrained import random_weights

_AT_ONCE = 32  # images asked before another thread may ask


@dataclass(frozen=True)
class Falls:
    """How far the run's probability falls when a tenth of the image is hidden, -1 to 1; NaN of a
    map that is the same everywhere and has no brightest tenth.
    """

    brightest: float  # of the run's own map
    random_weights: float  # the brightest tenth of the map of random weights
    random_tenth: float  # mean over RANDOM_TENTHS that nobody chose


@dataclass(frozen=True, eq=False)
class Evidence:
    """One way of showing what an answer rests on, float32 (28, 28) or by row (28,)."""

    trained: np.ndarray
    random_weights: np.ndarray  # the same way, of the same architecture with random weights
    falls: Falls


@dataclass(frozen=True, eq=False)
class Reasons:
    """What a probability rests on. Occlusion and rows: how far it falls when the place is hidden,
    -1 to 1. Grad-CAM: 0 to 1, without a unit.
    """

    probability: float
    occlusion: Evidence
    grad_cam: Evidence | None
    rows: Evidence | None  # of a model that reads row by row


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a run answers what it answers on one image; calibrated where the run has a
    temperature.
    """

    run_id: str
    label: int  # the class named, index in CLASSES
    named: Reasons  # for the class named
    malignant: Reasons  # for the malignant classes together
    no_grad_cam: str  # why there is none; ""


def class_target(label: int) -> np.ndarray:
    """One class to be asked about, bool (7,)."""
    return np.arange(N_CLASSES) == label


def malignant_target() -> np.ndarray:
    """The malignant classes together, bool (7,)."""
    return np.array([c.malignant for c in CLASSES])


def explain(predictor: Predictor, seen: np.ndarray) -> Explanation:
    """All of it for one image, uint8 (28, 28, 3)."""
    proba = _calibrated(predictor, seen[np.newaxis])[0]
    label = int(proba.argmax())
    targets = np.stack([class_target(label), malignant_target()])
    both = predictor, random_weights(predictor)
    why_not = why_no_grad_cam(predictor)

    maps = [[occlusion_maps(one, seen, targets) for one in both]]
    if not why_not:
        maps.append([grad_cam(one, seen, targets) for one in both])
    occlusion, *gradients = _judged(predictor, seen, targets, maps)
    rows = []
    if len(predictor.architecture.input_shape) == 2:
        bars = [[row_weights(one, seen, targets) for one in both]]
        rows = _judged(predictor, seen, targets, bars)
    named, malignant = (
        Reasons(
            float(proba[target].sum()),
            occlusion[i],
            gradients[0][i] if gradients else None,
            rows[0][i] if rows else None,
        )
        for i, target in enumerate(targets)
    )
    return Explanation(predictor.run_id, label, named, malignant, why_not)


def occlusion_maps(asked: Asked, seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each target's probability falls when what is around a pixel is hidden, float32
    (t, 28, 28), -1 to 1: mean over the patches that cover it, then over their sizes.

    `targets`: bool (t, 7). Zeiler, Fergus, ECCV 2014, with blurred surroundings for grey squares.
    """
    found = falls(asked, seen, patches(), targets) @ shares("patches").T
    return found.reshape(len(targets), *seen.shape[:2])


def row_weights(asked: Asked, seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each target's probability falls when a row of the image is hidden, float32
    (t, 28): mean over bands of ROW_HEIGHTS.
    """
    return falls(asked, seen, row_bands(), targets) @ shares("rows").T


def falls(asked: Asked, seen: np.ndarray, places: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each target's probability falls when each of the places is hidden, float32 (t, n),
    -1 to 1.

    `places`: bool (n, 28, 28); `targets`: bool (t, 7).
    """
    images = np.concatenate([seen[np.newaxis], hide(seen, places)])
    proba = targets.astype(np.float64) @ _calibrated(asked, images).T
    return (proba[:, :1] - proba[:, 1:]).astype(np.float32)


def _calibrated(asked: Asked, images: np.ndarray) -> np.ndarray:
    """float64 (n, 7)."""
    parts = [
        asked.proba(images[start : start + _AT_ONCE]) for start in range(0, len(images), _AT_ONCE)
    ]
    return asked.rule.calibrated(np.concatenate(parts))


def _judged(
    predictor: Asked,
    seen: np.ndarray,
    targets: np.ndarray,
    ways: Sequence[Sequence[np.ndarray]],
) -> list[list[Evidence]]:
    """Each way of showing, by target. A way is what it gives for the run and for random weights:
    maps (t, 28, 28) or the weights of rows (t, 28).
    """
    shown = np.stack([np.stack(way) for way in ways])  # (ways, 2, t, ...)
    by_chance = random_tenths("patches" if shown.ndim == 5 else "rows")
    brightest = np.stack([brightest_tenth(one) for one in shown.reshape(-1, *shown.shape[3:])])
    hidden = falls(predictor, seen, np.concatenate([by_chance, brightest]), targets)
    chance = hidden[:, : len(by_chance)].mean(axis=1)
    moved = hidden[:, len(by_chance) :]
    moved[:, ~brightest.any(axis=(1, 2))] = np.nan
    moved = moved.reshape(len(targets), *shown.shape[:3])
    return [
        [
            Evidence(
                trained[i],
                untrained[i],
                Falls(float(moved[i, way, 0, i]), float(moved[i, way, 1, i]), float(chance[i])),
            )
            for i in range(len(targets))
        ]
        for way, (trained, untrained) in enumerate(shown)
    ]
