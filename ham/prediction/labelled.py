"""Runs asked about labelled images from elsewhere: read once, answered, told where they overlap
with what the runs learned from.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import ham
from ham import images, io, store
from ham.config import IMAGE_SIZE, N_CLASSES, DataError, HamError, ImageError
from ham.data import LabelledImages, LesionDataset
from ham.prediction.likeness import Gate
from ham.prediction.neighbours import trained_on
from ham.prediction.predictor import Asked
from ham.store import External, ExternalRecord, Predictions, Run

_AT_ONCE = 32  # images that the gate looks at together
_ASKED_AT_ONCE = 256
Load = Callable[[Run], Asked]


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of labelled images."""

    found: LabelledImages
    kept: np.ndarray  # int64 (n,), places in `found` of those that can be read
    seen: np.ndarray  # uint8 (n, 28, 28, 3), RGB
    unreadable: dict[str, str]  # found but refused: name -> why
    image_notes: dict[str, int]  # what was done to images or is odd about them -> how many

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores should know, in words."""
        counted = [
            f"{n:,} {'image is' if n == 1 else 'images are'} {what}."
            for what, n in self.image_notes.items()
        ]
        return [*self.found.notes, *counted]

    @property
    def content(self) -> str:
        """SHA-256 of pixels, classes and lesions."""
        digest = hashlib.sha256(np.ascontiguousarray(self.seen).tobytes())
        for array in (self.found.labels[self.kept], self.found.lesions[self.kept]):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def part(self, proba: np.ndarray) -> Predictions:
        """With answers to these images, float32 (n, 7)."""
        names = np.array([self.found.names[i] for i in self.kept])
        return Predictions(
            names, self.found.lesions[self.kept], self.found.labels[self.kept], proba
        )

    def refuse_none(self, what: str) -> None:
        """Raises DataError where no image is left."""
        if not len(self.kept):
            raise DataError(
                what,
                f"of {self.found.n_labelled:,} labelled images {len(self.found.missing):,} are "
                f"missing and {len(self.unreadable):,} unreadable: none is left to be evaluated.",
                "Check that the CSV belongs to this folder.",
            )


def ask_labelled(
    runs: Sequence[Run],
    load: Load,
    found: LabelledImages,
    gate: Callable[[], Gate | None],
    tell: io.Report,
    check: Callable[[Judged], None] = lambda judged: None,
) -> tuple[Judged, list[Predictions]]:
    """What each run answers on those that can be read; no answers where none can.

    An image is read once, through the same step as an upload, and only its 28x28 pixels are kept.
    `check(judged)` may refuse before a model is asked. Raises what `load`, `check` and `tell` do.
    """
    models: list[Asked] = []
    if found.names:
        tell(0, 0, "Loading the models")  # before the images: a run without one is said at once
        models = [load(run) for run in runs]
    judged = _look(found, gate() if found.names else None, tell)
    if not len(judged.kept):
        return judged, []
    check(judged)
    n = len(judged.seen)
    parts = []
    for number, model in enumerate(models):
        proba = np.zeros((n, N_CLASSES), np.float32)
        for start in range(0, n, _ASKED_AT_ONCE):
            tell(number * n + start, len(models) * n, "Asking the models")
            some = slice(start, start + _ASKED_AT_ONCE)
            proba[some] = model.proba(judged.seen[some])
        parts.append(judged.part(proba))
    return judged, parts


def _look(found: LabelledImages, gate: Gate | None, tell: io.Report) -> Judged:
    total, unlike = len(found.names), 0
    looked_at: list[np.ndarray] = []

    def look() -> int:
        stopped = sum(not one.ok for one in gate.look(looked_at)) if gate and looked_at else 0
        looked_at.clear()
        return stopped

    seen = np.empty((total, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    kept: list[int] = []
    unreadable: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for i, (name, path) in enumerate(zip(found.names, found.paths, strict=True)):
        tell(i, total, "Reading images")
        try:
            image = images.check_image(path, images.read_file(path))
        except ImageError as error:
            unreadable[name] = error.why
            continue
        seen[len(kept)] = image.seen
        kept.append(i)
        kinds.update({note.kind for note in image.notes})
        looked_at.append(image.original)
        if len(looked_at) == _AT_ONCE:
            unlike += look()
    notes = {words: kinds[kind] for kind, words in images.NOTE_KINDS.items() if kinds[kind]}
    if unlike := unlike + look():
        notes["unlike the photographs that the models learned from"] = unlike
    return Judged(found, np.array(kept, np.int64), seen[: len(kept)], unreadable, notes)


# ------------------------------------------------------------------- kept with the runs


def refuse_name(runs: Sequence[Run], title: str, judged: Judged) -> None:
    """Raises StoreError where one of the runs keeps a test on other images under this name."""
    for run in runs:
        store.refuse_other(run, store.external_name(title), judged.content)


def keep_external(
    runs: Sequence[Run],
    title: str,
    judged: Judged,
    parts: Sequence[Predictions],
    images: str,
    labels: str,
    now: float | None = None,
) -> list[External]:
    """Keeps what the runs answered with each of them, under this name for people. Raises
    StoreError.
    """
    name, pixels = store.external_name(title), store.pixel_keys(judged.seen)
    kept = []
    for run, part in zip(runs, parts, strict=True):
        model = run.record.model
        record = ExternalRecord(
            name=name,
            title=title.strip(),
            images=images,
            labels=labels,
            content=judged.content,
            model=model.sha256 if model is not None else "",
            made=time.time() if now is None else now,
            code_version=ham.__version__,
            n_labelled=judged.found.n_labelled,
            n_missing=len(judged.found.missing),
            n_unreadable=len(judged.unreadable),
            n_unlabelled=judged.found.n_unlabelled,
            notes=tuple(judged.notes),
        )
        kept.append(External(record, part, pixels))
    refuse_name(runs, title, judged)  # of none or of all
    for run, one in zip(runs, kept, strict=True):
        store.write_external(run, one)
    return kept


@dataclass(frozen=True)
class Overlap:
    """How many of the images a run knows: the very pixels, or the name."""

    training: int | None  # None where the data in use does not hold the run's training images
    validation: int
    test: int


def overlap(run: Run, found: External, dataset: LesionDataset | None) -> Overlap:
    """Of an external test with the run's own parts. Raises StoreError."""
    keys = store.image_keys(found.part.image_id)
    own = store.read_predictions(run)
    named = {part: np.isin(keys, store.image_keys(own[part].image_id)) for part in own}
    if dataset is None:
        return Overlap(None, int(named["validation"].sum()), int(named["test"].sum()))
    try:
        split = trained_on(run, dataset)
    except HamError:
        return Overlap(None, int(named["validation"].sum()), int(named["test"].sum()))
    pixels = store.pixel_keys(dataset.images)
    ids = store.image_keys(dataset.metadata["image_id"])

    def known(rows: np.ndarray) -> int:
        return int((np.isin(found.pixels, pixels[rows]) | np.isin(keys, ids[rows])).sum())

    return Overlap(known(split.train), known(split.validation), known(split.test))
