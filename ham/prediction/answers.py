"""What was asked, what the runs say, and both as records and as a table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ham.config import CLASSES, CODES, IMAGE_SIZE, ImageError
from ham.data import LesionDataset
from ham.images import CheckedImage, check_image, read_file
from ham.prediction.predictor import Prediction


@dataclass(frozen=True, eq=False)
class Question:
    """An image; its true class (index in CLASSES) where that is known; what it is removed by."""

    image: CheckedImage
    truth: int | None = None
    digest: str = ""  # of a dropped file


@dataclass(frozen=True, eq=False)
class Answer:
    """What the chosen runs say about one image, in their order."""

    question: Question
    predictions: tuple[Prediction, ...]

    @property
    def agree(self) -> bool:
        return len({p.label for p in self.predictions}) == 1

    @property
    def agree_on_malignant(self) -> bool:
        return len({CLASSES[p.label].malignant for p in self.predictions}) == 1


def dataset_image(dataset: LesionDataset, index: int) -> CheckedImage:
    """An image of the data set, with its JPEG to be shown where that can be read."""
    name, seen = str(dataset.metadata["image_id"].iloc[index]), dataset.images[index]
    path = dataset.original(index)
    if path is not None:
        with contextlib.suppress(ImageError):
            return dataclasses.replace(check_image(name, read_file(path)), seen=seen)
    return CheckedImage(name, seen, seen, (IMAGE_SIZE, IMAGE_SIZE))


def as_record(prediction: Prediction, true_label: int | None = None) -> dict[str, Any]:
    """JSON-ready, as the command line and the page write it; `true_label` (index in CLASSES)
    where it is known.
    """
    probabilities = {
        code: round(float(p), 6) for code, p in zip(CODES, prediction.proba, strict=True)
    }
    known = {} if true_label is None else {"true_label": CODES[true_label]}
    return {
        "image": prediction.image.name,
        "run": prediction.run_id,
        "label": CODES[prediction.label],
        **known,
        "probabilities": probabilities,
        "notes": list(prediction.image.notes),
        "error": None,
    }


def as_refused_record(error: ImageError, run_id: str | None = None) -> dict[str, Any]:
    """The same for an image that was not answered; without a run where several were asked."""
    return {
        "image": error.what,
        "run": run_id,
        "label": None,
        "probabilities": None,
        "notes": [],
        "error": f"{error.why} {error.todo}",
    }


def as_table(answers: Sequence[Answer], labels: dict[str, str]) -> pd.DataFrame:
    """A row an image and run: image, run, model, label, name, malignant, true_label, p_<code>
    x7.
    """
    return pd.DataFrame(
        [
            {
                "image": p.image.name,
                "run": p.run_id,
                "model": labels[p.run_id],
                "label": CODES[p.label],
                "name": CLASSES[p.label].name,
                "malignant": CLASSES[p.label].malignant,
                "true_label": "" if answer.question.truth is None else CODES[answer.question.truth],
                **{
                    f"p_{code}": round(float(value), 6)
                    for code, value in zip(CODES, p.proba, strict=True)
                },
            }
            for answer in answers
            for p in answer.predictions
        ]
    )


def as_records(answers: Sequence[Answer], refused: Sequence[ImageError]) -> list[dict[str, Any]]:
    """What `python -m ham predict --json` writes; `true_label` where the class is known."""
    return [
        *(as_record(p, answer.question.truth) for answer in answers for p in answer.predictions),
        *map(as_refused_record, refused),
    ]
