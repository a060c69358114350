"""The formats, and what each needs.

What becomes a file is `Architecture.whole`: an image goes in as it is.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ham.interchange.converted import answer_litert, answer_onnx, write_litert, write_onnx
from ham.interchange.keras_file import answer_keras, write_keras
from ham.interchange.repository import answer_repository, write_repository
from ham.store import Run

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Format:
    """One kind of file."""

    title: str
    suffix: str
    help: str
    packages: tuple[str, ...]  # modules beyond what HAM Lab always needs
    write: Callable[[keras.Model, Run], bytes]  # the whole model, the run that it is of
    #: A file and uint8 (n, 28, 28, 3) -> float32 (n, 7), by the program that will read it.
    answer: Callable[[bytes, np.ndarray], np.ndarray]


def missing_packages(form: Format) -> list[str]:
    """What is to be installed for it, by the names that pip knows."""
    missing = [name for name in form.packages if importlib.util.find_spec(name) is None]
    return [name.replace("_", "-") for name in missing]


def install_command(missing: list[str]) -> str:
    """The line to type, in a checkout as in an installed package."""
    return f"pip install {' '.join(missing)}"


FORMATS: dict[str, Format] = {
    "keras": Format("Keras", ".keras", "For Python with Keras 3.", (), write_keras, answer_keras),
    "onnx": Format(
        "ONNX",
        ".onnx",
        "For ONNX Runtime: C++, C#, Java, JavaScript, Python.",
        ("onnx", "tf2onnx", "onnxruntime"),
        write_onnx,
        answer_onnx,
    ),
    "litert": Format(
        "LiteRT",
        ".tflite",
        "For phones and small computers, one image at a time; once called TensorFlow Lite.",
        ("ai_edge_litert",),
        write_litert,
        answer_litert,
    ),
    "huggingface": Format(
        "Hugging Face",
        ".zip",
        "A model repository with its card, to be unpacked and uploaded; Keras reads it.",
        (),
        write_repository,
        answer_repository,
    ),
}
