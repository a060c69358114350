"""The formats: how a Keras model becomes a file of each, and what that file answers.

The model is `Architecture.whole`: an image goes in as it is. ONNX comes from tf2onnx, LiteRT from
TensorFlow's own converter, both from the graph with its weights as constants: so neither meets a
variable, and the layers that keep tensors of their own (Normalization) come along.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ham import io
from ham.config import CODES, IMAGE_SIZE
from ham.interchange.about import Entry

if TYPE_CHECKING:
    import keras

_OPSET = 18  # of ONNX: what ONNX Runtime has read since 1.14 (2023)
_MOST_BYTES = 256 * 2**20
_METADATA = "metadata.json"

About = Mapping[str, Entry]


@dataclass(frozen=True)
class Format:
    """One kind of file."""

    title: str
    suffix: str
    help: str
    packages: tuple[str, ...]  # modules beyond what HAM Lab always needs
    write: Callable[[keras.Model, About], bytes]
    #: A file and uint8 (n, 28, 28, 3) -> float32 (n, 7), by the program that will read it.
    answer: Callable[[bytes, np.ndarray], np.ndarray]


def missing_packages(form: Format) -> list[str]:
    """The modules that it needs and that are not installed."""
    return [name for name in form.packages if importlib.util.find_spec(name) is None]


# ---------------------------------------------------------------------------------- Keras


def keras_members(model: keras.Model, about: About) -> dict[str, bytes]:
    """Keras' own three files; what it is stands in metadata.json, beside Keras' version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        with io.Archive(path, ratio=None) as archive:
            members = {entry.name: archive.read(entry, _MOST_BYTES) for entry in archive.entries}
    return members | {_METADATA: io.json_bytes({**io.parse_json(members[_METADATA]), **about})}


def _write_keras(model: keras.Model, about: About) -> bytes:
    return io.packed(keras_members(model, about))


def _answer_keras(content: bytes, images: np.ndarray) -> np.ndarray:
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return np.asarray(keras.saving.load_model(path, compile=False)(images))


# ------------------------------------------------------------------------------------ ONNX


def _frozen(model: keras.Model, images: int | None) -> Any:
    """The model as a TensorFlow function of so many images (None: any), its weights constants."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    signature = [tf.TensorSpec((images, IMAGE_SIZE, IMAGE_SIZE, 3), tf.uint8, name="image")]
    traced = tf.function(
        lambda image: model(image, training=False), input_signature=signature, autograph=False
    )
    return convert_to_constants.convert_variables_to_constants_v2(
        traced.get_concrete_function(), lower_control_flow=False
    )


def _write_onnx(model: keras.Model, about: About) -> bytes:
    import onnx
    import tf2onnx

    frozen = _frozen(model, None)
    (output,) = frozen.outputs
    with _without_warnings():
        made, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            input_names=["image:0"],
            output_names=[output.name],
            tensors_to_rename={"image:0": "image", output.name: "proba"},
            opset=_OPSET,
        )
    for end in (*made.graph.input, *made.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "n"
    made.graph.name = model.name
    made.doc_string = str(about["description"])
    words = {name: _as_word(value) for name, value in about.items()}
    onnx.helper.set_model_props(made, words)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """tf2onnx calls what TensorFlow says is old, which is nothing that a user could change."""
    log = logging.getLogger("tensorflow")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _as_word(value: Entry) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _answer_onnx(content: bytes, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["proba"], {"image": images})[0])


# ---------------------------------------------------------------------------------- LiteRT


def _write_litert(model: keras.Model, about: About) -> bytes:
    """One image at a time: with any number of them the LSTM needs operations that only the whole
    of TensorFlow has. What it is stands behind the model as a zip, where LiteRT looks past it and
    zip programs find it, as the label files of TensorFlow Lite's metadata.
    """
    import tensorflow as tf

    frozen = _frozen(model, 1)
    holder = tf.Module()
    holder.serve = tf.function(  # names the output
        lambda image: {"proba": frozen(image)[0]},
        input_signature=[tf.TensorSpec(frozen.inputs[0].shape, tf.uint8, name="image")],
        autograph=False,
    )
    made = tf.lite.TFLiteConverter.from_concrete_functions(
        [holder.serve.get_concrete_function()], holder
    ).convert()
    return io.packed(
        {"labels.txt": "\n".join(CODES).encode(), _METADATA: io.json_bytes({**about})},
        after=made,
    )


def _answer_litert(content: bytes, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    ask = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([ask(image=images[i : i + 1])["proba"] for i in range(len(images))])


# ------------------------------------------------------------------------------------ table


FORMATS: dict[str, Format] = {
    "keras": Format("Keras", ".keras", "For Python with Keras 3.", (), _write_keras, _answer_keras),
    "onnx": Format(
        "ONNX",
        ".onnx",
        "For ONNX Runtime: C++, C#, Java, JavaScript, Python.",
        ("onnx", "tf2onnx", "onnxruntime"),
        _write_onnx,
        _answer_onnx,
    ),
    "litert": Format(
        "LiteRT",
        ".tflite",
        "For phones and small computers, one image at a time; once called TensorFlow Lite.",
        ("ai_edge_litert",),
        _write_litert,
        _answer_litert,
    ),
}
