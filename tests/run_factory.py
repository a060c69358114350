"""Every run that tests need is made here: one that waits, or one as a training leaves it, with
invented answers.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import numpy as np

from ham import io, store
from ham.config import CODES, TrainConfig
from ham.evaluation import SCORES, evaluate, evaluation_record
from ham.store import HISTORY_COLUMNS, Predictions, Run

DATA = {
    "name": "noise",
    "source": "/somewhere",
    "synthetic": False,
    "fingerprint": "f",
    "n_images": 3,
    "n_lesions": 2,
}
SUPPORT = {"mel": 1, "nv": 1}
SCORE = {"value": 0.5, "low": 0.25, "high": 0.75}
#: Of a melanoma and a nevus, both called melanoma.
EVALUATION = {
    "n_images": 2,
    "n_lesions": 1,
    "scores": dict.fromkeys(SCORES, SCORE),
    "per_class": {
        code: {
            "support": SUPPORT.get(code, 0),
            "precision": 0.5,
            "recall": 0.5,
            "f1": 0.5,
            "auc": None,
        }
        for code in CODES
    },
    "confusion": [[SUPPORT.get(code, 0), *6 * [0]] for code in CODES],
}
KERAS = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"units": 7},
                "registered_name": None,
            }
        ]
    },
}


def waiting_run(
    config: TrainConfig | None = None, data: Mapping = DATA, now: float | None = None
) -> Run:
    """At the end of the queue, on the data that a `LesionDataset.record` names."""
    return store.create_run(config or TrainConfig(), dict(data), now=now)


def finished_run(
    config: TrainConfig | None = None,
    test: Predictions | None = None,
    *,
    validation: Predictions | None = None,
    data: Mapping = DATA,
    now: float | None = None,
    history: Iterable[dict[str, float]] | None = None,
    model: bytes | None = None,
    evaluation: object = None,
    status: Mapping[str, Any] | None = None,
    **entries: object,
) -> Run:
    """A run that is done, or what `status` says.

    `test` are its answers, `two_answers()` where none are given, and `validation` its others,
    which are the same where none are given; `evaluation` is what the record says of them, else
    what 20 draws give. `model` is model.keras, and `entries` are further ones of config.json.
    """
    run = waiting_run(config, data, now)
    for row in history or [history_row(1)]:
        store.append_history(run, row)
    if evaluation is None:
        evaluation = EVALUATION if test is None else evaluation_of(test)
    test = test or two_answers()
    store.write_predictions(run, {"validation": validation or test, "test": test})
    io.write_file(run.folder / "model.keras", model or keras_file())
    sha256 = io.file_sha256(run.folder / "model.keras")
    split = {"test_fingerprint": "t"} | dict(entries.pop("split", {}))
    run = edited_run(run, model={"sha256": sha256}, evaluation=evaluation, split=split, **entries)
    epochs = len(store.read_history(run))
    ended = {"epoch": epochs, "best_epoch": 1, "ended": run.status.created + 60}
    return store.write_status(run, **{"state": "done", **ended, **(status or {})})


def used_run(model: bytes | None = None) -> Run:
    """A finished one of seed 1 with notes, a log and what only matters where it was trained."""
    run = finished_run(TrainConfig(seed=1), now=1_000_000.0, model=model)
    (run.folder / "lock").touch()
    (run.folder / "checkpoint").mkdir()
    store.write_log(run, "done", now=1_000_001.0)
    store.append_validation_matrix(run, 1, np.eye(7, dtype=int))
    return store.write_notes(run, title="Mine", tags=("good",))


def edited_run(run: Run, **entries: object) -> Run:
    """The run with entries of its config.json changed: an object by object, None takes one out."""
    path = run.folder / "config.json"
    content = io.read_json(path)
    for name, new in entries.items():
        old = content.pop(name, None)
        if isinstance(new, dict) and isinstance(old, dict):
            new = old | new
        if new is not None:
            content[name] = new
    io.write_json(path, content)
    return store.folder.read_folder(run.folder)


# ------------------------------------------------------------------------------- parts


def two_answers() -> Predictions:
    """On a melanoma and a nevus of one lesion: every class is as probable."""
    return Predictions(
        np.array(["a", "b"]), np.array([0, 0]), np.array([3, 0]), np.full((2, 7), 1 / 7, np.float32)
    )


def evaluation_of(test: Predictions) -> dict:
    """What the record says of these answers, from 20 draws of lesions."""
    return evaluation_record(evaluate(test.y_true, test.proba, test.lesion, resamples=20))


def history_row(epoch: int, **values: float) -> dict[str, float]:
    return dict.fromkeys(HISTORY_COLUMNS, 0.5) | {"epoch": epoch, **values}


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            # dated 1980, whenever the test runs
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def keras_file(
    config: dict | bytes = KERAS, weights: bytes = b"\x89HDF\r\n\x1a\n weights", **more: bytes
) -> bytes:
    """model.keras of Keras' own layers, without a weight in it."""
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped(
        {"metadata.json": b"{}", "config.json": content, "model.weights.h5": weights, **more}
    )
