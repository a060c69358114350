"""Places of an image, and the image with them hidden.

What is hidden is filled with its own surroundings, blurred: black or grey squares would be
something to see in themselves.
"""

from __future__ import annotations

import functools

import numpy as np

from ham.config import IMAGE_SIZE

#: Side of a patch in pixels of the 28x28 image, and how many lie along a side of the image: 90
#: in all, which find as much as 258 (BENCHMARKS.md).
PATCHES = ((4, 7), (7, 5), (10, 4))
ROW_HEIGHTS = (1, 3)
TENTH = round(IMAGE_SIZE**2 / 10)  # pixels
TENTH_OF_ROWS = round(IMAGE_SIZE / 10)
RANDOM_TENTHS = 10
_FILL = 2.0  # pixels: standard deviation of the blur that fills
_BLOB = 2.5  # pixels: of the blur that makes a random tenth hang together as maps do


def hide(seen: np.ndarray, places: np.ndarray) -> np.ndarray:
    """An image once for each place, with that place filled from around it; uint8 (n, 28, 28, 3).

    `seen`: uint8 (28, 28, 3); `places`: bool (n, 28, 28), True is hidden. The fill is a Gaussian
    mean over the pixels that are not hidden (normalised convolution: Knutsson, Westin, CVPR
    1993), so that nothing of what is hidden shines through.
    """
    known = ~places[..., np.newaxis]
    weight = _blurred(known.astype(np.float32), _FILL)
    fill = _blurred(known * seen.astype(np.float32), _FILL) / np.maximum(weight, 1e-12)
    return np.where(known, seen, np.rint(fill)).astype(np.uint8)


@functools.cache
def patches() -> np.ndarray:
    """Squares of every size in PATCHES over the whole image, bool (n, 28, 28)."""
    found = []
    for side, count in PATCHES:
        starts = np.rint(np.linspace(0, IMAGE_SIZE - side, count)).astype(int)
        for top in starts:
            for left in starts:
                place = np.zeros((IMAGE_SIZE, IMAGE_SIZE), bool)
                place[top : top + side, left : left + side] = True
                found.append(place)
    return _kept(np.stack(found))


@functools.cache
def row_bands() -> np.ndarray:
    """Around every row a band of each height in ROW_HEIGHTS, bool (n, 28, 28)."""
    rows = np.arange(IMAGE_SIZE)
    bands = [abs(rows - row) <= height // 2 for height in ROW_HEIGHTS for row in rows]
    return _kept(np.repeat(np.stack(bands)[:, :, np.newaxis], IMAGE_SIZE, axis=2))


@functools.cache
def shares(kind: str) -> np.ndarray:
    """How what is seen at each place counts at each pixel: float32 (784, n) for "patches",
    (28, n) by row for "rows".

    The mean over the places of one size that cover it, then the mean over the sizes.
    """
    if kind == "patches":
        cover = patches().reshape(len(patches()), -1).T.astype(np.float32)
        sizes = [count**2 for _, count in PATCHES]
    else:
        cover = row_bands()[:, :, 0].T.astype(np.float32)
        sizes = [IMAGE_SIZE for _ in ROW_HEIGHTS]
    parts = np.split(cover, np.cumsum(sizes)[:-1], axis=1)
    return _kept(np.hstack([part / part.sum(1, keepdims=True) / len(parts) for part in parts]))


def brightest_tenth(values: np.ndarray) -> np.ndarray:
    """Where a map, (28, 28), or the weights of rows, (28,), are highest, bool (28, 28): 78 pixels
    or 3 rows. Nowhere in what is the same everywhere.
    """
    chosen = np.zeros(values.size, bool)
    if np.ptp(values) > 0:
        count = TENTH_OF_ROWS if values.ndim == 1 else TENTH
        chosen[np.argsort(values, axis=None, kind="stable")[-count:]] = True
    rows = chosen.reshape(IMAGE_SIZE, -1)
    return np.broadcast_to(rows, (IMAGE_SIZE, IMAGE_SIZE)).copy()


@functools.cache
def random_tenths(kind: str) -> np.ndarray:
    """Tenths of the image that nobody chose, bool (RANDOM_TENTHS, 28, 28); always the same ones.

    "patches": blobs as maps have them, the highest tenth of blurred noise; "rows": whole rows.
    """
    random = np.random.default_rng(0)
    if kind == "rows":
        noise = random.random((RANDOM_TENTHS, IMAGE_SIZE))
    else:
        grain = random.standard_normal((RANDOM_TENTHS, IMAGE_SIZE, IMAGE_SIZE, 1))
        # each value by what it would vary by: no place is likelier than another
        spread = np.sqrt((_gaussian(_BLOB) ** 2).sum(axis=1))
        noise = _blurred(grain, _BLOB)[..., 0] / np.outer(spread, spread)
    return _kept(np.stack([brightest_tenth(one) for one in noise]))


def _blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """(n, 28, 28, channels); matmul of many small matrices stays on this thread."""
    kernel = _gaussian(sigma)
    along_rows = kernel @ images.reshape(len(images), IMAGE_SIZE, -1)
    return kernel @ along_rows.reshape(images.shape)


@functools.cache
def _gaussian(sigma: float) -> np.ndarray:
    """What pixel j gives to pixel i, float32 (28, 28)."""
    place = np.arange(IMAGE_SIZE)
    return _kept(np.exp(-((place[:, np.newaxis] - place) ** 2) / (2 * sigma**2), dtype=np.float32))


def _kept(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
