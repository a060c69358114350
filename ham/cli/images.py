"""Images from outside the data set: the verb predict, and the labelled folder that evaluate is shown."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from ham.cli.writing import DONE, SOME_REFUSED, WRONG_INPUT, Progress, show_error, write_json
from ham.config import CLASSES, CODES, DISCLAIMER, IMAGE_SIZE, DataError, HamError, ImageError

if TYPE_CHECKING:
    import numpy as np

    from ham.data import LabelledImages
    from ham.store import Predictions, Run

_LISTED = 20  # images left out that are named on standard error; --json names all


def predict(chosen: argparse.Namespace, out: TextIO) -> int:
    """What a run makes of images. A refused image does not keep the others from being answered."""
    from ham import images, prediction, store

    run = store.read_run(chosen.run_id)
    entries, accepted = [], []
    for path in chosen.images:
        entry = {"image": path, "run": run.id, "label": None, "probabilities": None}
        entries.append(entry)
        try:
            accepted.append((entry, images.check_image(path, images.read_file(path))))
        except HamError as error:
            entry["error"] = str(error)
            show_error(error)
    if accepted:
        answers = prediction.predict([image for _, image in accepted], [prediction.Predictor(run)])
        for (entry, _), answer in zip(accepted, answers, strict=True):
            entry["label"] = CODES[answer.label]
            entry["probabilities"] = {code: round(float(p), 6) for code, p in zip(CODES, answer.proba, strict=True)}
    if chosen.json:
        write_json(entries, out)
    else:
        _write_answers(entries, out)
    if len(accepted) == len(entries):
        return DONE
    return SOME_REFUSED if accepted else WRONG_INPUT


@dataclass(frozen=True)
class External:
    """What became of a labelled folder."""

    found: LabelledImages
    unreadable: dict[str, str]  # found but refused: name -> why


def ask(runs: Sequence[Run], folder: str, labels: str) -> tuple[External, list[Predictions]]:
    """What each run answers on the labelled images that can be read. Raises DataError where there is none.

    An image is read once, through the same step as an upload, and only its 28x28 pixels are kept.
    What is missing or unreadable is named on standard error.
    """
    import numpy as np

    from ham import data, prediction, store

    with Progress() as progress:
        opened = data.open_images(folder, lambda done, total, what: progress.show(what, done, total))
    found = data.find_labelled_images(opened, labels)
    _name("missing", found.missing)
    kept, unreadable, answers = [], {}, {}
    if found.names:
        with Progress() as progress:
            progress.show("Loading the models")  # before the images: a run without one is said at once
            predictors = {run.id: prediction.Predictor(run) for run in runs}
            kept, seen, unreadable = _check_all(found, progress)
            for number, (run_id, predictor) in enumerate(predictors.items()):
                progress.show("Asking the models", number, len(predictors))
                answers[run_id] = predictor.proba(seen)
    _name("unreadable", unreadable)
    if not kept:
        raise DataError(f"{folder} with {labels}", f"of {found.n_labelled:,} labelled images {len(found.missing):,} "
                        f"are missing and {len(unreadable):,} unreadable: none is left to be evaluated.",
                        "Check that the CSV belongs to this folder.")
    names = np.array([found.names[i] for i in kept])
    return External(found, unreadable), [
        store.Predictions(names, found.lesions[kept], found.labels[kept], answers[run.id]) for run in runs]


def _check_all(found: LabelledImages, progress: Progress) -> tuple[list[int], np.ndarray, dict[str, str]]:
    """Which of the images can be read, these as uint8 (n, 28, 28, 3), RGB; and why the others cannot."""
    import numpy as np

    from ham import images

    total, started = len(found.names), time.monotonic()
    seen = np.empty((total, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    kept, unreadable = [], {}
    for i, (name, path) in enumerate(zip(found.names, found.paths, strict=True)):
        left = (time.monotonic() - started) / i * (total - i) if i else None
        progress.show("Reading images", i, total, left)
        try:
            seen[len(kept)] = images.check_image(path, images.read_file(path)).seen
            kept.append(i)
        except ImageError as error:
            unreadable[name] = error.why
    return kept, seen[:len(kept)], unreadable


def _name(kind: str, reasons: dict[str, str]) -> None:
    if not reasons:
        return
    print(f"{len(reasons):,} labelled {'image is' if len(reasons) == 1 else 'images are'} {kind}:", file=sys.stderr)
    for name, why in list(reasons.items())[:_LISTED]:
        print(f"  {name}: {why}", file=sys.stderr)
    if len(reasons) > _LISTED:
        print(f"  and {len(reasons) - _LISTED:,} more", file=sys.stderr)


def _write_answers(entries: list[dict], out: TextIO) -> None:
    titles = {c.code: f"{c.title}, {'malignant' if c.malignant else 'benign'}" for c in CLASSES}
    for entry in entries:
        if "error" in entry:
            print(f"{entry['image']}: refused", file=out)
            continue
        likely = sorted(entry["probabilities"].items(), key=lambda item: -item[1])[:3]
        print(f"{entry['image']}: " + "; ".join(f"{titles[code]} {100 * p:.0f} %" for code, p in likely), file=out)
    print(f"{DISCLAIMER}.", file=sys.stderr)
