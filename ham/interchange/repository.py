"""A model repository as Hugging Face's hub has them, in one zip to be unpacked and uploaded.

Keras' three files in the folder's root are what `keras.saving.load_model("hf://...")` reads, and
the card is the hub's page.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ham import io
from ham.interchange.keras_file import keras_members
from ham.report import RunReport, hub_card
from ham.store import Run

if TYPE_CHECKING:
    import keras

_LARGE = "*.h5 filter=lfs diff=lfs merge=lfs -text\n"  # as the hub's own repositories begin
_MOST_BYTES = 256 * 2**20


def write_repository(model: keras.Model, run: Run) -> bytes:
    """README.md, .gitattributes and Keras' three files. Raises StoreError and EvaluationError."""
    card = hub_card(RunReport(run)).encode()
    return io.packed(
        {"README.md": card, ".gitattributes": _LARGE.encode(), **keras_members(model, run)}
    )


def answer_repository(content: bytes, images: np.ndarray) -> np.ndarray:
    """As a folder, which is what the hub gives Keras."""
    import keras

    with tempfile.TemporaryDirectory() as folder, io.Archive(content, ratio=None) as archive:
        for entry in archive.entries:
            (Path(folder) / entry.name).write_bytes(archive.read(entry, _MOST_BYTES))
        return np.asarray(keras.saving.load_model(folder, compile=False)(images))
