"""EfficientNet-Lite0 up to its 1,280 features, from the weights that ship.

Tan, Le: EfficientNet, ICML 2019; Lite: without squeeze-and-excite, ReLU6 for swish. The weights
are those of ImageNet, Apache-2.0 (NOTICE beside this file); benchmarks/build_gate.py folds the
batch norms into the convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ham.prediction.background import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

SIDE = 224  # pixels; what the weights were learned at
FEATURES = 1280
#: Per stage: how often, kernel, stride of the first, expansion, channels out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32  # channels


def shapes() -> dict[str, tuple[int, ...]]:
    """Every array's shape by name. A convolution's: height, width, channels in, channels out (1
    for depthwise ones); the bias, `<name>_bias`, has one for each channel that comes out.
    """
    found: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, kernel: int, channels: int, out: int) -> None:
        found[name] = (kernel, kernel, channels, out)
        found[f"{name}_bias"] = (out,)

    convolution("stem", 3, 3, STEM)
    channels = STEM
    for block, (kernel, _, expansion, out) in enumerate(_blocks()):
        inner = channels * expansion
        if expansion > 1:
            convolution(f"block{block}_expand", 1, channels, inner)
        found[f"block{block}_depthwise"] = (kernel, kernel, inner, 1)
        found[f"block{block}_depthwise_bias"] = (inner,)
        convolution(f"block{block}_project", 1, inner, out)
        channels = out
    convolution("head", 1, channels, FEATURES)
    return found


def _blocks() -> Iterator[tuple[int, int, int, int]]:
    """Kernel, stride, expansion, channels out of every block."""
    for times, kernel, stride, expansion, out in STAGES:
        for i in range(times):
            yield kernel, stride if i == 0 else 1, expansion, out


def compiled(weights: Mapping[str, np.ndarray]) -> Callable[[np.ndarray], tf.Tensor]:
    """A function uint8 (n, 224, 224, 3), RGB -> float32 (n, 1280), traced once."""
    import_tensorflow()
    import tensorflow as tf

    values = {name: tf.constant(array, tf.float32) for name, array in weights.items()}

    def mixed(x: tf.Tensor, name: str) -> tf.Tensor:
        """A convolution of 1x1, as what it is: oneDNN's own costs a lone picture twice as much."""
        matrix = values[name][0, 0]
        places = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), matrix) + values[f"{name}_bias"]
        return tf.reshape(places, (-1, x.shape[1], x.shape[2], matrix.shape[-1]))

    def block(x: tf.Tensor, name: str, stride: int, expansion: int) -> tf.Tensor:
        inner = tf.nn.relu6(mixed(x, f"{name}_expand")) if expansion > 1 else x
        inner = tf.nn.depthwise_conv2d(
            inner, values[f"{name}_depthwise"], [1, stride, stride, 1], "SAME"
        )
        inner = tf.nn.relu6(inner + values[f"{name}_depthwise_bias"])
        inner = mixed(inner, f"{name}_project")
        return inner + x if inner.shape[-1] == x.shape[-1] and stride == 1 else inner

    def features(pictures: tf.Tensor) -> tf.Tensor:
        x = (tf.cast(pictures, tf.float32) - 127.0) / 128.0
        x = tf.nn.conv2d(x, values["stem"], 2, "SAME") + values["stem_bias"]
        x = tf.nn.relu6(x)
        for i, (_, stride, expansion, _) in enumerate(_blocks()):
            x = block(x, f"block{i}", stride, expansion)
        return tf.reduce_mean(tf.nn.relu6(mixed(x, "head")), axis=(1, 2))

    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8)]
    return tf.function(features, input_signature=signature, autograph=False)
