"""The images of a data set that the gate stops, found once and kept."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ham import io
from ham.config import cache_folder
from ham.data import Finding, LesionDataset
from ham.prediction.answers import dataset_image
from ham.prediction.likeness import FILE, REASONS, Gate, Likeness

FORMAT = 1  # of what is kept; one more where the same gate file comes to say something else
SECONDS_AN_IMAGE = 0.03  # measured on a busy machine of two cores: 0.028 to look, 0.005 to read
_AT_ONCE = 32
_WHAT = "the list of images unlike the training's"
_WORDS = tuple(REASONS.values())


@dataclass(frozen=True, eq=False)
class Marks:
    """The images of a data set that the gate stops, the clearest first."""

    rows: np.ndarray  # int64 (m,)
    reasons: tuple[str, ...]  # of each one of the values of REASONS
    scores: np.ndarray  # float32 (m,), `Likeness.score`, ascending

    def finding(self) -> Finding | None:
        """As one of the doubts about the data; None where there is no such image."""
        if not self.rows.size:
            return None
        one = len(self.rows) == 1
        counted = "; ".join(f"{reason} ({n:,})" for reason, n in self.counted())
        return Finding(
            "unlike",
            "medium",
            f"{len(self.rows):,} {'image does' if one else 'images do'} not look like "
            f"{'a dermatoscopic photograph' if one else 'dermatoscopic photographs'}",
            f"What the check says, and of how many: {counted}. Look at them: no diagnosis can be "
            "right of a picture that shows no lesion. The check is not always right.",
            self.rows,
        )

    def counted(self) -> list[tuple[str, int]]:
        """Reasons and how many images have each, the most frequent first."""
        return Counter(self.reasons).most_common()


def unlike_training(
    dataset: LesionDataset,
    gate: Gate,
    report: io.Report | None = None,
    stop: threading.Event | None = None,
) -> Marks:
    """What the gate says of every image: of the photograph where there is one, else of the 28x28
    pixels. It is kept where the disk allows it. Raises io.Stopped.
    """
    tell = io.stoppable(report, stop)
    found: list[Likeness] = []
    for start in range(0, dataset.n_images, _AT_ONCE):
        tell(start, dataset.n_images, "Looking at the images")
        part = range(start, min(start + _AT_ONCE, dataset.n_images))
        found += gate.look([dataset_image(dataset, row).original for row in part])
    scores = np.array([one.score for one in found], np.float32)
    rows = np.flatnonzero([not one.ok for one in found])
    rows = rows[np.argsort(scores[rows], kind="stable")]
    marks = Marks(rows, tuple(found[row].reason or "" for row in rows), scores[rows])
    _keep(dataset, marks)
    return marks


def kept_marks(dataset: LesionDataset) -> Marks | None:
    """What this gate said of this data set before; None where nothing whole is kept. Needs no
    TensorFlow.
    """
    try:
        file = marks_file(dataset)
    except OSError:  # the gate's own file; who asks the gate is told
        return None

    def read(path: Path) -> Marks:
        arrays = io.read_arrays(path)
        rows, kinds, scores = (arrays[name] for name in ("rows", "reasons", "scores"))
        if (
            rows.ndim != 1
            or not rows.shape == kinds.shape == scores.shape
            or [one.dtype.name for one in (rows, kinds, scores)] != ["int64", "uint8", "float32"]
            or len(np.unique(rows)) != len(rows)
            or not ((rows >= 0) & (rows < dataset.n_images)).all()
            or not (scores < 0).all()
        ):
            raise ValueError(f"it holds {rows.dtype} of shape {rows.shape} that are no rows")
        return Marks(rows, tuple(_WORDS[kind] for kind in kinds), scores)

    return io.read_kept(file, read, _WHAT)


def _keep(dataset: LesionDataset, marks: Marks) -> None:
    arrays: dict[str, np.ndarray] = {
        "rows": marks.rows.astype(np.int64),
        "reasons": np.array([_WORDS.index(reason) for reason in marks.reasons], np.uint8),
        "scores": marks.scores,
    }
    io.keep(marks_file(dataset), lambda draft: io.write_arrays(draft, arrays), _WHAT)


def marks_file(dataset: LesionDataset) -> Path:
    """Where they are kept: another file for other content, other photographs or another gate.
    Raises OSError where the gate's file cannot be read.
    """
    return cache_folder() / f"unlike-{_content(dataset)}-{_gate_sha256()[:12]}-{FORMAT}.npz"


def _content(dataset: LesionDataset) -> str:
    seen = "photographs" if dataset.originals else "pixels"
    return f"{dataset.fingerprint[:20]}-{seen}"


@functools.cache
def _gate_sha256() -> str:
    return io.file_sha256(FILE)


class Marking:
    """The search through a data set in the background, one at a time, whoever asks: it goes on
    while visitors click, come and go.
    """

    def __init__(self) -> None:
        self._jobs: io.OneJob[Marks] = io.OneJob()

    def marks(self, dataset: LesionDataset) -> Marks | None:
        making = self.making(dataset)
        return making.result if making and making.result else kept_marks(dataset)

    def making(self, dataset: LesionDataset) -> io.Job[Marks] | None:
        return self._jobs.of(_content(dataset))

    def start(self, dataset: LesionDataset, gate: Callable[[], Gate]) -> None:
        """`gate` is called in the background: it may have to load first."""
        self._jobs.start(_content(dataset), lambda: _mark(dataset, gate))


def _mark(dataset: LesionDataset, gate: Callable[[], Gate]) -> io.Job[Marks]:
    def work(report: io.Report, stop: threading.Event) -> Marks:
        report(0, dataset.n_images, "Getting ready")
        return unlike_training(dataset, gate(), report, stop)

    return io.Job("The search for other images", work)
