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

from ham.cli.writing import (
    DONE,
    SOME_REFUSED,
    WRONG_INPUT,
    Progress,
    show_error,
    write_file,
    write_json,
)
from ham.config import CLASSES, DISCLAIMER, IMAGE_SIZE, DataError, ImageError, StoreError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ham.data import LabelledImages
    from ham.prediction import Answer, Explanation, Gate, Prediction, Predictor, Question
    from ham.store import Predictions, Run

_AT_ONCE = 32  # images that go through the models together
_LISTED = 20  # images left out that are named on standard error; --json names all


def predict(chosen: argparse.Namespace, out: TextIO) -> int:
    """What runs make of images: files, folders, zips. A refused image does not keep the others
    from being answered.
    """
    from ham import store

    runs = [store.read_run(run_id) for run_id in dict.fromkeys([chosen.run_id, *chosen.also])]
    said = _Said(runs, chosen)
    with Progress() as progress:
        _ask_all(chosen.images, said, progress)
    if chosen.json:
        write_json(said.records, out)
    else:
        _write_answers(said.records, out)
    said.write_files()
    if not said.refused:
        return DONE
    return SOME_REFUSED if said.answered else WRONG_INPUT


class _Said:
    """Answers as they come: of an image no more is kept than what is written of it."""

    def __init__(self, runs: list[Run], chosen: argparse.Namespace):
        from ham import report

        self.runs, self._chosen = runs, chosen
        self.labels = report.labels(runs)
        self.records: list[dict[str, Any]] = []
        self.refused: list[ImageError] = []
        self.answered = 0
        self._sections: list[str] = []
        self._tables: list[pd.DataFrame] = []
        self._rules: tuple[Prediction, ...] = ()

    def add(self, answers: list[Answer], predictors: list[Predictor]) -> None:
        from ham import prediction

        self.answered += len(answers)
        entries = prediction.as_records(answers, [])
        why = self._explain(answers, predictors) if self._chosen.explain else {}
        for entry, found in zip(entries, why.values(), strict=False):
            entry["explanation"] = prediction.as_explanation_record(found)
        self.records += entries
        if self._chosen.csv:
            self._tables.append(prediction.as_table(answers, self.labels))
        if self._chosen.html:
            self._rules = answers[0].predictions
            self._sections += [
                prediction.answer_section(answer, self.labels, self._maps(i, answer, why))
                for i, answer in enumerate(answers)
            ]

    def _explain(
        self, answers: list[Answer], predictors: list[Predictor]
    ) -> dict[tuple[int, str], Explanation]:
        """By the answer's place and the run's id, in the order of the records."""
        from ham import prediction

        return {
            (i, one.run_id): prediction.explain(one, answer.question.image.seen)
            for i, answer in enumerate(answers)
            for one in predictors
        }

    def _maps(self, place: int, answer: Answer, why: dict[tuple[int, str], Explanation]) -> str:
        from ham import prediction

        return "".join(
            prediction.as_explanation_html(answer.question.image, found, self.labels[run_id])
            for (i, run_id), found in why.items()
            if i == place
        )

    def refuse(self, error: ImageError) -> None:
        from ham import prediction

        show_error(error)
        self.refused.append(error)
        self.records += [prediction.as_refused_record(error, run.id) for run in self.runs]

    def write_files(self) -> None:
        """Raises StoreError where a file cannot be written."""
        import pandas as pd

        from ham import prediction

        if self._chosen.csv:
            left = prediction.as_table([], self.labels, self.refused)
            table = pd.concat([*self._tables, left], ignore_index=True)
            write_file(self._chosen.csv, table.to_csv(index=False))
        if self._chosen.html:
            page = prediction.whole_page(self._sections, self._rules, self.labels, self.refused)
            write_file(self._chosen.html, page)


def _ask_all(paths: Sequence[str], said: _Said, progress: Progress) -> None:
    """Looks at the images and asks about them, some at a time."""
    from ham import images, prediction

    total = sum(1 for _ in prediction.find_images(paths))
    gate: Gate | None = None
    predictors: list[Predictor] = []
    waiting: list[Question] = []

    def ask_about_waiting() -> None:
        nonlocal gate
        if waiting and not predictors:
            predictors.extend(prediction.Predictor(run) for run in said.runs)
            gate = open_gate()
        if waiting:
            said.add(prediction.answer(waiting, predictors, gate=gate), predictors)
            waiting.clear()

    for number, file in enumerate(prediction.find_images(paths)):
        if total > _AT_ONCE:
            progress.show("Asking about images", number, total)
        try:
            if isinstance(file, ImageError):
                raise file
            image = images.check_image(file.name, prediction.content_of(file))
        except ImageError as error:
            ask_about_waiting()  # records stand in the order of the images
            said.refuse(error)
        else:
            waiting.append(prediction.Question(image))
            if len(waiting) == _AT_ONCE:
                ask_about_waiting()
    ask_about_waiting()


def open_gate() -> Gate | None:
    """None, and a word on standard error, where its file is damaged: answers do without it."""
    from ham import prediction

    try:
        return prediction.gate()
    except StoreError as error:
        show_error(error)
        return None


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

    gate, unlike = open_gate(), 0
    looked_at: list[np.ndarray] = []

    def look() -> int:
        stopped = sum(not one.ok for one in gate.look(looked_at)) if gate and looked_at else 0
        looked_at.clear()
        return stopped

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
            looked_at.append(image.original)
            if len(looked_at) == _AT_ONCE:
                unlike += look()
        except ImageError as error:
            unreadable[name] = error.why
    notes = {words: kinds[kind] for kind, words in images.NOTE_KINDS.items() if kinds[kind]}
    if unlike := unlike + look():
        notes["unlike the photographs that the models learned from"] = unlike
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


def _write_answers(records: list[dict[str, Any]], out: TextIO) -> None:
    from ham.prediction.words import UNLIKE

    titles = {c.code: f"{c.title}, {'malignant' if c.malignant else 'benign'}" for c in CLASSES}
    several = len({said["run"] for said in records}) > 1
    for said in records:
        who = f"{said['image']}, {said['run']}" if several else said["image"]
        if said["error"]:
            print(f"{who}: refused", file=out)
            continue
        likely = sorted(said["probabilities"].items(), key=lambda item: -item[1])[:3]
        parts = (f"{titles[code]} {100 * p:.0f} %" for code, p in likely)
        print(f"{who}: " + "; ".join(parts), file=out)
        if said["prediction_set"] is not None:
            print(f"  90 % set: {' or '.join(said['prediction_set'])}", file=out)
        call = said["malignant"]
        if call["call"] is not None:
            print(
                f"  Called {call['call']}: malignant in total {100 * call['probability']:.0f} %, "
                f"threshold {100 * call['threshold']:.0f} %",
                file=out,
            )
        if (like := said["like_training"]) is not None and not like["ok"]:
            print(f"  {UNLIKE}: {like['reason']}.", file=out)
        for note in said["notes"]:
            print(f"  {note}", file=out)
    print(f"{DISCLAIMER}.", file=sys.stderr)
