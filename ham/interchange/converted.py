"""ONNX and LiteRT files: the model's graph, converted.

ONNX comes from tf2onnx, LiteRT from TensorFlow's own converter, both from the graph with its
weights as constants: so neither meets a variable, and layers that keep tensors of their own
(Normalization) come along.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ham import io
from ham.config import CODES, IMAGE_SIZE
from ham.interchange.about import Entry, about_model
from ham.interchange.keras_file import METADATA
from ham.store import Run

if TYPE_CHECKING:
    import keras

_OPSET = 18  # of ONNX: what ONNX Runtime has read since 1.14 (2023)


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


def write_onnx(model: keras.Model, run: Run) -> bytes:
    import onnx
    import tf2onnx

    about = about_model(run)
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


def answer_onnx(content: bytes, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["proba"], {"image": images})[0])


# ---------------------------------------------------------------------------------- LiteRT


def write_litert(model: keras.Model, run: Run) -> bytes:
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
        {
            "labels.txt": "\n".join(CODES).encode(),
            METADATA: io.json_bytes({**about_model(run)}),
        },
        after=made,
    )


def answer_litert(content: bytes, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    ask = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([ask(image=images[i : i + 1])["proba"] for i in range(len(images))])
