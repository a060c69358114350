"""What the classes look like: their mean images and their colours."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import charts, data
from ham.config import CLASSES, N_CLASSES
from ham.images import data_url
from ham.ui.dataset import cached
from ham.ui.frame import chart, is_dark


def show_looks(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """The mean image of each class, and the distribution of its colours, of the rows given."""
    labels = dataset.labels[rows]
    counts = np.bincount(labels, minlength=N_CLASSES)
    st.markdown(
        "**The mean image of each class**  \n:gray[The average of all its images, pixel by pixel. "
        "Lesions lie in the middle; what differs is how dark, how large and how red.]"
    )
    st.html(
        "<div "
        f'class="ham-means">{_means(data.mean_images(dataset.images[rows], labels), counts)}</div>'
    )
    figures = color_figures(dataset, rows, is_dark())
    with st.container(key="dataset_charts"):
        left, right = st.columns(2, gap="large")
    with left:
        chart(figures["ribbons"], "dataset_ribbons")
    with right:
        chart(figures["channels"], "dataset_channels")


def color_figures(dataset: data.LesionDataset, rows: np.ndarray, dark: bool) -> dict[str, object]:
    """The two figures by name."""
    colors, labels = cached.colors(dataset)[rows], dataset.labels[rows]
    light = data.lightness(colors)
    medians = np.array(
        [np.median(light[labels == i]) if (labels == i).any() else np.nan for i in range(N_CLASSES)]
    )
    return {
        "ribbons": charts.ribbon_chart(data.color_ribbons(colors, labels), medians, dark),
        "channels": charts.channel_chart(data.channels_by_class(colors, labels), dark),
    }


def _means(means: np.ndarray, counts: np.ndarray) -> str:
    tiles = ""
    for lesion_class, mean, n in zip(CLASSES, means, counts, strict=True):
        if n:
            title = html.escape(lesion_class.title)
            words = f"{n:,} images" if n > 1 else "1 image"
            tiles += (
                f'<figure><img src="{data_url(mean)}" alt="Mean of {words} of {title}, 28 by 28 '
                'pixels"><figcaption>'
                "<b><i "
                f'style="background:{lesion_class.color}"></i>{title}</b><span>{words}</span></figcaption>'
                "</figure>"
            )
    return tiles
