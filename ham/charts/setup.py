"""What a training's settings do, in small pictures: its learning rate, the layers of its model."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ham.config import TrainConfig

if TYPE_CHECKING:
    from ham.models import Row

_POINTS = 120
_HEADROOM = 1.06  # above the highest rate
#: First words of layers that change no size and are told with the layer before them.
_MINOR = {"Batch", "Group", "Normalisation", "ReLU", "Dropout", "Flatten"}
_SHORT = {"Convolution": "Conv", "Max": "Pool", "Average": "Mean", "Residual": "Block"}


def learning_rate_by_epoch(config: TrainConfig) -> str:
    """HTML: the learning rate over the epochs, as clipped areas; Streamlit takes SVG out."""
    epochs = np.linspace(0, config.epochs, _POINTS + 1)
    rates = np.array([config.learning_rate_at(epoch) for epoch in epochs])
    alt = (
        f"Learning rate over {config.epochs} epochs: from {rates[0]:.2g} to {rates[-1]:.2g}, at "
        f"most {rates.max():.2g}"
    )
    x, y = epochs / config.epochs, rates / (_HEADROOM * config.learning_rate)
    places = [(f"{100 * a:.2f}%", f"{100 - 100 * b:.2f}%") for a, b in zip(x, y, strict=True)]
    line = ",".join(f"{a} {b}" for a, b in places)
    below = ",".join(f"{a} calc({b} + 2px)" for a, b in reversed(places))
    last = "1 epoch" if config.epochs == 1 else f"{config.epochs} epochs"
    return (
        f'<div class="ham-rate" role="img" aria-label="{alt}">'
        f"<span>{config.learning_rate:g}</span><span>0</span>"
        f'<div><u style="clip-path:polygon(0% 100%,{line},100% 100%)"></u>'
        f'<i style="clip-path:polygon({line},{below})"></i></div>'
        f"<span>0</span><span>{last}</span></div>"
    )


def layer_blocks(layers: Sequence[Row], shape: tuple[int, ...]) -> str:
    """HTML: the layers as blocks from the input of this shape on, as high as their image is and as
    wide as it has channels, with the size of what each gives; the darker, the more parameters.
    """
    all_parameters = sum(row.trainable + row.fixed for row in layers) or 1
    groups: list[list[Row]] = []  # a layer and the minor ones that follow it
    for row in layers:
        if groups and row.title.split()[0] in _MINOR:
            groups[-1].append(row)
        else:
            groups.append([row])
    blocks = [_block("Input", shape, 0.0, f"Input: {_size(shape)}")]
    for row, *more in groups:
        parameters = sum(one.trainable + one.fixed for one in (row, *more))
        told = f"{row.title}: {_size(row.shape)}, {parameters:,} parameters"
        if more:
            told += f"; then {', '.join(one.title for one in more)}"
        name = row.title.split()[0].rstrip(",:")
        share = parameters / all_parameters
        blocks.append(_block(_SHORT.get(name, name), row.shape, share, told))
    return (
        '<div class="ham-layers" role="group" aria-label="Layers of the model" tabindex="0">'
        f"{''.join(blocks)}</div>"
    )


def _block(name: str, shape: tuple[int, ...], share: float, told: str) -> str:
    """`share`: of the parameters."""
    if len(shape) == 1:  # a vector
        height, width = 6 + 6 * math.log2(shape[0] + 1), 6.0
    else:
        height, width = 8 + 1.7 * shape[0], 4 + 3 * math.log2(shape[-1] + 1)
    sizes = [_size(shape[:-1]), str(shape[-1])] if len(shape) > 2 else [_size(shape)]
    alpha = 0.1 + 0.9 * math.sqrt(share)
    return (
        f'<figure title="{html.escape(told)}"><div><i style="height: {height:.0f}px; '
        f'width: {width:.0f}px; background: rgba(13, 148, 136, {alpha:.2f})"></i></div>'
        f"<figcaption><b>{html.escape(name)}</b>{'<br>'.join(sizes)}</figcaption></figure>"
    )


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
