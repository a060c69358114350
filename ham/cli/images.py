"""Images from outside the data set: the verb predict, and the labelled folder that evaluate is
shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from ham import io
from ham.cli.writing import (
    DONE,
    SOME_REFUSED,
    WRONG_INPUT,
    Progress,
    show_error,
    write_file,
    write_json,
)
from ham.config import CLASSES, DISCLAIMER, ImageError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from ham.prediction import Answer, Explanation, Gate, Judged, Prediction, Predictor, Question
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


def ask(
    runs: Sequence[Run], folder: str, labels: str, check: Callable[[Judged], None] | None = None
) -> tuple[Judged, list[Predictions]]:
    """What each run answers on the labelled images that can be read. Raises DataError where there
    is none.

    What is missing or unreadable is named on standard error. `check` may refuse what was read
    before the models are asked.
    """
    from ham import data, prediction

    with Progress() as progress:
        opened = data.open_images(folder, _telling(progress))
    found = data.find_labelled_images(opened, labels)
    _name("missing", found.missing)
    with Progress() as progress:
        judged, parts = prediction.ask_labelled(
            runs,
            lambda run: prediction.Predictor(run),
            found,
            open_gate,
            _telling(progress),
            check or (lambda judged: None),
        )
    _name("unreadable", judged.unreadable)
    judged.refuse_none(f"{folder} with {labels}")
    return judged, parts


def _telling(progress: Progress) -> io.Report:
    """Shows what is reported, with the time left."""
    pace = io.Pace()

    def tell(done: int, total: int, what: str) -> None:
        pace.add(done, time.monotonic())
        progress.show(what, done, total, pace.seconds_left(total))

    return tell


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
