"""How much hair a photograph shows: roughly, and kept once measured.

Hairs are found as DullRazor does (Lee, Ng, Gallagher, Coldman, McLean, Computers in Biology and
Medicine 27:533, 1997): a grey closing along short lines fills what is dark and thin, and of what
it fills only what is long stays. Fair hair is not dark and not found.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ham import images, io
from ham.config import DataError, ImageError, cache_folder
from ham.data.dataset import LesionDataset
from ham.data.names import shown

#: Share of the photograph from which on it counts as hairy. Looked at on HAM10000: below are
#: those with one short hair or none, and a fifth of the photographs lie above.
HAIRY = 0.005
_FORMAT = 1  # raised when the measure changes: what was kept before is then not found
_SIDE = 200  # pixels of the longer side that it is measured at
_LINE = 9  # pixels: thicker is no hair
_DARKER = 15  # grey levels
_LONG = 30  # pixels
_WIDTH, _FILLED = 4, 0.2  # of one hair; of the frame around several that cross
_BORDER = 6  # pixels, where the edge of a dermatoscope passes for hair
_RIM, _RIM_SIZE = 60, 9  # grey levels and pixels of its dark rim
_WHAT = "the hair measured in photographs"


def hair_share(photograph: np.ndarray) -> float:
    """Share of a photograph that is covered with dark hair, 0 to 1. `photograph`: uint8 (h, w, 3),
    RGB.
    """
    from scipy import ndimage

    picture = Image.fromarray(photograph).convert("L")
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    grey = np.asarray(picture, np.float32)
    filled = np.max([ndimage.grey_closing(grey, footprint=line) for line in _lines()], axis=0)
    bright = ndimage.grey_closing(grey, size=_RIM_SIZE) >= _RIM
    thin = (filled - grey > _DARKER) & ndimage.binary_erosion(
        bright, iterations=_BORDER, border_value=1
    )
    thin[:_BORDER] = thin[-_BORDER:] = False
    thin[:, :_BORDER] = thin[:, -_BORDER:] = False
    parts, _ = ndimage.label(thin, structure=np.ones((3, 3)))
    area = np.bincount(parts.ravel())[1:]
    frames = np.array([[s.stop - s.start for s in frame] for frame in ndimage.find_objects(parts)])
    if not len(frames):
        return 0.0
    length = np.hypot(*frames.T)
    hair = (length >= _LONG) & (area <= np.maximum(_WIDTH * length, _FILLED * frames.prod(axis=1)))
    return float(area[hair].sum() / grey.size)


def _lines() -> list[np.ndarray]:
    """Along a row, a column and both diagonals, bool (_LINE, _LINE) each."""
    across = np.zeros((_LINE, _LINE), bool)
    across[_LINE // 2] = True
    slope = np.eye(_LINE, dtype=bool)
    return [across, across.T, slope, slope[::-1]]


def measured_hair(dataset: LesionDataset, rows: np.ndarray) -> np.ndarray | None:
    """What `measure_hair` found before, float32 (n,); None where nothing whole is kept."""

    def read(path: Path) -> np.ndarray:
        found = io.read_arrays(path)["share"]
        if found.shape != rows.shape or found.dtype != np.float32 or not (found >= 0).all():
            raise ValueError(f"it holds {found.dtype} of shape {found.shape}")
        return found

    return io.read_kept(_file(dataset, rows), read, _WHAT)


def measure_hair(
    dataset: LesionDataset,
    rows: np.ndarray,
    report: io.Report | None = None,
    stop: threading.Event | None = None,
) -> np.ndarray:
    """`hair_share` of the photographs of these rows, float32 (n,), kept where the disk allows it;
    a hundredth of a second each.

    Raises DataError where a photograph is missing or cannot be read, and Stopped.
    """
    tell = io.stoppable(report, stop)
    found = np.zeros(len(rows), np.float32)
    for place, path in enumerate(_paths(dataset, rows)):
        tell(place, len(rows), "Looking for hair")
        try:
            found[place] = hair_share(images.check_image(path, images.read_file(path)).original)
        except ImageError as error:
            raise DataError(shown(path), error.why, error.todo) from error
    io.keep(_file(dataset, rows), lambda draft: io.write_arrays(draft, {"share": found}), _WHAT)
    return found


def has_photographs(dataset: LesionDataset, rows: np.ndarray) -> bool:
    """Whether all of these rows have one: 28x28 pixels show no hair."""
    return all(dataset.original(row) is not None for row in rows.tolist())


def _paths(dataset: LesionDataset, rows: np.ndarray) -> Sequence[str]:
    found = [dataset.original(row) for row in rows.tolist()]
    if None in found:
        raise DataError(
            dataset.name,
            "it has no photographs: hair does not show in 28x28 pixels.",
            "Use the data set with its photographs.",
        )
    return [str(path) for path in found]


def _file(dataset: LesionDataset, rows: np.ndarray) -> Path:
    key = hashlib.sha256(dataset.fingerprint.encode() + rows.astype(np.int64).tobytes())
    return cache_folder() / f"hair-{key.hexdigest()[:20]}-{_FORMAT}.npz"
