"""A Keras file: everything in it is Keras' own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ham import io
from ham.interchange.about import about_model
from ham.store import Run

if TYPE_CHECKING:
    import keras

_MOST_BYTES = 256 * 2**20
METADATA = "metadata.json"


def keras_members(model: keras.Model, run: Run) -> dict[str, bytes]:
    """Keras' own three files; what it is stands in metadata.json, beside Keras' version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        with io.Archive(path, ratio=None) as archive:
            members = {entry.name: archive.read(entry, _MOST_BYTES) for entry in archive.entries}
    about = {**io.parse_json(members[METADATA]), **about_model(run)}
    return members | {METADATA: io.json_bytes(about)}


def write_keras(model: keras.Model, run: Run) -> bytes:
    return io.packed(keras_members(model, run))


def answer_keras(content: bytes, images: np.ndarray) -> np.ndarray:
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return np.asarray(keras.saving.load_model(path, compile=False)(images))
