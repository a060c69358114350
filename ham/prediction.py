"""Checked images + runs -> answers.

`Predictor` holds one run's model; TensorFlow is imported when the first one is made, or ahead of
that by `warm_up`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ham import io, store
from ham.config import (
    CLASSES,
    CODES,
    IMAGE_SIZE,
    N_CLASSES,
    ImageError,
    StoreError,
    set_tensorflow_defaults,
)
from ham.data import LesionDataset
from ham.images import CheckedImage, Note, check_image, read_file
from ham.models import MODELS

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

BATCH = 256  # images a call of the model takes at once


def dataset_image(dataset: LesionDataset, index: int) -> CheckedImage:
    """An image of the data set, with its JPEG to be shown where that can be read."""
    name, seen = str(dataset.metadata["image_id"].iloc[index]), dataset.images[index]
    path = dataset.original(index)
    if path is not None:
        with contextlib.suppress(ImageError):
            return dataclasses.replace(check_image(name, read_file(path)), seen=seen)
    return CheckedImage(name, seen, seen, (IMAGE_SIZE, IMAGE_SIZE))


# -------------------------------------------------------------------------------- model


@dataclass(frozen=True, eq=False)
class Prediction:
    """One run's answer on one image."""

    image: CheckedImage
    run_id: str
    proba: np.ndarray  # float32 (7,), sums to 1, CLASSES order
    label: int  # the most probable class, index in CLASSES


class Predictor:
    """One run's model, loaded and ready; may be shared between threads.

    Raises StoreError where the run has no model or its file is not the one the run saved.
    """

    def __init__(self, run: store.Run):
        if not run.has_model:
            raise StoreError(
                f"Run {run.id}",
                f"it has no model: it is {run.state}.",
                "Choose a run that has ended.",
            )
        self.run_id = run.id
        self._architecture, self._config = MODELS[run.config.model], run.config
        model = _load(run, self._architecture.input_shape)
        self._answer = _compiled(model, self._architecture.input_shape)
        self._lock = threading.Lock()

    def proba(self, images: np.ndarray) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7), rows sum to 1, columns in CLASSES order."""
        answers = [np.zeros((0, N_CLASSES), np.float32)]
        for start in range(0, len(images), BATCH):
            with self._lock:
                answers.append(
                    self._architecture.proba(
                        self._answer, images[start : start + BATCH], self._config
                    )
                )
        return np.concatenate(answers)


def predict(images: Sequence[CheckedImage], predictors: Sequence[Predictor]) -> list[Prediction]:
    """Every image's answers together, those of one image in the order of the predictors."""
    if not images:
        return []
    seen = np.stack([image.seen for image in images])
    probas = [predictor.proba(seen) for predictor in predictors]
    return [
        Prediction(image, predictor.run_id, proba[i], int(proba[i].argmax()))
        for i, image in enumerate(images)
        for predictor, proba in zip(predictors, probas, strict=True)
    ]


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


_loading = threading.Lock()  # Keras keeps names and scopes in global state while it builds a model
_UNREADABLE: tuple[type[Exception], ...] = (*io.DAMAGED, ImportError)


def _load(run: store.Run, input_shape: tuple[int, ...]) -> keras.Model:
    """The Keras model of the run. The hash is checked before Keras sees the file."""
    path = store.checked_model_path(run)
    _import_tensorflow()
    import keras

    try:
        with _loading:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _UNREADABLE as error:
        raise StoreError(
            f"Run {run.id}",
            f"Keras {keras.__version__} cannot read its model ({str(error)[:200]}).",
            "Train it again with this version.",
        ) from error
    if model.input_shape[1:] != input_shape or model.output_shape[1:] != (N_CLASSES,):
        raise StoreError(
            f"Run {run.id}",
            f"its model maps {model.input_shape} to {model.output_shape}, {run.config.model} maps "
            f"{input_shape} to {(N_CLASSES,)}.",
            "Train it again.",
        )
    return model


def _compiled(
    model: keras.Model, input_shape: tuple[int, ...]
) -> Callable[[np.ndarray], tf.Tensor]:
    """model.predict costs tens of milliseconds an image and leaks in loops; this costs about
    one.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *input_shape), tf.float32)]
    return tf.function(
        lambda images: model(images, training=False), input_signature=signature, autograph=False
    )


# ---------------------------------------------------------------------------- TensorFlow

_starting = threading.Lock()
_warming: threading.Thread | None = None


def warm_up() -> None:
    """Starts importing TensorFlow in the background, once; it takes 3 to 5 s."""
    _warm()


def _warm() -> threading.Thread:
    global _warming
    with _starting:
        if _warming is None:
            set_tensorflow_defaults()
            _warming = threading.Thread(
                target=_import_in_background, name="import tensorflow", daemon=True
            )
            _warming.start()
        return _warming


def _import_tensorflow() -> None:
    """Waits for the background: two threads inside one import can see half a module."""
    _warm().join()


def _import_in_background() -> None:
    with contextlib.suppress(ImportError):  # whoever needs it imports it again and sees why
        import keras  # noqa: F401
        import tensorflow  # noqa: F401

        # Streamlit collects garbage twice after every run of a page; looking through what
        # TensorFlow holds for good takes a third of a second each time
        gc.collect()
        gc.freeze()


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


MAX_IMAGES = 100  # that a visit keeps


class File(Protocol):
    """What a browser has sent."""

    name: str

    def getvalue(self) -> bytes: ...


@dataclass
class Dropped:
    """What a visit has dropped: checked once, and there until it is removed or the visit ends."""

    images: dict[str, CheckedImage] = field(default_factory=dict)  # by the SHA-256 of the file
    names: dict[str, list[str]] = field(default_factory=dict)  # of each file, the same way
    refused: list[ImageError] = field(default_factory=list)  # of the last drop
    waiting: list[File] = field(default_factory=list)  # not looked at yet
    drops: int = 0  # so many; each has an uploader of its own, which is empty

    def look_at(self, name: str, content: bytes) -> None:
        """Checks a file that is new; a refused one does not hold up the others."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            if digest not in self.images:
                if len(self.images) >= MAX_IMAGES:
                    raise ImageError(
                        name,
                        f"{MAX_IMAGES} images are here already.",
                        "Remove some of them, then drop it again.",
                    )
                self.images[digest] = check_image(name, content)
        except ImageError as error:
            self.refused.append(error)
        else:
            names = self.names.setdefault(digest, [])
            names += [name] if name not in names else []

    def remove(self, digest: str) -> None:
        self.images.pop(digest, None)
        self.names.pop(digest, None)

    def remove_all(self) -> None:
        self.images, self.names, self.refused = {}, {}, []

    def questions(self) -> Iterator[Question]:
        """Every image once, in the order of the drops."""
        for digest, image in self.images.items():
            _, *others = self.names[digest]
            if others:
                note = Note(
                    "again",
                    f"The same file was dropped as {', '.join(map(shorten, others))} too; "
                    "it is answered once.",
                )
                image = dataclasses.replace(image, notes=(*image.notes, note))
            yield Question(image, digest=digest)


def shorten(name: str, longest: int = 60) -> str:
    """The start and the end of a long file name."""
    return name if len(name) <= longest else f"{name[: longest - 20]} … {name[-17:]}"
