"""What was asked, what the runs say, and both as records and as a table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ham.config import CLASSES, CODES, IMAGE_SIZE, ImageError
from ham.data import LesionDataset
from ham.images import CheckedImage, check_image, read_file
from ham.prediction.likeness import Gate, Likeness
from ham.prediction.predictor import Known, Prediction, Predictor, predict


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
    likeness: Likeness | None = None  # None where no gate looked

    @property
    def doubt(self) -> str | None:
        """Why the image is none that the models can be asked about, a clause; None where it is
        one.
        """
        return None if self.likeness is None else self.likeness.reason

    @property
    def agree(self) -> bool:
        return len({p.label for p in self.predictions}) == 1

    @property
    def agree_on_malignant(self) -> bool:
        return len({calls(p) for p in self.predictions}) == 1

    @property
    def malignant(self) -> float:
        """The malignant probability, mean over the runs: what a list of images is sorted by."""
        return float(np.mean([p.malignant for p in self.predictions]))


def calls(prediction: Prediction) -> bool:
    """Whether the run calls it malignant: at its threshold, or by its class where it has none."""
    called = prediction.calls_malignant
    return CLASSES[prediction.label].malignant if called is None else called


def answer(
    questions: Sequence[Question],
    predictors: Sequence[Predictor],
    known: Known | None = None,
    gate: Gate | None = None,
) -> list[Answer]:
    """Every question's answers, a prediction a run in the order of the predictors; with a gate
    whether the image looks like those that the models learned from. `known` as in `predict`.
    """
    images = [question.image for question in questions]
    flat, width = predict(images, predictors, known), len(predictors)
    found: Sequence[Likeness | None] = [None] * len(images)
    if gate is not None:
        found = _likeness(images, gate, {} if known is None else known.likeness)
    return [
        Answer(question, tuple(flat[i * width : (i + 1) * width]), found[i])
        for i, question in enumerate(questions)
    ]


def _likeness(
    images: Sequence[CheckedImage], gate: Gate, kept: dict[bytes, Likeness]
) -> list[Likeness]:
    keys = [image.seen.tobytes() for image in images]
    new = {k: image.original for k, image in zip(keys, images, strict=True) if k not in kept}
    kept.update(zip(new, gate.look(list(new.values())), strict=True))
    return [kept[key] for key in keys]


def dataset_image(dataset: LesionDataset, index: int) -> CheckedImage:
    """An image of the data set, with its JPEG to be shown where that can be read."""
    name, seen = str(dataset.metadata["image_id"].iloc[index]), dataset.images[index]
    path = dataset.original(index)
    if path is not None:
        with contextlib.suppress(ImageError):
            return dataclasses.replace(check_image(name, read_file(path)), seen=seen)
    return CheckedImage(name, seen, seen, (IMAGE_SIZE, IMAGE_SIZE))


def as_record(
    prediction: Prediction, true_label: int | None = None, likeness: Likeness | None = None
) -> dict[str, Any]:
    """JSON-ready, as the command line and the page write it (docs/report-schema.md);
    `true_label` (index in CLASSES) where it is known, `likeness` where a gate looked.
    """
    threshold, held = prediction.rule.malignant_threshold, prediction.prediction_set
    return {
        "image": prediction.image.name,
        "run": prediction.run_id,
        "label": CODES[prediction.label],
        **({} if true_label is None else {"true_label": CODES[true_label]}),
        "probabilities": _by_code(prediction.proba),
        "raw_probabilities": _by_code(prediction.raw),
        "prediction_set": None if held is None else list(held),
        "malignant": {
            "probability": round(prediction.malignant, 6),
            "threshold": None if threshold is None else round(threshold, 6),
            "call": called(prediction.calls_malignant),
        },
        "like_training": None
        if likeness is None
        else {"ok": likeness.ok, "reason": likeness.reason},
        "notes": list(prediction.image.notes),
        "error": None,
    }


def called(malignant: bool | None) -> str | None:
    """ "malignant" or "benign"; None where the run has no threshold."""
    return None if malignant is None else "malignant" if malignant else "benign"


def _by_code(proba: np.ndarray) -> dict[str, float]:
    return {code: round(float(p), 6) for code, p in zip(CODES, proba, strict=True)}


def as_refused_record(error: ImageError, run_id: str | None = None) -> dict[str, Any]:
    """The same for an image that was not answered; without a run where several were asked."""
    return {
        "image": error.what,
        "run": run_id,
        "label": None,
        "probabilities": None,
        "raw_probabilities": None,
        "prediction_set": None,
        "malignant": None,
        "like_training": None,
        "notes": [],
        "error": f"{error.why} {error.todo}",
    }


def as_records(answers: Sequence[Answer], refused: Sequence[ImageError]) -> list[dict[str, Any]]:
    """What `python -m ham predict --json` writes; `true_label` where the class is known."""
    return [
        *(
            as_record(p, answer.question.truth, answer.likeness)
            for answer in answers
            for p in answer.predictions
        ),
        *map(as_refused_record, refused),
    ]


def as_table(
    answers: Sequence[Answer], labels: dict[str, str], refused: Sequence[ImageError] = ()
) -> pd.DataFrame:
    """A row an image and run: image, run, model, label, name, malignant, true_label, p_<code> x7
    (calibrated), raw_<code> x7, prediction_set (codes, a blank between), p_malignant,
    malignant_threshold, call, not_like_training (why), error; a row for an image that was refused.
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
                **{f"p_{code}": value for code, value in _by_code(p.proba).items()},
                **{f"raw_{code}": value for code, value in _by_code(p.raw).items()},
                "prediction_set": " ".join(p.prediction_set or ()),
                "p_malignant": round(p.malignant, 6),
                "malignant_threshold": p.rule.malignant_threshold,
                "call": called(p.calls_malignant),
                "not_like_training": answer.doubt or "",
                "error": "",
            }
            for answer in answers
            for p in answer.predictions
        ]
        + [{"image": error.what, "error": f"{error.why} {error.todo}"} for error in refused]
    )
