"""Augmentation: what a training does to an image before a model sees it, and a page shows."""

from __future__ import annotations

import numpy as np

from ham.models.architecture import DIHEDRAL, dihedral

MAX_SHIFT = 2  # pixels
MAX_ANGLE = np.pi / 4  # each way; with the dihedral turns every angle
MAX_ZOOM = 1.2  # and its inverse


def augment(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 (n, 28, 28, 3), 0-255 -> uint8 or float32 of the same shape and range: every image
    turned, flipped, coloured and moved by its own draw. `kind` is an `augmentation` of
    TrainConfig.
    """
    steps = kind.split("+")
    if "dihedral" in steps:
        draws, turned = rng.integers(DIHEDRAL, size=len(images)), np.empty_like(images)
        for number in range(DIHEDRAL):
            turned[draws == number] = dihedral(images[draws == number], number)
        images = turned
    if "shift" in steps:
        images = _shifted(images, rng)
    if "affine" in steps:
        images = _warped(images, rng)
    return _coloured(images, rng) if "colour" in steps else images


def _shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moved by a whole number of pixels each way; what comes in is the mirror image of the edge."""
    n, size = images.shape[:2]
    mirror = _mirrored(np.arange(-MAX_SHIFT, size + MAX_SHIFT), size)
    starts = rng.integers(0, 2 * MAX_SHIFT + 1, (2, n, 1))
    rows, columns = mirror[starts + np.arange(size)]  # (n, size) each
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _warped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32: a random half turned and zoomed about the middle and moved, bilinearly, the
    mirror image beyond the edge; the others stay as sharp as they are, since so are those that
    the model is asked about.
    """
    n, size = images.shape[:2]
    chosen = np.flatnonzero(rng.random(n) < 0.5)
    angle = rng.uniform(-MAX_ANGLE, MAX_ANGLE, len(chosen))
    scale = MAX_ZOOM ** rng.uniform(-1, 1, len(chosen))
    middle = (size - 1) / 2
    moved = middle + rng.uniform(-MAX_SHIFT, MAX_SHIFT, (2, len(chosen), 1, 1))
    out = np.arange(size) - middle
    cos, sin = (scale * np.cos(angle))[:, None, None], (scale * np.sin(angle))[:, None, None]
    rows, columns = (
        cos * out[:, None] - sin * out + moved[0],
        sin * out[:, None] + cos * out + moved[1],
    )
    warped = images.astype(np.float32)
    flat = warped[chosen].reshape(-1, images.shape[3])
    first = (np.arange(len(chosen)) * size * size)[:, None, None]
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    down, right = (
        (rows - top)[..., None].astype(np.float32),
        (columns - left)[..., None].astype(np.float32),
    )

    def at(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return flat[first + _mirrored(row, size) * size + _mirrored(column, size)]

    warped[chosen] = (at(top, left) * (1 - down) + at(top + 1, left) * down) * (1 - right) + (
        at(top, left + 1) * (1 - down) + at(top + 1, left + 1) * down
    ) * right
    return warped


def _mirrored(place: np.ndarray, size: int) -> np.ndarray:
    """Places beyond 0 to size - 1, by less than size, as their mirror images."""
    return size - 1 - np.abs(size - 1 - np.abs(place))


def _coloured(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(images)
    # brightness, colour balance
    gain = rng.uniform(0.9, 1.1, (n, 1, 1, 1)) * rng.uniform(0.95, 1.05, (n, 1, 1, 3))
    contrast = rng.uniform(0.9, 1.1, (n, 1, 1, 1))
    coloured = images * gain.astype(np.float32)
    mean = coloured.mean(axis=(1, 2), keepdims=True)
    return np.clip((coloured - mean) * contrast.astype(np.float32) + mean, 0, 255)
