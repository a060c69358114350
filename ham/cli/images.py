"""Images from outside the data set: the verb predict, and the labelled folder that evaluate is
shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from ham.cli.writing import DONE, SOME_REFUSED, WRONG_INPUT, Progress, show_error, write_json
from ham.config import CLASSES, DISCLAIMER, IMAGE_SIZE, DataError, ImageError

if TYPE_CHECKING:
    import numpy as np

    from ham.data import LabelledImages
    from ham.store import Predictions, Run

_LISTED = 20  # images left out that are named on standard error; --json names all


def predict(chosen: argparse.Namespace, out: TextIO) -> int:
    """What a run makes of images. A refused image does not keep the others from being answered."""
    from ham import images, prediction, store

    run = store.read_run(chosen.run_id)
    accepted, refused = {}, {}  # by place: a path may be given twice
    for place, path in enumerate(chosen.images):
        try:
            accepted[place] = images.check_image(path, images.read_file(path))
        except ImageError as error:
            refused[place] = error
            show_error(error)
    answers = (
        prediction.predict(list(accepted.values()), [prediction.Predictor(run)]) if accepted else []
    )
    records = {
        place: prediction.as_refused_record(error, run.id) for place, error in refused.items()
    }
    records |= {
        place: prediction.as_record(answer) for place, answer in zip(accepted, answers, strict=True)
    }
    in_order = [records[place] for place in sorted(records)]
    if chosen.json:
        write_json(in_order, out)
    else:
        _write_answers(in_order, out)
    if not refused:
        return DONE
    return SOME_REFUSED if accepted else WRONG_INPUT


@dataclass(frozen=True)
class External:
    """What became of a labelled folder."""

    found: LabelledImages
    unreadable: dict[str, str]  # found but refused: name -> why
    # what was done to images or is odd about them, in words -> how many
    image_notes: dict[str, int]

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores should know, in words."""
        counted = [
            f"{n:,} {'image is' if n == 1 else 'images are'} {what}."
            for what, n in self.image_notes.items()
        ]
        return [*self.found.notes, *counted]


def ask(runs: Sequence[Run], folder: str, labels: str) -> tuple[External, list[Predictions]]:
    """What each run answers on the labelled images that can be read. Raises DataError where
    there is none.

    An image is read once, through the same step as an upload, and only its 28x28 pixels are kept.
    What is missing or unreadable is named on standard error.
    """
    import numpy as np

    from ham import data, prediction, store

    with Progress() as progress:
        opened = data.open_images(
            folder, lambda done, total, what: progress.show(what, done, total)
        )
    found = data.find_labelled_images(opened, labels)
    _name("missing", found.missing)
    kept: list[int] = []
    unreadable: dict[str, str] = {}
    image_notes: dict[str, int] = {}
    answers: dict[str, np.ndarray] = {}
    if found.names:
        with Progress() as progress:
            progress.show(
                "Loading the models"
            )  # before the images: a run without one is said at once
            predictors = {run.id: prediction.Predictor(run) for run in runs}
            kept, seen, unreadable, image_notes = _check_all(found, progress)
            for number, (run_id, predictor) in enumerate(predictors.items()):
                progress.show("Asking the models", number, len(predictors))
                answers[run_id] = predictor.proba(seen)
    _name("unreadable", unreadable)
    if not kept:
        raise DataError(
            f"{folder} with {labels}",
            f"of {found.n_labelled:,} labelled images {len(found.missing):,} are missing and "
            f"{len(unreadable):,} unreadable: none is left to be evaluated.",
            "Check that the CSV belongs to this folder.",
        )
    names = np.array([found.names[i] for i in kept])
    return External(found, unreadable, image_notes), [
        store.Predictions(names, found.lesions[kept], found.labels[kept], answers[run.id])
        for run in runs
    ]


def _check_all(
    found: LabelledImages,
    progress: Progress,
) -> tuple[list[int], np.ndarray, dict[str, str], dict[str, int]]:
    """Which of the images can be read, these as uint8 (n, 28, 28, 3), RGB; why the others
    cannot; notes, counted.
    """
    import numpy as np

    from ham import images

    total, started = len(found.names), time.monotonic()
    seen = np.empty((total, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    kept: list[int] = []
    unreadable: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for i, (name, path) in enumerate(zip(found.names, found.paths, strict=True)):
        left = (time.monotonic() - started) / i * (total - i) if i else None
        progress.show("Reading images", i, total, left)
        try:
            image = images.check_image(path, images.read_file(path))
            seen[len(kept)] = image.seen
            kept.append(i)
            kinds.update({note.kind for note in image.notes})
        except ImageError as error:
            unreadable[name] = error.why
    notes = {words: kinds[kind] for kind, words in images.NOTE_KINDS.items() if kinds[kind]}
    return kept, seen[: len(kept)], unreadable, notes


def _name(kind: str, reasons: dict[str, str]) -> None:
    if not reasons:
        return
    print(
        f"{len(reasons):,} labelled {'image is' if len(reasons) == 1 else 'images are'} {kind}:",
        file=sys.stderr,
    )
    for name, why in list(reasons.items())[:_LISTED]:
        print(f"  {name}: {why}", file=sys.stderr)
    if len(reasons) > _LISTED:
        print(f"  and {len(reasons) - _LISTED:,} more", file=sys.stderr)


def _write_answers(answers: list[dict[str, Any]], out: TextIO) -> None:
    titles = {c.code: f"{c.title}, {'malignant' if c.malignant else 'benign'}" for c in CLASSES}
    for answer in answers:
        if answer["error"]:
            print(f"{answer['image']}: refused", file=out)
            continue
        likely = sorted(answer["probabilities"].items(), key=lambda item: -item[1])[:3]
        print(
            f"{answer['image']}: "
            + "; ".join(f"{titles[code]} {100 * p:.0f} %" for code, p in likely),
            file=out,
        )
        for note in answer["notes"]:
            print(f"  {note}", file=out)
    print(f"{DISCLAIMER}.", file=sys.stderr)
