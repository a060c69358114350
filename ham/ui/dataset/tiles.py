"""Tiles of images, each with a button over it that opens its details."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES, CODES
from ham.images import data_url
from ham.ui.components import pressable
from ham.ui.pictures import jpeg, width_limit

_CLASS = dict(zip(CODES, CLASSES, strict=True))


def open_image(row: int) -> None:
    """The details of this image are shown; a callback as well."""
    st.session_state["dataset_open"] = int(row)


def show_tiles(dataset: data.LesionDataset, rows: np.ndarray, view: str, key: str) -> None:
    """A grid of images; a click on one, or Enter, opens its details. `key` names the grid."""
    siblings = np.bincount(dataset.groups)[dataset.groups[rows]]
    table = dataset.metadata.iloc[rows].to_dict("records")
    tiles = "".join(
        f"<li>{_tile(dataset, row, entry, int(n), view)}</li>"
        for row, entry, n in zip(rows, table, siblings, strict=True)
    )
    shown = {entry["image_id"]: row for row, entry in zip(rows, table, strict=True)}

    def pressed(image_id: str) -> None:
        if image_id in shown:
            open_image(shown[image_id])

    pressable(f'<ul class="ham-tiles ham-{view}-tiles">{tiles}</ul>', key, pressed)


def _tile(
    dataset: data.LesionDataset, row: int, entry: dict[str, Any], siblings: int, view: str
) -> str:
    lesion_class = _CLASS[entry["dx"]]
    title, image_id = html.escape(lesion_class.title), html.escape(entry["image_id"])
    path = dataset.originals.get(entry["image_id"]) if view != "small" else None
    original = jpeg(path) if path else None
    pictures = ""
    if view != "original" or not original:
        pictures += (
            f'<img class="ham-small" src="{data_url(dataset.images[row])}" '
            f'alt="{title}, {image_id}, 28 by 28 pixels as the models see it">'
        )
    if original:
        pictures += (
            f'<img class="ham-original" src="{original.url}"{width_limit(original)} '
            f'alt="{title}, {image_id}, the original photograph">'
        )
    lesion = html.escape(entry["lesion_id"]) + (f" ({siblings} images)" if siblings > 1 else "")
    person = html.escape(data.person(entry))
    dot = f'<i style="background:{lesion_class.color}"></i>'
    return (
        f'<figure class="ham-tile"><div class="ham-pictures">{pictures}</div><figcaption>'
        f"<b>{dot}{title}</b><span>{image_id}</span><span>{lesion}</span><span>{person}</span>"
        '</figcaption></figure><button type="button" '
        f'data-press="{image_id}" aria-label="Details of {image_id}"></button>'
    )
